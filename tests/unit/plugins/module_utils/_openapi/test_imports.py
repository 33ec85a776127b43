# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports of the package: only one file needs requests, and all files can be imported without it."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UTILS = Path(__file__).resolve().parents[5] / "plugins/module_utils"
FILES = sorted((UTILS / "_openapi").glob("*.py"))


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return plain | {
        "." * node.level + (node.module or "") for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_only_one_file_imports_requests_and_no_file_ansible(path) -> None:
    absolute = {name.split(".")[0] for name in imported(path) if not name.startswith(".")}
    assert absolute - set(sys.stdlib_module_names) == ({"requests", "urllib3"} if path.stem == "_requests" else set())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_metadata_is_read_with_the_token_client_only(path) -> None:
    from_data_plane = {name for name in imported(path) if name.startswith("..") and not name.startswith(".._common.")}
    assert from_data_plane <= {".._imds", ".._imds._secrets", ".._imds._service"}
    assert not imported(path) & {"http.client", "urllib.request"}
    if ".._imds" in from_data_plane:
        assert path.stem in ("_instance_role", "_options")


PROGRAM = """
import sys
sys.modules["requests"] = None
sys.path.insert(0, sys.argv[1])
import importlib
names = sys.argv[2].split()
modules = [importlib.import_module("module_utils._openapi." + name) for name in names]
from module_utils._openapi import _options, _requests
assert "ImportError" in _requests.IMPORT_ERROR or "ModuleNotFoundError" in _requests.IMPORT_ERROR
assert _options.argument_spec()["api_retries"]["default"] == 8
print(len(modules))
"""


def interpreters() -> list[str]:
    found = sorted(Path("~/.pyenv/versions").expanduser().glob("3.8.*/bin/python3"))
    return [sys.executable] + [str(path) for path in found] + [path for path in [shutil.which("python3.8")] if path]


@pytest.mark.parametrize("python", interpreters()[:2])
def test_all_files_can_be_imported_without_requests(python) -> None:
    names = " ".join(path.stem for path in FILES if path.stem != "__init__")
    command = [python, "-c", PROGRAM, str(UTILS.parent), names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("%d\n" % len(names.split()), 0), done.stderr
