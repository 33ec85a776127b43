# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command callers: status lines, verdicts, and following new requests."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._callers._report import Filter
from ansible_collections.alicloud.imds.plugins.module_utils._command import _callers
from ansible_collections.alicloud.imds.plugins.module_utils._watch._records import Caller, Records, Sighting
from ansible_collections.alicloud.imds.plugins.module_utils._watch._store import Store

NOW = int(time.time())
CURL = Sighting(Caller(33, "www-data", "curl", "/usr/bin/curl", "app.service"), "connect", "proc", "sh")
STATUS = {"pid": 1, "running_since": NOW, "updated": NOW, "attribution": "connect", "coverage": "full", "dropped": 0,
          "evicted": 0, "lost_events": 0, "last_loss": None, "problems": []}  # fmt: skip


class State:
    """The directory of a running watch."""

    def __init__(self, path: Path) -> None:
        self.path, self.records = str(path), Records()
        self.store = Store(self.path)

    def write(self, **status: Any) -> None:
        self.store.write({**STATUS, **status}, [[NOW - 3600, NOW]], *self.records.as_json(NOW))
        self.store.wait()


@pytest.fixture
def state(tmp_path: Path):
    made = State(tmp_path)
    made.write()
    yield made
    made.store.close()


def shown(state: State, capfd: pytest.CaptureFixture[str]) -> str:
    _callers.show_callers(state.path, "", Filter(), False)
    return capfd.readouterr().out


def test_without_losses_the_verdict_is_a_time(state: State, capfd: pytest.CaptureFixture[str]) -> None:
    output = shown(state, capfd)
    assert "attribution: connect.\n" in output and output.splitlines()[-1].startswith("No normal-mode request since 20")
    assert output.rstrip().endswith("Z.")


def test_partial_coverage_is_unknown(state: State, capfd: pytest.CaptureFixture[str]) -> None:
    state.write(coverage="partial", attribution="socket")
    output = shown(state, capfd)
    assert "attribution: socket. Partial coverage:" in output
    assert "Use of normal mode: unknown." in output and "No normal-mode request since" not in output


def test_losses_are_shown(state: State, capfd: pytest.CaptureFixture[str]) -> None:
    state.write(lost_events=7, last_loss=NOW - 60)
    output = shown(state, capfd)
    assert "Incomplete: 0 packets dropped, 0 connections evicted, 7 events of the kernel lost." in output
    assert "is unknown: they were lost or cannot be parsed." in output


def test_what_callers_would_lose_is_shown(state: State, capfd: pytest.CaptureFixture[str]) -> None:
    assert "these callers lose" not in shown(state, capfd)
    state.records.add(CURL, "normal_mode", "ram/security-credentials/*", NOW)
    state.records.add(CURL, "normal_mode", "zone-id", NOW)
    state.write()
    lines = shown(state, capfd).splitlines()
    place = lines.index("Once tokens are required, these callers lose:")
    assert lines[place + 1] == "  /usr/bin/curl: credentials of the instance RAM role, names and IDs of the instance"


@pytest.mark.parametrize("as_json", [False, True])
def test_new_requests_are_followed(
    state: State, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    state.records.add(CURL, "normal_mode", "mac", NOW - 10)
    state.write()
    added = [2, 0, 3]

    def next_write(seconds: float) -> None:
        if not added:
            raise KeyboardInterrupt
        for _request in range(added.pop(0)):
            state.records.add(CURL, "normal_mode", "mac", NOW)
        state.write()

    monkeypatch.setattr(_callers.time, "sleep", next_write)
    with pytest.raises(KeyboardInterrupt):
        _callers.follow_callers(state.path, "", Filter(), as_json)
    lines = capfd.readouterr().out.splitlines()
    if as_json:
        assert [json.loads(line)["count"] for line in lines] == ["2", "3"]
        assert json.loads(lines[0])["caller"] == "/usr/bin/curl"
    else:
        assert [line.split()[:6] for line in lines] == [
            ["/usr/bin/curl", "www-data", "app.service", "normal_mode", "mac", count] for count in "23"
        ]
