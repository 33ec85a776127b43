# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module callers_info: records of the watch, and the analyzer's log."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._common._utc import format_utc
from ansible_collections.alicloud.imds.plugins.module_utils._watch._records import Caller, Sighting
from ansible_collections.alicloud.imds.plugins.module_utils._watch._records import Records as Sums
from ansible_collections.alicloud.imds.plugins.module_utils._watch._store import Store

NOW = int(time.time())
HOUR = 3600
CURL = Sighting(Caller(33, "www-data", "curl", "/usr/bin/curl", "app.service"), "connect", "proc", "sh")
AGENT = Sighting(Caller(0, "root", "aliyun-service", "/usr/local/aliyun-service", "aliyun.service"), "connect", "proc")
CONTAINER = Sighting(Caller(1000, None, "app", "/app", None, "docker:0123456789ab", "172.17.0.2"), "connect", "proc")
STATUS = {"pid": 1, "running_since": NOW - 48 * HOUR, "updated": NOW, "attribution": "connect", "coverage": "full",
          "dropped": 2, "evicted": 0, "lost_events": 0, "last_loss": None, "problems": ["p"]}  # fmt: skip


@pytest.fixture
def state(tmp_path: Path):
    """Return the state directory of a running watch, and its store."""
    sums = Sums()
    sums.add(CURL, "normal_mode", "instance-id", NOW - 30 * HOUR)
    sums.add(CURL, "normal_mode", "instance-id", NOW - 20 * HOUR)
    sums.add(AGENT, "normal_mode", "region-id", NOW - HOUR, "cloud_assistant")
    sums.add(AGENT, "token_authenticated", "region-id", NOW - HOUR)
    sums.add(CONTAINER, "token_authenticated", "tags/*", NOW - 2 * HOUR)
    store = Store(str(tmp_path))
    store.write(STATUS, [[NOW - 90 * HOUR, NOW - 80 * HOUR], [NOW - 48 * HOUR, NOW]], *sums.as_json(NOW))
    store.wait()
    yield tmp_path, store
    store.close()


@pytest.fixture
def run(run_module, state, tmp_path: Path):
    return lambda **args: run_module(
        "callers_info", **{"state_dir": str(state[0]), "log_dir": str(tmp_path / "log"), **args}
    )


def names(result: dict) -> list[str]:
    return [caller["comm"] for caller in result["callers"]]


def test_the_address_of_the_service(run, state) -> None:
    """The records of the watch have it, also those of earlier versions; the log of the analyzer does not."""
    sums = Sums()
    sums.add(CURL, "normal_mode", "instance-id", NOW, address="fd00:100::100:200")
    sums.add(CURL, "normal_mode", "instance-id", NOW)
    state[1].write(STATUS, [[NOW - HOUR, NOW]], *sums.as_json(NOW))
    state[1].wait()
    (caller,) = run()["callers"]
    assert [row["address"] for row in caller["requests"]] == ["fd00:100::100:200", "100.100.100.200"]


def test_callers_totals_and_status(run) -> None:
    result = run()
    assert result["changed"] is False and "failed" not in result
    assert names(result) == ["curl", "aliyun-service", "app"]
    curl = result["callers"][0]
    assert curl == {
        "uid": 33, "user": "www-data", "comm": "curl", "exe": "/usr/bin/curl", "unit": "app.service", "container": None,
        "source": None, "parents": {"sh": 2}, "attributed_by": {"connect": 2}, "exe_attributed_by": {"proc": 2},
        "modes": {"normal_mode": 2}, "recorded_by": "watch", "aggregated": False,
        "requests": [{"mode": "normal_mode", "path": "instance-id", "count": 2, "first": format_utc(NOW - 30 * HOUR),
                      "last": format_utc(NOW - 20 * HOUR), "noise": None, "address": "100.100.100.200"}],
        "first_seen": format_utc(NOW - 30 * HOUR), "last_seen": format_utc(NOW - 20 * HOUR), "evidence": "kernel",
        "would_lose": ["names and IDs of the instance"],
    }  # fmt: skip
    assert result["totals"] == {
        "token_request": 0,
        "token_authenticated": 2,
        "normal_mode": 3,
        "unparsable": 0,
        "noise": 1,
    }
    assert result["watch"] == {
        "running": True, "since": format_utc(NOW - 48 * HOUR), "updated": format_utc(NOW), "attribution": "connect",
        "coverage": "full", "dropped": 2, "evicted": 0, "lost_events": 0, "last_loss": None, "problems": ["p"],
    }  # fmt: skip


def test_each_caller_has_what_it_would_lose(run, state) -> None:
    """Neither requests with a token nor known noise are lost; what cannot be told apart is unknown."""
    assert [caller["would_lose"] for caller in run()["callers"]] == [["names and IDs of the instance"], [], []]
    sums = Sums()
    for path in ("vpc-id", "ram/security-credentials/*", "tags/*", "launch-index", "user-data"):
        sums.add(CURL, "normal_mode", path, NOW)
    sums.add(CURL, "token_authenticated", "public-keys/*", NOW)
    sums.add(CONTAINER, "unparsable", "-", NOW)
    state[1].write(STATUS, [[NOW - HOUR, NOW]], *sums.as_json(NOW))
    state[1].wait()
    found = {caller["comm"]: caller["would_lose"] for caller in run()["callers"]}
    lost = ["credentials of the instance RAM role", "user data", "network settings", "tags", "other metadata"]
    assert found == {"curl": lost, "app": ["unknown metadata"]}


