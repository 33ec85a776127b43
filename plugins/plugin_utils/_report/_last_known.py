# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Complete the entries of a run: hosts that it did not examine, with what the report before knew, and unmanaged instances. No I/O."""

from __future__ import annotations

import typing as t

from . import _entries, _validation
from ._hosts import EXEMPT
from ._options import HOST
from ._views import OPTIONAL, control_mode, guest_mode

Entry = t.Dict[str, t.Any]
_SEEN = ("control_plane", "in_guest", "findings", "callers")


class Earlier:
    """The hosts of the report before. It is a file, so each host that is read back is validated."""

    def __init__(self, before: t.Optional[t.Mapping[str, t.Any]], validate: _validation.Validate) -> None:
        self._hosts = {it["host"]: it for it in before["hosts"]} if before else {}
        self._time = before["generated_at"] if before else None
        self._validate = validate

    def managed(self) -> t.List[str]:
        return [name for name, host in self._hosts.items() if host.get("managed") is not False]

    def unmanaged(self) -> t.List[str]:
        return [name for name, host in self._hosts.items() if host.get("managed") is False]

    def region(self, name: str) -> t.Any:
        return self._hosts[name].get("region_id")

    def entry(self, name: str) -> t.Optional[Entry]:
        """Return the entry of a host with the time of its data, None if the report before knew nothing about it."""
        host = self._hosts.get(name)
        if host is None:
            return None
        entry = _validation.restored(host, self._validate)
        if all(entry[part] is None for part in _SEEN):
            return None
        return {
            **entry,
            "last_known": host.get("last_known") or self._time,
            "managed": host.get("managed") is not False,
        }

    def exemption(self, name: str) -> t.Optional[Entry]:
        """Return the view of the API on a host that was exempt, None if it was not."""
        if (self._hosts.get(name, {}).get("control_plane") or {}).get("verdict") != EXEMPT:
            return None
        view: t.Optional[Entry] = _validation.restored(self._hosts[name], self._validate)["control_plane"]
        return view


def completed(
    seen: t.Iterable[Entry], unseen: t.Mapping[str, str], inventory: t.Iterable[str], earlier: Earlier
) -> t.Dict[str, Entry]:
    """Return the entries of examined hosts, of *unseen* hosts, and of hosts of the *inventory* that were not part of the run, by name.

    *unseen* has "unreachable" or "skipped" for each name.
    """
    found = {it["host"]: _with_exemption(_with_data(it, earlier), earlier) for it in seen}
    for name, how in unseen.items():
        if name not in found:
            blank = _entries.unseen_host(name, how)
            known = earlier.entry(name)
            found[name] = {**known, "outcome": blank["outcome"], "batch": None} if known else blank
    for name in set(inventory).intersection(earlier.managed()) - set(found):
        found[name] = {**(earlier.entry(name) or _entries.unseen_host(name, "skipped")), "in_run": False}
    return found


def unmanaged(
    given: t.Optional[t.Iterable[t.Any]],
    unread: t.Collection[str],
    managed: t.Mapping[str, Entry],
    earlier: Earlier,
    validate: _validation.Validate,
) -> t.List[Entry]:
    """Return entries of the instances that no host of *managed* is, named by their IDs.

    *given* are the instances that metadata_options_info returned, None if the account was not read. Then those of the report before
    stay, and so do those of *unread* regions.
    """
    known = {it["instance_id"] for it in managed.values()} | set(managed)
    rows = [_row(it) for it in given or () if isinstance(it, dict) and isinstance(it.get("instance_id"), str)]
    found = {it["host"]: {**it, "managed": False} for it in _validation.entries(rows, validate)}
    for name in earlier.unmanaged():
        if name not in found and (given is None or earlier.region(name) in unread):
            kept = earlier.entry(name)
            found.update({name: kept} if kept else {})
    return [it for name, it in found.items() if name not in known]


def _row(instance: t.Mapping[str, t.Any]) -> Entry:
    options = instance.get("options")
    view = {name: instance.get(name) for name in ("verdict", "reason")}
    return {
        "host": instance["instance_id"],
        **{name: instance.get(name) for name in ("instance_id", "region_id", "name")},
        "control_plane": {**(options if isinstance(options, dict) else {}), **view},
    }


def _with_data(entry: Entry, earlier: Earlier) -> Entry:
    """Return *entry*, with the last known data if it has none, for example because the run failed before the host was examined."""
    known = earlier.entry(entry["host"]) if all(entry[part] is None for part in _SEEN) else None
    return {**known, "outcome": entry["outcome"], "batch": entry["batch"]} if known else entry


def _with_exemption(entry: Entry, earlier: Earlier) -> Entry:
    """Return *entry*, exempt if the host was exempt before, still accepts normal-mode requests, and this run had no verdict of the API.

    Only the API knows exemptions, and a run that changes hosts does not return its verdict.
    """
    view = entry["control_plane"]
    modes = (control_mode(view), guest_mode(entry["in_guest"]))
    if (view and view["verdict"]) or OPTIONAL not in modes or "control_plane" in entry.get("not_understood", ()):
        return entry
    before = earlier.exemption(entry["host"])
    if not before:
        return entry
    own = {name: value for name, value in (view or {}).items() if value is not None}
    return {**entry, "control_plane": {**dict.fromkeys(HOST["control_plane"]["options"]), **before, **own}}
