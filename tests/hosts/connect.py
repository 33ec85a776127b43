# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""connect.py ADDRESS:PORT...: how a TCP connection to each ends, and after how long; on the host that runs it.

A line for each: the word "connected", "refused", "silent" or the system's name for the error, and the milliseconds of the
fastest of three tries, of one where it is silent.
"""

from __future__ import annotations

import errno
import socket
import sys
import time

SECONDS = 1.0


def connect(address: str) -> str:
    host, _colon, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), SECONDS).close()
    except socket.timeout:
        return "silent"
    except ConnectionRefusedError:
        return "refused"
    except OSError as exc:
        return errno.errorcode.get(exc.errno or 0, str(exc))
    return "connected"


def measure(address: str) -> tuple[str, float]:
    fastest = float("inf")
    for _try in range(3):
        began = time.perf_counter()
        ending = connect(address)
        fastest = min(fastest, (time.perf_counter() - began) * 1000)
        if ending == "silent":
            break
    return ending, fastest


for target in sys.argv[1:]:
    print("%s %.2f" % measure(target))
