# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is sent to managed nodes compiles and can be imported with each of their Pythons, and uses nothing newer than 3.6.

Importing does not show which functions a file calls; tests/integration/test_managed_nodes.py and the tests of the command run them.
"""

from __future__ import annotations

import ast
import functools
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import interpreters
import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PLUGINS = CHECKOUT / "plugins"
SHIPPED = sorted([*(PLUGINS / "modules").glob("*.py"), *(PLUGINS / "module_utils").rglob("*.py")])

# Imports all files with ansible-core replaced by empty modules, because no installed version supports all of these Pythons.
PROGRAM = r"""
import importlib, importlib.util, sys, types
class Stub(types.ModuleType):
    __path__ = []
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})
class Finder:
    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_loader(name, self) if name.split(".")[0] == "ansible" else None
    def create_module(self, spec):
        return Stub(spec.name)
    def exec_module(self, module):
        pass
sys.dont_write_bytecode = True
sys.meta_path.insert(0, Finder())
for name in ("ansible_collections", "ansible_collections.alicloud", "ansible_collections.alicloud.imds"):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = []
sys.modules["ansible_collections.alicloud.imds"].__path__ = [sys.argv[1]]
sys.modules["requests"] = sys.modules["urllib3"] = None  # optional
for name in sys.argv[2:]:
    try:
        importlib.import_module("ansible_collections.alicloud.imds.plugins." + name)
    except BaseException as exc:
        sys.stderr.write("%s: %s: %s\n" % (name, type(exc).__name__, exc))
