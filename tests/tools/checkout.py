# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the project's files, copy them, and link the checkout as an installed collection."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
_IN_COLLECTIONS = Path("ansible_collections", "alicloud", "imds")


def files() -> list[Path]:
    """Return the project's files, committed or not, relative to the checkout."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listing = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout
    names = sorted(set(filter(None, listing.split("\0"))))
    return [Path(name) for name in names if (CHECKOUT / name).is_file()]


@contextmanager
def linked() -> Iterator[Path]:
    """Yield a folder for ANSIBLE_COLLECTIONS_PATH in which the collection is a link to the checkout.

    ansible-test does not work with a link; use `copied` for it.
    """
    with tempfile.TemporaryDirectory(prefix="imds-link-") as scratch:
        link = Path(scratch) / _IN_COLLECTIONS
        link.parent.mkdir(parents=True)
        link.symlink_to(CHECKOUT, target_is_directory=True)
        yield Path(scratch)


@contextmanager
def copied() -> Iterator[Path]:
    """Yield the collection's folder inside a temporary copy laid out as ``ansible_collections/alicloud/imds``."""
    with tempfile.TemporaryDirectory(prefix="imds-copy-") as scratch:
        target = Path(scratch).resolve() / _IN_COLLECTIONS
        for name in files():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, target / name)
        yield target
