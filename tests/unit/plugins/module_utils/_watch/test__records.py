# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sums by caller: what is counted, how large they may get, and what survives being written and read."""

from __future__ import annotations

import json

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._watch._records import (
    MAXIMUM_BYTES,
    MAXIMUM_CALLERS,
    Caller,
    Records,
    Sighting,
)
from ansible_collections.alicloud.imds.plugins.module_utils._watch._units import Place, best, place

CURL = Sighting(Caller(33, "www-data", "curl", "/usr/bin/curl", "app.service"), "connect", "proc", "sh")
OFTEN = Sighting(Caller(0, "root", "agent", "/usr/bin/agent", "agent.service"), "connect", "proc", "systemd")


def callers(records: Records, now: int = 10**9) -> list[dict]:
    return json.loads(records.as_json(now)[0])


def test_one_caller() -> None:
    records = Records()
    for now in (100, 130, 120):
        records.add(CURL, "normal_mode", "mac", now)
    records.add(CURL, "token_authenticated", "mac", 140)
    assert callers(records) == [
        {
            **CURL.caller._asdict(),
            "parents": {"sh": 4},
            "attributed_by": {"connect": 4},
            "exe_attributed_by": {"proc": 4},
            "requests": [
                {"mode": "normal_mode", "path": "mac", "count": 3, "first": 100, "last": 130},
                {"mode": "token_authenticated", "path": "mac", "count": 1, "first": 140, "last": 140},
            ],
        }
    ]


def test_noise_is_counted_by_itself() -> None:
    records = Records()
    records.add(OFTEN, "normal_mode", "mac", 100, "cloud_assistant")
    records.add(OFTEN, "normal_mode", "mac", 101)
    assert [row.get("noise") for row in callers(records)[0]["requests"]] == ["cloud_assistant", None]


def test_written_and_read_is_the_same_and_goes_on() -> None:
    records, again = Records(), Records()
    records.add(CURL, "normal_mode", "mac", 100)
    again.load(*map(json.loads, records.as_json(200)))
    assert again.as_json(200) == records.as_json(200)
    again.add(CURL, "normal_mode", "mac", 150)
    (row,) = callers(again)[0]["requests"]
    assert (row["count"], row["first"], row["last"]) == (2, 100, 150)


@pytest.mark.parametrize(
    "content",
    [None, {}, [1], [{}], [{**CURL.caller._asdict(), "uid": "x", "requests": []}],
     [{**CURL.caller._asdict(), "parents": {}, "attributed_by": {}, "exe_attributed_by": {},
       "requests": [{"mode": "evil", "path": "mac", "count": 1, "first": 1, "last": 1}]}],
     [{**CURL.caller._asdict(), "parents": {}, "attributed_by": {}, "exe_attributed_by": {},
       "requests": [{"mode": "token_authenticated", "path": "mac", "count": -1, "first": 1, "last": 1}]}]],
)  # fmt: skip
def test_what_is_no_record_is_an_error(content) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        Records().load(content, {"requests": [], "parents": {}, "attributed_by": {}, "exe_attributed_by": {}})


def test_the_clock_is_set_back() -> None:
    records = Records()
    records.add(CURL, "normal_mode", "mac", 5000)
    records.add(OFTEN, "normal_mode", "mac", 5000)
    records.add(CURL, "normal_mode", "mac", 100)
    rows = [entry["requests"][0] for entry in callers(records, 100)]
    assert [(row["first"], row["last"]) for row in rows] == [(100, 100), (100, 100)]


def hostile(number: int) -> Sighting:
    """A process that renames itself, in characters that are long in JSON."""
    name = "\x1b%d" % number
    return Sighting(
        Caller(number, None, name + "\x1b" * 16, "/tmp/" + "\x1b" * 400, name + ".service"), "connect", "proc", name
    )


