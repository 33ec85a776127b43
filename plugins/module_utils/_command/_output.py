# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the command ecs-metadata writes, and how it ends. This module util is private to the collection.

Output goes straight to the file descriptors: it is bytes, it is written at once, and nothing is left in a buffer that
could fail when Python ends.
"""

from __future__ import annotations

import os
import signal
import sys
import typing as t

from .._common._text import printable

OTHER, USAGE, NOT_FOUND, REFUSED, UNREACHABLE, UNEXPECTED, WITHHELD, OPTIONAL = 1, 2, 3, 4, 5, 6, 7, 10


class Failure(Exception):
    """The command ends with this message and exit status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def write(data: bytes) -> None:
    """Write all of *data* to standard output."""
    if sys.stdout is None:  # closed before we began; descriptor 1 may be anything by now, even the connection
        raise Failure(OTHER, "Cannot write: standard output is closed.")
    try:
        _write_all(1, data)
    except BrokenPipeError:
        # as other commands end when the reader has gone
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGPIPE)
    except OSError as exc:
        raise Failure(OTHER, "Cannot write to standard output: %s." % exc.strerror) from None


def write_text(text: str) -> None:
    """Write *text* and a line feed to standard output, in UTF-8 whatever the locale."""
    write((text + "\n").encode("utf-8", "backslashreplace"))


def write_json(content: t.Any) -> None:
    """Write *content* as JSON in ASCII, which no terminal takes for a command."""
    import json

    write_text(json.dumps(content, indent=2))


def log_problem(message: str) -> None:
    """Write one line to standard error."""
    if sys.stderr is not None:
        try:
            _write_all(2, ("ecs-metadata: %s\n" % printable(message)).encode("utf-8", "backslashreplace"))
        except OSError:
            pass  # there is nobody left to tell


def is_terminal() -> bool:
    """Will a person's terminal interpret what is written?"""
    return sys.stdout is not None and os.isatty(1)


def for_terminal(body: bytes) -> bytes:
    """*body* as lines that are safe to show."""
    text = body.decode("utf-8", "replace").replace("\r\n", "\n")
    return printable(text, keep="\n\t").encode("utf-8")


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
