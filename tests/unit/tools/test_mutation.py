# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The changes that mutation.py makes."""

from __future__ import annotations

from pathlib import Path

import mutation
import pytest

SOURCE = """\
LIMIT = 3


def größe(text):
    \"\"\"Return a size.\"\"\"
    if "ä" in text:
        text = text.strip()
        raise ValueError(text)
    return len(text)


def is_empty(text):
    return False
"""
CHANGED = {
    6: '    if not ("ä" in text):',
    7: "        pass",
    8: "        pass",
    9: "    return None",
    13: "    return True",
}


def test_each_statement_of_a_function_is_changed_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mutation, "CHECKOUT", tmp_path)
    (tmp_path / "size.py").write_text(SOURCE, encoding="utf-8")
    found = {}
    for mutant in mutation.mutants(Path("size.py")):
        lines = mutant.apply(SOURCE.encode()).decode().splitlines()
        assert [number for number, pair in enumerate(zip(lines, SOURCE.splitlines()), 1) if pair[0] != pair[1]] == [
            mutant.line
        ]
        assert mutant.line not in found
        found[mutant.line] = lines[mutant.line - 1]
    assert found == CHANGED


def test_the_mirrored_tests_run_first() -> None:
    groups = mutation.nearest(Path("plugins/module_utils/_imds/_walk.py"))
    assert groups[:2] == [
        ["tests/unit/plugins/module_utils/_imds/test__walk.py"],
        ["tests/unit/plugins/module_utils/_imds"],
    ]
