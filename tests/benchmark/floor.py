# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast could walking be at best? A schedule of all requests with perfect foresight.

A listing must have come before its entries can be asked for, and no more requests than connections can be under way. For
requests of equal length that form a tree, "the longest remaining chain first" is an optimal schedule (T. C. Hu, 1961).
"""

from __future__ import annotations

from typing import NamedTuple

from survey import Survey

TOKEN = ""  # the request that everything else waits for


class Floor(NamedTuple):
    """``requests``: as many as must be made, the token included; ``rounds``: of how many requests one after the other."""

    requests: int
    rounds: int

    def seconds(self, start_up: float, one_request: float, bare_request: float) -> float:
        """What walking must at least add to ``ping``.

        *start_up* is what the module adds when the service needs no time and one request brings the tree; *one_request* the
        time of a request as measured one by one; *bare_request* the same without delay, which no overlap can hide, since one
        Python process handles one answer at a time.
        """
        return start_up + max(self.rounds * one_request, self.requests * bare_request)


def floor(found: Survey, connections: int) -> Floor:
    """For what metadata_facts reads of the surveyed tree when it walks."""
    after = _needed(found)
    chain = _chains(after)
    waiting = dict(after)
    done: set[str] = set()
    rounds = 0
    while waiting:
        ready = [path for path, parent in waiting.items() if parent is None or parent in done]
        ready.sort(key=lambda path: -chain[path])
        for path in ready[:connections]:
            del waiting[path]
        done.update(ready[:connections])
        rounds += 1
    return Floor(len(after), rounds)


def _needed(found: Survey) -> dict[str, str | None]:
    """Each request, and the one that must be answered before."""
    after: dict[str, str | None] = {TOKEN: None}
    for path in [*found.directories, *found.leaves]:
        if path == "meta-data/" or path in ("dynamic/instance-identity/document", "maintenance/active-system-events"):
            after[path] = TOKEN
        elif path.startswith("meta-data/") and not path.startswith("meta-data/ram/"):
            after[path] = path.rstrip("/").rpartition("/")[0] + "/"
    after["meta-data/ram/security-credentials/"] = TOKEN  # the name of the role; its keys are not read
    return after


def _chains(after: dict[str, str | None]) -> dict[str, int]:
    """For each request the number of requests in the longest chain that begins with it."""
    chain = dict.fromkeys(after, 1)
    for path in after:
        length, above = 1, after[path]
        while above is not None:
            length += 1
            chain[above] = max(chain[above], length)
            above = after[above]
    return chain
