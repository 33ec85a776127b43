# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gather facts: select subsets, request ``meta-data/all`` or walk the tree, and handle hosts outside of Alibaba Cloud."""

import typing as t

from . import _errors, _facts
from ._client import Client
from ._dmi import Platform
from ._presence import absence
from ._secrets import register_secret
from ._service import META_DATA, ROLES_PATH, ROOT
from ._tree import Tree, decode, parse_all, parse_listing, quote, without_newline
from ._walk import Walk, run_jobs

_IDENTITY = ROOT + "dynamic/instance-identity/"
_EVENTS = ROOT + "maintenance/active-system-events"
_USER_DATA = ROOT + "user-data"
_VENDOR_DATA = ROOT + "vendor-data"

# The entries of meta-data/ in each subset; "instance" also contains all entries that are in no other subset.
_ENTRIES: t.Dict[str, t.FrozenSet[str]] = {
    "min": frozenset(("instance-id", "region-id", "zone-id")),
    "instance": frozenset(("instance", "image", "image-id", "hostname", "serial-number", "owner-account-id")),
    "network": frozenset(
        "dns-conf eipv4 mac network network-type ntp-conf private-ipv4 public-ipv4 source-address sub-private-ipv4-list"
        " vpc-cidr-block vpc-id vswitch-cidr-block vswitch-id".split()
    ),
    "disks": frozenset(("disks",)),
    "public_keys": frozenset(("public-keys",)),
    "tags": frozenset(("tags",)),
}
# Entries that are not facts: "all" is the tree itself, and "ram" holds the role, which is read separately.
_NOT_FACTS = frozenset(("all", "ram"))
SUBSETS = tuple(sorted(_ENTRIES)) + ("events", "identity", "ram")
SECRET_SUBSETS = ("identity_signature", "ram_credentials", "user_data", "vendor_data")


def select(requested: t.Iterable[str]) -> t.FrozenSet[str]:
    """Return the subsets to gather, by the rules of ``ansible.builtin.setup``.

    ``all`` contains everything except secrets, which must be named. ``!name`` excludes a subset. ``min`` is included
    unless ``!min`` is given. If only exclusions are given, they apply to ``all``.

    Raises: ValueError for an unknown name.
    """
    requested = list(requested)
    for name in requested:
        if name.lstrip("!") not in SUBSETS + SECRET_SUBSETS + ("all",):
            raise ValueError(_unknown(name))
    added = {name for name in requested if not name.startswith("!")}
    removed = {name[1:] for name in requested if name.startswith("!")}
    chosen = added - {"all"}
    if "all" in added or (not added and "all" not in removed):
        chosen |= set(SUBSETS)
    chosen.add("min")
    return frozenset(chosen - removed)


def _unknown(name: str) -> str:
    import difflib  # only here, because it is not needed otherwise

    choices = ("all",) + SUBSETS + SECRET_SUBSETS
    near = difflib.get_close_matches(name.lstrip("!"), choices, 1)
    hint = "Did you mean '%s'? " % near[0] if near else ""
    return "gather_subset does not have %r. %sChoose from %s, each with or without !" % (name, hint, ", ".join(choices))


def gather(client: Client, platform: Platform, subsets: t.FrozenSet[str]) -> t.Tuple[_facts.Facts, t.List[str]]:
    """Return the facts and warnings, or the facts ``{"available": False, "unavailable_reason": …}`` without a service.

    Raises: MetadataError if the service of an ECS instance or an explicit endpoint fails, ValueError if two items become the same fact.
    """
    reason = absence(client, platform)
    if reason is not None:
        return {"available": False, "unavailable_reason": str(reason)}, []
    return _Gathering(client, subsets).run()


