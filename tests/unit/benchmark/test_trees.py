# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The benchmark of facts compares services with equal trees, also after a change of the emulator."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ..conftest import CHECKOUT


@pytest.mark.slow
def test_both_services_have_the_same_numbers_of_leaves_and_directories() -> None:
    enter = str(CHECKOUT / "tests/lab/enter")
    possible = subprocess.run([enter, "true"], capture_output=True, text=True, check=False)
    if possible.returncode:
        pytest.skip("the network laboratory cannot be made here: " + possible.stderr.strip())
    command = [enter, sys.executable, str(CHECKOUT / "tests/benchmark/run.py"), "--trees"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "65 leaves each" in done.stdout, done.stderr
