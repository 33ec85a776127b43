# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replace this process with a command that has the keys of the instance's RAM role in its environment.

The keys are passed to execve. They are never part of a command line, a file or the output.
"""

import os
import signal
import typing as t

from .._imds._client import Client
from .._imds._role_keys import KeysError, read
from ._output import UNEXPECTED, Failure

CANNOT_EXECUTE, NO_COMMAND = 126, 127


def execute(client: Client, words: t.Sequence[str]) -> t.NoReturn:
    """Execute *words*, a command and its arguments. The command is searched for in PATH.

    Raises:
        Failure: There are no valid keys, or the command cannot be executed.
        MetadataError: The keys cannot be read; it is NotFound if no role is bound to the instance.
    """
    try:
        keys = read(client)
    except KeysError as exc:
        raise Failure(UNEXPECTED, str(exc)) from None
    # Python ignores these signals, and a command would inherit that.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvpe(words[0], list(words), dict(os.environ, **keys.environment()))
    except (FileNotFoundError, NotADirectoryError) as exc:
        text = "Cannot find the command %r: %s. Check its name and the PATH." % (words[0], exc.strerror)
        raise Failure(NO_COMMAND, text) from None
    except OSError as exc:
        raise Failure(CANNOT_EXECUTE, "Cannot execute the command %r: %s." % (words[0], exc.strerror)) from None
