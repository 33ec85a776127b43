# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""connect.py ADDRESS:PORT...: open a TCP connection to each address from this host, and print a line with each result.

A result is "connected", "refused", "silent" (timeout) or the name of another error. "refused" is an answer to the first packet:
the kernel sends the next one after a second, when the connection already counts as silent.
"""

from __future__ import annotations

import errno
import socket
import sys

SECONDS = 1.0


def connect(address: str) -> str:
    host, _colon, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), SECONDS).close()
    except socket.timeout:
        return "silent"
    except ConnectionRefusedError:
        return "refused"
    except OSError as exc:
        return errno.errorcode.get(exc.errno or 0, str(exc))
    return "connected"


for target in sys.argv[1:]:
    print(connect(target))
