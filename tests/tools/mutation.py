# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""mutation.py [N] [SEED] [--under PATH...]: change N random statements, one at a time, and run the nearest unit tests on each.

A change deletes a statement, inverts a condition, or returns something else: None, or the other truth value. It is *killed* if
a test fails: first the file of tests that mirrors the changed file, then the folder of that file, then the tests of the
plugins. Tests run in a copy of the checkout. The others, the *survivors*, are printed as a diff. Exit status 1 if
less than 90 % are killed.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from checkout import CHECKOUT, copied

UNDER = ("_imds", "_fleet", "_host/_fence", "_preflight")
MODULE_UTILS = Path("plugins/module_utils")
# The tests of modules that are marked as slow are those of modules with an API.
SLOW = {"_fleet"}
PLUGIN_TESTS = [f"tests/unit/plugins/{name}" for name in ("modules", "action", "lookup")]
WANTED = 0.9
LIMIT_SECONDS = 300  # An endless loop is killed, too.
SIMPLE = (ast.Assign, ast.AugAssign, ast.Expr, ast.Raise, ast.Delete, ast.Continue, ast.Break)
CONDITIONAL = (ast.If, ast.While, ast.IfExp)


class Mutant(NamedTuple):
    """A change of one file: its text from *start* to *end* (offsets in bytes) becomes *text*."""

    path: Path
    line: int
    start: int
    end: int
    text: str

    def apply(self, source: bytes) -> bytes:
        """Return the changed source."""
        return source[: self.start] + self.text.encode() + source[self.end :]


def mutants(path: Path) -> Iterator[Mutant]:
    """Yield each change of the file *path*, relative to the checkout."""
    source = (CHECKOUT / path).read_bytes()
    begins = [0]
    for line in source.splitlines(keepends=True):
        begins.append(begins[-1] + len(line))

    def change(node: ast.stmt | ast.expr, text: str) -> Mutant:
        assert node.end_lineno is not None and node.end_col_offset is not None
        start = begins[node.lineno - 1] + node.col_offset
        return Mutant(path, node.lineno, start, begins[node.end_lineno - 1] + node.end_col_offset, text)

    tree = ast.parse(source)
    # What a module and a class define is used by name: to delete it fails each import.
    inside = [node for owner in ast.walk(tree) if isinstance(owner, ast.FunctionDef) for node in ast.walk(owner)]
    for node in dict.fromkeys(inside):
        if isinstance(node, CONDITIONAL):
            yield change(node.test, f"not ({ast.get_source_segment(source.decode(), node.test)})")
        elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
            yield change(node, f"return {_other(node.value)}")
        elif isinstance(node, SIMPLE) and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            yield change(node, "pass")


def _other(value: ast.expr) -> str:
    """Return another value. In most places, None means the same as False."""
    if isinstance(value, ast.Constant) and isinstance(value.value, bool):
        return str(not value.value)
    return "None"


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def nearest(path: Path) -> list[list[str]]:
    """Return groups of tests in the order in which they run."""
    folder = Path("tests/unit") / path.parent
    mirrored = folder / f"test_{path.name}"
    name = path.relative_to(MODULE_UTILS).parts[0]
    groups = [[str(mirrored)]] if (CHECKOUT / mirrored).exists() else []
    return [
        *groups,
        [f"tests/unit/{MODULE_UTILS}/{name}"],
        [*([] if name in SLOW else ["-m", "not slow"]), *PLUGIN_TESTS],
    ]


def passes(tests: list[str], copy: Path) -> bool:
    """Run tests in a copy, until one fails, and return whether all passed in time."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header", *tests]
    try:
        return not subprocess.run(command, cwd=copy, capture_output=True, timeout=LIMIT_SECONDS, check=False).returncode
    except subprocess.TimeoutExpired:
        return False


def is_killed(mutant: Mutant, copy: Path) -> bool:
    """Run the nearest tests on the changed copy, and restore it."""
    target = copy / mutant.path
    source = target.read_bytes()
    try:
        target.write_bytes(mutant.apply(source))
        return not all(passes(group, copy) for group in nearest(mutant.path))
    finally:
        target.write_bytes(source)


def diff(mutant: Mutant) -> str:
    """Return the change as a unified diff."""
    source = (CHECKOUT / mutant.path).read_bytes()
    before, after = source.decode().splitlines(), mutant.apply(source).decode().splitlines()
    return "\n".join(difflib.unified_diff(before, after, str(mutant.path), str(mutant.path), lineterm="", n=2))


def candidates(under: list[str]) -> list[Mutant]:
    """Return every change of the files below the given paths, which are relative to plugins/module_utils."""
    paths = sorted((CHECKOUT / MODULE_UTILS).rglob("*.py"))
    names = [path.relative_to(CHECKOUT) for path in paths]
    chosen = [name for name in names if str(name.relative_to(MODULE_UTILS)).startswith(tuple(under))]
    return [mutant for name in chosen for mutant in mutants(name)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("number", nargs="?", type=int, default=200, metavar="N")
    parser.add_argument("seed", nargs="?", type=int, default=1, metavar="SEED")
    parser.add_argument("--under", nargs="+", default=UNDER, metavar="PATH", help="files whose names begin with PATH")
    arguments = parser.parse_args()
    found = candidates(list(arguments.under))
    chosen = random.Random(arguments.seed).sample(found, min(arguments.number, len(found)))
    survivors = []
    with copied() as one, copied() as two, ThreadPoolExecutor(2) as pool:
        copies: SimpleQueue[Path] = SimpleQueue()
        for copy in (one, two):
            copies.put(copy)
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # A changed file may have the size and time of the compiled one.

        for group in {" ".join(group): group for mutant in chosen for group in nearest(mutant.path)[-2:]}.values():
            if not passes(group, one):
                print(f"mutation.py: without a change, the tests below {' '.join(group)} fail", file=sys.stderr)
                return 2

        def judge(mutant: Mutant) -> bool:
            copy = copies.get()
            try:
                return is_killed(mutant, copy)
            finally:
                copies.put(copy)

        for number, (mutant, killed) in enumerate(zip(chosen, pool.map(judge, chosen)), 1):
            verdict = "killed" if killed else "SURVIVED"
            print(f"{number}/{len(chosen)} {verdict:<8} {mutant.path}:{mutant.line}", flush=True)
            if not killed:
                survivors.append(mutant)
                print(diff(mutant), flush=True)
    share = 1 - len(survivors) / max(1, len(chosen))
    print(f"{len(chosen)} of {len(found)} possible changes, {len(survivors)} survivors: {share:.1%} killed")
    return 0 if share >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
