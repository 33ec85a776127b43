# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the modules with the Pythons of managed nodes, and with proxy variables, which must have no effect."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import ansible.release
import lab
import pytest
from ansible.module_utils import basic
from dumping import dump, dumped

CHECKOUT = Path(__file__).resolve().parents[2]

import interpreters  # noqa: E402
import lines  # noqa: E402

INSTANCE = {
    "instance_id": "i-node",
    "default": True,
    "http_tokens": "required",
    "role": {"name": "EcsWebRole"},
    "instance_metadata_tags": "enabled",
    "tags": {"stage": "prod"},
}
(LINE,) = [line for line in lines.LINES if line.version == ".".join(ansible.release.__version__.split(".")[:2])]
# The Pythons of managed nodes, from the oldest one that this ansible-core supports.
SUPPORTED = interpreters.VERSIONS[interpreters.VERSIONS.index(LINE.nodes[0]) :]
# `make matrix` sets the variable and runs the modules with all of them, `make test` with two (`lines.py`).
VERSIONS = SUPPORTED if "IMDS_COLLECTIONS" in os.environ else LINE.nodes
MODULES = {path.stem for path in (CHECKOUT / "plugins/modules").glob("[a-z]*.py")}
TASKS = [
    {"alicloud.imds.metadata_facts": {}},
    {"alicloud.imds.metadata_info": {"paths": ["instance-id", "nonsense"], "missing": "null"}, "register": "info"},
    {"alicloud.imds.access_modes_info": {}, "register": "modes"},
    {
        "ansible.builtin.set_fact": {
            "found": ["{{ ansible_facts.alicloud_ecs }}", "{{ info.metadata }}", "{{ modes.verdict }}"]
        }
    },
]
OTHERS = sorted(MODULES - {name.rpartition(".")[2] for task in TASKS for name in task})


def test_the_documented_oldest_python_is_the_one_of_this_ansible_core() -> None:
    source = Path(basic.__file__).read_text()
    (minor,) = re.findall(r"^_PY3?_MIN = (?:sys.version_info >= )?\(3, (\d+)\)$", source, re.MULTILINE)
    assert LINE.nodes[0] == f"3.{minor}"


@functools.lru_cache(maxsize=None)
def found() -> dict[str, Path]:
    return interpreters.find()


def show(*names: str) -> dict[str, Any]:
    """Return a task that prints the facts and the messages of these results for `results`."""
    messages = ", ".join(name + ".msg" for name in names)
    return dump("{'host': inventory_hostname, 'found': found + [%s]}" % messages)


def results(run: subprocess.CompletedProcess[str]) -> dict[str, list[Any]]:
    """Return the results of each host that completed the play."""
    return {shown["host"]: shown["found"] for shown in dumped(run.stdout)}


@pytest.fixture(scope="module")
def on_all(start_shared_emulator, run_shared_playbook) -> subprocess.CompletedProcess[str]:
    """Run all modules once, with a host for each Python."""
    endpoint = start_shared_emulator({"instances": [INSTANCE]}, listen="127.0.0.1:0").endpoint()
    defaults = {"group/alicloud.imds.imds": {"endpoint": endpoint}}
    tasks = [{"alicloud.imds." + name: {"nonsense": 1}, "register": name, "ignore_errors": True} for name in OTHERS]
    plays = [
        {"hosts": "all", "gather_facts": False, "module_defaults": defaults, "tasks": [*TASKS, *tasks, show(*OTHERS)]}
    ]
    hosts = {
        version: {"ansible_python_interpreter": str(found()[version])} for version in VERSIONS if version in found()
    }
    return run_shared_playbook(plays, hosts)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_modules_run_on_python(request: pytest.FixtureRequest, version: str) -> None:
    """Modules that need only the service read it; the others check their options after all imports succeeded."""
    if version not in found():
        pytest.skip("there is no Python %s on this machine" % version)
    run = request.getfixturevalue("on_all")
    assert version in results(run), run.stdout + run.stderr
    assert re.search(r"^%s +: ok=\d+ .*unreachable=0 +failed=0 " % re.escape(version), run.stdout, re.MULTILINE)
    facts, metadata, verdict, *others = results(run)[version]
    assert (facts["instance_id"], facts["tags"], facts["ram_role"]) == ("i-node", {"stage": "prod"}, "EcsWebRole")
    assert metadata == {"instance-id": "i-node", "nonsense": None}
    assert verdict == "required"
    for name, message in zip(OTHERS, others, strict=True):
        assert re.search("Unsupported parameters for .*nonsense|missing", message), (name, message)


def older() -> dict[str, Path]:
    """Return interpreters that this ansible-core runs modules with, or may try to, and that the collection does not support."""
    patches = sorted((interpreters._pyenv_root() / "versions").glob("2.7.*/bin/python2.7"))
    unsupported = set(interpreters.VERSIONS) - set(SUPPORTED)
    older = {version: path for version, path in found().items() if version in unsupported}
    return {**older, "2.7": patches[-1]} if patches else older


def test_an_older_python_gets_one_sentence(run_playbook) -> None:
    """With ansible-core 2.16 and Python 2.7 it is the collection's, otherwise ansible-core's own."""
    if not older():
        pytest.skip("there is no older Python on this machine")
    tasks = [
        {"alicloud.imds.metadata_facts": {}, "register": "facts", "ignore_errors": True},
        dump("[facts.msg, facts]"),
    ]
    hosts = {version: {"ansible_python_interpreter": str(path)} for version, path in older().items()}
    run = run_playbook([{"hosts": "all", "gather_facts": False, "tasks": tasks}], hosts)
    shown = dumped(run.stdout)
    assert len(shown) == len(hosts), run.stdout + run.stderr
    for message, result in shown:
        assert result["failed"] is True
        assert "imds/plugins/module_utils" not in json.dumps(result), "a file of the collection failed"
        if LINE.version == "2.16":
            assert re.fullmatch(
                r"The collection alicloud.imds needs Python 3.6 or later .* is Python 2.7\. .*", message
            )


@pytest.mark.lab
def test_proxy_variables_of_the_host_are_ignored(start_emulator, run_playbook) -> None:
    emulator = start_emulator({"instances": [INSTANCE]})
    dead = dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"), "http://127.0.0.1:9")
    lookup = {"ansible.builtin.assert": {"that": ["lookup('alicloud.imds.metadata', 'instance-id') == 'i-node'"]}}
    play = {"hosts": "all", "gather_facts": False, "environment": dead, "tasks": [*TASKS, lookup, show()]}
    run = run_playbook([play], {"node": {}}, environment=dead)
    assert run.returncode == 0, run.stdout + run.stderr
    facts, _metadata, verdict = results(run)["node"]
    assert (facts["instance_id"], verdict) == ("i-node", "required")
    assert {entry["client"] for entry in emulator.journal()} == {lab.SERVICE, lab.SERVICE_IPV6}  # the probe asks both
    forwarded = [entry["client"] for entry in emulator.journal() if entry["forwarded"]]
    assert sorted(forwarded) == sorted(
        [lab.SERVICE, lab.SERVICE_IPV6]
    )  # the request of the probe itself, at each address
