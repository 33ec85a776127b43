# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of module_utils that ansible-core sends with a module: only those that the module needs."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._host import _install

from .payloads import payload

pytestmark = pytest.mark.slow

MODULE_UTILS = "ansible_collections/alicloud/imds/plugins/module_utils/"


def files(module: str) -> set[str]:
    """Return the files of module_utils in the payload of *module*, without empty files."""
    with zipfile.ZipFile(io.BytesIO(payload(module))) as archive:
        names = [info.filename for info in archive.infolist() if info.file_size]
    return {name[len(MODULE_UTILS) :] for name in names if name.startswith(MODULE_UTILS)}


def packages(module: str) -> set[str]:
    return {name.partition("/")[0] for name in files(module)}


@pytest.mark.parametrize(
    "module, sent",
    [
        ("metadata_facts", {"_imds", "_common"}),
        ("metadata_info", {"_imds", "_common"}),
        ("callers_info", {"_callers", "_imds", "_common"}),
        ("preflight_info", {"_preflight", "_callers", "_imds", "_common"}),
        ("fence", {"_host", "_imds", "_common"}),
    ],
)
def test_a_module_is_sent_with_only_the_packages_that_it_needs(module: str, sent: set[str]) -> None:
    assert packages(module) == sent


def test_metadata_facts_is_sent_with_the_client_only() -> None:
    names = "_client _connect _dmi _errors _facts _gather _http _options _presence _secrets _service _tree _walk"
    client = {"_imds/%s.py" % name for name in names.split()}
    assert files("metadata_facts") == client | {"_common/_clock.py", "_common/_python.py", "_common/_zip_import.py"}


@pytest.mark.parametrize("module", ["metadata_facts", "metadata_info", "access_modes_info"])
def test_a_module_that_reads_plain_http_does_not_load_ssl(module: str, tmp_path: Path) -> None:
    (tmp_path / "payload.zip").write_bytes(payload(module))
    with zipfile.ZipFile(tmp_path / "payload.zip") as archive:
        (file,) = [file for file in archive.namelist() if file.endswith(f"/{module}.py")]
    name = file[: -len(".py")].replace("/", ".")
    program = f"""import runpy, sys
sys.path.insert(0, sys.argv.pop())
try:
    runpy.run_module({name!r}, run_name="__main__", alter_sys=True)
except BaseException:  # there are no arguments
    sys.exit(str([name for name in ("http.client", "ssl", "_ssl") if sys.modules.get(name)]))
"""
    command = [sys.executable, "-c", program, str(tmp_path / "payload.zip")]
    done = subprocess.run(command, input="{}", capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr.splitlines()[-1:] == ["['http.client']"]


def test_callers_info_is_sent_with_only_the_literals_of_the_client() -> None:
    assert {name for name in files("callers_info") if name.startswith("_imds/")} == {"_imds/_service.py"}


def test_all_files_of_the_command_are_sent_to_be_installed() -> None:
    installed = {path for path, source in _install.command_files().items() if source}
    assert installed <= files("tooling")
