# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All Python packages are pinned with hashes, and pip is told to check them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from pins import ALL

CHECKOUT = Path(__file__).resolve().parents[3]

# All pins and all files of the project are read.
pytestmark = pytest.mark.slow

PIN = re.compile(r"([A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==([^ ;]+)(?: ; [^\\]+)?((?: --hash=sha256:[0-9a-f]{64})+)")


def entries(file: Path) -> list[str]:
    """Return the entries of a file of requirements, with continued lines joined."""
    joined = re.sub(r" *\\\n *", " ", (CHECKOUT / file).read_text())
    return [line for line in joined.splitlines() if line and not line.startswith("#")]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("pins", ALL, ids=lambda pins: str(pins.file))
def test_every_package_has_a_version_and_hashes(pins) -> None:
    locked = entries(pins.file)
    assert [line for line in locked if not PIN.fullmatch(line)] == []
    versions = {normal(found[1]): found[2] for found in map(PIN.fullmatch, locked) if found}
    wanted = [line for line in entries(pins.requirements) if not line.startswith("-")]
    assert wanted
    for line in wanted:
        name, version = re.match(r"([A-Za-z0-9._-]+)(?:==([^ ]+))?", line).groups()
        assert normal(name) in versions
        assert version in (None, versions[normal(name)]), "`make constraints ARGS=--keep` was not run after a change"


def test_all_files_of_pins_are_listed() -> None:
    pattern = ["constraints*.txt", "tests/*/constraints*.txt", "tests/matrix/2*.txt"]
    assert {path for part in pattern for path in CHECKOUT.glob(part)} == {CHECKOUT / pins.file for pins in ALL}


# Ways to install with pip.
INSTALLS = re.compile(
    r"-m pip install|\"pip\",[^\]]*\"(install|download)\"|^ *\w+ = [(\[]\"install\"|\"pip\", \"--python\"", re.MULTILINE
)
# What installs without hashes, and why.
EXCEPTIONS = {
    "tests/tools/pins.py": "installs the resolver, whose version decides nothing",
    "tests/tools/ansible_test_home.py": "downloads the pip whose version ansible-core names",
    "tests/unit/plugins/module_utils/_preflight/test__python.py": "tests what pip leaves on a host",
}


def test_pip_always_checks_hashes() -> None:
    found = {}
    files = subprocess.run(
        ["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    ).stdout.split()
    for name in files or [str(path.relative_to(CHECKOUT)) for path in CHECKOUT.rglob("tests/**/*.py")]:
        if name == "Makefile" or (name.startswith("tests/") and name.endswith((".py", ".sh"))):
            text = (CHECKOUT / name).read_text(errors="replace")
            if INSTALLS.search(text):
                found[name] = "--require-hashes" in text
    assert {"Makefile", "tests/tools/lines.py", "tests/tools/interop.py", "tests/benchmark/peer.py"} <= set(found)
    assert {name for name, checks in found.items() if not checks} - {"tests/unit/tools/test_pins.py"} <= set(EXCEPTIONS)


def test_pip_refuses_another_file(tmp_path: Path) -> None:
    """The pip of this environment, with a local index: the hash of the file decides."""
    (tmp_path / "demo-1.0-py3-none-any.whl").write_bytes(b"changed")
    (tmp_path / "pins.txt").write_text("demo==1.0 --hash=sha256:" + "0" * 64 + "\n")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--require-hashes",
        "--no-index",
        "--dry-run",
        "--ignore-installed",
    ]
    done = subprocess.run(
        [*command, "--find-links", str(tmp_path), "--requirement", str(tmp_path / "pins.txt")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0 and "DO NOT MATCH THE HASHES" in done.stderr