"""


@functools.cache
def found() -> dict[str, Path]:
    return interpreters.find()


@pytest.mark.slow
@pytest.mark.parametrize("version", interpreters.VERSIONS)
def test_all_files_can_be_imported(version: str) -> None:
    if version not in found():
        pytest.skip(f"there is no Python {version} on this machine")
    names = [".".join(path.relative_to(PLUGINS).with_suffix("").parts) for path in SHIPPED if path.stem != "__init__"]
    command = [str(found()[version]), "-c", PROGRAM, str(CHECKOUT), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


MODULES = [path for path in sorted((PLUGINS / "modules").glob("*.py")) if path.stem not in ("__init__", "report")]
GUARD = "from ansible_collections.alicloud.imds.plugins.module_utils._common import _python"


def test_modules_check_the_version_before_they_import_other_files() -> None:
    for path in MODULES:
        imported = [line for line in path.read_text().splitlines() if line.startswith("from ansible_collections")]
        assert imported[0].startswith(GUARD), path.name


def python2() -> Path | None:
    """Return Python 2.7, which only ansible-core 2.16 still supports on managed nodes, or None."""
    patches = sorted((interpreters._pyenv_root() / "versions").glob("2.7.*/bin/python2.7"))
    return patches[-1] if patches else None


@pytest.mark.skipif(python2() is None, reason="there is no Python 2.7 on this machine")
def test_python_2_gets_one_sentence(tmp_path: Path) -> None:
    code = "import sys\nfor path in sys.argv[1:]: compile(open(path).read(), path, 'exec')"
    subprocess.run([str(python2()), "-c", code, *map(str, MODULES)], check=True)
    done = subprocess.run(
        [str(python2()), "-B", str(PLUGINS / "module_utils/_common/_python.py")], capture_output=True, check=False
    )
    result = json.loads(done.stdout)
    assert (done.returncode, done.stderr, result["failed"]) == (1, b"", True)
    assert re.fullmatch(
        r"The collection alicloud.imds needs Python 3.6 or later on managed nodes; \S+ is Python 2.7. .*", result["msg"]
    )


# Names that are newer than Python 3.6, and that are called on values whose type a linter does not know.
NEWER_ATTRIBUTES = {
    *("isascii", "removeprefix", "removesuffix", "fromisoformat", "bit_count", "is_relative_to", "with_stem"),
    *("time_ns", "monotonic_ns", "perf_counter_ns", "thread_time", "CLOCK_BOOTTIME", "SimpleQueue", "BadGzipFile"),
    *("nullcontext", "aclosing", "cached_property", "singledispatchmethod", "pairwise", "batched"),
    *("pidfd_open", "waitstatus_to_exitcode", "memfd_create", "register_at_fork", "excepthook", "get_native_id"),
    *("create_server", "has_dualstack_ipv6", "subnet_of", "supernet_of", "unparse", "indent_tree", "parallelize"),
    *("ThreadingHTTPServer", "BooleanOptionalAction"),
}
# Newer members of typing
NEWER_TYPES = {
    *("Protocol", "TypedDict", "Literal", "Final", "final", "Annotated", "get_origin", "get_args", "ParamSpec", "Self"),
    *("runtime_checkable", "ForwardRef", "OrderedDict", "SupportsIndex", "TypeAlias", "Concatenate", "NotRequired"),
}
# Keyword arguments that are newer than Python 3.6, by name of the function
NEWER_ARGUMENTS = {
    "run": {"capture_output", "text", "user", "group", "process_group"},
    "Popen": {"text", "user", "group", "process_group"},
    "check_output": {"text"},
    "add_subparsers": {"required"},
    "namedtuple": {"defaults"},
    "HTTPConnection": {"blocksize"},
    "HTTPSConnection": {"blocksize"},
    "ThreadPoolExecutor": {"initializer", "initargs"},
    "shutdown": {"cancel_futures"},
    "unlink": {"missing_ok"},
    "zip": {"strict"},
    "copytree": {"dirs_exist_ok"},
    "TemporaryDirectory": {"ignore_cleanup_errors", "delete"},
}
# Functions of the collection with such an argument
OWN = {("run", "text")}
NEWER_MODULES = {"dataclasses", "contextvars", "zoneinfo", "graphlib", "tomllib"}
BUILTIN_GENERICS = {"list", "dict", "tuple", "set", "frozenset", "type"}
# This file falls back to other types where these do not exist.
GUARDED = {"_protocol.py": {"Protocol"}}


def problems(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        for problem in found_in(node):
            if problem not in GUARDED.get(path.name, set()):
                yield problem


def found_in(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom):
        newer = NEWER_TYPES if node.module == "typing" else NEWER_ATTRIBUTES | {"annotations"}
        yield from (alias.name for alias in node.names if not node.level and alias.name in newer)
        yield from {str(node.module)} & NEWER_MODULES
    elif isinstance(node, ast.Import):
        yield from {alias.name for alias in node.names} & NEWER_MODULES
    elif isinstance(node, ast.Attribute) and getattr(node.value, "id", "") in ("t", "typing"):
        yield from {node.attr} & NEWER_TYPES
    elif isinstance(node, ast.Attribute):
        yield from {node.attr} & NEWER_ATTRIBUTES
    elif isinstance(node, ast.NamedExpr):
        yield ":="
    elif isinstance(node, ast.arguments):
        yield from ("/" for argument in node.posonlyargs[:1])
        yield from evaluated([argument.annotation for argument in [*node.args, *node.kwonlyargs]])
    elif isinstance(node, ast.FunctionDef):
        yield from evaluated([node.returns])
    elif isinstance(node, ast.AnnAssign):
        yield from evaluated([node.annotation])
    elif isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        given = {str(word.arg) for word in node.keywords}
        by_itself = isinstance(node.func, ast.Name) or ast.unparse(node.func) == "_programs.run"
        yield from {
            f"{name}({word}=)"
            for word in given & NEWER_ARGUMENTS.get(name, set())
            if not (by_itself and (name, word) in OWN)
        }


def evaluated(annotations: list[ast.expr | None]) -> Iterator[str]:
    """Yield what Python 3.6 cannot evaluate in annotations that are not quoted."""
    for annotation in annotations:
        for node in ast.walk(annotation) if annotation else ():
            if isinstance(node, ast.BinOp):
                yield "X | Y"
            if isinstance(node, ast.Subscript) and getattr(node.value, "id", "") in BUILTIN_GENERICS:
                yield f"{node.value.id}[...]"


@pytest.mark.slow
def test_no_file_uses_what_python_3_6_does_not_have() -> None:
    assert len(SHIPPED) > 100
    assert [(str(path.relative_to(PLUGINS)), problem) for path in SHIPPED for problem in problems(path)] == []


@pytest.mark.parametrize(
    "code, problem",
    [
        ("from __future__ import annotations", "annotations"),
        ("if (n := f()): pass", ":="),
        ("def f(a, /): pass", "/"),
        ("import dataclasses", "dataclasses"),
        ("def f(a: list[int]): pass", "list[...]"),
        ("def f() -> int | None: pass", "X | Y"),
        ("x: 'dict[str, int]' = {}", None),
        ("x: dict[str, int] = {}", "dict[...]"),
        ("host.isascii()", "isascii"),
        ("class C(t.Protocol): pass", "Protocol"),
        ("from typing import Final", "Final"),
        ("subprocess.run(c, text=True)", "run(text=)"),
        ("parser.add_subparsers(required=True)", "add_subparsers(required=)"),
    ],
)
def test_newer_constructs_are_recognized(tmp_path: Path, code: str, problem: str | None) -> None:
    (tmp_path / "x.py").write_text(code)
    assert list(problems(tmp_path / "x.py")) == ([problem] if problem else [])


def test_the_oldest_python_is_the_documented_one() -> None:
    assert re.search(r"\b3\.6 or later", (PLUGINS / "doc_fragments/_attributes.py").read_text())
    assert interpreters.VERSIONS[0] == "3.6"
