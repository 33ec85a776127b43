# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Provide the tarball that `make dist` builds from this checkout, and its validators. `make packaging` runs this folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import checkout
import lines
import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
AUTHOR = {f"GIT_{who}_{what}": "tests@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def run(*command: Any, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command without any settings of Ansible or git but *variables*; its output is text."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "GIT_"))}
    environment.update(ANSIBLE_HOME=str(CHECKOUT / ".cache" / "ansible"), ANSIBLE_CONFIG=str(HERE / "ansible.cfg"))
    environment.update(variables)
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=1800, check=False)


def run_checked(*command: Any, folder: Path, **variables: str) -> str:
    """Return the output of a command; fail the test if the command fails."""
    done = run(*command, folder=folder, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with one commit: this checkout, including changes that are not committed."""
    folder = tmp_path_factory.mktemp("repository")
    for name in checkout.files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        # Links must stay links.
        run_checked("cp", "--no-dereference", CHECKOUT / name, folder / name, folder=tmp_path_factory.getbasetemp())
    run_checked("git", "init", "--quiet", folder=folder)
    run_checked("git", "add", "--all", "--force", folder=folder)
    run_checked("git", "commit", "--quiet", "--message", "All", folder=folder, **AUTHOR)
    return folder


def dist(repository: Path, target: Path, **variables: str) -> Path:
    run_checked(sys.executable, "tests/tools/dist.py", target, folder=repository, **variables)
    (tarball,) = target.glob("alicloud-imds-*.tar.gz")
    return tarball


@pytest.fixture(scope="session")
def tarball(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dist(repository, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def installed(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for ANSIBLE_COLLECTIONS_PATH with the tarball installed in it."""
    folder = tmp_path_factory.mktemp("installed")
    install(tarball, folder)
    return folder


def install(tarball: Path, folder: Path) -> None:
    galaxy = (BIN / "ansible-galaxy", "collection", "install", tarball, "--collections-path", folder, "--offline")
    run_checked(*galaxy, folder=folder, ANSIBLE_COLLECTIONS_PATH=str(folder))


def collection(root: Path) -> Path:
    return root / "ansible_collections" / "alicloud" / "imds"


@pytest.fixture(scope="session")
def judges() -> Path:
    """Return the folder of the programs of tests/packaging/requirements.txt."""
    venv = CHECKOUT / ".cache" / "packaging" / "judges"
    lines.make(venv, Path(sys.executable), ["--requirement", str(HERE / "constraints.txt")])
    return venv / "bin"
