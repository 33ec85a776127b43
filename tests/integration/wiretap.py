# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record all bytes in a TCP relay, so that tests know the tokens and keys that must not appear elsewhere."""

from __future__ import annotations

import contextlib
import re
import socket
import threading


class Wiretap:
    """A relay from *listen* to *target*, both (host, port), until it is closed."""

    def __init__(self, listen: tuple[str, int], target: tuple[str, int]) -> None:
        self._target = target
        self._heard: list[bytes] = []
        self._server = socket.create_server(listen)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = self._server.accept()
                service = socket.create_connection(self._target)
                for source, sink in ((client, service), (service, client)):
                    threading.Thread(target=self._relay, args=(source, sink), daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                self._heard.append(chunk)
                sink.sendall(chunk)
            sink.shutdown(socket.SHUT_WR)

    def secrets(self) -> set[str]:
        """Return the tokens in requests, and the role's keys in answers."""
        heard = b"\n".join(self._heard).decode("latin-1")
        tokens = re.findall(r"(?i)^x-aliyun-ecs-metadata-token: *(\S+)", heard, re.MULTILINE)
        keys = re.findall(r'"(?:AccessKeyId|AccessKeySecret|SecurityToken)" *: *"([^"]+)"', heard)
        return set(tokens) | set(keys)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)  # wake the thread that waits in accept()
        self._server.close()
