# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Use the tarball without other folders, with the oldest supported versions, and with ansible-pull."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import lab
import lines
import pytest
import yaml
from conftest import BIN, CHECKOUT, HERE, collection, run_checked

INSTANCE = {"instance_id": "i-packed", "default": True, "http_tokens": "required"}
INVENTORY = "localhost ansible_connection=local ansible_python_interpreter=%s\n" % sys.executable


@pytest.fixture
def endpoint():
    with lab.start_emulator({"instances": [INSTANCE]}, listen="127.0.0.1:0") as emulator:
        yield emulator.endpoint()


def test_with_only_the_folders_that_ansible_reads(installed: Path, endpoint: str, tmp_path: Path) -> None:
    for name in ("meta", "plugins", "roles", "playbooks"):
        if (collection(installed) / name).exists():
            shutil.copytree(collection(installed) / name, collection(tmp_path) / name)
    play = {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {"alicloud.imds.metadata_info": {"paths": ["instance-id"], "endpoint": endpoint}, "register": "info"},
            {
                "ansible.builtin.assert": {
                    "that": ["info.metadata['instance-id'] == 'i-packed'", "looked == 'i-packed'"]
                }
            },
            {"ansible.builtin.include_role": {"name": "alicloud.imds.emulator"}},
        ],
        "vars": {"looked": "{{ lookup('alicloud.imds.metadata', 'instance-id', endpoint='%s') }}" % endpoint},
    }
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    (tmp_path / "inventory").write_text(INVENTORY)
    command = (BIN / "ansible-playbook", "--check", "--inventory", "inventory", "play.yml")
    said = run_checked(*command, folder=tmp_path, ANSIBLE_COLLECTIONS_PATH=str(tmp_path))
    assert re.search(r"ok=[1-9]\d* .*failed=0", said), said


def test_with_the_oldest_supported_versions() -> None:
    """Only the control-plane modules use `requests`; unit tests and playbooks cover the oldest ansible-core."""
    lowest = (HERE / "lowest.txt").read_text()
    runtime = yaml.safe_load((CHECKOUT / "meta/runtime.yml").read_text())
    oldest = runtime["requires_ansible"].partition(",")[0].removeprefix(">=")
    assert f"\nansible-core=={oldest}\n" in lowest
    (bound,) = re.findall(r"^requests>=(\S+)$", (CHECKOUT / "meta/ee-requirements.txt").read_text(), re.MULTILINE)
    assert "\nrequests==%s.0\n" % bound in lowest
    assert "requests >= %s" % bound in (CHECKOUT / "plugins/doc_fragments/_openapi.py").read_text()

    venv = CHECKOUT / ".cache" / "packaging" / "lowest"
    lines.make(venv, Path(sys.executable), ["--requirement", str(HERE / "constraints-lowest.txt")])
    pytest_there = (venv / "bin/python", "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider")
    units = ("tests/unit/plugins",)
    run_checked(
        *pytest_there,
        "-m",
        "not slow",
        "--ignore=tests/unit/plugins/module_utils/_openapi/test__signing.py",
        *units,
        folder=CHECKOUT,
    )
    run_checked(venv / "bin/python", "tests/tools/collection.py", venv / "collections", folder=CHECKOUT)
    core_line = ("-m", "not lab", "tests/integration/test_core_line.py")
    run_checked(*pytest_there, *core_line, folder=CHECKOUT, IMDS_COLLECTIONS=str(venv / "collections"))


def test_ansible_pull(installed: Path, endpoint: str, tmp_path: Path) -> None:
    """Run the example of docs/awx.md with a local repository."""
    repository = tmp_path / "repository"
    repository.mkdir()
    shutil.copy(CHECKOUT / "docs/examples/pull.yml", repository / "pull.yml")
    run_checked("git", "init", "--quiet", "--initial-branch=main", folder=repository)
    run_checked("git", "add", "pull.yml", folder=repository)
    run_checked("git", "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-qm", "Pull", folder=repository)
    (tmp_path / "hosts").write_text(INVENTORY)
    pull = (BIN / "ansible-pull", "--url", f"file://{repository}", "--checkout", "main", "--directory", "there")
    variables = {"ANSIBLE_COLLECTIONS_PATH": str(installed), "PATH": f"{BIN}:/usr/sbin:/usr/bin:/sbin:/bin"}
    extra = ("--extra-vars", json.dumps({"imds_endpoint": endpoint}))
    said = run_checked(
        *pull, "--inventory", "hosts", *extra, "pull.yml", folder=tmp_path, HOME=str(tmp_path), **variables
    )
    assert "i-packed" in said and "failed=0" in said
