# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command `imds-emulator-ctl` and services that are not the admin API."""

from __future__ import annotations

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
