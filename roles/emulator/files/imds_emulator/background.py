# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the emulator in the background and signal readiness."""

from __future__ import annotations

import os
import socket
import sys
import typing as t

#: Called once, after every address is open.
Ready = t.Callable[[], None]


def notify_systemd() -> None:
    """Send READY=1 to systemd if the process is a unit of Type=notify."""
    path = os.environ.get("NOTIFY_SOCKET")
    if path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"READY=1", "\0" + path[1:] if path.startswith("@") else path)


def run(serve: t.Callable[[Ready], int], log: t.Optional[str]) -> int:
    """Call *serve* in a daemon process; return 0 when it is ready, 1 if it fails to start.

    Standard output and, once ready, standard error of the daemon go to the file *log* (default: discarded).
    """
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        return 0 if os.read(reading, 5) == b"ready" else 1
    os.close(reading)
    os.setsid()
    if os.fork():
        os._exit(0)
    _redirect(0, os.devnull, os.O_RDONLY)
    _redirect(1, log or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def ready() -> None:
        sys.stdout.flush()
        os.dup2(1, 2)
        os.write(writing, b"ready")
        os.close(writing)

    return serve(ready)


def _redirect(target: int, path: str, flags: int) -> None:
    descriptor = os.open(path, flags, 0o600)
    os.dup2(descriptor, target)
    os.close(descriptor)
