# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults, throttling and delays of the control plane."""

from __future__ import annotations

import http.client
import json
import socket
import time
from typing import Any, Callable

import pytest
from imds_emulator.control.errors import ApiError
from imds_emulator.control.throttle import ControlThrottle
from waiting import wait_until

from ..client import Emulator, Instance
from .caller import Caller

pytestmark = pytest.mark.slow

Make = Callable[..., Any]
ID = "/latest/meta-data/instance-id"


def codes(caller: Caller, region: str, count: int) -> Any:
    return [caller.describe(region).code for _call in range(count)]


def test_throttled_by_region_and_action(
    emulator: Emulator, caller: Caller, region: str, instance: Any, control: Make
) -> None:
    control(throttle={"per_second": 0.01})
    assert codes(caller, region, 3) == [None, "Throttling.User", "Throttling.User"]
    assert caller.describe("cn-empty").code is None, "another region"
    assert caller.modify(region, instance.id).code is None, "another action"
    assert caller.describe(region).status == 400
    emulator.advance(100)
    assert codes(caller, region, 2) == [None, "Throttling.User"]


def test_throttled_by_account(address: str, caller: Caller, region: str, instance: Any, control: Make) -> None:
    control(
        throttle={"per_second": 0.01, "code": "Throttling"},
        access_keys={"LTAIother": {"secret": "s", "account": "1700000000000000"}},
    )
    assert codes(caller, region, 2) == [None, "Throttling"]
    assert Caller(address, "LTAIother", "s").describe(region).code is None


def test_throttled_by_name(caller: Caller, region: str, instance: Instance, control: Make) -> None:
    control(throttle={"actions": {"ModifyInstanceMetadataOptions": 0.01}})
    assert codes(caller, region, 3) == [None] * 3
    assert [caller.modify(region, instance.id).code for _call in range(2)] == [None, "Throttling.User"]


def test_throttled_in_windows(emulator: Emulator, caller: Caller, region: str, instance: Any, control: Make) -> None:
    control(throttle={"per_second": 0.0003, "window": 10000})
    assert codes(caller, region, 5) == [None] * 3 + ["Throttling.User"] * 2
    emulator.advance(10000)
    assert codes(caller, region, 4) == [None] * 3 + ["Throttling.User"]


class SteadyClock:
    """A clock of the emulator that is put forward by hand."""

    now = 1000.0

    def steady(self) -> float:
        return self.now


def test_throttled_at_the_rate() -> None:
    """On a clock that stands still between calls: a second's worth at once, then 50 in each second."""
    clock = SteadyClock()
    throttle = ControlThrottle(clock)  # type: ignore[arg-type]

    def accepted(calls: int) -> int:
        passed = 0
        for _call in range(calls):
            try:
                throttle.count("1600000000000000", "cn-test", "DescribeInstances", {"per_second": 50})
                passed += 1
            except ApiError as problem:
                assert problem.code == "Throttling.User"
        return passed

    assert accepted(60) == 50
    clock.now += 0.5
    assert accepted(60) == 25
    clock.now += 10
    assert accepted(60) == 50, "not more than a second's worth is saved"


def test_throttled_as_the_time_passes(caller: Caller, region: str, instance: Instance, control: Make) -> None:
    """The real clock: never more than a second's worth, and what has come since."""
    control(throttle={"per_second": 50})
    started = time.monotonic()
    passed = sum(caller.describe(region).code is None for _call in range(200))
    assert passed <= 50 + 50 * (time.monotonic() - started)


@pytest.mark.parametrize(
    "code, status",
    [("OperationConflict", 409), ("ServiceUnavailable", 503), ("InternalError", 500), ("Throttling.Api", 400)],
)
def test_error(caller: Caller, region: str, instance: Instance, control: Make, code: str, status: int) -> None:
    control(faults=[{"kind": "error", "code": code, "action": "Modify*", "times": 2, "skip": 1}])
    replies = [caller.modify(region, instance.id, HttpTokens="required") for _call in range(4)]
    assert [reply.code for reply in replies] == [None, code, code, None]
    assert replies[1].status == status
    assert caller.describe(region).code is None


def test_error_of_ones_own(caller: Caller, control: Make) -> None:
    control(faults=[{"kind": "error", "code": "Invented", "status": 418, "message": "So there."}])
    reply = caller.v3("DescribeRegions")
    assert (reply.status, reply.code, reply.data["Message"]) == (418, "Invented", "So there.")


