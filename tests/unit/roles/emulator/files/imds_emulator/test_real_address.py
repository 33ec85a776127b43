# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The address 100.100.100.200 on lo."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .client import LAUNCHER

pytestmark = pytest.mark.slow

ENTER = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]


def in_private_network(script: str, tmp_path: Path) -> str:
    """Output of a shell script with its own network; `address ACTION...` and `here` (yes or no) are commands in it."""
    if not shutil.which("unshare") or subprocess.run([*ENTER, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a private network needs `unshare`, and root or user namespaces")
    words = 'address() { "%s" address "$@"; }; here() { address show && echo yes || echo no; };' % LAUNCHER
    command = [*ENTER, "sh", "-ec", words + script]
    environment = dict(os.environ, PYTHON=sys.executable)
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def test_it_comes_and_goes(tmp_path: Path) -> None:
    output = in_private_network("here; address add; here; address add; address remove; here; address remove", tmp_path)
    assert output.splitlines() == ["no", "added 100.100.100.200 to lo", "yes", "removed 100.100.100.200 from lo", "no"]


def test_with_a_marker_it_goes_when_it_was_brought(tmp_path: Path) -> None:
    output = in_private_network(
        "address add --marker m; address add --marker m; address remove --marker m; here", tmp_path
    )
    assert output.splitlines() == ["added 100.100.100.200 to lo", "removed 100.100.100.200 from lo", "no"]
    assert not (tmp_path / "m").exists()


def test_with_a_marker_it_stays_when_it_was_there_before(tmp_path: Path) -> None:
    output = in_private_network("address add; address add --marker m; address remove --marker m; here", tmp_path)
    assert output.splitlines() == ["added 100.100.100.200 to lo", "yes"]
