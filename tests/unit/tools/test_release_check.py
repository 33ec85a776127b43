# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make release-check` finds each way in which a release can be incomplete."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("tomllib", reason="the tools need Python 3.11")

from release_check import Check

FILES = {
    "galaxy.yml": "version: 1.2.0\n",
    "plugins/module_utils/_command/_version.py": 'VERSION = "1.2.0"  # as in galaxy.yml\n',
    "roles/emulator/files/imds_emulator/__init__.py": '__version__ = "1.2.0"\n',
    "changelogs/changelog.yaml": "releases:\n  1.2.0: {}\n  1.1.9: {}\n",
    "changelogs/fragments/.keep": "",
    "CHANGELOG.md": "# Release notes\n\n## v1\\.2\\.0\n\n## v1\\.1\\.9\n",
    "plugins/modules/x.py": "version_added: 1.2.0\n",
    "roles/x/meta/argument_specs.yml": "version_added: 1.1.0\n",
}
GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false")


def same(folder: Path, attempt: int) -> None:
    (folder / "a.tar.gz").write_bytes(b"same")


def different(folder: Path, attempt: int) -> None:
    (folder / "a.tar.gz").write_bytes(bytes([attempt]))


def broken(folder: Path, attempt: int) -> None:
    raise subprocess.CalledProcessError(1, "build")


def failed(
    root: Path, changes: dict[str, str], left: str = "", tag: str = "1.2.0", build: Callable[[Path, int], None] = same
) -> list[str]:
    """Commit the files with *changes*, write the file *left* afterwards, and return the points that are not met."""
    for name, text in {**FILES, **changes}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for words in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "x")):
        subprocess.run([*GIT, *words], cwd=root, check=True)
    if left:
        (root / left).write_text("")
    return [name for name, met, _compared in Check(root, build, tag).points() if not met]


@pytest.mark.parametrize(
    ("changes", "more", "point"),
    [
        ({}, {}, None),
        ({"galaxy.yml": "version: 1.2.0-dev\n"}, {}, "version"),
        ({"plugins/module_utils/_command/_version.py": 'VERSION = "1.1.9"\n'}, {}, "version in _command/_version.py"),
        ({"roles/emulator/files/imds_emulator/__init__.py": ""}, {}, "version in imds_emulator/__init__.py"),
        ({"changelogs/changelog.yaml": "releases: {1.1.9: {}}\n"}, {}, "version in changelogs/changelog.yaml"),
        ({"CHANGELOG.md": "## v1.1.9\n"}, {}, "version in CHANGELOG.md"),
        ({"changelogs/fragments/a.yml": ""}, {}, "changelog fragments consumed"),
        ({"plugins/modules/x.py": "    version_added: '1.10.0'\n"}, {}, "version_added not later than the version"),
        ({}, {"left": "new.txt"}, "no uncommitted files"),
        ({}, {"tag": "1.2.1"}, "tag equals the version"),
        ({}, {"build": different}, "the artifacts have the same bytes twice"),
        ({}, {"build": broken}, "the artifacts have the same bytes twice"),
    ],
)
def test_an_incomplete_release_is_found(tmp_path: Path, changes: dict[str, str], more: dict, point: str | None) -> None:
    if "galaxy.yml" in changes:  # only the form of the version: nothing else can be compared with it
        root = tmp_path
        (root / "galaxy.yml").write_text(changes["galaxy.yml"])
        assert next(Check(root, same).points())[:2] == ("version", False)
        return
    assert failed(tmp_path, changes, **more) == ([point] if point else [])
