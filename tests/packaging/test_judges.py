# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check the tarball with Galaxy's importer and the builder of execution environments."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml
from conftest import CHECKOUT, run, run_checked


def test_galaxy_imports_it_without_an_error_or_a_warning(judges: Path, tarball: Path, tmp_path: Path) -> None:
    shutil.copy(tarball, tmp_path)
    importer = (judges / "python", "-m", "galaxy_importer.main", tarball.name)
    for _attempt in range(3):
        done = run(*importer, folder=tmp_path, PATH=f"{judges}:/usr/sbin:/usr/bin:/sbin:/bin")
        said = done.stdout + done.stderr
        # The importer gives ansible-lint 180 s, whatever else the machine does. That says nothing about the tarball.
        if "Timeout on call to ansible-lint" not in said:
            break
    assert done.returncode == 0 and "Importer processing completed successfully" in said, said
    assert [line for line in said.splitlines() if line.startswith(("WARNING", "ERROR", "CRITICAL"))] == []
    assert "ansible-lint run complete" in said


def test_an_execution_environment_gets_requests_and_nothing_else(judges: Path, installed: Path, tmp_path: Path) -> None:
    needs = yaml.safe_load(run_checked(judges / "ansible-builder", "introspect", installed, folder=tmp_path))
    assert needs["python"] == ["requests>=2.28  # from collection alicloud.imds"]
    assert needs["system"] == []


def test_the_builder_accepts_the_example(judges: Path, tarball: Path, tmp_path: Path) -> None:
    shutil.copytree(CHECKOUT / "docs/examples/execution-environment", tmp_path, dirs_exist_ok=True)
    run_checked(judges / "ansible-builder", "create", "--output-filename", "Containerfile", folder=tmp_path)
    made = (tmp_path / "context" / "Containerfile").read_text()
    assert "ansible-galaxy collection install" in made
    assert "alicloud.imds" in (tmp_path / "context" / "_build" / "requirements.yml").read_text()
