# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which interpreter runs cloud-init's data source search."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._host import _cloud_init


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


@pytest.fixture
def cloud_init(tmp_path: Path, monkeypatch) -> Path:
    """Return the program cloud-init of a host, whose search prints a result without a real cloud-init."""
    program = tmp_path / "cloud-init"
    program.write_text(f"#!{sys.executable}\n")
    monkeypatch.setattr(_cloud_init, "find", lambda name: str(program))
    monkeypatch.setattr(_cloud_init, "_DISABLED", str(tmp_path / "disabled"))
    return program


def test_no_file_of_the_working_directory_runs(cloud_init: Path, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "work").mkdir()
    for name in ("json", "logging", "cloudinit"):
        (tmp_path / "work" / f"{name}.py").write_text('print(\'imds:{"version": "evil"}\'); raise SystemExit')
    monkeypatch.chdir(tmp_path / "work")
    result = _cloud_init.find_data_source()
    assert (result["version"], result["found"]) == (None, None)
    assert "No module named 'cloudinit'" in result["problem"]


def test_a_file_system_without_room_for_temporary_files_is_a_problem_and_no_exception(
    cloud_init: Path, monkeypatch
) -> None:
    def full(**options: object) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(_cloud_init.tempfile, "TemporaryDirectory", full)
    result = _cloud_init.find_data_source()
    assert result["found"] is None and "No usable temporary directory" in result["problem"]
