# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the loader of the fence with the real nft, in a network namespace of its own. test__fence.py has a fake nft."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._host import _fence_rules as rules
from ansible_collections.alicloud.imds.plugins.module_utils._host import _fence_units as units

# The loader is run, with nft in network namespaces.
pytestmark = pytest.mark.slow

LINK = "ip link set lo up && ip link add eth0 type veth peer name eth1 && ip link set eth0 up\n"


def test_the_loader_is_a_valid_shell_script() -> None:
    shellcheck = shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("the package shellcheck is not installed")
    text = units.loader(units.Places("/usr/sbin/nft", "/r", "/e", "/l", "/p"), "/sys", "/proc")
    done = subprocess.run([shellcheck, "--shell=sh", "-"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def run_with_loader(tmp_path: Path, script: str) -> list[str]:
    """Run shell code with the loader as the function ``loader`` and the loaded rules; return the lines of its output."""
    nft = shutil.which("nft", path=os.environ["PATH"] + ":/usr/sbin")
    if os.geteuid() != 0 or nft is None:
        pytest.skip("loading rules needs root, and nft (package nftables)")
    places = units.Places(nft, *(str(tmp_path / name) for name in ("rules", "egress", "listing", "repairs")))
    allowed = rules.Allowed([0], [], [])
    Path(places.rules).write_text(rules.rules(rules.ENFORCE, allowed))
    Path(places.egress_rules).write_text(rules.egress_rules(rules.ENFORCE, allowed))
    (tmp_path / "sys/class/net/eth0/device").mkdir(parents=True)
    (tmp_path / "loader").write_text(units.loader(places, str(tmp_path / "sys"), "/proc"))
    head = f"set -e\nnft={nft}\n{LINK}loader() {{ /bin/sh {tmp_path}/loader $1; }}\nloader load\n"
    command = ["unshare", "--net", "bash", "-c", head + script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        ("flush ruleset", "removed"),
        ("delete table inet alicloud_imds", "removed"),
        ("flush chain inet alicloud_imds local", "changed"),
        ("insert rule inet alicloud_imds forwarded accept", "changed"),
    ],
)
def test_the_loader_repairs_and_records_what_another_program_did(tmp_path: Path, harm: str, reason: str) -> None:
    script = f"$nft list ruleset; echo ===\n$nft {harm}\nloader check 2>&1; echo ===\n$nft list ruleset; loader compare"
    before, message, after = "\n".join(run_with_loader(tmp_path, script)).split("\n===\n")
    assert message == f"<4>The rules of the metadata firewall were {reason} by another program. They were loaded again."
    assert "table inet alicloud_imds" in before and after == before
    (line,) = (tmp_path / "repairs").read_text().splitlines()
    assert line.endswith("Z " + reason)


def test_the_loader_changes_nothing_if_counters_and_elements_differ(tmp_path: Path) -> None:
    script = "$nft add element inet alicloud_imds refused '{ 33 counter packets 5 bytes 300 }'\nloader check\n$nft list ruleset"
    assert "33 counter packets 5 bytes 300" in "\n".join(run_with_loader(tmp_path, script))
    assert not (tmp_path / "repairs").exists()


def test_rules_of_other_programs_do_not_matter(tmp_path: Path) -> None:
    script = "$nft add table inet firewalld\nloader compare\n$nft list tables"
    assert "table inet firewalld" in run_with_loader(tmp_path, script)