def test_quiet_since_is_the_last_normal_mode_request(run) -> None:
    result = run()
    assert result["quiet_since"] == result["last_normal_mode"] == format_utc(NOW - HOUR)
    assert HOUR <= result["quiet_seconds"] < HOUR + 300
    assert run(callers=["app"], max_age=1)["quiet_since"] == format_utc(NOW - HOUR)  # whatever is filtered
    assert run(ignore_noise=True)["quiet_since"] == format_utc(NOW - 20 * HOUR)


def rewrite(state, **status: object) -> None:
    """Replace values of the status in the file."""
    path = state[0] / "callers.json"
    content = json.loads(path.read_text())
    content["status"].update(status)
    path.write_text(json.dumps(content))


def test_partial_coverage_is_never_quiet(run, state) -> None:
    rewrite(state, coverage="partial", attribution="socket")
    result = run()
    assert result["quiet_since"] is None and result["quiet_seconds"] is None
    assert "partial coverage" in result["unknown_reason"]
    assert result["watch"]["coverage"] == "partial"


def test_a_loss_is_not_quiet(run, state) -> None:
    """Normal-mode requests may be among those that were lost."""
    assert run()["unknown_reason"] is None
    rewrite(state, last_loss=NOW - 600)
    result = run()
    assert result["quiet_since"] == result["watch"]["last_loss"] == result["last_uncertain"] == format_utc(NOW - 600)
    assert result["last_normal_mode"] == format_utc(NOW - HOUR)
    assert format_utc(NOW - 600) in result["unknown_reason"]


def test_an_unparsable_request_is_not_quiet(run, state) -> None:
    """Servers may answer what the watch cannot parse."""
    sums = Sums()
    sums.add(CURL, "unparsable", "-", NOW - 60)
    state[1].write(STATUS, [[NOW - 48 * HOUR, NOW]], *sums.as_json(NOW))
    state[1].wait()
    result = run()
    assert result["quiet_since"] == format_utc(NOW - 60) and result["last_normal_mode"] is None
    assert "cannot be parsed" in result["unknown_reason"]


@pytest.mark.parametrize(
    ("methods", "evidence"),
    [
        ({"connect": 3}, "kernel"),
        ({"connect": 3, "tracepoint": 1}, "tracepoint"),
        ({"connect": 3, "socket": 1}, "polled"),
        ({"uid": 1}, "polled"),
        ({"none": 1}, None),
    ],
)
def test_evidence_is_the_weakest_method(run, state, methods: dict[str, int], evidence: str | None) -> None:
    path = state[0] / "callers.json"
    content = json.loads(path.read_text())
    content["callers"][0]["attributed_by"] = methods
    path.write_text(json.dumps(content))
    assert next(one for one in run()["callers"] if one["comm"] == "curl")["evidence"] == evidence


def test_filters_select_callers(run) -> None:
    assert names(run(max_age=90 * 60)) == ["aliyun-service"]
    assert names(run(modes=["token_authenticated"])) == ["aliyun-service", "app"]
    assert names(run(callers=["/usr/bin/*"])) == ["curl"]
    assert names(run(callers=["aliyun.service", "172.17.*"])) == ["aliyun-service", "app"]
    assert names(run(modes=["normal_mode"], ignore_noise=True)) == ["curl"]
    assert run(modes=["nonsense"])["failed"] is True


def test_without_a_running_watch_quiet_since_is_unknown(run, state) -> None:
    state[1].close()
    result = run()
    assert result["watch"]["running"] is False and result["watch"]["since"] is None
    assert result["quiet_since"] is None and result["quiet_seconds"] is None
    assert result["last_normal_mode"] == format_utc(NOW - HOUR)


def test_without_records_the_module_succeeds(run_module, tmp_path: Path) -> None:
    result = run_module("callers_info", state_dir=str(tmp_path / "none"), log_dir=str(tmp_path / "none"))
    assert result["callers"] == [] and result["quiet_since"] is None and "failed" not in result


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": 2}', "\xff", '{"format":1,"status":{},"periods":[],"callers":[1],"other":{}}']
)
def test_the_message_names_an_invalid_file(run, state, text: str) -> None:
    (state[0] / "callers.json").write_text(text)
    result = run()
    assert result["failed"] is True
    assert str(state[0] / "callers.json") in result["msg"]


def test_requests_in_the_log_of_the_analyzer(run, tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(NOW - 60))
    call = "(pid:4711:python3 argv:app.py --password=sesame) called by -> (pid:1:systemd argv:init)"
    (folder / "imds-trace.log").write_text(
        "[%s,123] [WARNING] IMDSv1(!) %s Req details: GET /latest/meta-data/tags/instance/sesame?sesame HTTP/1.1, host: x\n"
        "[%s,124] [info] imdsv2 %s req details: get /latest/meta-data/mac http/1.1\n"
        "[%s,125] [ERROR] {MISSING PAYLOAD} (pid:9:x) called by -> (pid:1:systemd)\n"
        "a line of something else: WARNING\n\xff\n" % (stamp, call, stamp, call, stamp),
        encoding="latin-1",
    )
    result = run(max_age=600)
    assert "sesame" not in json.dumps(result["callers"])
    found = {caller["comm"]: caller for caller in result["callers"]}
    assert found["python3"]["recorded_by"] == "analyzer"
    assert [(row["mode"], row["path"]) for row in found["python3"]["requests"]] == [
        ("normal_mode", "tags/*"),
        ("token_authenticated", "mac"),
    ]
    assert found["x"]["modes"] == {"unparsable": 1}
    assert result["last_normal_mode"] == format_utc(NOW - 60)
