# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small real tree of files for each test."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._run import Report, Request, run


class Host:
    """Files of a host below a directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, content: str | bytes = "") -> Path:
        real = self.root / path.lstrip("/")
        real.parent.mkdir(parents=True, exist_ok=True)
        real.write_bytes(content.encode() if isinstance(content, str) else content)
        return real

    def link(self, path: str, target: str) -> Path:
        real = self.root / path.lstrip("/")
        real.parent.mkdir(parents=True, exist_ok=True)
        real.symlink_to(target)
        return real

    def run(self, *checks: str, now: float | None = None, **request) -> Report:
        """Run these checks of the preflight on it."""
        return run(Request(checks=checks, host="web1", **request), str(self.root), now)

    def found(self, *checks: str, **request) -> list[tuple]:
        """(id, path, version) of each finding, the limits of the search included."""
        return [
            (one["id"], one["evidence"].get("path"), one["evidence"].get("version"))
            for one in self.run(*checks, **request).findings
        ]


@pytest.fixture
def host(tmp_path):
    root = tmp_path / "host"
    root.mkdir()
    return Host(root)


@pytest.fixture
def public_host():
    """One that other users can reach; pytest's directories are closed to them."""
    with tempfile.TemporaryDirectory(prefix="imds-preflight-") as root:
        os.chmod(root, 0o755)
        yield Host(Path(root))
