# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How are instances found without looking at all of them? By client address, and by account and region."""

from __future__ import annotations

import bisect
import itertools
import typing as t

from .instance import Instance


class Listing(t.NamedTuple):
    """Instances in the order of their creation. Never changed, only replaced."""

    numbers: t.List[int]
    instances: t.List[Instance]
    by_id: t.Dict[str, Instance]

    def after(self, number: int) -> int:
        """The position of the first instance created after the one with this number."""
        return bisect.bisect_right(self.numbers, number)


NOTHING = Listing([], [], {})


class Index:
    """Not safe by itself: its user holds a lock."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._clients: t.Dict[str, str] = {}
        self._defaults: t.Dict[int, str] = {}
        self._all: t.Dict[int, Instance] = {}
        self._places: t.Dict[t.Tuple[str, str], t.Dict[int, Instance]] = {}
        self._listings: t.Dict[t.Tuple[str, str], Listing] = {}

    def add(self, instance: Instance, number: t.Optional[int] = None) -> None:
        """``number``: of the instance that this one replaces, if any."""
        instance.number = next(self._numbers) if number is None else number
        settings, name = instance.settings, instance.raw["instance_id"]
        self._clients.update((client, name) for client in settings["clients"])
        if settings["default"]:
            self._defaults[instance.number] = name
        self._all[instance.number] = instance
        place = _place(instance)
        self._places.setdefault(place, {})[instance.number] = instance
        self._listings.pop(place, None)

    def remove(self, instance: Instance) -> None:
        for client in instance.settings["clients"]:
            self._clients.pop(client, None)
        self._defaults.pop(instance.number, None)
        self._all.pop(instance.number)
        place = _place(instance)
        self._places[place].pop(instance.number)
        self._listings.pop(place, None)

    def by_client(self, client: str) -> t.Optional[str]:
        return self._clients.get(client)

    def default(self) -> t.Optional[str]:
        """Who answers clients that nobody claims: the first default instance, or the only one, when it has no say."""
        if len(self._all) == 1:
            only = next(iter(self._all.values()))
            if not only.settings["clients"] and "default" not in only.raw:
                return str(only.raw["instance_id"])
        return self._defaults[min(self._defaults)] if self._defaults else None

    def regions(self) -> t.List[str]:
        return sorted({region for (_account, region), instances in self._places.items() if instances})

    def listing(self, account: str, region: str) -> Listing:
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
