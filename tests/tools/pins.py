# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pin the packages that make installs from the Python package index, with the hashes of all their files.

`pins.py [--keep] [FILE...]` resolves requirements with uv and writes their pins (`make constraints` runs it). --keep changes no
version without need. pip installs them with
--require-hashes, so that a changed file on an index or mirror is an error. The hashes are those of the public index; wheels in
a local directory (`find-links`) work if they are unchanged.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import interpreters
from checkout import CHECKOUT
from lines import LINES

TESTS = Path("tests")
HEADER = "# Exact versions and hashes of {}. Written by 'make constraints'; do not edit.\n"
OWN = "%d.%d" % sys.version_info[:2]


class Pins(NamedTuple):
    """A file of pins, the requirements that it pins, and options of uv; ``python`` is the version that installs them."""

    file: Path
    requirements: Path
    options: tuple[str, ...] = ()
    python: str = OWN
    more: str = ""  # a requirement in addition to those of the file


# A file without the dependencies of its packages (--no-deps) is installed without them, too.
ALL = (
    Pins(Path("constraints.txt"), Path("requirements-test.txt")),
    Pins(Path("constraints-core.txt"), Path("requirements.txt"), ("--constraint", "constraints.txt")),
    Pins(Path("constraints-docs.txt"), Path("requirements-docs.txt")),
    *(
        Pins(TESTS / f"matrix/{line.version}.txt", TESTS / "matrix/requirements.txt", (), line.pythons[0], line.wanted)
        for line in LINES
    ),
    Pins(TESTS / "packaging/constraints.txt", TESTS / "packaging/requirements.txt"),
    Pins(TESTS / "packaging/constraints-lowest.txt", TESTS / "packaging/lowest.txt"),
    Pins(TESTS / "interop/constraints.txt", TESTS / "interop/requirements.txt", ("--no-deps",)),
    Pins(TESTS / "interop/constraints-other.txt", TESTS / "interop/requirements-other.txt", ("--no-deps",)),
    Pins(TESTS / "interop/constraints-sdk.txt", TESTS / "interop/requirements-sdk.txt", ("--no-deps",)),
    Pins(TESTS / "interop/constraints-openapi.txt", TESTS / "interop/requirements-openapi.txt"),
    Pins(TESTS / "hosts/constraints.txt", TESTS / "hosts/requirements.txt", ("--no-deps",)),
    Pins(
        TESTS / "benchmark/constraints.txt",
        TESTS / "benchmark/requirements.txt",
        ("--no-deps", "--python-version", "3.13"),
    ),
)


def resolver(scratch: Path) -> Path:
    """Install uv in a new virtual environment and return its path."""
    subprocess.run([sys.executable, "-m", "venv", scratch / "uv"], check=True)
    subprocess.run([scratch / "uv/bin/python", "-m", "pip", "install", "--quiet", "uv"], check=True)
    return scratch / "uv/bin/uv"


def refresh(uv: Path, pins: Pins, python: Path, scratch: Path, keep: bool) -> None:
    """Write one file with the versions that the resolver chooses today, or with the present ones where they fit (*keep*)."""
    wanted = [CHECKOUT / pins.requirements]
    if pins.more:
        wanted.append(scratch / "more.txt")
        wanted[-1].write_text(pins.more + "\n")
    new = scratch / "new.txt"
    if keep and (CHECKOUT / pins.file).exists():
        new.write_text((CHECKOUT / pins.file).read_text())  # uv prefers the versions in its output file
    command: list[str | Path] = [
        uv,
        "pip",
        "compile",
        "--quiet",
        "--no-config",
        "--generate-hashes",
        "--no-annotate",
        "--no-header",
    ]
    options: list[str | Path] = [
        "--no-strip-extras",
        "--prerelease",
        "if-necessary-or-explicit",
        "--python",
        python,
        *pins.options,
    ]
    subprocess.run([*command, *options, "--output-file", new, *wanted], cwd=CHECKOUT, check=True)
    what = " and ".join([str(pins.requirements), *([pins.more] if pins.more else [])])
    (CHECKOUT / pins.file).write_text(HEADER.format(what) + new.read_text())
    new.unlink()
    print(f"{pins.file} is refreshed", flush=True)


def main(names: list[str]) -> int:
    keep = "--keep" in names
    names = [name for name in names if name != "--keep"]
    os.environ.setdefault("SSL_CERT_FILE", os.environ.get("PIP_CERT", ""))
    if not os.environ["SSL_CERT_FILE"]:
        del os.environ["SSL_CERT_FILE"]
    found = {**interpreters.find(), OWN: Path(sys.executable)}
    missing = False
    with tempfile.TemporaryDirectory() as scratch:
        uv = resolver(Path(scratch))
        for pins in ALL:
            if names and str(pins.file) not in names:
                continue
            if pins.python not in found:
                print(f"{pins.file} stays as it is: there is no Python {pins.python} here")
                missing = True
                continue
            refresh(uv, pins, found[pins.python], Path(scratch), keep)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
