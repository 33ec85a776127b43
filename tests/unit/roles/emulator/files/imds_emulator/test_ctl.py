# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command `imds-emulator-ctl` and services that are not the admin API."""

from __future__ import annotations

import re
import socket
from typing import Any

import pytest
from imds_emulator import ctl
from imds_emulator.server import Server


@pytest.mark.parametrize("body", [b"{}", b"[]", b"<html></html>", b""])
def test_another_service_is_not_taken_for_the_admin_api(body: bytes) -> None:
    def handle(sock: socket.socket, *_arguments: Any) -> None:
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    server = Server(handle, 2)
    address = server.listen("127.0.0.1:0")
    try:
        with pytest.raises(ValueError, match=address + ": not the admin API of the emulator"):
            ctl.run(address, ["journal"])
    finally:
        server.close_all()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("journals", "journals: unknown command (did you mean journal?)\ncommands;"),
        ("nonsense", "nonsense: unknown command\ncommands;"),
        ("stop", "stop: unknown command; stop the emulator with `kill PID`"),
        ("set i-1", "set i-1: wrong arguments; usage: imds-emulator-ctl set ID KEY=VALUE..."),
        ("health now", "health now: wrong arguments; usage: imds-emulator-ctl health"),
        ("clock", "clock: wrong arguments; usage: imds-emulator-ctl clock SECONDS"),
        ("clock 1h", "clock 1h: SECONDS must be a number, such as 3600 for an hour"),
        ("clock inf", "clock inf: SECONDS must be a number, such as 3600 for an hour"),
        ("fault i-1 {", "fault {: invalid JSON: "),
        (
            'fault i-1 {"kind":"reset","kind":"hang"}',
            'fault {"kind":"reset","kind":"hang"}: invalid JSON: the key \'kind\' is repeated',
        ),
        ('set i-1 role={"name":"a","name":"b"}', "set role: the key 'name' is repeated"),
    ],
)
def test_a_wrong_command_line_is_explained(words: str, message: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(message)) as caught:
        ctl.to_request(words.split())
    assert ("\n" in str(caught.value)) == ("commands;" in message)


@pytest.mark.parametrize("command", sorted(ctl.USAGE))
def test_each_command_of_the_help_is_accepted_with_its_arguments(command: str) -> None:
    words = {"ID": "i-1", "[KEY=VALUE...]": "a=1", "KEY=VALUE...": "a=1", "NAME=VALUE...": "a=1", "JSON": "{}"}
    arguments = [words.get(word, "1") for word in ctl.USAGE[command][0].split()]
    assert ctl.to_request([command, *arguments])[0] in ("GET", "POST", "PUT", "PATCH", "DELETE")
    with pytest.raises(ValueError, match="wrong arguments"):
        ctl.to_request([command] if arguments else [command, "more"])
