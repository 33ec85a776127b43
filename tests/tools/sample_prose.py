# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sample_prose.py N SEED [--kind KIND] [--under PATH]: print N random texts of the project, for a review of the language.

Kinds: docstring, description (of a plugin or role), option, return, message, task (a name), help (of a command line).
The same seed prints the same sample while the sources stay the same.
"""

from __future__ import annotations

import argparse
import ast
import functools
import random
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import yaml
from checkout import CHECKOUT, files

KINDS = ("docstring", "description", "option", "return", "message", "task", "help")
DOCUMENTED = ("DOCUMENTATION", "RETURN", "EXAMPLES")
# Calls whose string arguments a person reads. Names of exception classes are recognized by their last word.
REPORTING = {"complain", "debug", "deprecate", "error", "fail_json", "info", "log", "log_problem", "print", "say"}
REPORTING |= {"v", "vv", "vvv", "warn", "warning"}
EXCEPTION = re.compile(r"(Error|Exception|Failure|Failed|Warning)$")
HELP_KEYWORDS = {"description", "epilog", "help"}
TASK_LISTS = ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where PyYAML has it
MESSAGE_KEYS = ("msg", "fail_msg", "success_msg")


class Item(NamedTuple):
    """A text, its kind, and the place of its first character."""

    path: Path
    line: int
    kind: str
    text: str


@functools.cache
def items() -> list[Item]:
    """Return every text of the project, in the order of the files."""
    found: list[Item] = []
    for name in files():
        if name.suffix == ".py":
            found += from_python(name, (CHECKOUT / name).read_text())
        elif name.suffix in (".yml", ".yaml"):
            found += from_yaml(name, (CHECKOUT / name).read_text())
    return found


def from_python(path: Path, source: str) -> Iterator[Item]:
    """Yield docstrings, plugin documentation, messages and command-line help of a Python file."""
    tree = ast.parse(source)
    read = _reader_of_strings(tree)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            docstring = ast.get_docstring(node)
            if docstring:
                yield Item(path, node.body[0].lineno, "docstring", docstring)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            if node.targets[0].id in DOCUMENTED and isinstance(node.value, ast.Constant):
                yield from from_yaml(path, str(node.value.value), node.value.lineno, kind=node.targets[0].id)
        if isinstance(node, ast.Call):
            yield from _from_call(path, node, read)


def _from_call(path: Path, call: ast.Call, read: Callable[[ast.expr], str]) -> Iterator[Item]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    reports = name in REPORTING or EXCEPTION.search(name)
    arguments = [*call.args, *(word.value for word in call.keywords if word.arg in (None, "msg"))] if reports else []
    for kind, values in (
        ("message", arguments),
        ("help", [word.value for word in call.keywords if word.arg in HELP_KEYWORDS]),
    ):
        for value in values:
            text = read(value)
            if " " in text.strip():  # one word is a key or a file name, not prose
                yield Item(path, value.lineno, kind, text)


def _reader_of_strings(tree: ast.Module) -> Callable[[ast.expr], str]:
    """Return a function that gives the text of an expression; what is computed becomes ``{}``."""
    assigned = sorted(
        (
            (node.lineno, node.targets[0].id, node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        ),
        key=lambda assignment: assignment[0],
    )

    def read(node: ast.expr) -> str:
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else ""
        if isinstance(node, ast.JoinedStr):
            return "".join(read(part) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            return read(node.left)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return (read(node.left) or "{}") + (read(node.right) or "{}")
        if isinstance(node, ast.IfExp):
            return read(node.body) or read(node.orelse)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            return read(node.func.value)
        if isinstance(node, ast.Name):
            before = [value for line, name, value in assigned if name == node.id and line < node.lineno]
            return read(before[-1]) if before and isinstance(before[-1], (ast.Constant, ast.BinOp)) else ""
        return ""

    return read


def from_yaml(path: Path, source: str, first: int = 1, kind: str = "") -> Iterator[Item]:
    """Yield descriptions, task names and messages of a YAML text that begins at line *first* of *path*."""
    try:
        documents = list(yaml.compose_all(source, LOADER))
    except yaml.YAMLError:
        return  # a template; yamllint judges what has to be YAML
    for document in documents:
        if kind in ("DOCUMENTATION", "RETURN") or path.name.startswith("argument_specs."):
            yield from _descriptions(path, document, first, "return" if kind == "RETURN" else "description")
        elif isinstance(document, yaml.SequenceNode):
            yield from _tasks(path, document, first)


def _descriptions(path: Path, node: yaml.Node | None, first: int, kind: str) -> Iterator[Item]:
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        if key.value in ("description", "short_description", "notes") and not isinstance(value, yaml.MappingNode):
            parts = value.value if isinstance(value, yaml.SequenceNode) else [value]
            text = " ".join(part.value for part in parts if isinstance(part, yaml.ScalarNode))
            yield Item(path, first + value.start_mark.line, kind, text)
        else:
            yield from _descriptions(path, value, first, "option" if key.value == "options" else kind)


def _tasks(path: Path, node: yaml.SequenceNode, first: int) -> Iterator[Item]:
    for task in node.value:
        if not isinstance(task, yaml.MappingNode):
            continue
        for key, value in task.value:
            if key.value == "name" and isinstance(value, yaml.ScalarNode):
                yield Item(path, first + value.start_mark.line, "task", value.value)
            elif key.value in TASK_LISTS and isinstance(value, yaml.SequenceNode):
                yield from _tasks(path, value, first)
            elif isinstance(value, yaml.MappingNode):
                for option, text in value.value:
                    if option.value in MESSAGE_KEYS and isinstance(text, yaml.ScalarNode):
                        yield Item(path, first + text.start_mark.line, "message", text.value)


def sample(number: int, seed: str, kind: str | None = None, under: str = "") -> list[Item]:
    """Return *number* items that *seed* determines, or all if there are fewer."""
    chosen = [
        item for item in items() if (kind is None or item.kind == kind) and item.path.is_relative_to(under or ".")
    ]
    return random.Random(seed).sample(chosen, min(number, len(chosen)))


def main(words: list[str]) -> int:
    """Print the sample that the command line *words* asks for."""
    parser = argparse.ArgumentParser(description="Print random texts of the project, for a review of the language.")
    parser.add_argument("number", type=int, metavar="N", help="number of texts")
    parser.add_argument("seed", metavar="SEED", help="any text; the same seed prints the same sample")
    parser.add_argument("--kind", choices=KINDS, help="only texts of this kind")
    parser.add_argument("--under", default="", metavar="PATH", help="only texts in this file or folder")
    options = parser.parse_args(words)
    for item in sample(options.number, options.seed, options.kind, options.under):
        print(f"{item.path}:{item.line}: {item.kind}")
        print("    " + "\n    ".join(line.strip() for line in item.text.strip().splitlines()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
