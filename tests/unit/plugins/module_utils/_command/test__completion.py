# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The completion for bash."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._command._texts import COMMANDS

from ...conftest import Instance
from .conftest import Command, without_service

# Shells are started.
pytestmark = pytest.mark.slow

Complete = Callable[[Command, str], "set[str]"]


@pytest.fixture(scope="module")
def completion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of a file with the completion script."""
    folder = tmp_path_factory.mktemp("completion")
    path = folder / "script"
    script = without_service(folder)("completion", "bash").text
    limit = "--timeout 1 --deadline 1 "  # a busy machine may need longer than people want to wait
    assert script.count(limit) == 1
    path.write_text(script.replace(limit, "--timeout 60 --deadline 60 "))
    return path


@pytest.fixture
def complete(completion: Path) -> Complete:
    """Return a function that completes a command line in bash."""

    def complete(command: Command, line: str) -> set[str]:
        """Return what bash offers at the end of *line*, which is split into words as bash does."""
        words = re.findall(r"[^\s:]+|:", line) + ([""] if line.endswith((" ", ":")) else [])
        quoted = " ".join("'%s'" % word for word in words[1:])
        script = """set -u
            source '%s'
            COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
            COMP_WORDS=("$command" %s) COMP_CWORD=%d COMP_LINE='%s' COMP_POINT=%d
            _ecs_metadata
            printf '%%s\\n' "${COMPREPLY[@]}" """
        done = command.shell(script % (completion, quoted, len(words) - 1, line, len(line)))
        assert done.stderr == ""
        return set(done.text.split("\n")) - {""}

    return complete


def test_bash_can_source_the_completion(lonely_command: Command) -> None:
    done = lonely_command.shell('source <("$command" completion bash); complete -p ecs-metadata')
    assert done == (0, b"complete -F _ecs_metadata ecs-metadata\n", "")


def test_bash_completes_commands_options_and_choices(lonely_command: Command, complete: Complete) -> None:
    assert complete(lonely_command, "ecs-metadata ") == set(COMMANDS)
    assert complete(lonely_command, "ecs-metadata --json t") == {"tree", "token"}
    assert complete(lonely_command, "ecs-metadata get --mi") == {"--missing"}
    assert complete(lonely_command, "ecs-metadata get --missing ") == {"error", "null", "skip"}
    assert complete(lonely_command, "ecs-metadata get --timeout ") == set()
    assert complete(lonely_command, "ecs-metadata completion ") == {"bash"}


def test_bash_completes_the_command_of_exec(lonely_command: Command, complete: Complete, tmp_path: Path) -> None:
    assert complete(lonely_command, "ecs-metadata exec --") >= {"--", "--timeout"}
    assert "printf" in complete(lonely_command, "ecs-metadata exec --timeout 5 -- print")
    (tmp_path / "some file").touch()
    assert complete(lonely_command, "ecs-metadata exec -- cat %s/some" % tmp_path) == {"%s/some file" % tmp_path}


def test_bash_completes_files(lonely_command: Command, complete: Complete, tmp_path: Path) -> None:
    (tmp_path / "token file").touch()
    assert complete(lonely_command, "ecs-metadata token --file %s/tok" % tmp_path) == {"%s/token file" % tmp_path}


def test_bash_completes_paths(command: Command, complete: Complete) -> None:
    assert complete(command, "ecs-metadata get instance") == {"instance-id", "instance/"}
    assert complete(command, "ecs-metadata tree dns") == {"dns-conf/"}
    mac = command("get", "mac").text
    head = mac.rpartition(":")[0]
    assert complete(command, "ecs-metadata ls network/interfaces/macs/%s:" % head) == {mac.rpartition(":")[2] + "/"}


def test_bash_never_expands_the_name_of_a_tag(
    command: Command, instance: Instance, complete: Complete, tmp_path: Path
) -> None:
    trap = tmp_path / "trap"
    names = [
        "$(touch${IFS}%s)" % str(trap).replace("/", "${HOME:0:1}"),
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
