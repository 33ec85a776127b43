# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""npm.py PROGRAM ARGUMENT...: run a program of the npm packages that tests/tools/npm/package-lock.json pins.

The packages are installed into .cache/npm whenever the lock file has changed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
WANTED = CHECKOUT / "tests/tools/npm"
CACHE = CHECKOUT / ".cache/npm"


def installed() -> tuple[Path | None, str]:
    """Return the folder of the packages, or None and the reason why they cannot be installed."""
    if not (shutil.which("node") and shutil.which("npm")):
        return None, "node and npm are not installed"
    CACHE.mkdir(parents=True, exist_ok=True)
    stamp, wanted = CACHE / "stamp", hashlib.sha256((WANTED / "package-lock.json").read_bytes()).hexdigest()
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Two `make` may run at the same time.
        if not stamp.exists() or stamp.read_text() != wanted:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(WANTED / name, CACHE)
            command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            done = subprocess.run(command, cwd=CACHE, capture_output=True, text=True, check=False)
            if done.returncode:
                last = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()][-1:]
                return None, f"`npm ci` failed: {' '.join(last)}"
            stamp.write_text(wanted)
    return CACHE / "node_modules", ""


def main(command: list[str]) -> int:
    """Run *command*, the name of a program and its arguments."""
    folder, reason = installed()
    if folder is None:
        print(f"npm.py: {reason}", file=sys.stderr)
        return 1
    program = str(folder / ".bin" / command[0])
    os.execv(program, [program, *command[1:]])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