def test_by_instance_and_region(
    caller: Caller, region: str, instance: Instance, new_instance: Make, control: Make
) -> None:
    other = new_instance()
    control(faults=[{"kind": "error", "code": "OperationConflict", "instance": other.id, "region": region}])
    assert caller.modify(region, other.id).code == "OperationConflict"
    assert caller.modify(region, instance.id).code is None


def test_answer_is_lost_but_the_change_was_made(caller: Caller, region: str, instance: Instance, control: Make) -> None:
    control(faults=[{"kind": "error", "code": "InternalError", "after": True, "times": 1}])
    assert caller.modify(region, instance.id, HttpTokens="required").code == "InternalError"
    assert instance.get(ID).status == 403
    control(faults=[{"kind": "reset", "after": True, "times": 1}])
    with pytest.raises(ConnectionError):
        caller.modify(region, instance.id, HttpTokens="optional")
    assert instance.get(ID).status == 200


@pytest.mark.parametrize("status", [200, 502])
def test_html(caller: Caller, region: str, instance: Instance, control: Make, status: int) -> None:
    control(faults=[{"kind": "html", "status": status, "action": "Modify*"}])
    reply = caller.modify(region, instance.id, HttpTokens="required")
    assert (reply.status, reply.content_type) == (status, "text/html") and reply.text.startswith("<html>")
    assert instance.get(ID).status == 200, "nothing has changed"


def test_truncated(caller: Caller, region: str, instance: Instance, control: Make) -> None:
    whole = caller.describe(region)
    control(faults=[{"kind": "truncated", "times": 1}])
    half = caller.describe(region)
    assert half.status == 200 and len(half.text) == len(whole.text) // 2
    with pytest.raises(json.JSONDecodeError):
        json.loads(half.text)
    assert caller.describe(region).ids() == [instance.id]


def test_cut(caller: Caller, region: str, instance: Instance, control: Make) -> None:
    control(faults=[{"kind": "cut", "times": 1}])
    with pytest.raises(http.client.IncompleteRead):
        caller.describe(region)
    assert caller.describe(region).ids() == [instance.id]


def test_repeated_token(caller: Caller, region: str, new_instance: Make, control: Make) -> None:
    made = [new_instance().id for _number in range(35)]
    control(faults=[{"kind": "repeat_token"}])
    first = caller.describe(region, MaxResults=10)
    second = caller.describe(region, MaxResults=10, NextToken=first.data["NextToken"])
    assert second.data["NextToken"] == first.data["NextToken"] != ""
    assert (first.ids(), second.ids()) == (made[:10], made[10:20])


def test_latency(caller: Caller, control: Make) -> None:
    slow = {"kind": "latency", "seconds": 0.15, "times": 1}
    control(faults=[slow, {"kind": "error", "code": "OperationConflict", "times": 1}])
    started = time.monotonic()
    assert caller.v3("DescribeRegions").code == "OperationConflict"
    assert time.monotonic() - started >= 0.15


def test_reset_and_hang(address: str, caller: Caller, control: Make, emulator: Emulator) -> None:
    assert caller.v3("DescribeRegions").code is None
    before = emulator.admin("GET", "/calls")["entries"][-1]["n"]
    control(faults=[{"kind": "reset", "times": 1}, {"kind": "hang", "times": 1}])
    with pytest.raises(ConnectionError):
        caller.v3("DescribeRegions")
    host, _colon, port = address.partition(":")
    with socket.create_connection((host, int(port)), 60) as sock:
        lines = "".join("%s: %s\r\n" % header for header in caller.v3_headers("DescribeRegions", {}).items())
        sock.sendall(("POST / HTTP/1.1\r\n%s\r\n" % lines).encode())
        wait_until(lambda: emulator.admin("GET", "/calls")["entries"][-1]["n"] >= before + 2, "both calls")
        sock.settimeout(0.3)
        with pytest.raises(socket.timeout):
            sock.recv(1)
    assert [entry["status"] for entry in emulator.admin("GET", "/calls")["entries"][-2:]] == [None, None]
    assert caller.v3("DescribeRegions").code is None


def test_faults_do_not_hide_a_wrong_signature(address: str, control: Make) -> None:
    control(faults=[{"kind": "html", "times": 1}])
    assert Caller(address, secret="wrong").v3("DescribeRegions").code == "SignatureDoesNotMatch"
    assert Caller(address).v3("DescribeRegions").content_type == "text/html", "and are not used up by it"
