# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follow the recipes for a first contribution in a copy of the checkout: their diffs apply, their tests fail first and pass then."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("tomllib", reason="the tools need Python 3.11")

from checkout import files

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parents[3]
RECIPES = ("Add a fact", "Add a finding to the preflight check")


def blocks(recipe: str) -> list[tuple[str, str]]:
    """Return language and text of the code blocks of a recipe."""
    text = (CHECKOUT / "CONTRIBUTING.md").read_text().split(f"### {recipe}\n")[1].split("\n### ")[0]
    found = re.findall(r"^ *```(\w+)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [(language, textwrap.dedent(block)) for language, block in found]


def copy(folder: Path) -> None:
    for name in files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, folder / name)


def run(words: list[str], folder: Path, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=folder, input=text, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_leads_to_a_change_whose_tests_pass(recipe: str, tmp_path: Path) -> None:
    steps = blocks(recipe)
    commands = [line for language, block in steps if language == "console" for line in block.splitlines()]
    assert commands[0].endswith("# fails") and not commands[-1].endswith("# fails")
    copy(tmp_path)
    for language, block in steps:
        if language == "diff":
            applied = run(["git", "apply", "--recount", "--unidiff-zero", "-"], tmp_path, block)
            assert applied.returncode == 0, applied.stderr + block
            continue
        for line in block.splitlines():
            prompt, program, *words = shlex.split(line, comments=True)
            assert (prompt, program) == ("$", ".venv/bin/python")
            done = run([sys.executable, *words], tmp_path)
            assert done.returncode == (1 if line.endswith("# fails") else 0), line + done.stdout + done.stderr
