# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports of the package: it reads metadata with the token client only, and can be imported without requests."""

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


def test_metadata_is_read_with_the_token_client_only() -> None:
    for path in FILES:
        used = imported(path)
        from_data_plane = {name for name in used if name.startswith("..") and not name.startswith(".._common.")}
        assert from_data_plane <= {".._imds", ".._imds._secrets", ".._imds._service"}, path.name
        assert not used & {"http.client", "urllib.request"}, path.name
        assert ".._imds" not in from_data_plane or path.stem in ("_instance_role", "_options"), path.name


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


@pytest.mark.slow
@pytest.mark.parametrize("python", interpreters()[:2])
def test_all_files_can_be_imported_without_requests(python) -> None:
    names = " ".join(path.stem for path in FILES if path.stem != "__init__")
    command = [python, "-c", PROGRAM, str(UTILS.parent), names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("%d\n" % len(names.split()), 0), done.stderr
