# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the clients in the catalog of the preflight check against the emulator while tokens are required."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import HERE, ROLE, Ecs
from measured import REFUSED, ROWS, TOKEN, Row

SCRIPTS = {"aliyun-python-sdk-core": "core_signer.py", "oss2": "oss_keys.py"}
VERSION = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))"


def run(row: Row, ecs: Ecs, fetched: Callable[[str], Path], folder: Path) -> str:
    """Run a client on the instance, and return its version."""
    if row.package == "cloud-init":
        package = fetched("cloud-init") / "trixie/usr/lib/python3/dist-packages"
        python = fetched("python") / "bin/python"
        found = ecs.json(python, HERE / "clients/cloud_init.py", folder, "300", PYTHONPATH=str(package))
        return str(found["version"]).partition("-")[0]
    if row.package.startswith("@"):
        modules = fetched("node") / "node_modules"
        ecs.run("node", HERE / "clients/role_keys.js", ROLE["name"], NODE_PATH=str(modules))
        return str(json.loads((modules / row.package / "package.json").read_text())["version"])
    # The current release is in the environment of the tests.
    python = Path(sys.executable) if row.result == TOKEN else fetched("python") / "bin/python"
    ecs.run(python, HERE / "clients" / SCRIPTS.get(row.package, "role_keys.py"), ROLE["name"])
    return ecs.output(python, "-c", VERSION, row.package).strip()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.package}-{row.version}")
def test_the_measured_result_is_that_of_the_table(
    row: Row, ecs: Ecs, fetched: Callable[[str], Path], tmp_path: Path
) -> None:
    version = run(row, ecs, fetched, tmp_path)
    modes = {(entry["mode"], entry["status"]) for entry in ecs.journal()}
    results = {
        TOKEN: ("token_authenticated", 200) in modes and "normal_mode" not in ecs.modes(),
        REFUSED: modes == {("normal_mode", 403)},
    }
    assert (version, [name for name, holds in results.items() if holds]) == (row.version, [row.result])