class _Gathering:
    def __init__(self, client: Client, subsets: t.FrozenSet[str]) -> None:
        self._client = client
        self._subsets = subsets
        self._bodies: t.Dict[str, t.Optional[bytes]] = {}
        self._warnings: t.List[str] = []

    def run(self) -> t.Tuple[_facts.Facts, t.List[str]]:
        self._read(self._targets())
        tree = self._tree()
        facts: _facts.Facts = {"available": True}
        for more in (self._of_tree(tree), self._of_other_trees(), self._secrets()):
            clash = sorted(set(facts) & set(more))
            if clash:
                raise ValueError("items of the service would overwrite the facts %s" % ", ".join(clash))
            facts.update(more)
        return facts, self._warnings

    def _read(self, targets: t.Iterable[str]) -> None:
        def read(target: str) -> t.Iterable[str]:
            try:
                self._bodies[target] = self._client.get(target)
            except _errors.NotFound:
                self._bodies[target] = None
            return ()

        run_jobs(targets, read, self._client.settings.connections)

    def _targets(self) -> t.List[str]:
        by_subset = {
            "events": _EVENTS,
            "identity": _IDENTITY + "document",
            "identity_signature": _IDENTITY + "pkcs7",
            "user_data": _USER_DATA,
            "vendor_data": _VENDOR_DATA,
            "ram": ROLES_PATH,
            "ram_credentials": ROLES_PATH,
        }
        targets = sorted({target for subset, target in by_subset.items() if subset in self._subsets})
        entries = self._entry_subsets()
        if entries == {"min"}:
            return targets + [META_DATA + name for name in sorted(_ENTRIES["min"])]
        return ([META_DATA + "all", META_DATA] if entries else []) + targets

    def _entry_subsets(self) -> t.Set[str]:
        return {subset for subset in self._subsets if subset in _ENTRIES}

    def _tree(self) -> Tree:
        """Return the tree: the content of ``all``, completed by walking the entries that are listed but not in it.

        Not every service has ``all``, and it may be incomplete.
        """
        if self._entry_subsets() == {"min"}:
            bodies = {name: self._bodies[META_DATA + name] for name in _ENTRIES["min"]}
            return {name: without_newline(decode(body)) for name, body in bodies.items() if body is not None}
        listing = self._bodies.get(META_DATA)
        if listing is None:
            return {}
        tree = self._bulk()
        walk = Walk(self._client, META_DATA)
        entries, walk.refused = parse_listing(listing)
        walk.run(entry for entry in entries if self._wants(entry.name) and entry.name not in tree)
        self._warn_of(walk.refused)
        tree.update(walk.tree)
        return {name: value for name, value in tree.items() if self._wants(name)}

    def _bulk(self) -> Tree:
        body = self._bodies.get(META_DATA + "all")
        if body is None:
            return {}
        try:
            tree, refused = parse_all(body)
        except ValueError as exc:
            self._warnings.append("The reply to GET %sall is %s; the tree is walked instead." % (META_DATA, exc))
            return {}
        self._warn_of(refused)
        return tree

    def _warn_of(self, refused: t.List[str]) -> None:
        if refused:
            shown = ", ".join(repr(name)[:80] for name in refused[:3])
            self._warnings.append(
                "%d metadata names that are unsafe in a path were skipped: %s" % (len(refused), shown)
            )

    def _wants(self, entry: str) -> bool:
        if entry in _NOT_FACTS:
            return False
        for subset, entries in _ENTRIES.items():
            if entry in entries:
                return subset in self._subsets
        return "instance" in self._subsets

    def _of_tree(self, tree: Tree) -> _facts.Facts:
        facts = _facts.from_tree(tree)
        derived: t.Dict[str, t.Callable[[], _facts.Facts]] = {
            "network": lambda: {"network_interfaces": _facts.network_interfaces(facts)},
            "tags": lambda: {"tags": _facts.tags(tree)},
            "instance": lambda: {"spot_termination_time": _facts.spot_termination_time(tree)},
        }
        for subset, derive in derived.items():
            if subset in self._subsets:
                for key, value in derive().items():
                    if key in facts:
                        raise ValueError("an item of the service would overwrite the fact %r" % key)
                    facts[key] = value
        return facts

    def _of_other_trees(self) -> _facts.Facts:
        facts: _facts.Facts = {}
        if "events" in self._subsets:
            facts["system_events"] = _facts.system_events(self._text(_EVENTS))
        if "identity" in self._subsets:
            facts["identity_document"] = _facts.json_object(self._text(_IDENTITY + "document"))
        if "ram" in self._subsets:
            facts["ram_role"] = self._role()
        return facts

    def _secrets(self) -> _facts.Facts:
        facts: _facts.Facts = {}
        if "identity_signature" in self._subsets:
            facts["identity_signature"] = self._text(_IDENTITY + "pkcs7")
        if "user_data" in self._subsets:
            user_data, warning = _facts.user_data(self._bodies[_USER_DATA])
            facts.update(user_data)
            self._warnings += [warning] if warning else []
        if "vendor_data" in self._subsets:
            facts["vendor_data"] = self._text(_VENDOR_DATA)
        if "ram_credentials" in self._subsets:
            facts["ram_credentials"] = self._credentials()
        return facts

    def _credentials(self) -> t.Optional[_facts.Facts]:
        role = self._role()
        if role is None:
            return None
        target = ROLES_PATH + quote(role)
        self._read([target])
        credentials = _facts.json_object(self._text(target))
        for key in ("AccessKeySecret", "SecurityToken"):
            register_secret((credentials or {}).get(key))
        return credentials

    def _role(self) -> t.Optional[str]:
        entries, _refused = parse_listing(self._bodies.get(ROLES_PATH) or b"")
        return entries[0].name if entries else None

    def _text(self, target: str) -> t.Optional[str]:
        body = self._bodies.get(target)
        return None if body is None else decode(body)
