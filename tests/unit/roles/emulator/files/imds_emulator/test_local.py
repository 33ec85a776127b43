# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The emulator in threads of the process of a test, as the pytest fixture runs it."""

from __future__ import annotations

import pytest
from imds_emulator.local import LocalEmulator

from .client import TOKEN, TOKEN_PATH, TTL, ask, connect, read_all, request_bytes

ITEM = "/latest/meta-data/instance-id"


def test_start_configure_journal_and_stop() -> None:
    emulator = LocalEmulator(http_tokens="required", tags={"a": "b"})
    with pytest.raises(RuntimeError, match="call start"):
        emulator.journal()
    with emulator:
        assert emulator.url == "http://" + emulator.address
        assert ask(emulator.address, "/latest/meta-data/instance-id").status == 403
        emulator.configure(http_tokens="optional")
        emulator.switches(head=405)
        assert ask(emulator.address, "/latest/meta-data/instance-id").text == "i-test"
        assert ask(emulator.address, "/", method="HEAD").status == 405
        emulator.faults({"kind": "status", "status": 503})
        assert ask(emulator.address, TOKEN_PATH, {TTL: "60"}, "PUT").status == 503
        emulator.faults()
        assert ask(emulator.address, TOKEN_PATH, {TTL: "60"}, "PUT").status == 200
        assert [entry["status"] for entry in emulator.journal()] == [403, 200, 405, 503, 200]
        assert ask(emulator.control_url[7:], "/?Action=Nonsense").status == 400
        assert [call["action"] for call in emulator.calls()] == ["Nonsense"]
        with pytest.raises(ValueError, match="http_tokens: must be optional or required"):
            emulator.configure(http_tokens="always")
        address = emulator.address
        with connect(address) as sock:
            sock.sendall(request_bytes("/"))
            while not sock.recv(1):
                pass
            emulator.stop()
            read_all(sock)  # ends: a stopped emulator keeps no connection
        with pytest.raises(ConnectionRefusedError):
            connect(address)
        emulator.start()
        assert ask(emulator.address, "/latest/meta-data/instance-id").status == 403


def test_a_restart_keeps_the_addresses_and_the_journals() -> None:
    """A client under test has the URL of its first request, and a test asserts after the end."""
    with LocalEmulator() as emulator:
        url, control_url = emulator.url, emulator.control_url
        token = ask(emulator.address, TOKEN_PATH, {TTL: "60"}, "PUT").text
        ask(control_url[7:], "/?Action=First")
        emulator.advance(100)
        emulator.stop()
        assert (emulator.url, emulator.control_url) == (url, control_url)
        assert [entry["status"] for entry in emulator.journal() if entry["mode"] != "api"] == [200]
        with pytest.raises(ConnectionRefusedError):
            connect(emulator.address)
        with pytest.raises(RuntimeError, match="call start"):
            emulator.configure(hostname="other")
        emulator.start()
        assert (emulator.url, emulator.control_url) == (url, control_url)
        assert ask(emulator.address, ITEM, {TOKEN: token}).status == 401
        ask(control_url[7:], "/?Action=Second")
    journal = emulator.journal()
    assert [entry["status"] for entry in journal if entry["mode"] != "api"] == [200, 401]
    assert [entry["n"] for entry in journal] == [1, 2, 3, 4]
    assert len({entry["connection"] for entry in journal}) == 4
    assert [entry["time"] for entry in journal] == sorted(entry["time"] for entry in journal)
    assert [call["action"] for call in emulator.calls()] == ["First", "Second"]


def test_errors_name_the_setting_and_change_nothing() -> None:
    with pytest.raises(ValueError, match=r"^instance\.http_token: unknown key \(did you mean http_tokens\?\)"):
        LocalEmulator(http_token="required").start()
    with LocalEmulator() as emulator:
        with pytest.raises(ValueError, match=r"faults\(first, second\)"):
            emulator.faults([{"kind": "reset"}])  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=r"instance\.faults\[1\]: must be an object with the key kind, not 3"):
            emulator.faults({"kind": "reset"}, 3)  # type: ignore[arg-type]
        assert ask(emulator.address, ITEM).status == 200
