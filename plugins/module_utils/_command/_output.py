# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the output of ecs-metadata, and define its exit statuses.

Output is written as bytes directly to the file descriptors. No buffer is left that could fail to be flushed when Python
exits.
"""

import os
import signal
import sys
import typing as t

from .._common._text import printable

OTHER, USAGE, NOT_FOUND, REFUSED, UNREACHABLE, UNEXPECTED, WITHHELD, OPTIONAL = 1, 2, 3, 4, 5, 6, 7, 10


class Failure(Exception):
    """An error that ends the command with this message and exit status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def write(data: bytes) -> None:
    """Write all of *data* to standard output; raise Failure if that is closed or fails."""
    if sys.stdout is None:  # it was closed at the start, so descriptor 1 may now be anything, even the connection
        raise Failure(OTHER, "Cannot write: standard output is closed.")
    try:
        _write_all(1, data)
    except BrokenPipeError:
        # End by SIGPIPE, as other commands do when the reader has closed the pipe.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGPIPE)
    except OSError as exc:
        raise Failure(OTHER, "Cannot write to standard output: %s." % exc.strerror) from None


def write_text(text: str) -> None:
    """Write *text* and a line feed to standard output, in UTF-8 in every locale."""
    write((text + "\n").encode("utf-8", "backslashreplace"))


def write_json(content: t.Any) -> None:
    """Write *content* to standard output as JSON in ASCII, which contains no terminal control sequences."""
    import json

    write_text(json.dumps(content, indent=2))


def log_problem(message: str) -> None:
    """Write *message* as one line to standard error."""
    if sys.stderr is not None:
        try:
            _write_all(2, ("ecs-metadata: %s\n" % printable(message)).encode("utf-8", "backslashreplace"))
        except OSError:
            pass  # there is no other place to report it


def is_terminal() -> bool:
    """Return whether standard output is a terminal, which interprets control characters."""
    return sys.stdout is not None and os.isatty(1)


def for_terminal(body: bytes) -> bytes:
    """Return *body* as lines of UTF-8 that are safe to display, with unprintable characters escaped."""
    text = body.decode("utf-8", "replace").replace("\r\n", "\n")
    return printable(text, keep="\n\t").encode("utf-8")


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
