# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Enable, change, disable and restore the fence.

The rules in the kernel and the files that load them after a reboot always change together. If a step fails, both are rolled back.
"""

import json
import os
import typing as t

from .._imds._service import ADDRESS, PORT
from . import _fence_files as _files
from . import _fence_rules as _rules
from . import _managed_files, _reachability
from ._as_user import user_name
from ._subprocess import HostError, find, has_systemd, is_active, run, run_checked, summary, systemctl


class Outcome(t.NamedTuple):
    """The result of `apply`: ``before`` is the argument for `restore`, ``diff`` is what Ansible shows with ``--diff``."""

    changed: bool
    before: _managed_files.Before
    diff: t.List[t.Dict[str, str]]


def apply(desired: _files.Desired, check_only: bool) -> Outcome:
    """Enable, change or disable the fence as desired, or only compute what would change if *check_only* is true.

    Raises:
        HostError: The host cannot have this fence, or a step failed and everything was rolled back.
    """
    wanted = _files.wanted_files(desired)
    try:
        todo = _managed_files.plan(_files.MANIFEST, wanted)
    except (OSError, ValueError) as exc:
        raise HostError(str(exc)) from exc
    loaded = _loaded_table()
    reload = bool(wanted) and (_touches_rules(todo) or loaded is None or loaded != _listing_when_loaded())
    if reload:
        _check(_text(wanted[_files.RULES_FILE]))
    before = dict(todo.before, loaded=loaded is not None)
    outcome = Outcome(
        bool(todo.changes) or reload or (not wanted and loaded is not None),
        before,
        _managed_files.differences(todo.changes, lambda path: path == _files.MANIFEST)
        + _table_difference(reload and not _touches_rules(todo), loaded, wanted),
    )
    if outcome.changed and not check_only:
        _carry_out(todo, before, desired, reload)
    return outcome


def restore(before: _managed_files.Before) -> bool:
    """Restore the files and rules of `Outcome.before`; return whether anything changed.

    Raises:
        HostError: A file cannot be written, or nft or systemctl failed.
    """
    try:
        changed = _managed_files.restore(before)
        if changed:
            systemctl("daemon-reload")
        if before["loaded"] and os.path.exists(_files.RULES_FILE):
            if changed or _loaded_table() != _listing_when_loaded():
                _load()
                return True
        elif _is_loaded():
            _unload()
            return True
    except OSError as exc:
        raise HostError("Cannot restore the fence: %s." % exc) from exc
    return changed


def refused() -> t.List[t.Dict[str, t.Any]]:
    """Return ``uid``, ``user`` and ``connections`` of each user that the loaded rules refused, or would refuse in mode audit.

    Raises:
        HostError: nft failed.
    """
    if not _is_loaded():
        return []
    listed = json.loads(_nft("-j", "list", "set", *_rules.TABLE.split(), "refused"))
    found = []
    for item in listed.get("nftables", []):
        for element in item.get("set", {}).get("elem", []):
            counted = element["elem"]
            uid = int(counted["val"])
            found.append({"uid": uid, "user": user_name(uid), "connections": int(counted["counter"]["packets"])})
    return sorted(found, key=lambda it: (-it["connections"], it["uid"]))


def _nft(*arguments: str) -> str:
    return run_checked(find("nft") or "nft", *arguments)


def _text(entry: _managed_files.Entry) -> str:
    return entry.content.decode("utf-8") if isinstance(entry, _managed_files.File) else ""


def _touches_rules(todo: _managed_files.Plan) -> bool:
    return any(change.path == _files.RULES_FILE for change in todo.changes)


def _check(rules: str) -> None:
    """Let nft check the rules without loading them; raise HostError if it rejects them."""
    done = run(find("nft") or "nft", "-c", "-f", "-", text=rules)
    if done.status != 0:
        raise HostError(
            "Cannot enable the fence: nft rejects the rules (%s). They need Linux 4.18 and nftables 0.9 or later with"
            " 'meta skuid', 'log', dynamic sets and 'reject', and in a container CAP_NET_ADMIN." % summary(done)[:600]
        )


def _is_loaded() -> bool:
    """Return whether the kernel has the table.

    Raises:
        HostError: nft failed, or it is missing although the rules were loaded since the last boot.
    """
    if find("nft") is None:
        if os.path.exists(_files.LISTING):
            raise HostError(
                "The rules of the fence are loaded, but there is no program nft on this host. Install the package nftables."
            )
        return False
    # `nft list table` has the same exit status for a missing table and for an error, so search the list of all tables.
    return "table " + _rules.TABLE in _nft("list", "tables").splitlines()


def _loaded_table() -> t.Optional[str]:
    """Return the kernel's listing of the table without counters, or None if the table is not loaded; raise HostError."""
    return _nft("-s", "-t", "list", "table", *_rules.TABLE.split()) if _is_loaded() else None


