# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""metadata_options and metadata_options_info in several accounts, with excluded instances, and the log of changes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import lab
import pytest
from ansible_collections.alicloud.imds.plugins.plugin_utils._inventory import _options

from .conftest import ACCESS, FLEET, KEY, SECRET, Control, instance

pytestmark = pytest.mark.slow
MODULE, INFO = "metadata_options", "metadata_options_info"
OTHER = "1700000000000000"
ROLE, CLOSED, READER = ("acs:ram::%s:role/%s" % (OTHER, name) for name in ("harden", "closed", "reader"))
THEIRS = [
    instance("theirs", owner_account_id=OTHER, role={"name": "harden", "actions": ["ecs:*"]}),
    instance("build", owner_account_id=OTHER, role={"name": "reader", "actions": ["ecs:Describe*"]}, tags={"k": "v"}),
    instance("shut", owner_account_id=OTHER, role={"name": "closed", "actions": ["ecs:*"]}),
]
CALLER = {
    "secret": SECRET,
    "account": "1600000000000000",
    "user": "fleet",
    "actions": ["ecs:*", "sts:AssumeRole"],
    "roles": [ROLE, READER],
}


@pytest.fixture
def control():
    access = {**ACCESS, KEY: CALLER}
    config = {"instances": FLEET + THEIRS, "control": {"access_keys": access, "account_id": "1600000000000000"}}
    with lab.start_emulator(config, control=True) as process:
        yield Control(process)


@pytest.fixture
def task(run, control):
    """Run a module with the STS of the control plane."""
    return lambda name, **args: run(name, sts_endpoint=control.endpoint, **args)


def tokens(control, *names: str) -> list[str]:
    return [control.options(name)[1] for name in names]


def log_of(record: Path) -> list[dict]:
    return [json.loads(line) for line in (record / "changes.jsonl").read_text().splitlines()]


def test_two_accounts_are_changed_recorded_and_restored(task, control, tmp_path) -> None:
    record = tmp_path / "records"
    record.mkdir(mode=0o700)
    wanted = {"all_instances": True, "http_tokens": "required", "refused": "report", "record": str(record)}
    accounts = {"assume_role": [{"role_arn": ROLE, "session_name": "fleet"}], "own_account": True}
    shown = task(MODULE, **wanted, **accounts, _ansible_check_mode=True)
    assert shown["totals"]["changed"] == 5 and os.listdir(record) == []
    done = task(MODULE, **wanted, **accounts)
    roles = {row["instance_id"]: row["role_arn"] for row in done["instances"] if row["changed"]}
    assert roles == {"i-web1": None, "i-off": None, "i-theirs": ROLE, "i-build": ROLE, "i-shut": ROLE}
    assert tokens(control, "web1", "theirs") == ["required", "required"]
    assert json.loads((record / "i-theirs.json").read_text())["instances"]["i-theirs"]["role_arn"] == ROLE

    lines = log_of(record)
    assert [line["outcome"] for line in lines].count("accepted") == 5 and len(lines) == 10
    theirs = next(line for line in lines if line["id"] == "i-theirs" and line["outcome"] == "accepted")
    assert theirs["role_arn"] == ROLE and theirs["region_id"] == "cn-hangzhou" and theirs["request_id"]
    assert (theirs["before"]["http_tokens"], theirs["after"]["http_tokens"]) == ("optional", "required")
    kept = "".join(path.read_text() for path in record.iterdir())
    assert SECRET not in kept and "SecurityToken" not in kept and "STS." not in kept

    back = {"state": "restored", "regions": None, "record": str(record)}
    other = task(MODULE, **back)
    assert other["failed"] is True and "Add this role to 'assume_role'" in other["msg"] and ROLE in other["msg"]
    assert "own_account: true" in task(MODULE, **back, assume_role=[ROLE])["msg"]
    assert tokens(control, "web1", "theirs") == ["required", "required"]
    restored = task(MODULE, **back, **accounts)
    assert restored["totals"]["changed"] == 5 and tokens(control, "web1", "off", "theirs") == ["optional"] * 3
    assert [line["state"] for line in log_of(record)] == ["present"] * 10 + ["restored"] * 10


def test_a_role_that_cannot_be_assumed_stops_changes_and_is_named_by_info(task, control) -> None:
    accounts = {"assume_role": [ROLE, CLOSED]}
    refused = task(MODULE, all_instances=True, http_tokens="required", **accounts)
    assert refused["failed"] is True and CLOSED in refused["msg"] and "Nothing was changed." in refused["msg"]
    assert control.calls("ModifyInstanceMetadataOptions") == []
    read = task(INFO, **accounts)
    assert read["failed"] is True and CLOSED in read["msg"]
    assert [(it["role_arn"], it["region_id"]) for it in read["failed_regions"]] == [(CLOSED, None)]
    assert {row["instance_id"]: row["role_arn"] for row in read["instances"]} == dict.fromkeys(
        ("i-theirs", "i-build", "i-shut"), ROLE
    )
    everywhere = task(INFO, **{**accounts, "regions": ["all"]})
    assert everywhere["failed"] is True and len(everywhere["instances"]) == 3


