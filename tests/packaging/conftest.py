# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tarball as `make dist` makes it from this checkout, and what judges it. `make packaging` runs all of this folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]

import checkout  # noqa: E402
import lines  # noqa: E402

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
AUTHOR = {f"GIT_{who}_{what}": "tests@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def run(*command: Any, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command without any settings of Ansible or git but *variables*; its output is text."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "GIT_"))}
    environment.update(ANSIBLE_HOME=str(CHECKOUT / ".cache" / "ansible"), ANSIBLE_CONFIG=str(HERE / "ansible.cfg"))
    environment.update(variables)
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False)


def must(*command: Any, folder: Path, **variables: str) -> str:
    done = run(*command, folder=folder, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one commit: this checkout as it is, with what is not committed yet."""
    folder = tmp_path_factory.mktemp("repository")
    for name in checkout.files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        # a link stays one
        must("cp", "--no-dereference", CHECKOUT / name, folder / name, folder=tmp_path_factory.getbasetemp())
    must("git", "init", "--quiet", folder=folder)
    must("git", "add", "--all", "--force", folder=folder)
    must("git", "commit", "--quiet", "--message", "All", folder=folder, **AUTHOR)
    return folder


def dist(repository: Path, target: Path, **variables: str) -> Path:
    must(sys.executable, "tests/tools/dist.py", target, folder=repository, **variables)
    (tarball,) = target.glob("*.tar.gz")
    return tarball


@pytest.fixture(scope="session")
def tarball(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dist(repository, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def installed(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for ANSIBLE_COLLECTIONS_PATH with the tarball installed in it."""
    folder = tmp_path_factory.mktemp("installed")
    install(tarball, folder)
    return folder


def install(tarball: Path, folder: Path) -> None:
    galaxy = (BIN / "ansible-galaxy", "collection", "install", tarball, "--collections-path", folder, "--offline")
    must(*galaxy, folder=folder, ANSIBLE_COLLECTIONS_PATH=str(folder))


def collection(root: Path) -> Path:
    return root / "ansible_collections" / "alicloud" / "imds"


@pytest.fixture(scope="session")
def judges() -> Path:
    """The programs of tests/packaging/requirements.txt."""
    venv = CHECKOUT / ".cache" / "packaging" / "judges"
    lines.make(venv, Path(sys.executable), ["--requirement", str(HERE / "constraints.txt")])
    return venv / "bin"
