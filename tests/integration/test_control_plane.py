# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Change options in a playbook with the credentials of the instance role, which are read with a token.

All tests use one run. Each checks a part of its results and of the calls that the emulator received.
"""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lab
import pytest
from dumping import dump, dumped
from wiretap import Wiretap

pytestmark = pytest.mark.lab

REGION = "cn-hangzhou"
ROLE = {"name": "EcsOperator", "actions": ["ecs:DescribeInstances", "ecs:ModifyInstanceMetadataOptions"]}
ITSELF = {
    "instance_id": "i-itself",
    "default": True,
    "region_id": REGION,
    "http_tokens": "required",
    "http_endpoint": "enabled",
    "instance_metadata_tags": "disabled",
    "tags": {"stage": "production"},
    "role": ROLE,
}
OTHER = {"instance_id": "i-other", "region_id": REGION, "clients": ["10.77.9.9"], "http_tokens": "optional"}


ACCOUNT_VARIABLES = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALICLOUD_ACCESS_KEY")


def plays(api: lab.Emulator, record: Path) -> list[dict[str, Any]]:
    """Return plays that change the own instance, change and restore another one, and fail with a missing instance."""
    defaults = {"group/alicloud.imds.imds": {}}
    for name in ("metadata_options", "metadata_options_info"):
        defaults["alicloud.imds." + name] = {"api_endpoint": api.control_endpoint, "regions": [REGION]}
    tag = {"paths": ["tags/instance/stage"]}
    switch = {
        "alicloud.imds.metadata_options": {
            "tags": {},
            "all_instances": True,
            "http_tokens": "required",
            "record": str(record),
        }
    }
    back = {"alicloud.imds.metadata_options": {"state": "restored", "record": str(record)}}
    tasks = [
        {"alicloud.imds.metadata_info": {**tag, "missing": "skip"}, "register": "before"},
        {
            "alicloud.imds.metadata_options": {"instance_ids": ["i-itself"], "instance_metadata_tags": "enabled"},
            "register": "tags_enabled",
        },
        {"alicloud.imds.metadata_info": tag, "register": "after"},
        {**switch, "check_mode": True, "diff": True, "register": "checked"},
        {"ansible.builtin.stat": {"path": str(record)}, "register": "record_after_check"},
        {**switch, "register": "switched"},
        {"ansible.builtin.stat": {"path": str(record)}, "register": "record_after_switch"},
        {"ansible.builtin.slurp": {"src": str(record)}, "register": "recorded"},
        {**switch, "register": "switched_again"},
        {**back, "register": "restored"},
        {**back, "register": "restored_again"},
        {"ansible.builtin.slurp": {"src": str(record)}, "register": "left"},
        {"alicloud.imds.metadata_options_info": {}},
        {
            "alicloud.imds.metadata_options": {"instance_ids": ["i-gone"], "http_tokens": "required"},
            "register": "gone",
            "ignore_errors": True,
        },
    ]
    names = [task["register"] for task in tasks if "register" in task]
    shown = dump("dict(%s | zip([%s]))" % (names, ", ".join(names)))
    return [{"hosts": "all", "gather_facts": False, "module_defaults": defaults, "tasks": [*tasks, shown]}]


@dataclass(frozen=True)
class Played:
    """The finished run, the results of its tasks by name, the emulator, and the secrets that no output may contain."""

    run: subprocess.CompletedProcess[str]
    results: dict[str, Any]
    api: lab.Emulator
    secrets: set[str]
    log: str


@pytest.fixture(scope="module")
def played(start_shared_emulator, run_shared_playbook, shared_folder: Path) -> Played:
    api = start_shared_emulator({"instances": [ITSELF, OTHER]}, listen="127.0.0.1:0", control=True)
    host, _colon, port = api.listen[0].partition(":")
    wiretap = Wiretap((lab.SERVICE, 80), (host, int(port)))
    home, log = shared_folder / "home", shared_folder / "ansible.log"
    home.mkdir()
    environment = {**dict.fromkeys(ACCOUNT_VARIABLES, ""), "HOME": str(home), "ANSIBLE_LOG_PATH": str(log)}
    steps = plays(api, shared_folder / "record.json")
    run = run_shared_playbook(steps, {"localhost": {}}, "-vvv", environment=environment)
    wiretap.close()
    assert run.returncode == 0, run.stdout + run.stderr
    return Played(run, dumped(run.stdout)[0], api, wiretap.secrets(), log.read_text())


def test_an_option_is_changed_with_the_instance_roles_credentials(played: Played) -> None:
    results = played.results
    assert results["before"]["metadata"] == {}
    assert results["tags_enabled"]["changed"] is True
    (change,) = results["tags_enabled"]["instances"]
    assert change["before"]["http_tokens"] == "required" == change["after"]["http_tokens"]
    assert results["after"]["metadata"]["tags/instance/stage"] == "production"
    modes = {entry["mode"] for entry in played.api.journal("i-itself") if entry["mode"] != "api"}
    assert modes == {"token_request", "token_authenticated"}
    changes = played.api.calls("ModifyInstanceMetadataOptions")
    (change,) = [call for call in changes if call["instance"] == "i-itself"]
    assert (change["status"], change["access_key"]) == (200, "STS.")


def test_check_mode_shows_the_difference_and_changes_nothing(played: Played) -> None:
    checked = played.results["checked"]
    assert checked["changed"] is True
    assert "-i-other http_tokens: optional" in played.run.stdout
    assert "+i-other http_tokens: required" in played.run.stdout
    assert played.results["record_after_check"]["stat"]["exists"] is False
    # After check mode, all changes are still to be made.
    assert played.results["switched"]["instances"] != [] and played.results["switched"]["changed"] is True


def test_change_and_restore(played: Played) -> None:
    results = played.results
    assert results["record_after_switch"]["stat"]["mode"] == "0600"
    assert list(content(results["recorded"])["instances"]) == ["i-other"]
    assert results["switched_again"]["changed"] is False
    assert results["restored"]["changed"] is True
    assert results["restored_again"]["changed"] is False
    assert content(results["left"])["instances"] == {}
    changes = played.api.calls("ModifyInstanceMetadataOptions")
    # one change and one restore: none in check mode or in the second run
    assert [call["instance"] for call in changes] == ["i-itself", "i-other", "i-other"]


def content(slurped: dict[str, Any]) -> Any:
    return json.loads(base64.b64decode(slurped["content"]))


def test_no_key_in_any_output(played: Played) -> None:
    assert played.results["gone"]["failed"] is True
    assert len(played.secrets) >= 4
    shown = played.run.stdout + played.run.stderr + played.log + Path(played.api.journal_file).read_text()
    assert [secret for secret in played.secrets if secret in shown] == []