def test_a_missing_permission_in_one_account_does_not_stop_the_other(task, control) -> None:
    args = {"assume_role": [READER], "own_account": True, "max_concurrency": 1}
    done = task(MODULE, instance_ids=["i-web1", "i-theirs", "i-build"], http_tokens="required", **args)
    errors = {row["instance_id"]: row["error"] for row in task_rows(done)}
    assert set(errors) == {"i-theirs", "i-build"} and "Forbidden" in errors["i-build"]
    assert tokens(control, "web1", "theirs") == ["required", "optional"]


def task_rows(result: dict) -> list[dict]:
    assert result["failed"] is True and result["omitted"] == 1
    return result["instances"]


def test_an_account_with_two_roles_is_listed_once(task) -> None:
    assert len(task(INFO, assume_role=[ROLE, READER])["instances"]) == 3


def test_excluded_instances_are_named_and_never_changed(task, control, tmp_path) -> None:
    record = str(tmp_path / "record.json")
    wanted = {"all_instances": True, "http_tokens": "required", "record": record, "regions": ["cn-hangzhou"]}
    exclude = {"instance_ids": ["i-off"], "names": ["w[i]n", "nothing-*"], "tags": {"app": "k8s"}}
    done = task(MODULE, **wanted, exclude=exclude)
    rules = {row["instance_id"]: row["rule"] for row in done["excluded"]}
    assert rules == {"i-off": "instance_ids: i-off", "i-win": "names: w[i]n", "i-ack": "tags: app=k8s"}
    assert done["totals"] == {"changed": 1, "unchanged": 1, "refused": 0, "failed": 0}
    assert [call["instance"] for call in control.calls("ModifyInstanceMetadataOptions")] == ["i-web1"]
    read = task(INFO, exclude=exclude, fail_on=["exempt"])
    assert read.get("failed") is not True and {it["instance_id"]: it["rule"] for it in read["excluded"]} == rules
    assert "Only 2 instances are selected" in task(INFO, exclude=exclude, expect_at_least=3)["msg"]

    back = {"state": "restored", "regions": None, "record": record}
    for rule in ({"instance_ids": ["i-web1"]}, {"names": ["web?"]}, {"tags": {"app": None}}):
        kept = task(MODULE, **back, exclude=rule)
        assert kept["changed"] is False and [row["instance_id"] for row in kept["excluded"]] == ["i-web1"]
        assert tokens(control, "web1") == ["required"] and "i-web1" in Path(record).read_text()
    control.admin(
        "PATCH", "/instances/i-web1", {"http_tokens": "optional"}
    )  # as recorded: the entry stays nevertheless
    task(MODULE, **back, exclude={"names": ["web?"]})
    assert "i-web1" in Path(record).read_text()
    assert task(MODULE, **back)["excluded"] == [] and "i-web1" not in Path(record).read_text()


def test_a_planted_log_is_refused_before_any_call(run, control, tmp_path) -> None:
    record = tmp_path / "record.json"
    (tmp_path / "record.json.changes.jsonl").symlink_to(tmp_path / "elsewhere")
    for asked in ({"all_instances": True, "http_tokens": "required"}, {"state": "restored"}, {"dry_run": True}):
        refused = run(MODULE, record=str(record), **{"http_tokens": "required", **asked})
        assert refused["failed"] is True and "changes.jsonl: it is a link" in refused["msg"]
    assert control.calls() == [] and not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    "options",
    [
        {"exclude": {"name": "x"}},
        {"exclude": {"names": [1]}},
        {"exclude": {"tags": {"a": ["b"]}}},
        {"assume_role": ["auditor"]},
        {"assume_role": [{"arn": ROLE}]},
        {"assume_role": [ROLE, ROLE]},
        {"assume_role": [{"role_arn": ROLE, "duration_seconds": 1}]},
        {"own_account": False},
    ],
)
def test_the_modules_and_the_inventory_reject_the_same_options_with_the_same_messages(run, control, options) -> None:
    defaults = {"regions": ["all"], "max_concurrency": 1}
    with pytest.raises(ValueError) as caught:
        _options.request(lambda name: {**defaults, **options}.get(name))
    for name, args in ((INFO, {}), (MODULE, {"all_instances": True, "http_tokens": "required"})):
        assert run(name, **args, **options)["msg"] == str(caught.value)
    assert control.calls() == []
