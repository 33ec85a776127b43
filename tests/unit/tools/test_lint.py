# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make lint` runs the checks it is asked for, and the settings for editors and hooks agree with it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[3]

pytest.importorskip("tomllib", reason="tests/tools/lint.py needs Python 3.11")

import lint  # noqa: E402
from report import Report  # noqa: E402

pytestmark = pytest.mark.slow

NAMES = [name for name, _command, _folder in lint.checks(CHECKOUT, CHECKOUT)]
HOOKS = [
    hook
    for repository in yaml.safe_load((CHECKOUT / ".pre-commit-config.yaml").read_text())["repos"]
    for hook in repository["hooks"]
]


def meant(*words: str) -> list[str]:
    return [name for name in NAMES if lint.is_meant(name, words)]


def test_the_names_of_checks_are_distinct() -> None:
    assert len(set(NAMES)) == len(NAMES)


def test_a_check_is_named_in_full_or_by_its_first_words() -> None:
    assert meant("ruff-check") == ["ruff check"]
    assert meant("ruff") == ["ruff check", "ruff format"]
    assert meant("mypy") == [name for name in NAMES if name.startswith("mypy ")] != []
    assert meant("banned-phrases", "codespell") == ["banned phrases", "codespell"]
    assert meant() == NAMES
    assert meant("ruf") == []


def test_an_unknown_check_is_an_error() -> None:
    command = [sys.executable, str(CHECKOUT / "tests/tools/lint.py"), "ruff", "no-such-check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "lint.py: no such check: no-such-check\n"


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_each_hook_runs_checks_of_make_lint(hook: dict) -> None:
    program, script, *words = hook["entry"].split()
    assert (program, script) == (".venv/bin/python", "tests/tools/lint.py")
    assert words and [word for word in words if not meant(word)] == []
    assert hook["language"] == "system" and hook["pass_filenames"] is False


def test_the_development_container_is_json_with_comments_and_runs_a_make_target() -> None:
    text = (CHECKOUT / ".devcontainer/devcontainer.json").read_text()
    settings = json.loads(re.sub(r"(?m)^\s*//.*$", "", text))
    assert settings["image"] == "python:3.11-bookworm"
    (target,) = re.findall(r"\bmake (\S+)$", settings["postCreateCommand"])
    assert re.search(rf"(?m)^{target}:", (CHECKOUT / "Makefile").read_text())


@pytest.mark.parametrize("second", [0, 5])
def test_a_check_that_failed_by_chance_runs_once_more(tmp_path: Path, second: int) -> None:
    page = 'x.rst:4:0: (ERROR/3) Unknown target name: "antsibull-docs-6rg5j05".'
    script = f"[ ! -e ran ] || {{ echo again >> ran; exit {second}; }}; echo first > ran; echo '{page}'; exit 3"
    report = Report()
    report.run("documentation", ["sh", "-c", script], tmp_path, os.environ, lint.CHANCE["plugin documentation"])
    assert (len(report.passed), len(report.failed)) == ((0, 1) if second else (1, 0))
    assert (tmp_path / "ran").read_text() == "first\nagain\n"
    assert not report.run("other", ["sh", "-c", script.replace("[ ! -e ran ] ||", "false &&")], tmp_path, os.environ)
    assert (tmp_path / "ran").read_text() == "first\n", "without a pattern it runs once"
