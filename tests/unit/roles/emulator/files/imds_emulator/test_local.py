# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The emulator in threads of the process of a test, as the pytest fixture runs it."""

from __future__ import annotations

import pytest
from imds_emulator.local import LocalEmulator

from .client import TOKEN_PATH, TTL, ask, connect, read_all, request_bytes


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
        assert len(emulator.journal()) == 1
