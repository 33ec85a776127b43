# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the supported lines of ansible-core, and create virtual environments of pinned packages."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
FOLDER = TESTS / "matrix"


@dataclass(frozen=True)
class Line:
    """A minor version of ansible-core, its Pythons, and those of the controller to test it with (``pythons``).

    Most tests run with the first one of them. The table in the README has the same versions (test_support_table.py).
    """

    version: str
    controller: tuple[str, str]  # its oldest and newest Python, as documented by ansible-core
    nodes: tuple[str, str]  # the same for managed nodes
    pythons: tuple[str, ...]
    pre_release: bool = False  # failures are reported as skipped
    sanity: tuple[str, ...] | None = None  # run its `ansible-test sanity` with these arguments, too
    on_request: bool = False  # runs only if it is named: `make matrix ARGS=2.20`

    @property
    def wanted(self) -> str:
        return (
            f"ansible-core>={self.version}.0b1,<{self._next}" if self.pre_release else f"ansible-core~={self.version}.0"
        )

    @property
    def _next(self) -> str:
        major, minor = self.version.split(".")
        return f"{major}.{int(minor) + 1}.0a0"

    @property
    def constraints(self) -> Path:
        return FOLDER / f"{self.version}.txt"


# The sanity tests of older lines that depend on the version of ansible-core or on the Pythons of managed nodes, for what is shipped:
# older versions of ansible-test expect that unit tests of modules run on the Pythons of managed nodes. The newest stable line runs
# all tests.
_COMPATIBILITY = (*(f"--test={name}" for name in ("compile", "import", "validate-modules", "ansible-doc")), "plugins/")
LINES = (
    Line("2.16", ("3.10", "3.12"), ("3.6", "3.12"), ("3.11",), sanity=_COMPATIBILITY),
    Line("2.17", ("3.10", "3.12"), ("3.7", "3.12"), ("3.12",), on_request=True),
    Line("2.18", ("3.11", "3.13"), ("3.8", "3.13"), ("3.12",), sanity=_COMPATIBILITY),
    Line("2.19", ("3.11", "3.13"), ("3.8", "3.13"), ("3.11",), on_request=True),
    Line("2.20", ("3.12", "3.14"), ("3.9", "3.14"), ("3.12", "3.13"), on_request=True),
    Line("2.21", ("3.12", "3.14"), ("3.9", "3.14"), ("3.13", "3.12"), sanity=()),
    Line("2.22", ("3.12", "3.14"), ("3.9", "3.14"), ("3.13",), pre_release=True),
)


def make(venv: Path, python: Path, requirements: list[str]) -> None:
    """Create a virtual environment with these pins (arguments of pip; each package has hashes), unless it is up to date."""
    digest = hashlib.sha256(f"{python.resolve()} {requirements}".encode())
    for name in requirements:
        digest.update(Path(name).read_bytes() if Path(name).is_file() else b"")
    venv.parent.mkdir(parents=True, exist_ok=True)
    with venv.with_name(venv.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Two `make` may run at the same time.
        stamp = venv / ".made"
        if not stamp.exists() or stamp.read_text() != digest.hexdigest():
            _make(venv, python, requirements)
            stamp.write_text(digest.hexdigest())


def _make(venv: Path, python: Path, requirements: list[str]) -> None:
    shutil.rmtree(venv, ignore_errors=True)
    subprocess.run([python, "-m", "venv", venv], check=True)
    pip = [
        str(venv / "bin/python"),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--quiet",
        "--require-hashes",
    ]
    subprocess.run([*pip, *requirements], check=True)
