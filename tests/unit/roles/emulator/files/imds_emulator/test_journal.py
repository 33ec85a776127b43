# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal records each request without secrets."""

from __future__ import annotations

import json
import re
from typing import Callable

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._callers._vocabulary import MODES, UNPARSABLE

from .client import TOKEN, TOKEN_PATH, TTL, Emulator, Instance, ask

pytestmark = pytest.mark.slow

DATA = "/latest/meta-data/instance-id"


def test_an_entry(instance: Instance) -> None:
    instance.get(DATA + "?secret=1", **{"User-Agent": "agent/1", "X-Forwarded-For": "10.0.0.1"})
    entry = instance.journal()[-1]
    assert isinstance(entry.pop("n"), int) and isinstance(entry.pop("connection"), int)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry.pop("time"))
    assert entry == {
        "instance": instance.id,
        "client": "127.0.0.1",
        "method": "GET",
        "path": DATA,
        "mode": "normal_mode",
        "status": 200,
        "forwarded": True,
        "user_agent": "agent/1",
    }


def test_modes(instance: Instance) -> None:
    token = instance.token()
    instance.put("0")
    instance.get(DATA, token)
    instance.get(DATA, "bad")
    instance.get(DATA, "")
    instance.get(DATA)
    ask(instance.address, TOKEN_PATH, {TTL: "60"})
    modes = [(entry["mode"], entry["status"]) for entry in instance.journal()]
    assert modes == [
        ("token_request", 200),
        ("token_request", 400),
        ("token_authenticated", 200),
        ("token_authenticated", 401),
        ("token_authenticated", 401),
        ("normal_mode", 200),
        ("normal_mode", 405),
    ]
    assert {mode for mode, _status in modes} == set(MODES) - {UNPARSABLE}, "the words of the recorded callers"


def test_the_file_has_the_same_entries_and_no_secret(emulator: Emulator, instance: Instance) -> None:
    token = instance.token()
    keys = json.loads(instance.get("/latest/meta-data/ram/security-credentials/TestRole", token).text)
    ask(instance.address, DATA + "?x-token=" + token, {TOKEN: "other-secret", "Authorization": "third-secret"})
    text = emulator.journal_file.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line for line in lines if line["instance"] == instance.id] == instance.journal()
    for secret in (token, keys["AccessKeySecret"], keys["SecurityToken"], "other-secret", "third-secret"):
        assert secret not in text
    assert emulator.journal_file.stat().st_mode & 0o777 == 0o600


def test_reading_on_and_forgetting(emulator: Emulator, new_instance: Callable[..., Instance]) -> None:
    instance = new_instance()
    at = emulator.admin("GET", "/journal")["next"]
    assert emulator.admin("GET", "/journal?after=%d" % at) == {"entries": [], "next": at}
    instance.get(DATA)
    instance.get("/")
    page = emulator.admin("GET", "/journal?after=%d" % at)
    assert ([entry["path"] for entry in page["entries"]], page["next"]) == ([DATA, "/"], at + 2)
    assert emulator.admin("DELETE", "/journal") == {"entries": [], "next": at + 2}
    instance.get(DATA)
    assert [entry["n"] for entry in emulator.admin("GET", "/journal")["entries"]] == [at + 3]
