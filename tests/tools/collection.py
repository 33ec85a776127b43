# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""collection.py DIRECTORY: build the collection and install the tarball there, unless its sources are unchanged."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SHIPPED = (
    "galaxy.yml",
    "LICENSE",
    "README.md",
    "CHANGELOG.md",
    "meta",
    "plugins",
    "roles",
    "playbooks",
    "command",
    "docs",
)


def fingerprint() -> str:
    """Return a digest of name, size, mode and time of every file that may be in the tarball."""
    digest = hashlib.sha256()
    for name in SHIPPED:
        top = CHECKOUT / name
        for path in sorted([top, *top.rglob("*")]):
            if path.is_file() and "__pycache__" not in path.parts:
                stat = path.stat()
                line = f"{path.relative_to(CHECKOUT)} {stat.st_size} {stat.st_mode} {stat.st_mtime_ns}\n"
                digest.update(line.encode())
    return digest.hexdigest()


def install(root: Path) -> None:
    """Build and install beside the present installation, then exchange the two, because tests may be using it."""
    galaxy = [str(Path(sys.executable).parent / "ansible-galaxy"), "collection"]
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(
            [*galaxy, "build", "--output-path", scratch], cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL
        )
        (tarball,) = Path(scratch).glob("*.tar.gz")
        new = root / "new"
        shutil.rmtree(new, ignore_errors=True)
        command = [*galaxy, "install", str(tarball), "--collections-path", str(new), "--no-deps", "--offline"]
        # With the usual path, ansible-galaxy would find the present installation and do nothing.
        environment = dict(os.environ, ANSIBLE_COLLECTIONS_PATH=str(new))
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        current = root / "ansible_collections"
        if current.exists():
            current.rename(new / "old")
        (new / "ansible_collections").rename(current)
        shutil.rmtree(new)


def main() -> None:
    root = Path(sys.argv[1]).resolve()
    root.mkdir(parents=True, exist_ok=True)
    stamp = root / "fingerprint"
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Two `make` may run at the same time.
        current = fingerprint()
        if not stamp.exists() or stamp.read_text() != current:
            stamp.unlink(missing_ok=True)
            install(root)
            stamp.write_text(current)
            print("Installed the collection into", sys.argv[1])


if __name__ == "__main__":
    main()
