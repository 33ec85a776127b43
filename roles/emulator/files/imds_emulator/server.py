# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accept connections and handle each in its own thread, up to a maximum number."""

from __future__ import annotations

import socket
import threading
import typing as t

from .address import client_address, format_address, parse_address


class Waiting:
    """The connections that wait for a request or for the rest of one, the longest waiting first."""

    def __init__(self) -> None:
        self._sockets: t.Dict[socket.socket, None] = {}
        self._lock = threading.Lock()

    def add(self, sock: socket.socket) -> None:
        """Add a connection."""
        with self._lock:
            self._sockets[sock] = None

    def remove(self, sock: socket.socket) -> None:
        """Remove a connection.

        Raises: ConnectionResetError if it was closed with `close_oldest`.
        """
        with self._lock:
            if sock not in self._sockets:
                raise ConnectionResetError("closed for another connection")
            del self._sockets[sock]

    def close_oldest(self) -> bool:
        """Close the connection that has waited longest; return whether there was one."""
        with self._lock:
            sock = next(iter(self._sockets), None)
            if sock is None:
                return False
            del self._sockets[sock]
        _shut_down(sock)
        return True


#: Handles one connection: socket, client address, instance ID of the listening address (None if shared), waiting connections.
Handler = t.Callable[[socket.socket, str, t.Optional[str], Waiting], None]


class Server:
    """A server on any number of addresses.

    With more than *most* simultaneous connections, those that have waited longest for a request are closed. While all of them
    are busy, new ones wait, most of them in the backlog of the kernel.
    """

    def __init__(self, handler: Handler, most: int) -> None:
        self._handler = handler
        self._slots = threading.BoundedSemaphore(most)
        self._waiting = Waiting()
        self._listeners: t.Dict[str, socket.socket] = {}
        self._connections: t.Set[socket.socket] = set()
        self._closed = False
        self._lock = threading.Lock()

    def listen(self, address: str, owner: t.Optional[str] = None) -> str:
        """Listen on an address for the instance *owner* and return the bound address.

        Raises: OSError naming the address.
        """
        host, port = parse_address(address)
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(256)
        except OSError as error:
            listener.close()
            raise OSError(error.errno, "cannot listen on %s: %s" % (address, error.strerror)) from None
        bound = format_address(*listener.getsockname()[:2])
        with self._lock:
            self._listeners[bound] = listener
        threading.Thread(target=self._accept, args=(listener, owner), daemon=True).start()
        return bound

    def close(self, bound: str) -> None:
        """Stop listening on a bound address. Open connections continue."""
        with self._lock:
            listener = self._listeners.pop(bound, None)
        if listener:
            _shut_down(listener)  # ends accept() in the thread
            listener.close()

    def close_all(self) -> None:
        """Stop listening on all addresses and close all connections, for good."""
        for bound in list(self._listeners):
            self.close(bound)
        with self._lock:
            self._closed = True
            for sock in self._connections:
                _shut_down(sock)  # its thread closes it

    def _accept(self, listener: socket.socket, owner: t.Optional[str]) -> None:
        while True:
            try:
                sock, peer = listener.accept()
            except OSError:
                if listener.fileno() < 0:
                    return
                threading.Event().wait(0.05)  # out of file descriptors, or the client has already disconnected
                continue
            self._take_slot()
            try:
                threading.Thread(target=self._run, args=(sock, client_address(peer[0]), owner), daemon=True).start()
            except RuntimeError:
                sock.close()
                self._slots.release()

    def _take_slot(self) -> None:
        """Wait for a free slot; make one free at once if a connection waits for a request."""
        if not self._slots.acquire(blocking=False):
            self._waiting.close_oldest()
            while not self._slots.acquire(timeout=0.1):
                self._waiting.close_oldest()

    def _run(self, sock: socket.socket, client: str, owner: t.Optional[str]) -> None:
        with self._lock:
            is_wanted = not self._closed
            if is_wanted:
                self._connections.add(sock)
        try:
            if is_wanted:
                self._handler(sock, client, owner, self._waiting)
        except OSError:
            pass  # the client disconnected
        finally:
            with self._lock:
                self._connections.discard(sock)
                sock.close()
            self._slots.release()


def _shut_down(sock: socket.socket) -> None:
    """End a call of recv(), send() or accept() that another thread waits in."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it has ended already
