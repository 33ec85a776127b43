# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The completion for bash, zsh and fish, in these shells."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._command._texts import COMMANDS, SUBSETS

from ...conftest import Instance
from . import shells
from .conftest import Command, without_service

# Shells are started.
pytestmark = pytest.mark.slow

Complete = Callable[[Command, str], "set[str]"]


@pytest.fixture(params=shells.SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    shells.needs(request.param)
    return str(request.param)


@pytest.fixture
def complete(shell: str, tmp_path_factory: pytest.TempPathFactory) -> Complete:
    """Return a function that returns what the shell offers at the end of a command line."""
    folder = tmp_path_factory.mktemp("completion")
    script = without_service(folder)("completion", shell).text
    limit = "--timeout 1 --deadline 1 "  # a busy machine may need longer than people want to wait
    assert script.count(limit) == 1
    path = folder / "script"
    path.write_text(script.replace(limit, "--timeout 60 --deadline 60 "))
    return lambda command, line: shells.SHELLS[shell](command, path, line)


def test_no_script_has_the_address_of_the_service(lonely_command: Command) -> None:
    """The preflight check and `tooling` would take the script for one that sends normal-mode requests."""
    for name in shells.SHELLS:
        script = lonely_command("completion", name).text
        assert "100.100.100.200" not in script and "fd00:" not in script


def test_bash_can_source_the_completion(lonely_command: Command) -> None:
    done = lonely_command.shell('source <("$command" completion bash); complete -p ecs-metadata')
    assert done == (0, b"complete -F _ecs_metadata ecs-metadata\n", "")


def test_commands_options_and_choices(lonely_command: Command, complete: Complete) -> None:
    expected = {
        "": set(COMMANDS),
        "--vers": {"--version"},
        "--json t": {"tree", "token"},
        "get --mi": {"--missing"},
        "get --missing ": {"error", "null", "skip"},
        "get --timeout ": set(),
        "facts --subset ": set(SUBSETS),
        "completion ": set(shells.SHELLS),
    }
    assert {words: complete(lonely_command, "ecs-metadata " + words) for words in expected} == expected


def test_the_command_of_exec(lonely_command: Command, complete: Complete, tmp_path: Path) -> None:
    assert complete(lonely_command, "ecs-metadata exec --t") == {"--timeout", "--token-ttl"}
    assert "printf" in complete(lonely_command, "ecs-metadata exec --timeout 5 -- print")
    (tmp_path / "some-file").touch()
    (offered,) = complete(lonely_command, "ecs-metadata exec -- cat %s/some" % tmp_path)
    assert offered.rpartition("/")[2] == "some-file"


def test_files_and_directories(lonely_command: Command, complete: Complete, tmp_path: Path) -> None:
    (tmp_path / "some-file").touch()
    (tmp_path / "some-folder").mkdir()
    line = "ecs-metadata token --file %s/some" % tmp_path
    assert len(complete(lonely_command, line)) == 2
    (offered,) = complete(lonely_command, "ecs-metadata callers --state-dir %s/some" % tmp_path)
    assert offered.rstrip("/").rpartition("/")[2] == "some-folder"


def test_paths_of_the_service(command: Command, complete: Complete, shell: str) -> None:
    assert complete(command, "ecs-metadata get instance") == {"instance-id", "instance/"}
    assert complete(command, "ecs-metadata tree dns") == {"dns-conf/"}
    mac = command("get", "mac").text
    head, _colon, last = mac.rpartition(":")
    # bash splits words at colons.
    expected = last if shell == "bash" else "network/interfaces/macs/" + mac
    assert complete(command, "ecs-metadata ls network/interfaces/macs/%s:" % head) == {expected + "/"}


def test_a_shell_never_expands_the_name_of_a_tag(
    command: Command, instance: Instance, complete: Complete, tmp_path: Path
) -> None:
    trap = tmp_path / "trap"
    names = [
        "$(touch${IFS}%s)" % str(trap).replace("/", "${HOME:0:1}"),
        "(touch %s)" % trap,
        "`id`",
        "a b",
        "x;y",
        "*",
        "~root",
        "good-name",
    ]
    instance.set(metadata={"tags/instance/" + name: "x" for name in names})
    assert "`id`" in command("ls", "tags/instance").text
    assert complete(command, "ecs-metadata get tags/instance/") == {
        "tags/instance/" + name for name in ("good-name", "stage", "number")
    }
    assert not trap.exists()
