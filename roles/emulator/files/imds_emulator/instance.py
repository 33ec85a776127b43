# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Define an emulated instance and the view of it that one request needs."""

from __future__ import annotations

import typing as t

from .credentials import RoleKeys
from .defaults import complete
from .faults import FaultPlan

OPTIONS = ("http_tokens", "http_endpoint", "instance_metadata_tags")


class View(t.NamedTuple):
    """The state of an instance that one request needs. Immutable by convention."""

    instance_id: str
    options: t.Dict[str, str]
    root: t.Dict[str, t.Any]
    switches: t.Dict[str, t.Any]
    faults: FaultPlan
    until: float  #: emulator time at which the view expires, in seconds since 1970


class Instance:
    """An emulated instance: its configuration as given (`raw`), with defaults (`settings`), and its changing state."""

    def __init__(self, raw: t.Dict[str, t.Any], seed: bytes, started: float) -> None:
        self.raw = raw
        self.number = 0  #: order of creation
        self.settings = complete(raw)
        self.faults = FaultPlan(self.settings["faults"])
        role = self.settings["role"]
        self.keys = RoleKeys(role, seed + raw["instance_id"].encode("utf-8"), started) if role else None
        self.view: t.Optional[View] = None
        self.former_options: t.Dict[str, str] = {}
        self.options_from = 0.0
        self.described: t.Optional[t.Tuple[str, t.Dict[str, t.Any]]] = None  #: cache of control.row.described()

    def options(self, now: float) -> t.Dict[str, str]:
        """Return the metadata options in effect at the emulator time *now*."""
        if now < self.options_from:
            return self.former_options
        return {key: self.settings[key] for key in OPTIONS}
