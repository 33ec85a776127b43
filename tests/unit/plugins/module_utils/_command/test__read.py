# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands ``get``, ``ls`` and ``facts``."""

from __future__ import annotations

import json

import pytest

from ...conftest import Instance
from .conftest import HOSTILE, USER_DATA, Command

# Each test starts the command.
pytestmark = pytest.mark.slow

SECRETS = [
    "user-data",
    "/2016-01-01/meta-data/Ram/security-credentials/AppRole",
    "dynamic/instance-identity/pkcs7?audience=me",
    "meta-data/all/",
]


def test_one_value_is_printed_unchanged(command: Command, instance: Instance) -> None:
    assert command("get", "instance-id") == (0, instance.id.encode(), "")


def test_on_a_terminal_a_line_feed_is_added(command: Command, instance: Instance) -> None:
    assert command.on_terminal("get", "instance-id") == (0, instance.id.encode() + b"\n", "")


def test_several_values_are_lines_in_order_read_with_one_token(command: Command, instance: Instance) -> None:
    done = command("get", "region-id", "instance-id", "/2016-01-01/meta-data/region-id")
    assert done == (0, b"cn-hangzhou\n%s\ncn-hangzhou\n" % instance.id.encode(), "")
    modes = [entry["mode"] for entry in instance.journal()]
    assert sorted(modes) == ["token_authenticated", "token_authenticated", "token_authenticated", "token_request"]


def test_json_maps_paths_to_values(command: Command, instance: Instance) -> None:
    done = command("get", "--json", "instance-id", "dns-conf/nameservers", "nope", "--missing", "null")
    assert done.status == 0
    nameservers = "100.100.2.136\r\n100.100.2.138"
    assert json.loads(done.stdout) == {"instance-id": instance.id, "dns-conf/nameservers": nameservers, "nope": None}


def test_items_that_do_not_exist_get_a_default_or_are_null_or_skipped(command: Command) -> None:
    expected = {
        ("--missing", "null", "nope", "region-id"): b"\ncn-hangzhou\n",
        ("--missing", "skip", "nope", "region-id"): b"cn-hangzhou\n",
        ("--missing", "skip", "nope", "--json"): b"{}\n",
        ("--default", "gr\u00fcn", "nope"): "gr\u00fcn".encode(),
        ("--default", "x", "--missing", "skip", "nope", "region-id"): b"x\ncn-hangzhou\n",
    }
    assert command.each(*(("get", *words) for words in expected)) == [(0, stdout, "") for stdout in expected.values()]


def test_nothing_is_printed_if_one_item_does_not_exist(command: Command) -> None:
    done = command("get", "region-id", "nope")
    assert (done.status, done.stdout) == (3, b"")
    assert "/latest/meta-data/nope" in done.stderr
    assert done.stderr.count("\n") == 1


def test_secrets_need_the_option_and_are_not_requested_without_it(command: Command, instance: Instance) -> None:
    for done in command.each(*(("get", "instance-id", path) for path in SECRETS)):
        assert (done.status, done.stdout) == (7, b"")
        assert "--show-secrets" in done.stderr
    assert instance.journal() == []


def test_binary_secrets_are_printed_unchanged(command: Command) -> None:
    assert command("get", "--show-secrets", "user-data") == (0, USER_DATA, "")


def test_json_cannot_hold_binary_values(command: Command) -> None:
    done = command("get", "--show-secrets", "--json", "user-data")
    assert (done.status, done.stdout) == (1, b"")
    assert "'user-data' is not UTF-8 text. Read it alone, without --json." in done.stderr


def test_role_keys_are_printed_with_the_option(command: Command) -> None:
    done = command("get", "--show-secrets", "ram/security-credentials/AppRole")
    assert done.status == 0
    assert "AccessKeySecret" in json.loads(done.stdout)


def test_hostile_values_are_verbatim_in_a_pipe_and_harmless_on_a_terminal(command: Command, instance: Instance) -> None:
    instance.set(metadata={"tags/instance/" + name: value for name, value in HOSTILE.items()})
    expected = {
        "color": "\\x1b]0;owned\\x07\\x1b[31mred\n",
        "lines": "a\nregion-id\nforged\n",
        "bidi": "\\u202egnp.exe\n",
        "nul": "a\\x00b\n",
    }
    verbatim = [done.stdout.decode() for done in command.each(*(("get", "tags/instance/" + name) for name in expected))]
    assert verbatim == [HOSTILE[name] for name in expected]
    for name, shown in expected.items():
        assert command.on_terminal("get", "tags/instance/" + name).text == shown
    both = command.on_terminal("get", "tags/instance/color", "tags/instance/bidi").text
    assert both == expected["color"] + expected["bidi"]


def test_a_value_cannot_forge_the_line_of_another(command: Command, instance: Instance) -> None:
    instance.set(metadata={"tags/instance/evil": HOSTILE["lines"]})
    done = command("get", "tags/instance/evil", "instance-id")
    assert (done.status, done.stdout) == (1, b"")
    assert "'tags/instance/evil' contains a line break" in done.stderr
    assert json.loads(command("get", "--json", "tags/instance/evil", "instance-id").stdout) == {
        "tags/instance/evil": HOSTILE["lines"],
        "instance-id": instance.id,
    }


def test_json_of_hostile_values_is_printable_ascii(command: Command, instance: Instance) -> None:
    instance.set(metadata={"tags/instance/evil": HOSTILE["color"] + HOSTILE["bidi"]})
    done = command("get", "--json", "tags/instance/evil")
    assert done.stdout.replace(b"\n", b"").decode("ascii").isprintable()


def test_invalid_paths_are_usage_errors(command: Command, instance: Instance) -> None:
    paths = ["a/../x", "\x1b[31m", "latest/api/token", "a\udcffb"]
    for done in command.each(*(("get", path) for path in paths)):
        assert (done.status, done.stdout) == (2, b"")
        assert done.stderr.rstrip("\n").isprintable()
    assert instance.journal() == []


def test_ls_lists_the_names_of_a_directory(command: Command) -> None:
    top, *below, as_json = command.each(("ls",), ("ls", "dns-conf"), ("ls", "dns-conf/"), ("ls", "--json", "ram"))
    assert {"instance-id", "dns-conf/"} < set(top.text.splitlines())
    assert below == [(0, b"nameservers\n", "")] * 2
    assert json.loads(as_json.stdout) == ["security-credentials/"]


def test_ls_reaches_the_other_trees(command: Command) -> None:
    root, version, dynamic = command.each(("ls", "/"), ("ls", "/latest"), ("ls", "dynamic"))
    assert root.text.split() == ["2016-01-01", "latest"]
    assert "user-data" in version.text.split()
    assert dynamic.text.split() == ["instance-identity"]


def test_ls_does_not_show_a_secret_as_a_listing(command: Command, instance: Instance) -> None:
    assert command("ls", "user-data").status == 7
    assert command("ls", "ram/security-credentials/AppRole").status == 7
    assert instance.journal() == []


def test_ls_of_an_item_that_does_not_exist(command: Command) -> None:
    assert command("ls", "nope")[:2] == (3, b"")


def test_an_item_is_no_directory(command: Command) -> None:
    for name in ("ls", "tree"):
        done = command(name, "instance-id")
        assert (done.status, done.stdout) == (3, b"")
        assert "instance-id' is an item, not a directory. Print it with 'ecs-metadata get'." in done.stderr
