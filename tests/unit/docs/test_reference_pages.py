# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the pages on the playbooks and on ecs-metadata with the playbooks and with the command line."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from ansible_collections.alicloud.imds.plugins.module_utils._command import _texts
from ansible_collections.alicloud.imds.plugins.module_utils._command._parser import ENVIRONMENT, build
from ansible_collections.alicloud.imds.plugins.module_utils._command._words import commands

CHECKOUT = Path(__file__).resolve().parents[3]
RST = CHECKOUT / "docs/docsite/rst"
PLAYBOOKS = CHECKOUT / "playbooks"
# A variable that a playbook reads with a default is one that users set.
VARIABLE = re.compile(r"\b(imds_\w+) \| default\(((?:\[.*?\]|[^()\[\]])*)\)")
IMPORTED = re.compile(r"(?:import|include)_tasks: (\S+)")


def source(path: Path) -> str:
    """Return the text of a playbook with the task files that it uses."""
    text = path.read_text()
    return text + "".join(source(path.parent / name) for name in IMPORTED.findall(text))


def tables(text: str) -> list[list[tuple[str, ...]]]:
    """Return the rows of each list-table, without the header."""
    found = []
    for block in re.findall(r"^\.\. list-table::\n((?: +.*\n|\n)*)", text, re.MULTILINE):
        rows = re.split(r"^ +\* - ", block, flags=re.MULTILINE)[1:]
        cells = [re.split(r"^ +-(?: |$)", row, flags=re.MULTILINE) for row in rows]
        found.append([tuple(" ".join(cell.split()) for cell in row) for row in cells][1:])
    return found


def sections(text: str) -> dict[str, str]:
    """Return the text below each heading of the second level."""
    parts = re.split(r"^(\S.*)\n-{3,}\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def test_the_page_on_the_playbooks_has_all_variables() -> None:
    expected: dict[tuple[str, str], set[str]] = {}
    for path in PLAYBOOKS.glob("*.yml"):
        for name, default in VARIABLE.findall(source(path)):
            expected.setdefault((name, default), set()).add(path.stem)
    assert len(expected) >= 6
    page = sections((RST / "playbooks.rst").read_text())["Variables"]
    rows = tables(page)[0]
    documented = {(name.strip("`"), default.strip("`")): playbooks for name, playbooks, default, _meaning in rows}
    assert documented == {key: ", ".join(sorted(names)) for key, names in expected.items()}


def test_the_page_on_the_playbooks_names_variables_that_the_role_has() -> None:
    specs = yaml.safe_load((CHECKOUT / "roles/hardening/meta/argument_specs.yml").read_text())["argument_specs"]
    named = set(re.findall(r"\bhardening_[a-z]\w*", (RST / "playbooks.rst").read_text()))
    assert len(named) > 8 and named - set(specs["main"]["options"]) == set()


def test_the_comment_of_a_playbook_has_its_variables() -> None:
    for path in PLAYBOOKS.glob("*.yml"):
        comment = re.search(r"^# Variables: (.*(?:\n# .*)*)", path.read_text(), re.MULTILINE)
        assert comment is not None
        named = set(re.findall(r"\bimds_\w+", comment[1]))
        assert named == {name for name, _default in VARIABLE.findall(source(path))}, path.name


def test_the_page_on_the_command_has_all_options() -> None:
    page = sections((RST / "ecs_metadata.rst").read_text())
    shared = page["Options of all commands"]
    known, *each = commands(build())
    common = {name for row in tables(shared)[0] for name in flags(row[0])}
    assert common | {"--version"} == {flag for option in known.options for flag in option.flags if flag != "-h"}
    assert "``ecs-metadata --version``" in shared
    for command in each:
        (text,) = (text for title, text in page.items() if title.startswith(command.name + ": "))
        own = {flag for option in command.options for flag in option.flags} - common - {"-h"}
        documented = {name for table in tables(text) for row in table for name in flags(row[0])}
        assert documented == own, command.name


def test_the_page_on_the_command_has_the_variables_and_the_exit_status() -> None:
    page = sections((RST / "ecs_metadata.rst").read_text())
    variables = {row[1].strip("`") for row in tables(page["Options of all commands"])[0]} - {""}
    assert variables == {name for name, _meaning in ENVIRONMENT.entries}
    rows = [(status, meaning.replace("`", "")) for status, meaning in tables(page["Exit status"])[0]]
    assert rows == list(_texts.EXIT_STATUS.entries)


def flags(cell: str) -> list[str]:
    """Return the options in a cell."""
    return re.findall(r"--[a-z-]+", cell)
