# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Index the instances by client address and by account and region."""

from __future__ import annotations

import bisect
import itertools
import typing as t

from .address import client_address
from .instance import Instance


class Listing(t.NamedTuple):
    """The instances of one account and region in the order of their creation. Immutable by convention."""

    numbers: t.List[int]
    instances: t.List[Instance]
    by_id: t.Dict[str, Instance]

    def after(self, number: int) -> int:
        """Return the position of the first instance created after the one with this number."""
        return bisect.bisect_right(self.numbers, number)


NOTHING = Listing([], [], {})


class Index:
    """The indexes. Not thread-safe: the caller holds a lock."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._clients: t.Dict[str, str] = {}
        self._defaults: t.Dict[int, str] = {}
        self._all: t.Dict[int, Instance] = {}
        self._places: t.Dict[t.Tuple[str, str], t.Dict[int, Instance]] = {}
        self._listings: t.Dict[t.Tuple[str, str], Listing] = {}

    def add(self, instance: Instance, number: t.Optional[int] = None) -> None:
        """Add an instance. *number* is that of the instance it replaces, None for a new one."""
        instance.number = next(self._numbers) if number is None else number
        settings, name = instance.settings, instance.raw["instance_id"]
        self._clients.update((client_address(client), name) for client in settings["clients"])
        if settings["default"]:
            self._defaults[instance.number] = name
        self._all[instance.number] = instance
        place = _place(instance)
        self._places.setdefault(place, {})[instance.number] = instance
        self._listings.pop(place, None)

    def remove(self, instance: Instance) -> None:
        """Remove an instance."""
        for client in instance.settings["clients"]:
            self._clients.pop(client_address(client), None)
        self._defaults.pop(instance.number, None)
        self._all.pop(instance.number)
        place = _place(instance)
        self._places[place].pop(instance.number)
        self._listings.pop(place, None)

    def by_client(self, client: str) -> t.Optional[str]:
        """Return the ID of the instance that lists a client address, or None."""
        return self._clients.get(client_address(client))

    def default(self) -> t.Optional[str]:
        """Return the ID of the instance that serves unlisted clients, or None.

        This is the first instance with the setting `default`, or a single instance that sets neither `default` nor
        `clients`.
        """
        if len(self._all) == 1:
            only = next(iter(self._all.values()))
            if not only.settings["clients"] and "default" not in only.raw:
                return str(only.raw["instance_id"])
        return self._defaults[min(self._defaults)] if self._defaults else None

    def regions(self) -> t.List[str]:
        """Return the sorted regions that contain an instance."""
        return sorted({region for (_account, region), instances in self._places.items() if instances})

    def listing(self, account: str, region: str) -> Listing:
        """Return the instances of an account and region. The same object is returned until one of them changes."""
        place = (account, region)
        known = self._listings.get(place)
        if known is None:
            ordered = sorted(self._places.get(place, {}).items())
            instances = [instance for _number, instance in ordered]
            known = Listing(
                [number for number, _instance in ordered],
                instances,
                {instance.raw["instance_id"]: instance for instance in instances},
            )
            self._listings[place] = known
        return known


def _place(instance: Instance) -> t.Tuple[str, str]:
    return instance.settings["owner_account_id"], instance.settings["region_id"]
