# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may import whom, who may speak to the service without a token, how long may things be? Read from the sources."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
UTILS = CHECKOUT / "plugins/module_utils"
EMULATOR = CHECKOUT / "roles/emulator/files/imds_emulator"
COLLECTION = "ansible_collections.alicloud.imds.plugins.module_utils."
# they do no I/O, so they may import nothing that does
PURE = {
    "_tree": set(),
    "_facts": {"_tree"},
    "_callers_names": set(),
    "_callers_paths": set(),
    "_callers_unit": set(),
    "_callers_stream": {"_callers_names", "_callers_paths"},
    "_callers": {"_callers_names", "_callers_paths"},
    "_watch_flows": {"_callers_stream"},
    "_watch_noise": {"_callers", "_callers_names", "_callers_stream"},
    "_watch_programs": set(),
}
# they know the time, to show or to read it
PURE_BUT_TIME = {"_callers_report": {"_callers_names"}, "_callers_analyzer": {"_callers_names", "_callers_paths"}}
LISTENERS = {"_watch_packets", "_watch_find", "_watch_sockets", "_watch_start"}  # they listen, and tell systemd


def imports(path: Path) -> set[str]:
    """All modules that *path* imports; those beside it with a dot before their name."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            names |= {start + alias.name for alias in node.names} if start == "." else {start}
    return names


def own(path: Path) -> set[str]:
    return {name[1:] for name in imports(path) if name.startswith(".")}


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path) if not name.startswith(".")}


FOREIGN = {"_secrets": {"ansible"}, "_requests": {"requests", "urllib3"}}


@pytest.mark.parametrize("path", sorted(UTILS.rglob("_*.py")), ids=lambda path: path.stem)
def test_module_utils_need_only_the_standard_library_and_each_other(path: Path) -> None:
    assert roots(path) - set(sys.stdlib_module_names) == FOREIGN.get(path.stem, set())


def test_the_data_plane_knows_nothing_of_the_control_plane() -> None:
    names = {name.strip(".").split(".")[0] for path in UTILS.glob("_*.py") for name in imports(path)}
    assert not names & {"_openapi", "_fleet", "_preflight"}


def test_the_preflight_reads_files_and_nothing_else() -> None:
    """So that it can be run anywhere; it asks neither the service nor the API."""
    paths = list((UTILS / "_preflight").glob("_*.py"))
    beside = {path.stem for path in paths}
    assert {name for path in paths for name in own(path)} - beside - {""} == {
        "._callers_file",
        "._callers_names",
        "._callers_read",
        "._callers_report",
        "._dmi",
    }
    assert not {name for path in paths for name in roots(path)} & {"http", "socket", "urllib", "ssl", "threading"}
    assert {path.stem for path in paths if "subprocess" in roots(path)} == {"_system_packages"}


PREFLIGHT_PURE = ("_callers", "_catalog", "_catalog_software", "_findings", "_libraries", "_versions")


@pytest.mark.parametrize("name", PREFLIGHT_PURE)
def test_judgements_do_no_io(name: str) -> None:
    path = UTILS / "_preflight" / (name + ".py")
    assert own(path) <= {*PREFLIGHT_PURE, "._callers_names"}  # words only; it is in PURE above
    assert not roots(path) & {"os", "subprocess", "time"}


FLEET_PURE = ("_instance", "_verdict", "_desired", "_report")


@pytest.mark.parametrize("name", FLEET_PURE)
def test_decisions_do_no_io(name: str) -> None:
    path = UTILS / "_fleet" / (name + ".py")
    assert own(path) <= {*FLEET_PURE, "_apply"}
    assert not roots(path) & {"fcntl", "http", "os", "requests", "socket", "subprocess", "threading", "time"}


REPORT_IMPURE = {"_report", "_writer"}


@pytest.mark.parametrize("path", sorted((UTILS / "_fleetreport").glob("_[a-z]*.py")), ids=lambda path: path.stem)
def test_the_fleet_report_reaches_nothing(path: Path) -> None:
    """It shows what others found out. Two files know paths, the others no I/O at all."""
    assert own(path) <= {it.stem for it in path.parent.glob("*.py")}
    assert not roots(path) & {"fcntl", "http", "requests", "socket", "subprocess", "threading", "time"}
    assert path.stem in REPORT_IMPURE or not own(path) & REPORT_IMPURE | roots(path) & {"os", "stat", "tempfile"}


@pytest.mark.parametrize("name", PURE)
def test_pure_files_do_no_io(name: str) -> None:
    assert own(UTILS / (name + ".py")) == PURE[name]
    assert not roots(UTILS / (name + ".py")) & {"http", "os", "socket", "subprocess", "threading", "time"}


@pytest.mark.parametrize("name", PURE_BUT_TIME)
def test_files_that_know_the_time_do_no_io(name: str) -> None:
    assert own(UTILS / (name + ".py")) == PURE_BUT_TIME[name]
    assert not roots(UTILS / (name + ".py")) & {"http", "os", "socket", "subprocess", "threading"}


def test_only_the_client_opens_connections() -> None:
    users = {path.stem for path in UTILS.glob("*.py") if "http" in roots(path) or "socket" in roots(path)}
    assert users == {"_http"} | LISTENERS
    assert not [name for name in LISTENERS if "connect(" in (UTILS / (name + ".py")).read_text()]
    assert {path.stem for path in UTILS.glob("*.py") if "_http" in own(path)} == {"_client", "_errors"}


def test_only_the_probe_sends_without_a_token() -> None:
    senders = {path.stem for path in UTILS.glob("*.py") if ".send(" in path.read_text()}
    assert senders == {"_modes"}


def test_only_the_client_and_the_probe_know_header_names() -> None:
    knowing = {path.stem for path in (CHECKOUT / "plugins").rglob("*.py") if "X-aliyun" in path.read_text()}
    assert knowing == {"_client"}


def test_the_watch_is_separate_from_the_client() -> None:
    names = {path: own(path) for path in UTILS.glob("*.py") if path.stem.startswith(("_watch", "_callers"))}
    assert all(name.startswith(("_watch", "_callers")) for used in names.values() for name in used)
    assert "_callers_stream" in names[UTILS / "_watch_flows.py"]


def test_the_watch_looks_for_the_header_that_the_client_sends() -> None:
    client, watch = ((UTILS / name).read_text() for name in ("_client.py", "_callers_stream.py"))
    assert '"X-aliyun-ecs-metadata-token"' in client
    assert 'b"x-aliyun-ecs-metadata-token"' in watch


def test_what_reads_records_runs_without_the_watch() -> None:
    used = {name[len(COLLECTION) :] for name in imports(CHECKOUT / "plugins/modules/callers_info.py")}
    assert not [name for name in used if name.startswith("_watch")]
    assert not [name for name in own(UTILS / "_callers_read.py") if name.startswith("_watch")]


# they concern the host, or what others have found
ASK_NOBODY = {"callers_info", "fence", "preflight_info", "report", "tooling"}


@pytest.mark.parametrize("path", sorted((CHECKOUT / "plugins").glob("[lm]o*/[a-z]*.py")), ids=lambda path: path.stem)
def test_plugins_reach_the_service_only_through_the_options(path: Path) -> None:
    used = {name[len(COLLECTION) :] for name in imports(path) if name.startswith(COLLECTION)}
    assert used & {"_options", "_openapi._module"} or path.stem in ASK_NOBODY
    assert not used & {"_client", "_http", "_openapi._transport"}


def test_the_action_group_is_every_module_that_speaks_to_the_service_or_its_api() -> None:
    """Its defaults are for these: a module without the option `endpoint` would fail over them."""
    runtime = yaml.safe_load((CHECKOUT / "meta/runtime.yml").read_text())
    speaking = {
        path.stem
        for path in (CHECKOUT / "plugins/modules").glob("*.py")
        if {COLLECTION + "_options", COLLECTION + "_openapi._module"} & imports(path)
    }
    assert set(runtime["action_groups"]["imds"]) == speaking


# Lists and tables, which are read line by line
LONG_FUNCTIONS = {"_sent_along", "_fields"}


@pytest.mark.parametrize("folder", [CHECKOUT / "plugins", EMULATOR], ids=lambda path: path.name)
def test_no_function_has_to_be_scrolled(folder: Path) -> None:
    long = {
        f"{path.name}: {node.name}"
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 40
        if node.name not in LONG_FUNCTIONS
    }
    assert long == set()


def test_no_file_answers_many_questions() -> None:
    """Modules are mostly documentation, so they do not count; nor do the four lines of the licence."""
    paths = [*UTILS.rglob("*.py"), *EMULATOR.rglob("*.py")]
    long = {path.name: lines for path in paths if (lines := len(path.read_text().splitlines()) - 4) > 250}
    assert long == {}
