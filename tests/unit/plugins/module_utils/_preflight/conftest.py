# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures: a host whose files are in a temporary directory."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._run import Report, Request, run


class Host:
    """A host whose files are below a directory."""

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
        """Run these preflight checks on the host."""
        return run(Request(checks=checks, host="web1", **request), str(self.root), now)

    def found(self, *checks: str, **request) -> list[tuple]:
        """Return ID, path and version of each finding, also of those about limits of the search."""
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
    """A host whose files other users can read, unlike those in pytest's directories."""
    with tempfile.TemporaryDirectory(prefix="imds-preflight-") as root:
        os.chmod(root, 0o755)
        yield Host(Path(root))
