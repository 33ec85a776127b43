# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the guides tell their readers to type is typed, in order, and shows what they say."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import BIN, CHECKOUT
from guides import Block, Shell, blocks, steps

pytestmark = pytest.mark.lab

RST = CHECKOUT / "docs" / "docsite" / "rst"
GUIDES = sorted(path.name for path in RST.glob("*.rst"))


def environment_of(home: Path) -> dict[str, str]:
    """That of somebody who has just logged in, and has Ansible."""
    path = f"{BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"HOME": str(home), "PATH": path, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[tuple[Path, Shell]]:
    """A clean folder with nothing but the collection's file, and a shell in it whose home is new."""
    folder, home = tmp_path / "five-minutes", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    build = [str(BIN / "ansible-galaxy"), "collection", "build", "--output-path", str(folder)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    shell = Shell(folder, environment_of(home))
    yield folder, shell
    shell.close()


def follow(guide: list[Block], folder: Path, shell: Shell) -> None:
    """Save what is to be saved, and type what is to be typed."""
    for block in guide:
        if not block.run:
            continue
        if block.file:
            (folder / block.file).write_text(block.text)
        else:
            assert block.language == "console", f"line {block.line}: a file needs a caption"
            for step in steps(block):
                problem = shell.type(step)
                assert problem is None, f"line {block.line}: {problem}"


@pytest.mark.parametrize("name", ["five_minutes.rst", "five_minutes.zh_CN.rst"])
def test_the_five_minutes_typed_line_by_line(newcomer, name: str) -> None:
    folder, shell = newcomer
    follow(blocks(RST / name), folder, shell)


@pytest.mark.parametrize("name", GUIDES)
def test_what_is_not_run_has_a_reason(name: str) -> None:
    for block in blocks(RST / name):
        assert block.run != block.reason, f"line {block.line}: `:class: not-run` and `.. not run: REASON` go together"
