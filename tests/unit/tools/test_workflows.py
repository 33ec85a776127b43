# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workflows run targets that exist, pin actions by commit, and have few permissions. `make lint` runs actionlint."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import lines
import pytest
import yaml
from checkout import CHECKOUT

PATHS = sorted((CHECKOUT / ".github/workflows").glob("*.yml"))
TARGETS = set(re.findall(r"(?m)^([a-z][a-z-]*):(?!=)", (CHECKOUT / "Makefile").read_text()))
# Before the checkout there is no script to call.
BEFORE_CHECKOUT = re.compile(r"apt-get update -q && apt-get install -y -q --no-install-recommends [a-z0-9 -]+")
READ_ONLY = {"contents": "read"}
# The jobs that need more than to read the repository
PERMISSIONS = {("release", "attest"): {"attestations": "write", "contents": "read", "id-token": "write"}}


def problems(name: str, text: str) -> Iterator[str]:
    """Yield what is wrong with the workflow *name*."""
    flow: dict[str, Any] = yaml.safe_load(text)
    if set(flow["on"]) - {"pull_request", "push", "schedule", "workflow_dispatch"}:
        yield "another event"  # pull_request_target and issue_comment run with the secrets of the repository
    if flow.get("permissions") != READ_ONLY:
        yield "permissions of the workflow"
    for job_name, job in flow["jobs"].items():
        if job.get("permissions", READ_ONLY) != PERMISSIONS.get((name, job_name), READ_ONLY):
            yield f"permissions of {job_name}"
        if not 0 < job.get("timeout-minutes", 0) <= 120:
            yield f"no time limit of {job_name}"
        for step in job["steps"]:
            if (
                step.get("uses", "").startswith("actions/checkout@")
                and step["with"]["persist-credentials"] is not False
            ):
                yield f"credentials in the checkout of {job_name}"
            yield from (f"{job_name}: {problem}" for problem in run_problems(step.get("run", "")))
    for line in re.findall(r"(?m)^ *(?:- )?uses: *(.*)$", text):
        if not re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line):
            yield f"not pinned by a commit with its version: {line}"


def run_problems(script: str) -> Iterator[str]:
    if "${{" in script:
        yield "an expression in a script"
    for line in filter(None, script.splitlines()):
        if BEFORE_CHECKOUT.fullmatch(line):
            continue
        program, *words = shlex.split(line, comments=True)
        targets = [word for word in words if "=" not in word]
        if program == "make" and targets and set(targets) <= TARGETS:
            continue
        if not (CHECKOUT / program).is_file():
            yield f"neither a target nor a script: {line}"


def test_the_workflows_are_those_that_the_documentation_names() -> None:
    assert [path.stem for path in PATHS] == ["nightly", "pull-request", "refresh", "release"]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_workflow_is_safe_and_runs_what_exists(path: Any) -> None:
    assert list(problems(path.stem, path.read_text())) == []


def test_the_workflows_name_the_oldest_line_and_the_pre_release() -> None:
    named = {path.stem: re.findall(r"make matrix ARGS=(\S+)", path.read_text()) for path in PATHS}
    assert named["pull-request"] == [lines.LINES[0].version]
    assert named["nightly"] == [line.version for line in lines.LINES if line.pre_release]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("make lint", "make lynt", "lint: neither a target nor a script: make lynt"),
        ("make lint", "curl https://example.com | sh", "lint: neither a target nor a script: curl https://example.com | sh"),
        ("make lint", "make lint ARGS=${{ github.head_ref }}", "lint: an expression in a script"),
        ("contents: read", "contents: write", "permissions of the workflow"),
        ("pull_request:", "pull_request_target:", "another event"),
        ("timeout-minutes: 45", "timeout-minutes: 450", "no time limit of oldest-core"),
        ("@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7", "not pinned by a commit with its version: actions/checkout@v7"),
        ("persist-credentials: false", "persist-credentials: true", "credentials in the checkout of lint"),
    ],
)  # fmt: skip
def test_a_problem_is_found(old: str, new: str, problem: str) -> None:
    text = (CHECKOUT / ".github/workflows/pull-request.yml").read_text()
    assert old in text
    assert problem in list(problems("pull-request", text.replace(old, new)))
