# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the token to the changed option, as a playbook: no key anywhere but the role's own, which only a token gives."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import lab
import pytest
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


@pytest.fixture
def api(start_emulator):
    return start_emulator({"instances": [ITSELF, OTHER]}, control=True)


@pytest.fixture
def run_tasks(run_playbook, tmp_path):
    def run(api, *tasks, arguments=(), **environment):
        defaults = {"group/alicloud.imds.imds": {}}
        for name in ("metadata_options", "metadata_options_info"):
            defaults["alicloud.imds." + name] = {"api_endpoint": api.control_endpoint, "regions": [REGION]}
        play = {"hosts": "all", "gather_facts": False, "module_defaults": defaults, "tasks": list(tasks)}
        (tmp_path / "home").mkdir(exist_ok=True)
        clean = dict.fromkeys(
            ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALICLOUD_ACCESS_KEY"), ""
        )
        environment = {**clean, "HOME": str(tmp_path / "home"), **environment}
        return run_playbook([play], {"localhost": {}}, *arguments, environment=environment)

    return run


def test_from_the_token_to_the_changed_option(api, run_tasks) -> None:
    finished = run_tasks(
        api,
        {"alicloud.imds.metadata_info": {"paths": ["tags/instance/stage"], "missing": "skip"}, "register": "before"},
        {
            "alicloud.imds.metadata_options": {"instance_ids": ["i-itself"], "instance_metadata_tags": "enabled"},
            "register": "it",
        },
        {"alicloud.imds.metadata_info": {"paths": ["tags/instance/stage"]}, "register": "after"},
        {
            "ansible.builtin.assert": {
                "that": [
                    "before.metadata == {}",
                    "it is changed",
                    "it.instances[0].before.http_tokens == 'required' == it.instances[0].after.http_tokens",
                    "after.metadata['tags/instance/stage'] == 'production'",
                ]
            }
        },
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    modes = {entry["mode"] for entry in api.journal("i-itself") if entry["mode"] != "api"}
    assert modes == {"token-request", "token"}
    (change,) = api.calls("ModifyInstanceMetadataOptions")
    assert (change["instance"], change["status"], change["access_key"]) == ("i-itself", 200, "STS.")


def test_switch_and_restore_with_diff_and_check_mode(api, run_tasks, tmp_path) -> None:
    record = tmp_path / "record.json"
    switch = {
        "alicloud.imds.metadata_options": {
            "tags": {},
            "all_instances": True,
            "http_tokens": "required",
            "record": str(record),
        }
    }
    checked = run_tasks(api, switch, arguments=("--check", "--diff"))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "-i-other http_tokens: optional" in checked.stdout and "+i-other http_tokens: required" in checked.stdout
    assert not record.exists() and api.calls("ModifyInstanceMetadataOptions") == []

    assert "changed=1" in run_tasks(api, switch).stdout
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert list(json.loads(record.read_text())["instances"]) == ["i-other"]
    assert "changed=0" in run_tasks(api, switch).stdout

    back = {"alicloud.imds.metadata_options": {"state": "restored", "record": str(record)}}
    assert "changed=1" in run_tasks(api, back).stdout
    assert "changed=0" in run_tasks(api, back).stdout
    assert json.loads(record.read_text())["instances"] == {}
    changes = api.calls("ModifyInstanceMetadataOptions")
    assert [call["instance"] for call in changes] == ["i-other", "i-other"]


def test_no_key_in_any_output(start_emulator, run_tasks, tmp_path) -> None:
    api = start_emulator({"instances": [ITSELF, OTHER]}, listen="127.0.0.1:0", control=True)
    host, _colon, port = api.listen[0].partition(":")
    wiretap = Wiretap((lab.SERVICE, 80), (host, int(port)))
    log = tmp_path / "ansible.log"
    finished = run_tasks(
        api,
        {"alicloud.imds.metadata_options_info": {}},
        {"alicloud.imds.metadata_options": {"instance_ids": ["i-other"], "http_tokens": "required"}},
        {
            "alicloud.imds.metadata_options": {"instance_ids": ["i-gone"], "http_tokens": "required"},
            "ignore_errors": True,
        },
        arguments=("-vvv",),
        ANSIBLE_LOG_PATH=str(log),
    )
    wiretap.close()
    assert finished.returncode == 0, finished.stdout + finished.stderr
    secrets = wiretap.secrets()
    assert len(secrets) >= 4
    shown = finished.stdout + finished.stderr + log.read_text() + Path(api.journal_file).read_text()
    assert [secret for secret in secrets if secret in shown] == []
