# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The server of the emulator closes every connection when it stops, whatever the connection does at that moment."""

from __future__ import annotations

import socket
import threading
from typing import Optional

import pytest
from imds_emulator.server import Server, Waiting
from waiting import GIVE_UP_SECONDS

from .client import connect, read_all


def test_connections_end_that_do_not_wait_for_a_request() -> None:
    entered, proceed = threading.Event(), threading.Event()

    def handle(sock: socket.socket, _client: str, _owner: Optional[str], waiting: Waiting) -> None:
        entered.set()
        assert proceed.wait(GIVE_UP_SECONDS)
        waiting.add(sock)  # after the server has stopped, as between two requests
        sock.recv(1)

    server = Server(handle, 2)
    with connect(server.listen("127.0.0.1:0")) as sock:
        assert entered.wait(GIVE_UP_SECONDS)
        server.close_all()
        proceed.set()
        assert read_all(sock) == b""


def test_a_connection_whose_thread_starts_late_ends() -> None:
    handled = threading.Event()
    server = Server(lambda *_arguments: handled.set(), 2)
    bound = server.listen("127.0.0.1:0")
    ours, theirs = socket.socketpair()
    with ours:
        server.close_all()
        server._slots.acquire()
        server._run(theirs, "127.0.0.1", None)
        assert read_all(ours) == b""
    assert not handled.is_set()
    with pytest.raises(ConnectionRefusedError):
        connect(bound)
