# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Search for cloud-init's data source: which interpreter runs, and what a failed search means."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._common import _programs
from ansible_collections.alicloud.imds.plugins.module_utils._host import _cloud_init, _verify
from ansible_collections.alicloud.imds.plugins.module_utils._imds._client import Client, Settings

# Each test starts Python.
pytestmark = pytest.mark.slow

# A package with the functions that the search calls. It finds a data source, and prints what it was started with.
CLOUDINIT = {
    "__init__.py": "",
    "distros.py": "def fetch(name): return lambda *arguments: None",
    "helpers.py": "Paths = dict",
    "version.py": "def version_string(): return '23.2.2'",
    "reporting/__init__.py": "",
    "reporting/events.py": "def ReportEventStack(*arguments, **options): pass",
    "sources/__init__.py": """
import os, sys
DEP_FILESYSTEM = DEP_NETWORK = 0
class DataSourceNotFoundException(Exception): pass
def find_source(*arguments):
    print(os.getcwd(), sys.flags.isolated, os.environ.get("PYTHONPATH"))
""",
}


class Host:
    """A folder with a program cloud-init, whose interpreter finds the package above."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.package = folder / "lib/cloudinit"
        for name, content in CLOUDINIT.items():
            (self.package / name).parent.mkdir(parents=True, exist_ok=True)
            (self.package / name).write_text(content)
        self.interpreter = self.bin / "python3.99"
        self.interpret("import sys; sys.path.append(%r); exec(sys.argv.pop(1))" % str(self.package.parent))
        (self.bin / "cloud-init").write_text("#!%s\n" % self.interpreter)
        (self.bin / "cloud-init").chmod(0o755)

    def interpret(self, code: str) -> None:
        """Let the interpreter run *code* instead of a script that it is given."""
        # bash has $@ without the -c of the caller
        text = '#!/bin/sh\necho "$1" >%s/option\nshift 2\nexec %s -I -c \'%s\' "$@"\n'
        self.interpreter.write_text(text % (self.bin, sys.executable, code.replace("'", '"')))
        self.interpreter.chmod(0o755)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    made = Host(tmp_path)
    monkeypatch.setattr(_programs, "_PATH", str(made.bin))
    monkeypatch.setattr(_cloud_init, "_DISABLED", str(tmp_path / "disabled"))
    return made


def test_root_runs_no_code_of_the_working_directory(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    trap = work / "trapped"
    for name in ("logging", "json", "cloudinit"):
        (work / (name + ".py")).write_text("open(%r, 'w')" % str(trap))
    monkeypatch.chdir(work)
    monkeypatch.setenv("PYTHONPATH", str(work))
    found = _cloud_init.find_data_source()
    assert found == {"installed": True, "enabled": True, "version": "23.2.2", "found": True, "problem": None}
    assert (host.bin / "option").read_text() == "-I\n"
    assert not trap.exists()


def test_the_interpreter_of_the_program_runs_in_isolation(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same with a real interpreter: a link to Python under the name in the first line of the program."""
    work = tmp_path / "work"
    work.mkdir()
    trap = work / "trapped"
    (work / "logging.py").write_text("open(%r, 'w')" % str(trap))
    host.interpreter.unlink()
    host.interpreter.symlink_to(os.path.realpath(sys.executable))
    monkeypatch.chdir(work)
    found = _cloud_init.find_data_source()
    assert found["found"] is None and "No module named 'cloudinit'" in found["problem"]
    assert not trap.exists()


def test_no_data_source_is_a_problem(host: Host) -> None:
    (host.package / "sources/__init__.py").write_text(
        CLOUDINIT["sources/__init__.py"] + "    raise DataSourceNotFoundException()\n"
    )
    found = _cloud_init.find_data_source()
    assert found["found"] is False and "finds no data source" in found["problem"]


FAILURES = {
    "it ends with an error": "raise SystemExit(3)",
    "it prints no JSON": "print('imds:{')",
    "it prints another type": "print('imds:[]')",
    "it prints no result": "print('imds:{}')",
    "it stops itself": "import os; os.kill(os.getpid(), 19)",
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_search_that_fails_is_unmet(host: Host, instance, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    host.interpret(FAILURES[name])
    monkeypatch.setattr(_cloud_init, "_TIMEOUT", 1.0)
    desired = _verify.Desired(expect=["required"], cloud_init=True)
    settings = Settings(endpoint=instance.endpoint, timeout=60.0)
    verification = _verify.verify(lambda: Client(settings), desired)
    assert verification.cloud_init is not None and verification.cloud_init["found"] is None
    assert [text.partition(":")[0] for text in verification.unmet] == [
        "Cannot check whether cloud-init finds its data source"
    ]


def test_a_program_that_cannot_be_read_is_unmet(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cloud_init, "find", lambda _program: str(host.bin / "gone"))
    found = _cloud_init.find_data_source()
    assert found["found"] is None and "No such file" in found["problem"]


def test_a_disabled_cloud_init_needs_no_data_source(host: Host, instance) -> None:
    Path(_cloud_init._DISABLED).touch()
    (host.bin / "python3.99").unlink()
    desired = _verify.Desired(expect=["required"], cloud_init=True)
    settings = Settings(endpoint=instance.endpoint, timeout=60.0)
    verification = _verify.verify(lambda: Client(settings), desired)
    assert (verification.unmet, json.dumps(verification.cloud_init)[:35]) == ([], '{"installed": true, "enabled": fals')


@pytest.mark.parametrize(
    "line, interpreter",
    [
        ("#!/usr/bin/python3", "/usr/bin/python3"),
        ("#! /usr/bin/python3.6 -s", "/usr/bin/python3.6"),
        ("#!/usr/libexec/platform-python -s", "/usr/libexec/platform-python"),
        ("#!/opt/cloud/bin/pypy-python3", "/opt/cloud/bin/pypy-python3"),
        ("#!/usr/bin/env python3.9", "/found/python3.9"),
        ("#!/usr/bin/env -S python3 -I", "/found/python3"),
        ("#!/bin/sh", "/found/python3"),
        ("\x7fELF", "/found/python3"),
    ],
)
def test_the_interpreter_is_the_one_that_the_program_names(
    tmp_path: Path, monkeypatch, line: str, interpreter: str
) -> None:
    program = tmp_path / "cloud-init"
    program.write_text(line + "\nimport sys\n")
    monkeypatch.setattr(_cloud_init, "find", lambda name: "/found/" + name)
    assert _cloud_init._interpreter(str(program)) == interpreter


def test_a_file_system_without_room_for_temporary_files_is_a_problem_and_no_exception(host: Host, monkeypatch) -> None:
    def full(**options: object) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(_cloud_init.tempfile, "TemporaryDirectory", full)
    result = _cloud_init.find_data_source()
    assert result["found"] is None and "No usable temporary directory" in result["problem"]
