# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give a test host the Python of an EL8 system, such as Alibaba Cloud Linux 3 and Anolis OS 8.

``/usr/bin/python3`` is Python 3.6, whose executable is in /usr/libexec, where also ``platform-python`` is. Debian's Python 3.11 stays
as ``/usr/bin/python3.11``, for an inventory that chooses a newer interpreter. Packages, kernel and libraries are still Debian's.
The root file system el8 (roots.py) has an RPM database, and no nft in /usr/sbin.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

# For the programs hosts.py and scenarios.py, which pytest does not start.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
import interpreters

VERSION = "3.6"
NEWER_PYTHON = (
    "/usr/bin/python3.11"  # the inventory has it, because ansible-core 2.17 and later do not support Python 3.6
)
PLATFORM_PYTHON = "/usr/libexec/platform-python3.6"
NFT = "/usr/libexec/nft"  # where the root file system keeps it
LIBRARIES = "usr/lib/x86_64-linux-gnu"


def reason_not() -> str | None:
    """Return why this machine cannot provide the Python, or None."""
    found = interpreters.find().get(VERSION)
    if found is None:
        return f"there is no Python {VERSION} on this machine"
    return None if list(_prefix(found).glob("lib/libpython3.6m.so.1.0")) else f"{found} has no shared library"


def _prefix(python: Path) -> Path:
    return python.resolve().parents[1]


def furnish(root: Path) -> None:
    """Install the Python into the file system *root* of a host, where an EL8 system has it."""
    prefix = _prefix(interpreters.find()[VERSION])
    unused = shutil.ignore_patterns("test", "tests", "site-packages", "__pycache__", "idlelib", "config-3.6m-*")
    shutil.copytree(prefix / "lib/python3.6", root / "usr/lib/python3.6", ignore=unused, symlinks=True)
    shutil.copy(prefix / "lib/libpython3.6m.so.1.0", root / LIBRARIES)
    (root / "usr/libexec").mkdir(exist_ok=True)
    shutil.copy(prefix / "bin/python3.6", root / PLATFORM_PYTHON.lstrip("/"))
    links = {
        "usr/libexec/platform-python": "platform-python3.6",
        "usr/bin/python3.6": PLATFORM_PYTHON,
        "usr/bin/python3": "python3.6",
    }
    for path, target in links.items():
        (root / path).unlink(missing_ok=True)
        (root / path).symlink_to(target)
