# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the Python interpreters of this machine that start.

pyenv puts a shim for every version on the PATH, most of which fail with "command not found". ansible-test takes shims for
interpreters, and fails. So it gets a folder of links to interpreters that do start.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

# Versions that the supported lines of ansible-core run on: managed nodes from 3.6, controllers from 3.10.
VERSIONS = tuple(f"3.{minor}" for minor in range(6, 15))


def _pyenv_root() -> Path:
    return Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")


def real_path() -> list[str]:
    """Return the PATH without pyenv's shims."""
    shims = str(_pyenv_root() / "shims")
    return [folder for folder in os.environ.get("PATH", os.defpath).split(":") if folder and folder != shims]


def _candidates(version: str) -> Iterator[Path]:
    on_path = shutil.which(f"python{version}", path=":".join(real_path()))
    if on_path:
        yield Path(on_path)
    patches = (_pyenv_root() / "versions").glob(f"{version}.*/bin/python{version}")
    yield from sorted(patches, key=lambda path: path.parts[-3].rpartition(".")[2].zfill(4), reverse=True)


def _works(python: Path, version: str) -> bool:
    """Return whether an interpreter starts, has the version, and can create virtual environments."""
    program = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", program], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip() == version


def find() -> dict[str, Path]:
    """Return the interpreter of each version that this machine has."""
    found = {}
    for version in VERSIONS:
        for python in _candidates(version):
            if _works(python, version):
                found[version] = python
                break
    return found


def link_into(folder: Path) -> dict[str, Path]:
    """Put a link ``python3.N`` for each version into *folder*, and return what `find` found."""
    found = find()
    for version, python in found.items():
        (folder / f"python{version}").symlink_to(python)
    return found
