# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find out whether this machine can run test hosts."""

from __future__ import annotations

import shutil
from pathlib import Path

import lab
import roots

PROGRAMS = {"systemd-nspawn": "systemd-container", "ssh": "openssh-client", "ssh-keygen": "openssh-client"}
EVERYBODY = ["0", "0", "4294967295"]


def reason_not() -> str | None:
    """Return why this machine cannot run test hosts, or None if it can."""
    outside = lab.reason_not("hosts", "molecule")
    if outside:
        return outside
    # Root inside a user namespace has no rights over the machine's control groups and devices.
    if Path("/proc/self/uid_map").read_text().split() != EVERYBODY:
        return "test hosts need root on this machine"
    missing = sorted({package for program, package in PROGRAMS.items() if not shutil.which(program)})
    if missing:
        return f"Debian packages are not installed: {', '.join(missing)}"
    unmade = roots.missing()
    return f"run `make roots` to create the root file systems {', '.join(unmade)}" if unmade else None
