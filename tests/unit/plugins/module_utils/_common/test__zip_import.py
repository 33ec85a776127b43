# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import interpreters
import pytest

CHECKOUT = Path(__file__).resolve().parents[5]
PLUGINS = "ansible_collections/alicloud/imds/plugins"
IMDS = f"{PLUGINS}/module_utils/_imds"

# Imports the client from the archive argv[1] as a module does; prints the number of times that each of its files was compiled.
PROGRAM = """
import collections, json, sys
compiled = collections.Counter()
def count(event, args):
    if event == "compile" and str(args[1]).startswith(sys.argv[1]):
        compiled[args[1][len(sys.argv[1]) + 1:]] += 1
sys.path.insert(0, sys.argv[1])
package = "ansible_collections.alicloud.imds.plugins.module_utils."
if sys.argv[2] == "as a module":
    __import__(package + "_common._python")
sys.addaudithook(count)
__import__(package + "_imds._client")
modules = {name[len(package):]: module for name, module in sys.modules.items() if name.startswith(package)}
files = {name: module.__file__[len(sys.argv[1]) + 1:] for name, module in modules.items()}
paths = {name: list(module.__path__) for name, module in modules.items() if hasattr(module, "__path__")}
sources = [name for name, module in modules.items() if module.__loader__.get_source(module.__name__) is None]
print(json.dumps({"compiled": compiled, "files": files, "paths": paths, "without source": sources}))
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("payload") / "payload.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as payload:
        folders = ["", *(f"{PLUGINS}/module_utils".split("/"))]
        for number in range(1, len(folders)):
            payload.writestr("/".join(folders[1 : number + 1]) + "/__init__.py", "")
        for package in ("_common", "_imds"):
            for file in (CHECKOUT / "plugins/module_utils" / package).glob("*.py"):
                payload.write(file, f"{PLUGINS}/module_utils/{package}/{file.name}")
    return path


def imported(
    archive: Path, how: str, python: str = sys.executable, program: str = PROGRAM
) -> dict[str, dict[str, object]]:
    command = [python, "-c", program, str(archive), how]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    result: dict[str, dict[str, object]] = json.loads(done.stdout)
    return result


def test_each_file_of_a_payload_is_compiled_once(archive: Path) -> None:
    compiled = imported(archive, "as a module")["compiled"]
    assert compiled[f"{IMDS}/_client.py"] == 1
    assert set(compiled.values()) == {1}, compiled


@pytest.mark.slow
def test_each_python_compiles_each_file_once(archive: Path) -> None:
    """Python 3.6 and 3.7 cannot count it, but import the files."""
    for version, python in interpreters.find().items():
        if version in ("3.6", "3.7"):
            program = PROGRAM.replace("sys.addaudithook(count)", "")
            files = imported(archive, "as a module", str(python), program)["files"]
            assert files["_imds._http"] == f"{IMDS}/_http.py", version
        else:
            assert set(imported(archive, "as a module", str(python))["compiled"].values()) == {1}, version


def test_the_names_and_sources_of_the_files_are_those_of_python(archive: Path) -> None:
    ours, pythons = imported(archive, "as a module"), imported(archive, "alone")
    shared = set(ours["files"]) & set(pythons["files"])
    assert {"_imds", "_imds._client", "_imds._http"} <= shared
    assert {name: ours["files"][name] for name in shared} == {name: pythons["files"][name] for name in shared}
    assert {name: ours["paths"].get(name) for name in shared} == {name: pythons["paths"].get(name) for name in shared}
    assert ours["without source"] == pythons["without source"] == []


def test_imports_of_others_are_not_affected(archive: Path) -> None:
    """A missing file is reported by Python; folders outside of the collection have Python's own importer."""
    program = """
import sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.alicloud.imds.plugins.module_utils._common import _python
hook = sys.path_hooks[0]
for path in (sys.argv[1], sys.argv[1] + "/ansible_collections", "/usr/lib/python3", ""):
    try:
        print(hook(path))
    except ImportError as exc:
        assert type(exc) is ImportError
try:
    from ansible_collections.alicloud.imds.plugins.module_utils._imds import _missing
except ImportError as exc:
    print(exc)
"""
    command = [sys.executable, "-c", program, str(archive)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "_missing" in done.stdout and "Importer" not in done.stdout, done.stdout
