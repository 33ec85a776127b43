# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the commands of the guides in order, and compare the output with the guides."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import BIN, CHECKOUT
from guides import Block, Shell, Step, blocks, steps
from stage import CONFIG, KEY, SECRET, Stage

pytestmark = pytest.mark.lab

RST = CHECKOUT / "docs" / "docsite" / "rst"
PAGES = sorted(path.name for path in RST.glob("*.rst"))
# The Chinese pages have the same code, byte for byte: tests/unit/docs/test_translations.py.
GUIDES = [name for name in PAGES if ".zh_CN" not in name]
FIVE_MINUTES = "five_minutes.rst"
# They harden three hosts several times: `make guides` runs them, `make integration` does not.
LONG = ("fleet.rst", "playbooks.rst")
INVENTORY = "[web]\nweb1\nweb2\n\n[db]\ndb1\n"


def environment_of(home: Path) -> dict[str, str]:
    """Return the environment of a login shell with Ansible and the command ecs-metadata."""
    path = f"{BIN}:{CHECKOUT}/command:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"HOME": str(home), "PATH": path, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[tuple[Path, Shell]]:
    """Yield a shell with an empty home, in a folder that contains only the collection's tarball."""
    folder, home = tmp_path / "five-minutes", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    build = [str(BIN / "ansible-galaxy"), "collection", "build", "--output-path", str(folder)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    shell = Shell(folder, environment_of(home))
    yield folder, shell
    shell.close()


@pytest.fixture
def reader(tmp_path: Path, start_emulator) -> Iterator[tuple[Stage, Shell]]:
    """Yield a folder, three hosts, an account with an API, and the environment that the guides assume."""
    folder, home = tmp_path / "guide", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    emulator = start_emulator(CONFIG, control=True)
    stage = Stage(folder, emulator.control_endpoint)
    account = {"ALIBABA_CLOUD_ACCESS_KEY_ID": KEY, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": SECRET}
    settings = {"ANSIBLE_PIPELINING": "1", "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".cache/collections")}
    shell = Shell(folder, {**environment_of(home), **account, **settings, "admin": emulator.admin_address})
    yield stage, shell
    shell.close()
    stage.close()


def follow(guide: list[Block], shell: Shell, stage: Stage) -> int:
    """Save the files and run the commands of a guide; return the number of commands."""
    typed = 0
    for block in [block for block in guide if block.run]:
        if block.file:
            stage.save(block.file, block.text)
            continue
        for step in steps_of(block, stage):
            problem = shell.type(step)
            assert problem is None, f"line {block.line}: {problem}"
            typed += 1
    return typed


def steps_of(block: Block, stage: Stage) -> list[Step]:
    """Return the commands of a block, including those that run plays and tasks without a file name."""
    if block.language == "console":
        return steps(block)
    assert block.language == "yaml", (
        f"line {block.line}: a block of {block.language} needs a caption, or a reason not to be run"
    )
    name = f"line-{block.line}.yml"
    stage.save_recipe(name, block.text)
    inventory = stage.folder / "recipes.ini"
    inventory.write_text(INVENTORY)
    return [Step(f"ansible-playbook -i {inventory.name} {name}", "")]


def test_the_five_minute_guide_line_by_line(newcomer: tuple[Path, Shell]) -> None:
    folder, shell = newcomer
    guide = blocks(RST / FIVE_MINUTES)
    for block in [block for block in guide if block.run]:
        if block.file:
            (folder / block.file).write_text(block.text)
        for step in [] if block.file else steps(block):
            problem = shell.type(step)
            assert problem is None, f"line {block.line}: {problem}"


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.long] if name in LONG else []) for name in GUIDES if name != FIVE_MINUTES],
)
def test_the_commands_of_a_guide_print_the_shown_output(reader: tuple[Stage, Shell], name: str) -> None:
    stage, shell = reader
    guide = blocks(RST / name)
    assert follow(guide, shell, stage) or not any(block.run for block in guide)


@pytest.mark.parametrize("name", PAGES)
def test_each_block_that_is_not_run_has_a_reason(name: str) -> None:
    for block in blocks(RST / name):
        assert block.run != block.reason, f"line {block.line}: `:class: not-run` and `.. not run: REASON` go together"
