# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses of the service on lo."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .client import LAUNCHER

pytestmark = pytest.mark.slow

# With a PID namespace, an emulator ends with the shell script that started it, also if the script fails.
UNSHARE = ["unshare", "--net", "--pid", "--fork"]
ENTER = UNSHARE if os.geteuid() == 0 else [*UNSHARE, "--user", "--map-root-user"]


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


ADDED = ["added 100.100.100.200 to lo", "added fd00:100::100:200 to lo"]
REMOVED = ["removed 100.100.100.200 from lo", "removed fd00:100::100:200 from lo"]


def test_the_addresses_are_added_and_removed(tmp_path: Path) -> None:
    output = in_private_network(
        "ip link set lo up; here; address add; here; address add; address remove; here; address remove", tmp_path
    )
    assert output.splitlines() == ["no", *ADDED, "yes", *REMOVED, "no"]


def test_with_a_marker_the_addresses_that_were_added_are_removed(tmp_path: Path) -> None:
    output = in_private_network(
        "ip link set lo up; address add --marker m; address add --marker m; address remove --marker m; here", tmp_path
    )
    assert output.splitlines() == [*ADDED, *REMOVED, "no"]
    assert not (tmp_path / "m").exists()


def test_with_a_marker_addresses_that_existed_before_are_kept(tmp_path: Path) -> None:
    script = (
        "ip link set lo up; ip addr add fd00:100::100:200/128 dev lo; address add --marker m; address remove --marker m"
    )
    output = in_private_network(script + "; ip -br -6 addr show lo", tmp_path)
    assert output.splitlines()[:2] == [ADDED[0], REMOVED[0]]
    assert "fd00:100::100:200/128" in output


def test_a_marker_of_an_earlier_version_stands_for_the_ipv4_address(tmp_path: Path) -> None:
    (tmp_path / "m").touch()
    output = in_private_network("ip link set lo up; address add; address remove --marker m", tmp_path)
    assert output.splitlines() == [*ADDED, REMOVED[0]]


def test_a_host_without_ipv6_has_one_address(tmp_path: Path) -> None:
    script = (
        "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; ip link set lo up; here; address add; here; address remove"
    )
    assert in_private_network(script, tmp_path).splitlines() == ["no", ADDED[0], "yes", REMOVED[0]]


def test_the_emulator_serves_at_both_addresses(tmp_path: Path) -> None:
    """With another client address, the same instance answers: both are the same service."""
    serve = '"%s" serve --real-address --ready-file ready 2>log & ' % LAUNCHER
    wait = "for i in $(seq 600); do [ -e ready ] && break; sleep 0.1; done; "
    read = "curl -sg http://%s/latest/meta-data/instance-id; echo; "
    script = "ip link set lo up; address add; " + serve + wait
    script += read % "100.100.100.200" + read % "[fd00:100::100:200]" + "kill $!"
    assert in_private_network(script, tmp_path).splitlines()[2:] == ["i-bp1example0000000001"] * 2


def test_without_ipv6_the_emulator_serves_at_one_address(tmp_path: Path) -> None:
    serve = '"%s" serve --real-address --ready-file ready 2>log & ' % LAUNCHER
    wait = "for i in $(seq 600); do [ -e ready ] && break; sleep 0.1; done; "
    script = "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; ip link set lo up; address add; "
    output = in_private_network(script + serve + wait + "cat ready; kill $!", tmp_path)
    assert '"100.100.100.200:80"' in output and "fd00" not in output