def _listing_when_loaded() -> t.Optional[str]:
    try:
        with open(_files.LISTING, encoding="utf-8") as stream:
            return stream.read()
    except (OSError, ValueError):
        return None


def _table_difference(
    reload: bool, loaded: t.Optional[str], wanted: t.Mapping[str, _managed_files.Entry]
) -> t.List[t.Dict[str, str]]:
    """Return the difference in the kernel, unless the difference of the rules' file shows it already."""
    title = "nftables: table " + _rules.TABLE
    if wanted and reload:
        after = _text(wanted[_files.RULES_FILE])
        return [{"before_header": title, "after_header": title, "before": loaded or "", "after": after}]
    if not wanted and loaded is not None:
        return [{"before_header": title, "after_header": title, "before": loaded, "after": ""}]
    return []


def _carry_out(todo: _managed_files.Plan, before: _managed_files.Before, desired: _files.Desired, reload: bool) -> None:
    """Write the files and load the rules; after an error, roll back and raise HostError."""
    try:
        _change(todo, desired, reload)
    except (HostError, OSError) as exc:
        reason = str(exc) if isinstance(exc, HostError) else "Cannot change the fence: %s." % exc
        try:
            restore(before)
        except HostError as failure:
            raise HostError("%s Rolling back failed as well: %s" % (reason, failure)) from exc
        raise HostError(reason) from exc


def _change(todo: _managed_files.Plan, desired: _files.Desired, reload: bool) -> None:
    reachable = _reachability.probe(desired.adjacent_services) if reload else {}
    _managed_files.carry_out(todo)
    if todo.changes:
        systemctl("daemon-reload")
    if desired.mode == _rules.OFF:
        _unload()
    elif reload:
        _load()
    if reload:
        _reachability.require_unchanged(reachable, _reachability.probe(desired.adjacent_services))
    if desired.deny_services and desired.mode == _rules.ENFORCE and todo.changes:
        _verify_deny()


def _load() -> None:
    _nft("-f", _files.RULES_FILE)
    listing = _managed_files.File((_loaded_table() or "").encode(), 0o600, os.geteuid())
    _managed_files.put(_files.LISTING, listing)
    if not is_active(_rules.UNIT):
        systemctl("start", _rules.UNIT)


def _unload() -> None:
    if is_active(_rules.UNIT):
        systemctl("stop", _rules.UNIT)
    if _is_loaded():
        _nft("delete", "table", *_rules.TABLE.split())
    _managed_files.put(_files.LISTING, None)


def _verify_deny() -> None:
    """Raise HostError if IPAddressDeny= has no effect.

    If the kernel does not support it, systemd only logs a line and starts the unit anyway.
    """
    if not has_systemd() or find("systemd-run") is None:
        return
    address = "%s/32" % ADDRESS
    connect = "exec 3<>/dev/tcp/%s/%d" % (ADDRESS, PORT)
    command = ("timeout", "1", "bash", "-c", connect)
    if run(*command).status != 0:
        return  # The service cannot be reached without IPAddressDeny= either, so the test would show nothing.
    denied = run("systemd-run", "--quiet", "--collect", "--wait", "-p", "IPAddressDeny=" + address, *command)
    if denied.status == 0:
        raise HostError(
            "systemd on this host does not enforce IPAddressDeny= (no cgroup v2, or no permission to load BPF programs)."
            " Remove 'deny_services' (the role's hardening_fence_services)."
        )