def test_ten_thousand_callers_stay_small_and_nothing_gets_lost() -> None:
    records = Records()
    records.add(CURL, "normal_mode", "mac", 1)
    for number in range(10000):
        records.add(hostile(number), "token_authenticated", ("mac", "image-id", "user-data")[number % 3], 10 + number)
        if number % 2000 == 0:
            assert len("".join(records.as_json(10**9))) <= records.size() <= MAXIMUM_BYTES + 2000
    listed, other = map(json.loads, records.as_json(10**9))
    assert len("".join(records.as_json(10**9))) < MAXIMUM_BYTES and len(listed) <= MAXIMUM_CALLERS
    assert sum(row["count"] for entry in [*listed, other] for row in entry["requests"]) == 10001
    assert listed[0]["comm"] == "curl"  # who uses the plain mode is the last to make room
    for number in range(10000):
        records.add(hostile(number), "normal_mode", "mac", 20000 + number)
    listed, other = map(json.loads, records.as_json(10**9))
    assert sum(row["count"] for entry in [*listed, other] for row in entry["requests"]) == 20001
    assert max(row["last"] for row in other["requests"] if row["mode"] == "normal_mode") > 20000


HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("path", "unit", "container"),
    [
        ("/", None, None),
        ("/system.slice/cron.service", "cron.service", None),
        ("/user.slice/user-1000.slice/session-3.scope", "session-3.scope", None),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/x.service", "x.service", None),
        ("/user.slice/user-1000.slice/user@1000.service/init.scope", "user@1000.service", None),
        ("/init.scope", "init.scope", None),
        ("/machine.slice", "machine.slice", None),
        ("/system.slice/docker-%s.scope" % HEX, "docker-%s.scope" % HEX, "docker:0123456789ab"),
        ("/docker/" + HEX, None, "docker:0123456789ab"),
        ("/machine.slice/libpod-%s.scope/container" % HEX, "libpod-%s.scope" % HEX, "libpod:0123456789ab"),
        ("/kubepods.slice/kubepods-pod1.slice/cri-containerd-%s.scope" % HEX, "cri-containerd-%s.scope" % HEX,
         "cri-containerd:0123456789ab"),
        ("/kubepods/burstable/pod1/" + HEX, None, "kubepods:0123456789ab"),
        ("/lxc.payload.web", None, "lxc:web"),
        ("/machine.slice/machine-web.scope/payload/system.slice/nginx.service", "nginx.service", "machine:web"),
        ("/../../system.slice/x.service", "x.service", None),
        ("/system.slice/_cgroup.service", "cgroup.service", None),
    ],
)  # fmt: skip
def test_units_and_containers(path: str, unit, container) -> None:
    assert place(path) == Place(unit and unit[:128], container)


def test_the_best_of_several_hierarchies() -> None:
    assert best(["/", "/docker/" + HEX, "/system.slice/docker.service"]).container == "docker:0123456789ab"
    assert best(["/", "/user.slice", "/system.slice/x.service"]).unit == "x.service"
    assert best([]) == Place(None, None)


def test_an_executable_that_was_seen_late() -> None:
    """Where there is one executable, it is also that of those which had ended too soon; where there are two, who knows?"""
    records = Records()
    late = CURL._replace(caller=CURL.caller._replace(exe=None), exe_attributed_by="none")
    records.add(late, "normal_mode", "mac", 100)
    records.add(CURL, "normal_mode", "mac", 130)
    (caller,) = callers(records)
    assert (caller["exe"], caller["exe_attributed_by"]) == ("/usr/bin/curl", {"same_name": 1, "proc": 1})
    assert caller["requests"] == [{"mode": "normal_mode", "path": "mac", "count": 2, "first": 100, "last": 130}]
    assert len("".join(records.as_json(200))) <= records.size()
    records.add(late, "normal_mode", "mac", 140)
    records.add(CURL._replace(caller=CURL.caller._replace(exe="/opt/curl")), "normal_mode", "mac", 150)
    assert [caller["exe"] for caller in callers(records)] == ["/usr/bin/curl", None, "/opt/curl"]
