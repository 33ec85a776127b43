# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calculate the shortest possible time of a walk, from an optimal schedule of all requests.

The entries of a listing can be requested only after the listing, and each connection has at most one pending request. For
requests of equal length that form a tree, "the longest remaining chain first" is an optimal schedule (T. C. Hu, 1961).
"""

from __future__ import annotations

from typing import NamedTuple

from survey import Survey

TOKEN = ""  # the path of the token request, which precedes all others


class Floor(NamedTuple):
    """The number of necessary ``requests`` including the token, and of ``rounds``: requests that must follow each other."""

    requests: int
    rounds: int

    def seconds(self, start_up: float, one_request: float, bare_request: float) -> float:
        """Return the seconds that a walk adds to ``ping`` at least.

        *start_up* is the time that the module adds if the service has no delay and one request returns the tree. *one_request*
        is the time of a single request. *bare_request* is the same without delay; connections cannot share this time, because
        one Python process handles one answer at a time.
        """
        return start_up + max(self.rounds * one_request, self.requests * bare_request)


def floor(found: Survey, connections: int) -> Floor:
    """Return the floor for the part of the surveyed tree that metadata_facts reads in a walk."""
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
    """Return each request with the request that must be answered before it."""
    after: dict[str, str | None] = {TOKEN: None}
    for path in [*found.directories, *found.leaves]:
        if path == "meta-data/" or path in ("dynamic/instance-identity/document", "maintenance/active-system-events"):
            after[path] = TOKEN
        elif path.startswith("meta-data/") and not path.startswith("meta-data/ram/"):
            after[path] = path.rstrip("/").rpartition("/")[0] + "/"
    after["meta-data/ram/security-credentials/"] = TOKEN  # only the name of the role is read, not its keys
    return after


def _chains(after: dict[str, str | None]) -> dict[str, int]:
    """Return for each request the length of the longest chain of requests that begins with it."""
    chain = dict.fromkeys(after, 1)
    for path in after:
        length, above = 1, after[path]
        while above is not None:
            length += 1
            chain[above] = max(chain[above], length)
            above = after[above]
    return chain
