# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verify verdicts and users with access_modes_info, and fail or report if a condition is not met."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._host import _verify
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _client
from ansible_collections.alicloud.imds.plugins.module_utils._imds._access_modes import VERDICTS, Modes
from ansible_collections.alicloud.imds.plugins.module_utils._imds._client import Client, Settings
from ansible_collections.alicloud.imds.plugins.plugin_utils._hardening._failure import with_variables

from ....timing import FakeClock

pytestmark = pytest.mark.slow  # waits for a verdict
CHANGE = (
    "If the metadata options were just changed, raise 'wait'. Otherwise change them with the playbook alicloud.imds.%s or the module"
    " alicloud.imds.metadata_options."
)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")


@needs_root
def test_another_user_is_probed(run_module, instance) -> None:
    result = run_module("access_modes_info", endpoint=instance.endpoint, users=["nobody"], identity=True)
    assert result["users"]["nobody"]["verdict"] == "required"
    assert result["instance"] == {"instance_id": instance.id, "region_id": "cn-hangzhou"}
    assert run_module("access_modes_info", endpoint=instance.endpoint, users=["no-such"])["failed"] is True
    both = run_module("access_modes_info", endpoint=instance.endpoint, allowed_users=["no-such"], expect=["optional"])
    assert both["msg"].startswith("There is no user 'no-such'"), "also if the verdict is unexpected"


def test_the_verdict_may_come_within_the_wait(run_module, instance) -> None:
    assert "failed" not in run_module("access_modes_info", endpoint=instance.endpoint, expect=["required"])
    result = run_module("access_modes_info", endpoint=instance.endpoint, expect=["optional"], wait=1)
    assert result["failed"] is True and result["verdict"] == "required"
    assert result["msg"] == "The metadata service requires tokens after 1 s; expected: optional. " + CHANGE % "undo"
    roles = with_variables(result["msg"])
    assert "raise 'wait' (hardening_wait_timeout)" in roles, "the role has another name for it"


@pytest.mark.parametrize(("wait", "pauses"), [(0.0, 0), (0.4, 0), (2.0, 4), (2.4, 4)])
def test_the_probe_is_repeated_every_half_second(instance, wait, pauses) -> None:
    clock = FakeClock()
    desired = _verify.Desired(expect=["optional"], wait=wait)
    settings = Settings(endpoint=instance.endpoint, timeout=60.0)
    verification = _verify.verify(lambda: Client(settings), desired, clock.clock)
    assert verification.modes.verdict == "required" and len(verification.unmet) == 1
    assert clock.pauses == [0.5] * pauses
    assert len([entry for entry in instance.journal() if entry["mode"] == "normal_mode"]) == 1 + pauses


def test_an_unmet_condition_can_be_reported(run_module, instance) -> None:
    result = run_module(
        "access_modes_info", endpoint=instance.endpoint, expect=["optional", "disabled"], unmet="report"
    )
    assert "failed" not in result and result["verdict"] == "required"
    assert result["unmet"] == [
        "The metadata service requires tokens; expected: optional or disabled. " + CHANGE % "undo"
    ]
    assert result["msg"] == result["unmet"][0]
    met = run_module("access_modes_info", endpoint=instance.endpoint, expect=["required"], unmet="report")
    assert met["unmet"] == [] and "msg" not in met


@needs_root
def test_allowed_and_refused_users(run_module, instance) -> None:
    arguments = {"endpoint": instance.endpoint, "allowed_users": ["daemon"], "refused_users": ["nobody"]}
    result = run_module("access_modes_info", **arguments)
    text = "For user nobody the metadata service at %s is required; expected: unreachable."
    unmet = [text % instance.endpoint]
    assert result["failed"] is True and result["unmet"] == unmet and sorted(result["users"]) == ["daemon", "nobody"]
    assert run_module("access_modes_info", unmet="report", **arguments)["unmet"] == unmet


# A process of a user that sends a signal to its processes again and again; only to those that the test started.
SIGNALER = """
import os, sys
os.setgid(65534); os.setuid(65534)
children = "/proc/%s/task/%s/children" % (sys.argv[2], sys.argv[2])
print("ready", flush=True)
while os.getppid() == int(sys.argv[2]):
    for child in open(children).read().split():
        if int(child) != os.getpid():
            try:
                os.kill(int(child), int(sys.argv[1]))
            except OSError:
                pass
"""


