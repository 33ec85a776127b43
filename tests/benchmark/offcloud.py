# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure how long the modules take to detect that there is no metadata service."""

from __future__ import annotations

import contextlib
import socket
import statistics
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

import lab
from processes import run
from services import set_address
from subjects import ALL, EC2, PING, environment
from survey import EC2 as EC2_SERVICE
from survey import ECS

ADDRESSES = (ECS.address, lab.SERVICE_IPV6, EC2_SERVICE.address)


class Absence(NamedTuple):
    """The time in seconds that a missing service adds to ``ping``, and whether the task failed; None for an omitted peer."""

    situation: str
    ours: float
    ours_failed: bool
    peer: float | None
    peer_failed: bool | None


@contextmanager
def no_route() -> Iterator[None]:
    for address in ADDRESSES:
        set_address(address, False)
    yield


@contextmanager
def refused() -> Iterator[None]:
    for address in ADDRESSES:
        set_address(address, True)
    yield


@contextmanager
def dropped() -> Iterator[None]:
    with refused():
        subprocess.run(["nft", "--file", "-"], input=_DROP, text=True, check=True)
        try:
            yield
        finally:
            subprocess.run(["nft", "delete", "table", "inet", "benchmark"], check=True)


_DROP = f"""
table inet benchmark {{
    chain input {{
        type filter hook input priority 0
        ip daddr {{ {", ".join(address for address in ADDRESSES if ":" not in address)} }} drop
        ip6 daddr {lab.SERVICE_IPV6} drop
    }}
}}
"""


@contextmanager
def silent() -> Iterator[None]:
    """Listen at the address; the kernel accepts connections, but no process answers."""
    with refused(), contextlib.ExitStack() as stack:
        for address in ADDRESSES:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            stack.enter_context(socket.create_server((address, 80), family=family, backlog=64))
        yield


SITUATIONS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "no route to the address": no_route,
    "connection refused": refused,
    "packets dropped": dropped,
    "connects, never answers": silent,
}


def absences(rounds: int, with_peer: bool) -> Iterator[Absence]:
    """Yield the median of *rounds* runs of this collection, and one run of the peer."""
    settings = environment()
    for name, situation in SITUATIONS.items():
        with situation():
            pings = [run(PING.whole_run(), settings) for _turn in range(rounds)]
            ours = [run(ALL.whole_run(), settings) for _turn in range(rounds)]
            peer = run(EC2.whole_run(), settings) if with_peer else None
        ping = statistics.median(sample.wall for sample in pings)
        yield Absence(
            name,
            statistics.median(sample.wall for sample in ours) - ping,
            any(sample.status for sample in ours),
            peer.wall - ping if peer else None,
            peer.status != 0 if peer else None,
        )
