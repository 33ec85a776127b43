# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records of callers: counting, bounds, and loading what was written."""

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

IPV4, IPV6 = "100.100.100.200", "fd00:100::100:200"
CURL = Sighting(Caller(33, "www-data", "curl", "/usr/bin/curl", "app.service"), "connect", "proc", "sh")
OFTEN = Sighting(Caller(0, "root", "agent", "/usr/bin/agent", "agent.service"), "connect", "proc", "systemd")


def callers(records: Records, now: int = 10**9) -> list[dict]:
    return json.loads(records.as_json(now)[0])


def test_requests_are_counted_by_mode_and_path() -> None:
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


def test_noise_is_counted_in_rows_of_its_own() -> None:
    records = Records()
    records.add(OFTEN, "normal_mode", "mac", 100, "cloud_assistant")
    records.add(OFTEN, "normal_mode", "mac", 101)
    assert [row.get("noise") for row in callers(records)[0]["requests"]] == ["cloud_assistant", None]


def test_the_addresses_of_the_service_have_rows_of_their_own() -> None:
    records = Records()
    for address in (IPV4, IPV6, IPV6):
        records.add(CURL, "normal_mode", "mac", 100, address=address)
    (caller,) = callers(records)
    assert [(row["count"], row.get("address")) for row in caller["requests"]] == [(1, None), (2, IPV6)]
    assert records.size() >= len(json.dumps(caller, separators=(",", ":")))


def test_loaded_records_are_the_same_and_can_be_continued() -> None:
    records, again = Records(), Records()
    records.add(CURL, "normal_mode", "mac", 100, address=IPV6)
    records.add(CURL, "normal_mode", "mac", 100)
    again.load(*map(json.loads, records.as_json(200)))
    assert again.as_json(200) == records.as_json(200)
    again.add(CURL, "normal_mode", "mac", 150)
    ipv6, row = callers(again)[0]["requests"]
    assert (row["count"], row["first"], row["last"]) == (2, 100, 150)
    assert (ipv6["count"], ipv6["address"]) == (1, IPV6)


@pytest.mark.parametrize(
    "content",
    [None, {}, [1], [{}], [{**CURL.caller._asdict(), "uid": "x", "requests": []}],
     [{**CURL.caller._asdict(), "parents": {}, "attributed_by": {}, "exe_attributed_by": {},
       "requests": [{"mode": "evil", "path": "mac", "count": 1, "first": 1, "last": 1}]}],
     [{**CURL.caller._asdict(), "parents": {}, "attributed_by": {}, "exe_attributed_by": {},
       "requests": [{"mode": "token_authenticated", "path": "mac", "count": -1, "first": 1, "last": 1}]}],
     [{**CURL.caller._asdict(), "parents": {}, "attributed_by": {}, "exe_attributed_by": {},
       "requests": [{"mode": "normal_mode", "path": "mac", "count": 1, "first": 1, "last": 1, "address": "10.0.0.1"}]}]],
)  # fmt: skip
def test_invalid_records_are_an_error(content) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        Records().load(content, {"requests": [], "parents": {}, "attributed_by": {}, "exe_attributed_by": {}})


def test_no_time_is_later_than_the_clock() -> None:
    records = Records()
    records.add(CURL, "normal_mode", "mac", 5000)
    records.add(OFTEN, "normal_mode", "mac", 5000)
    records.add(CURL, "normal_mode", "mac", 100)
    rows = [entry["requests"][0] for entry in callers(records, 100)]
    assert [(row["first"], row["last"]) for row in rows] == [(100, 100), (100, 100)]


def hostile(number: int) -> Sighting:
    """Return a process that renames itself, with characters that are long in JSON."""
    name = "\x1b%d" % number
    return Sighting(
        Caller(number, None, name + "\x1b" * 16, "/tmp/" + "\x1b" * 400, name + ".service"), "connect", "proc", name
    )


@pytest.mark.slow
def test_ten_thousand_callers_are_bounded_and_all_requests_are_counted() -> None:
    records = Records()
    records.add(CURL, "normal_mode", "mac", 1)
    for number in range(10000):
        records.add(hostile(number), "token_authenticated", ("mac", "image-id", "user-data")[number % 3], 10 + number)
        if number % 2000 == 0:
            assert len("".join(records.as_json(10**9))) <= records.size() <= MAXIMUM_BYTES + 2000
    listed, other = map(json.loads, records.as_json(10**9))
    assert len("".join(records.as_json(10**9))) < MAXIMUM_BYTES and len(listed) <= MAXIMUM_CALLERS
    assert sum(row["count"] for entry in [*listed, other] for row in entry["requests"]) == 10001
    assert listed[0]["comm"] == "curl"  # a caller in normal mode is evicted last
    for number in range(10000):
        records.add(hostile(number), "normal_mode", "mac", 20000 + number)
    listed, other = map(json.loads, records.as_json(10**9))
    assert sum(row["count"] for entry in [*listed, other] for row in entry["requests"]) == 20001
    assert max(row["last"] for row in other["requests"] if row["mode"] == "normal_mode") > 20000


@pytest.mark.slow
def test_a_user_with_many_names_evicts_no_other_user() -> None:
    records = Records()
    records.add(OFTEN, "normal_mode", "mac", 1)
    records.add(CURL, "token_authenticated", "mac", 1)
    for number in range(6000):
        caller = Caller(1001, "mallory", "name%d" % number, "/home/mallory/x", "name%d.service" % number)
        records.add(Sighting(caller, "connect", "proc", "sh"), "normal_mode", "mac", 10 + number)
    listed, other = map(json.loads, records.as_json(10**9))
    assert [caller["comm"] for caller in listed[:2]] == ["agent", "curl"]
    assert {caller["uid"] for caller in listed[2:]} == {1001}
    assert sum(row["count"] for entry in [*listed, other] for row in entry["requests"]) == 6002


def test_an_executable_is_also_that_of_earlier_requests_if_it_is_the_only_one() -> None:
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
