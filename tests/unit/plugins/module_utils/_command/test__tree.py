# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command ``tree``, and what it has in common with ``ls``."""

from __future__ import annotations

import json

import pytest

from ...conftest import Instance
from .conftest import HOSTILE, Command

# Each test starts the command.
pytestmark = pytest.mark.slow


def test_unsafe_names_are_skipped_with_a_printable_warning(command: Command, instance: Instance) -> None:
    instance.set(metadata={"tags/instance/\x1b[31m": "x"})
    done = command("ls", "tags/instance")
    assert (done.status, done.text.split()) == (0, ["number", "stage"])
    assert done.stderr == "ecs-metadata: Warning: 1 names that are unsafe in a path were skipped: '\\x1b[31m'\n"
    for done in command.each(("tree", "tags"), ("tree", "tags/instance")):
        assert "number" in done.text
        assert "Warning: 1 names that are unsafe" in done.stderr
        assert done.stderr.rstrip("\n").isprintable()


def test_names_with_format_characters_are_escaped_on_a_terminal(command: Command, instance: Instance) -> None:
    instance.set(metadata={"tags/instance/\u202egnp": "x"})
    assert "\u202egnp" in command("ls", "tags/instance").text
    assert "\\u202egnp\n" in command.on_terminal("ls", "tags/instance").text
    assert '\\u202egnp: "x"' in command("tree", "tags/instance").text


def test_tree_is_indented_typed_and_without_secrets(command: Command, instance: Instance) -> None:
    done = command("tree")
    assert (done.status, done.stderr) == (0, "")
    lines = done.text.splitlines()
    assert 'instance-id: "%s"' % instance.id in lines
    assert '  nameservers: ["100.100.2.136", "100.100.2.138"]' in lines
    assert "  configured: false" in lines
    assert "  max-netbw-egress: 1228800" in lines
    assert '    number: "123"' in lines
    assert "    AppRole: (secret)" in lines
    assert "AccessKey" not in done.text
    top = [line for line in lines if not line.startswith(" ")]
    assert top == sorted(top, key=lambda line: line.split(":")[0].rstrip("/"))


def test_tree_of_everything_reads_directories_that_are_listed_like_leaves(command: Command) -> None:
    lines = command("tree", "/latest").text.splitlines()
    assert "user-data: (secret)" in lines
    assert "    pkcs7: (secret)" in lines
    assert "    max-netbw-egress: 1228800" in lines
    assert any(line.startswith('    document: "{') for line in lines)


def test_tree_shows_hostile_values_escaped_in_a_pipe_too(command: Command, instance: Instance) -> None:
    instance.set(metadata={"tags/instance/" + name: value for name, value in HOSTILE.items()})
    done = command("tree", "tags/instance")
    assert all(char.isprintable() or char == "\n" for char in done.text)
    assert 'lines: "a\\r\\nregion-id\\nforged"' in done.text.splitlines()
    assert 'bidi: "\\u202egnp.exe"' in done.text.splitlines()


def test_tree_as_json_has_raw_names_and_texts(command: Command, instance: Instance) -> None:
    done = command("tree", "--json")
    tree = json.loads(done.stdout)
    assert tree["instance"]["max-netbw-egress"] == "1228800"
    assert tree["tags"]["instance"] == {"number": "123", "stage": "test"}
    assert tree["ram"] == {"security-credentials": {"AppRole": None}}
    assert "all" not in tree


def test_tree_with_secrets(command: Command) -> None:
    tree = json.loads(command("tree", "--json", "--show-secrets", "ram").stdout)
    assert "AccessKeySecret" in json.loads(tree["security-credentials"]["AppRole"])


def test_every_read_is_token_authenticated(command: Command, instance: Instance) -> None:
    command.each(("tree", "/latest"), ("ls",))
    modes = [entry["mode"] for entry in instance.journal()]
    assert modes.count("token_request") == 2
    assert len(modes) > 20
    assert set(modes) == {"token_request", "token_authenticated"}
