# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the checks in a child process that is abandoned if a file system does not answer, with bounded memory."""

import json
import os
import resource
import select
import signal
import time
import typing as t

from ._findings import finding, verdict
from ._run import CHECKS, SEARCH, Report, Request, run

# Seconds after the deadline before the child process is abandoned.
GRACE = 5.0
# Bytes of address space that the checks may use in addition to what the process uses already.
MEMORY = 1 << 29
_MOST_BYTES = 1 << 26


def run_isolated(request: Request, root: str = "/", now: t.Optional[float] = None, grace: float = GRACE) -> Report:
    """Return the report of `run`; what a child process that does not answer in time would have found is a finding."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _child(writing, request, root, now)
    os.close(writing)
    try:
        content = _answer(reading, request.deadline + grace)
    finally:
        os.close(reading)
        _end(child)
    try:
        return Report(*json.loads(content.decode("utf-8")))
    except (ValueError, TypeError):
        reason = (
            "the checks ran out of memory"
            if content == b"memory"
            else "a file system does not answer, or the checks failed"
        )
        return _incomplete(reason, content)


def _child(writing: int, request: Request, root: str, now: t.Optional[float]) -> None:
    """Run the checks, write the report, and end this process."""
    try:
        try:
            used = int(open("/proc/self/statm", encoding="ascii").read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
        except (OSError, ValueError):
            pass
        try:
            content = json.dumps(run(request, root, now)).encode("utf-8")
        except MemoryError:
            content = b"memory"
        except Exception as exc:  # pylint: disable=broad-except
            content = ("error: %s: %s" % (type(exc).__name__, exc)).encode("utf-8", "replace")
        view = memoryview(content)
        while view:
            view = view[os.write(writing, view) :]
    finally:
        os._exit(0)  # skips the clean-up handlers and buffers inherited from the parent


def _answer(reading: int, seconds: float) -> bytes:
    """Return what the child process writes within *seconds*."""
    end, pieces, size = time.monotonic() + seconds, [], 0  # type: float, t.List[bytes], int
    while size < _MOST_BYTES:
        ready = select.select([reading], [], [], max(0.0, end - time.monotonic()))[0]
        if not ready:
            return b""
        piece = os.read(reading, 1 << 16)
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _end(child: int) -> None:
    """Kill the child process; do not wait for one that the kernel cannot end."""
    os.kill(child, signal.SIGKILL)
    for _number in range(50):
        if os.waitpid(child, os.WNOHANG)[0]:
            return
        time.sleep(0.02)


def _incomplete(reason: str, content: bytes) -> Report:
    """Return the report of checks that did not end."""
    detail = content.decode("utf-8", "replace")[:200] if content.startswith(b"error: ") else ""
    findings = [finding("search_incomplete", detail, check=name, reason=reason) for name in (*CHECKS, SEARCH)]
    return Report(findings, verdict(findings), False, None, {})
