# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accept connections and handle each in its own thread, up to a maximum number."""

from __future__ import annotations

import socket
import threading
import typing as t

from .address import client_address, format_address, parse_address

#: Handles one connection: socket, client address, instance ID of the listening address (None if shared).
Handler = t.Callable[[socket.socket, str, t.Optional[str]], None]


class Server:
    """A server on any number of addresses.

    More than *most* simultaneous connections wait in the backlog of the kernel.
    """

    def __init__(self, handler: Handler, most: int) -> None:
        self._handler = handler
        self._slots = threading.BoundedSemaphore(most)
        self._listeners: t.Dict[str, socket.socket] = {}
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
            try:
                listener.shutdown(socket.SHUT_RDWR)  # ends accept() in the thread
            except OSError:
                pass
            listener.close()

    def close_all(self) -> None:
        """Stop listening on all addresses."""
        for bound in list(self._listeners):
            self.close(bound)

    def _accept(self, listener: socket.socket, owner: t.Optional[str]) -> None:
        while True:
            self._slots.acquire()
            try:
                sock, peer = listener.accept()
            except OSError:
                self._slots.release()
                if listener.fileno() < 0:
                    return
                threading.Event().wait(0.05)  # out of file descriptors, or the client has already disconnected
                continue
            try:
                threading.Thread(target=self._run, args=(sock, client_address(peer[0]), owner), daemon=True).start()
            except RuntimeError:
                sock.close()
                self._slots.release()

    def _run(self, sock: socket.socket, client: str, owner: t.Optional[str]) -> None:
        try:
            self._handler(sock, client, owner)
        except OSError:
            pass  # the client disconnected
        finally:
            sock.close()
            self._slots.release()
