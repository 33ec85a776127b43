# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record every API call, without secrets, full access keys and parameter values other than region and instance."""

from __future__ import annotations

import collections
import threading
import typing as t

from ..clock import Clock, to_iso_ms
from ..journal import Journal
from .call import Call, short

KEPT = 100000
MOST_TOTALS = 50
SHOWN = 4  #: characters of an access key that are recorded, such as LTAI


class CallJournal:
    """The newest calls and the totals of all calls. Each call is also recorded as a request with the mode `api`."""

    def __init__(self, clock: Clock, requests: Journal) -> None:
        self._clock = clock
        self._requests = requests
        self._entries: t.Deque[t.Dict[str, t.Any]] = collections.deque(maxlen=KEPT)
        self._count = 0
        self._totals: t.Dict[str, t.Dict[str, int]] = {}
        self._lock = threading.Lock()

    def add(self, call: Call, status: t.Optional[int], code: t.Optional[str], connection: int, client: str) -> None:
        """Record a call. *status* is None if a fault broke the connection, *code* is the error code, if any."""
        entry = {
            "action": short(call.action),
            "region": short(call.region) or None,
            "instance": short(call.instance) or None,
            "access_key": short(call.access_key[:SHOWN]),
            "status": status,
            "code": code,
            "version": call.version,
            "query": call.digest(),
        }
        with self._lock:
            self._count += 1
            whole = {"n": self._count, "time": to_iso_ms(self._clock.now())}
            whole.update(entry)
            self._entries.append(whole)
            action = str(entry["action"])
            known = action in self._totals or len(self._totals) < MOST_TOTALS
            totals = self._totals.setdefault(action if known else "(others)", {})
            name = "ok" if status == 200 and code is None else code or "broken"
            totals[name] = totals.get(name, 0) + 1
        place = {"connection": connection, "client": client, "method": call.request.method, "path": call.request.path}
        agent = call.request.headers.get("user-agent", "")[:200]
        self._requests.add(dict(place, mode="api", forwarded=False, user_agent=agent, **entry))

    def after(self, number: int) -> t.List[t.Dict[str, t.Any]]:
        """Return the kept entries with a number greater than *number*."""
        with self._lock:
            newer = min(len(self._entries), max(0, self._count - number))
            return list(self._entries)[len(self._entries) - newer :]

    def last(self) -> int:
        """Return the number of the newest entry."""
        with self._lock:
            return self._count

    def totals(self) -> t.Dict[str, t.Dict[str, int]]:
        """Return the number of calls by action and result: `ok`, an error code, or `broken`."""
        with self._lock:
            return {action: dict(counts) for action, counts in self._totals.items()}

    def clear(self) -> None:
        """Delete entries and totals. The numbering continues."""
        with self._lock:
            self._entries.clear()
            self._totals.clear()
