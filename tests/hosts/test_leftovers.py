# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that nothing of a test host remains on the machine, also after it was killed."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import boot
from hosts import Site
from waiting import comes_true

HERE = Path(__file__).resolve().parent


def test_nothing_remains_of_a_destroyed_host(site: Site) -> None:
    host = site.add("gone", "systemd", "bookworm")
    host.container()
    group, folder = boot.cgroup("gone"), host.folder
    assert group.exists() and folder.exists()
    site.remove(host)
    names = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    links = subprocess.run(["ip", "-json", "link"], capture_output=True, text=True, check=True).stdout
    assert "gone" not in names
    assert {link["ifname"] for link in json.loads(links)} == {"lo", "br0"}
    assert not group.exists() and not folder.exists()
    assert "gone" not in "".join(open("/proc/self/mounts"))


def test_the_next_laboratory_removes_the_remains_of_a_killed_one() -> None:
    inside = f"{shlex.quote(sys.executable)} {HERE}/hosts.py up victim >/dev/null && echo up && sleep 300"
    laboratory = [str(HERE.parent / "lab/enter"), "sh", "-c", inside]
    with subprocess.Popen(laboratory, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "up\n"
        process.kill()
    assert comes_true(lambda: not victims()), victims()


def victims() -> list[Path]:
    """Return the remains of the host; its processes end some time after the laboratory was killed."""
    boot.prepare_cgroups()
    alive = [path for path in Path("/proc").glob("[0-9]*/cmdline") if b"--machine=victim" in read(path)]
    return [*alive, *boot.CGROUPS.glob("*-victim")]


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
