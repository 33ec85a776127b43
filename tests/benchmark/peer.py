# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""peer.py: fetch the collection amazon.aws for the comparison into .cache/benchmark (once; needs a package index).

It is part of the PyPI package ``ansible``. The dependencies of that package are omitted: ec2_metadata_facts needs none. The newest package
requires a newer Python than this one may be, for its ansible-core; the collection also runs with older ones (`requires_ansible`).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PINS = Path(__file__).with_name("constraints.txt")
CACHE = Path(__file__).resolve().parents[2] / ".cache/benchmark"
COLLECTION = CACHE / "ansible_collections/amazon/aws"
FETCHED = CACHE / "peer"  # the package that the collection in the cache comes from


def package() -> str:
    """Return the pinned package, for example ansible==12.3.0."""
    return next(line.split()[0] for line in PINS.read_text().splitlines() if "==" in line)


def version() -> str:
    """Return the version of the collection in the cache."""
    manifest = json.loads((COLLECTION / "MANIFEST.json").read_text())
    return str(manifest["collection_info"]["version"])


def fetch() -> None:
    print("Fetching amazon.aws out of the package ansible", flush=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target", scratch]
        pip.append("--ignore-requires-python")
        subprocess.run([*pip, "--require-hashes", "--requirement", PINS], check=True)
        shutil.rmtree(COLLECTION, ignore_errors=True)
        COLLECTION.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(Path(scratch, "ansible_collections/amazon/aws"), COLLECTION)
    FETCHED.write_text(package())


if __name__ == "__main__":
    if not FETCHED.exists() or FETCHED.read_text() != package():
        fetch()
