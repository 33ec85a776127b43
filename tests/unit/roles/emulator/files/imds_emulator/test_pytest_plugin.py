# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The markers of the pytest fixture `imds_emulator`, in a pytest of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from waiting import GIVE_UP_SECONDS

from .client import LAUNCHER

MERGED = """
import pytest
pytestmark = pytest.mark.imds_emulator(http_tokens="required", hostname="module", region_id="cn-beijing")

def settings(emulator):
    return emulator._emulator().state.settings(emulator.instance_id)

@pytest.mark.imds_emulator(hostname="class")
class TestClass:
    @pytest.mark.imds_emulator(instance_id="i-own", http_tokens="optional")
    def test_closest_wins(self, imds_emulator):
        assert imds_emulator.instance_id == "i-own"
        found = settings(imds_emulator)
        assert (found["http_tokens"], found["hostname"], found["region_id"]) == ("optional", "class", "cn-beijing")

def test_module(imds_emulator):
    assert (settings(imds_emulator)["http_tokens"], settings(imds_emulator)["hostname"]) == ("required", "module")
"""
WRONG = """
import pytest

@pytest.mark.imds_emulator("required")
def test_positional(imds_emulator):
    pass

@pytest.mark.imds_emulator(http_token="required")
def test_unknown(imds_emulator):
    pass

@pytest.mark.imds_emulator(faults=[{"kind": "status", "status": 503}, {"kind": "reset", "time": 1}])
def test_fault(imds_emulator):
    pass
"""


def run(folder: Path, text: str) -> str:
    (folder / "test_it.py").write_text(text)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "imds_emulator.pytest_plugin",
        "-p",
        "no:cacheprovider",
        "--strict-markers",
    ]
    environment = {**os.environ, "PYTHONPATH": str(LAUNCHER.parent), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    done = subprocess.run(
        [*command, "--rootdir", ".", "-c", os.devnull, "test_it.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=GIVE_UP_SECONDS,
        check=False,
    )
    return done.stdout + done.stderr


def test_markers_of_module_class_and_test_are_merged(tmp_path: Path) -> None:
    assert "2 passed" in (shown := run(tmp_path, MERGED)), shown


def test_a_wrong_marker_is_an_error_that_names_the_mistake(tmp_path: Path) -> None:
    shown = run(tmp_path, WRONG)
    assert "3 errors" in shown and "Traceback" not in shown, shown
    for message in (
        "marker imds_emulator: accepts only keyword arguments, such as http_tokens='required'",
        "marker imds_emulator: instance.http_token: unknown key (did you mean http_tokens?)",
        "marker imds_emulator: instance.faults[1].time: unknown key (did you mean times?)",
    ):
        assert message in shown, shown
