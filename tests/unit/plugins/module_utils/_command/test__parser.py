# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The texts of --help, and the completion for bash."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Callable

import pytest

from .conftest import Command, Instance

Complete = Callable[[Command, str], "set[str]"]
COMMANDS = (
    "get",
    "ls",
    "tree",
    "facts",
    "modes",
    "token",
    "watch",
    "callers",
    "completion",
)


@pytest.fixture(scope="module")
def help_texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What --help prints, for the command itself ("") and for each of its commands."""
    command = _lonely(tmp_path_factory)
    results = command.each(*(tuple(filter(None, (name, "--help"))) for name in ("", *COMMANDS)))
    assert {(done.status, done.stderr) for done in results} == {(0, "")}
    return {name: done.text for name, done in zip(("", *COMMANDS), results)}


def _lonely(tmp_path_factory: pytest.TempPathFactory) -> Command:
    return Command(os.path.realpath(sys.executable), tmp_path_factory.mktemp("help") / "bin")


def test_a_value_is_shown_in_capitals_or_as_a_choice(help_texts: dict[str, str]) -> None:
    shown = {word for text in help_texts.values() for word in re.findall(r"^ +--[a-z-]+ (\S+)", text, re.MULTILINE)}
    assert {"NAME", "FILE", "SECONDS"} <= shown
    assert [word for word in shown if not re.fullmatch(r"[A-Z]+|\{.+\}", word)] == []


def test_the_help_has_all_commands(help_texts: dict[str, str]) -> None:
    for name in COMMANDS:
        assert re.search(r"^ +%s +\w" % name, help_texts[""], re.MULTILINE)


def test_every_option_is_described(help_texts: dict[str, str]) -> None:
    described = re.split(r"^[a-z ]+:\n", "\n".join(help_texts.values()), flags=re.MULTILINE)
    entries = [entry for part in described for entry in re.findall(r"^  (-\S.*(?:\n {6,}\S.*)*)", part, re.MULTILINE)]
    assert len(entries) > 30
    for entry in entries:
        assert re.search(r"(\s{2,}|\n\s+)\S", entry), entry


def test_the_help_has_every_exit_status(help_texts: dict[str, str]) -> None:
    section = help_texts[""].split("exit status:\n")[1].split("\n\n")[0]
    statuses = dict(re.findall(r"^  (\d+) +(.*)$", section, re.MULTILINE))
    assert set(statuses) == {"0", "1", "2", "3", "4", "5", "6", "7", "10", "130"}


def test_help_does_not_depend_on_the_terminal(help_texts: dict[str, str], lonely_command: Command) -> None:
    lonely_command.environment.update(COLUMNS="40", FORCE_COLOR="1", LC_ALL="C")
    assert lonely_command("get", "--help").text == help_texts["get"]
    assert max(map(len, "".join(help_texts.values()).splitlines())) <= 90


@pytest.fixture(scope="module")
def completion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script, in a file."""
    path = tmp_path_factory.mktemp("completion") / "script"
    path.write_bytes(_lonely(tmp_path_factory)("completion", "bash").stdout)
    return path


@pytest.fixture
def complete(completion: Path) -> Complete:
    def complete(command: Command, line: str) -> set[str]:
        """What bash offers at the end of *line*, its words split as bash does it."""
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


def test_bash_completes_files(lonely_command: Command, complete: Complete, tmp_path: Path) -> None:
    (tmp_path / "token file").touch()
    assert complete(lonely_command, "ecs-metadata token --file %s/tok" % tmp_path) == {"%s/token file" % tmp_path}


def test_bash_completes_paths(command: Command, complete: Complete) -> None:
    assert complete(command, "ecs-metadata get instance") == {"instance-id", "instance/"}
    assert complete(command, "ecs-metadata tree dns") == {"dns-conf/"}
    mac = command("get", "mac").text
    head = mac.rpartition(":")[0]
    assert complete(command, "ecs-metadata ls network/interfaces/macs/%s:" % head) == {mac.rpartition(":")[2] + "/"}


def test_bash_never_expands_what_a_tag_is_called(
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
