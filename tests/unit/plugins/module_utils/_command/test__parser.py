# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The help of the command and of its subcommands."""

from __future__ import annotations

import re
import shlex

import pytest
import yaml
from ansible_collections.alicloud.imds.plugins.module_utils._command import _texts
from ansible_collections.alicloud.imds.plugins.module_utils._command._parser import build
from ansible_collections.alicloud.imds.plugins.module_utils._command._texts import COMMANDS
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _gather

from .conftest import CHECKOUT, Command, without_service

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def help_texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the help of the command itself ("") and of each of its commands."""
    command = without_service(tmp_path_factory.mktemp("help"))
    results = command.each(*(tuple(filter(None, (name, "--help"))) for name in ("", *COMMANDS)))
    assert {(done.status, done.stderr) for done in results} == {(0, "")}
    return {name: done.text for name, done in zip(("", *COMMANDS), results)}


def test_the_value_of_an_option_is_in_capitals_or_a_choice(help_texts: dict[str, str]) -> None:
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
    assert set(statuses) == {"0", "1", "2", "3", "4", "5", "6", "7", "10", "126", "127", "130"}


def test_help_does_not_depend_on_the_terminal(help_texts: dict[str, str], lonely_command: Command) -> None:
    lonely_command.environment.update(COLUMNS="40", FORCE_COLOR="1", LC_ALL="C")
    assert lonely_command("get", "--help").text == help_texts["get"]
    assert max(map(len, "".join(help_texts.values()).splitlines())) <= 90


EXAMPLES = [line for text in COMMANDS.values() for line, _meaning in text.examples]


def test_every_example_is_a_valid_command_line() -> None:
    for line in EXAMPLES + [line for line, _meaning in _texts.EXAMPLES.entries]:
        words = shlex.split(re.sub(r"^source <\((.*)\)$|( >| \|\|| \| source).*$", r"\1", line))
        assert words[0] == "ecs-metadata", line
        assert build().parse(words[1:]).command in COMMANDS, line


def test_every_command_has_examples_in_its_help(help_texts: dict[str, str]) -> None:
    for name, text in COMMANDS.items():
        assert text.examples
        assert all("  %s\n" % line in help_texts[name] for line, _meaning in text.examples)


def test_the_help_has_the_subsets_of_facts_that_are_not_secret() -> None:
    assert sorted(_texts.SUBSETS) == sorted(("all", *_gather.SUBSETS))


def test_the_version_is_that_of_the_collection(lonely_command: Command) -> None:
    version = yaml.safe_load((CHECKOUT / "galaxy.yml").read_text())["version"]
    assert lonely_command("--version") == (0, b"ecs-metadata (alicloud.imds) %s\n" % version.encode(), "")
