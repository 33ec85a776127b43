# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports of the emulator: nothing of the collection, nothing but the standard library, no cycle."""

from __future__ import annotations

import ast
import functools
import sys
from pathlib import Path
from typing import Dict, Set

import graphlib

from .client import LAUNCHER

PACKAGE = LAUNCHER.parent / "imds_emulator"


def modules() -> Dict[str, Path]:
    """Return the path of each module by its dotted name below the package."""
    return {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}


def imports(name: str, path: Path, known: Dict[str, Path]) -> Set[str]:
    """Return what a module imports, also in functions and under TYPE_CHECKING.

    Modules of the package have dotted names that start with a dot; of others the top-level package is returned.
    """
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.ImportFrom):
            base = name.split(".")[: -node.level] + (node.module or "").split(".")
            start = ".".join(part for part in base if part)
            for alias in node.names:
                below = ".".join(part for part in (start, alias.name) if part)
                found.add("." + (below if below in known else start or "__init__"))
    return found


@functools.cache
def graph() -> dict[str, set[str]]:
    known = modules()
    return {name: imports(name, path, known) for name, path in known.items()}


def test_only_the_standard_library_is_imported() -> None:
    foreign = {(name, other) for name, found in graph().items() for other in found if not other.startswith(".")}
    outside = {(name, other) for name, other in foreign if other not in sys.stdlib_module_names}
    assert outside == {("pytest_plugin", "pytest")}, "only pytest loads the plugin"
    assert not [name for name, found in graph().items() if ".pytest_plugin" in found]


def test_imports_are_resolved() -> None:
    inside = {name[1:] for found in graph().values() for name in found if name.startswith(".")}
    assert inside <= set(graph())
    assert {".state", ".listeners", ".control.side"} <= graph()["emulator"]
    assert {".clock", ".control.call"} <= graph()["control.gate"]


def test_there_is_no_import_cycle() -> None:
    inside = {name: {other[1:] for other in found if other.startswith(".")} for name, found in graph().items()}
    graphlib.TopologicalSorter(inside).prepare()  # raises CycleError, which names the cycle