@needs_root
@pytest.mark.parametrize(("number", "text"), [(19, "did not end within"), (9, "without a result")])
def test_a_user_who_stops_or_kills_the_probe_is_reported(run_module, instance, monkeypatch, number, text) -> None:
    """Neither does the verification hang, nor does it count a killed probe as a refused one."""
    monkeypatch.setattr(_verify, "_GRACE", 1.0, raising=False)
    real = _verify.probe
    # Keep the user's process until the signal has arrived.
    monkeypatch.setattr(_verify, "probe", lambda client: signal.pause() if os.geteuid() == 65534 else real(client))
    arguments = {"endpoint": instance.endpoint, "deadline": 2, "timeout": 2, "refused_users": ["nobody"]}
    command = [sys.executable, "-c", SIGNALER, str(number), str(os.getpid())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as signaler:
        try:
            assert signaler.stdout is not None and signaler.stdout.readline() == "ready\n"
            result = run_module("access_modes_info", unmet="report", users=["daemon"], **arguments)
        finally:
            signaler.kill()
    assert result["users"]["daemon"]["verdict"] == "required"
    assert result["users"]["nobody"]["verdict"] == "unknown"
    (unmet,) = result["unmet"]
    assert unmet.startswith("For user nobody the metadata service could not be verified: ") and text in unmet


def test_the_process_of_a_user_has_half_a_minute_more_than_its_requests(monkeypatch) -> None:
    """A host with many busy processes needs seconds to start a process; that must not make the result unknown."""
    limits: list[float] = []

    def as_user(_name, _function, seconds):
        limits.append(seconds)
        return modes("required")._asdict()

    monkeypatch.setattr(_verify, "record", lambda _uid: None)
    monkeypatch.setattr(_verify, "probe", lambda _client: modes("required"))
    monkeypatch.setattr(_verify, "as_user", as_user)
    for settings in (Settings(), Settings(deadline=300.0)):
        _verify.verify(lambda settings=settings: Client(settings), _verify.Desired(users=["nobody"]))
    assert limits == [45.0, 330.0]


def test_each_request_that_the_process_of_a_user_may_send_is_recorded(monkeypatch) -> None:
    """That user cannot write the records."""
    recorded: list[int] = []
    monkeypatch.setattr(_verify, "record", recorded.append)
    monkeypatch.setattr(_verify, "probe", lambda _client: modes("required"))
    monkeypatch.setattr(_verify, "as_user", lambda _name, _function, _seconds: modes("required")._asdict())
    for settings, requests in ((Settings(retries=2), 6), (Settings(retries=0, endpoint="http://127.0.0.1:8100"), 1)):
        recorded.clear()
        _verify.verify(lambda settings=settings: Client(settings), _verify.Desired(users=["daemon"]))
        assert recorded == [1] * requests


@needs_root
def test_an_unexpected_verdict_ends_the_verification(run_module, instance) -> None:
    arguments = {"allowed_users": ["nobody"], "expect": ["disabled"], "unmet": "report", "cloud_init": True}
    result = run_module("access_modes_info", endpoint=instance.endpoint, **arguments)
    assert result["users"] == {} and result["cloud_init"] is None
    assert len([entry for entry in instance.journal() if entry["mode"] == "normal_mode"]) == 1


# A service with two addresses


@pytest.fixture
def service(emulator, monkeypatch):
    """Return two instances that serve as the IPv4 and the IPv6 address of one service."""
    ipv4, ipv6 = emulator.add_instance(), emulator.add_instance(listen="[::1]:0")
    monkeypatch.setattr(_client, "ENDPOINTS", (ipv4.endpoint, ipv6.endpoint))
    return ipv4, ipv6


def modes(*verdicts: str) -> Modes:
    """Return the result of a probe of addresses with these verdicts."""
    endpoints = {
        f"http://{at}": {"verdict": verdict, "checks": {}, "problems": []} for at, verdict in enumerate(verdicts)
    }
    return Modes(min(verdicts, key=VERDICTS.index), {}, [], endpoints)


def test_an_address_in_normal_mode_is_named(run_module, service) -> None:
    service[1].set(http_tokens="optional")
    result = run_module("access_modes_info", timeout=60, expect=["required"], unmet="report")
    text = "The metadata service still answers normal-mode requests at %s; expected: required. "
    assert (result["verdict"], result["unmet"]) == ("optional", [text % service[1].endpoint + CHANGE % "harden"])


def test_an_address_without_a_result_does_not_count_as_required(run_module, service) -> None:
    service[1].fault(kind="status", status=503)
    result = run_module("access_modes_info", timeout=60, retries=0, expect=["required"], unmet="report")
    assert result["verdict"] == "unknown"
    assert result["unmet"][0].startswith(
        "The answers of the metadata service do not show which access modes it offers at %s;" % service[1].endpoint
    )


@pytest.mark.parametrize(
    ("own", "user", "allowed", "refused"),
    [
        (("required", "required"), ("required", "required"), [], [0, 1]),
        (("required", "required"), ("required", "unreachable"), [1], [0]),
        (("required", "required"), ("unreachable", "required"), [0], [1]),
        (("required", "required"), ("unreachable", "unreachable"), [0, 1], []),
        (("required", "unreachable"), ("required", "unreachable"), [], [0]),
        (("required", "unreachable"), ("required", "required"), [1], [0, 1]),
    ],
)
def test_users_are_compared_at_each_address(monkeypatch, own, user, allowed, refused) -> None:
    """*allowed* and *refused* are the addresses that do not meet the condition."""
    monkeypatch.setattr(_verify, "record", lambda _uid: None)
    monkeypatch.setattr(_verify, "probe", lambda _client: modes(*own))
    monkeypatch.setattr(_verify, "as_user", lambda *_arguments, **_options: modes(*user)._asdict())
    for condition, expected in (("allowed", allowed), ("refused", refused)):
        found = _verify.verify(lambda: Client(Settings()), _verify.Desired(**{condition: ["nobody"]}))
        assert [f"at http://{at} is {user[at]};" in text for at, text in zip(expected, found.unmet)] == [True] * len(
            expected
        )
        assert len(found.unmet) == len(expected)


@pytest.mark.parametrize("condition", ["users", "allowed", "refused"])
@pytest.mark.parametrize("result", [modes("unreachable", "unknown"), Modes("unknown", {}, [])])
def test_an_unknown_result_of_a_user_is_not_met(monkeypatch, condition, result) -> None:
    monkeypatch.setattr(_verify, "record", lambda _uid: None)
    monkeypatch.setattr(_verify, "probe", lambda _client: modes("unreachable", "unreachable"))
    monkeypatch.setattr(
        _verify, "as_user", lambda *_arguments, **_options: result._replace(problems=["Why."])._asdict()
    )
    found = _verify.verify(lambda: Client(Settings()), _verify.Desired(**{condition: ["nobody"]}))
    assert found.unmet == ["For user nobody the metadata service could not be verified: Why."]
