# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put the fence up, change it, take it down, and bring back what was there before. Private to the collection.

The rules in the kernel and the files that bring them back after a reboot are one thing here: both are right, or both are
put right. Whatever fails in between, the host ends as it began.
"""

from __future__ import annotations

import json
import os
import typing as t

from .._imds._service import ADDRESS, PORT
from . import _fence_rules as _rules
from . import _managed_files, _reachability
from ._as_user import user_name
from ._fence_files import LISTING, MANIFEST, OFF, RULES_FILE, Desired, wanted_files
from ._subprocess import HostError, find, has_systemd, is_active, run, run_checked, systemctl


class Outcome(t.NamedTuple):
    """``before`` is what `restore` needs; ``diff`` is for people."""

    changed: bool
    before: _managed_files.Before
    diff: t.List[t.Dict[str, str]]


def apply(desired: Desired, check_only: bool) -> Outcome:
    """Make the fence as wished, or with *check_only* find out what that would change.

    Raise HostError where this host cannot have it; it is then as before.
    """
    wanted = wanted_files(desired)
    try:
        todo = _managed_files.plan(MANIFEST, wanted)
    except (OSError, ValueError) as exc:
        raise HostError(str(exc)) from exc
    present = _present_table()
    reload = bool(wanted) and (_touches_rules(todo) or present is None or present != _listing_when_loaded())
    if reload:
        _check(_text(wanted[RULES_FILE]))
    before = dict(todo.before, loaded=present is not None)
    outcome = Outcome(
        bool(todo.changes) or reload or (not wanted and present is not None),
        before,
        _managed_files.differences(todo.changes, lambda path: path == MANIFEST)
        + _table_difference(reload and not _touches_rules(todo), present, wanted),
    )
    if outcome.changed and not check_only:
        _carry_out(todo, before, desired, reload)
    return outcome


def restore(before: _managed_files.Before) -> bool:
    """Bring back files and rules as they were (see `Outcome.before`); return whether anything was different."""
    try:
        changed = _managed_files.restore(before)
    except OSError as exc:
        raise HostError("The fence could not be put back as it was: %s." % exc) from exc
    if changed:
        systemctl("daemon-reload")
    if before["loaded"] and os.path.exists(RULES_FILE):
        if changed or _present_table() != _listing_when_loaded():
            _load()
            return True
    elif _present_table() is not None:
        _unload()
        return True
    return changed


def refused() -> t.List[t.Dict[str, t.Any]]:
    """Users that were refused, or in audit would be, since the rules were loaded: ``uid``, ``user``, ``connections``."""
    nft = find("nft")
    done = run(nft, "-j", "list", "set", *_rules.TABLE.split(), "refused") if nft else None
    if done is None or done.status != 0:
        return []
    found = []
    for item in json.loads(done.output).get("nftables", []):
        for element in item.get("set", {}).get("elem", []):
            counted = element["elem"]
            uid = int(counted["val"])
            found.append({"uid": uid, "user": user_name(uid), "connections": int(counted["counter"]["packets"])})
    return sorted(found, key=lambda it: (-it["connections"], it["uid"]))


def _text(entry: _managed_files.Entry) -> str:
    return entry.content.decode("utf-8") if isinstance(entry, _managed_files.File) else ""


def _touches_rules(todo: _managed_files.Plan) -> bool:
    return any(change.path == RULES_FILE for change in todo.changes)


def _check(rules: str) -> None:
    """Let nft judge the rules without loading them."""
    nft = find("nft") or "nft"
    done = run(nft, "-c", "-f", "-", text=rules)
    if done.status != 0:
        said = " ".join(done.errors.split())
        raise HostError(
            "This host cannot have the fence: nft refuses the rules (%s). It needs Linux 4.18 and nftables 0.9, with"
            " 'meta skuid', 'log', dynamic sets and 'reject'; in a container also the right CAP_NET_ADMIN." % said[:600]
        )


def _present_table() -> t.Optional[str]:
    """The table as the kernel has it, without counters; None where it is not loaded."""
    nft = find("nft")
    if nft is None:
        return None
    done = run(nft, "-s", "-t", "list", "table", *_rules.TABLE.split())
    return done.output if done.status == 0 else None


def _listing_when_loaded() -> t.Optional[str]:
    try:
        with open(LISTING, encoding="utf-8") as stream:
            return stream.read()
    except (OSError, ValueError):
        return None


def _table_difference(
    reload: bool, present: t.Optional[str], wanted: t.Mapping[str, _managed_files.Entry]
) -> t.List[t.Dict[str, str]]:
    """What changes in the kernel; where the rules' file changes as well, that says it already."""
    title = "nftables: table " + _rules.TABLE
    if wanted and reload:
        after = _text(wanted[RULES_FILE])
        return [{"before_header": title, "after_header": title, "before": present or "", "after": after}]
    if not wanted and present is not None:
        return [{"before_header": title, "after_header": title, "before": present, "after": ""}]
    return []


def _carry_out(todo: _managed_files.Plan, before: _managed_files.Before, desired: Desired, reload: bool) -> None:
    try:
        earlier = _reachability.look(desired.neighbours) if reload else {}
        try:
            _managed_files.carry_out(todo)
        except OSError as exc:
            raise HostError("The fence could not be written: %s." % exc) from exc
        if todo.changes:
            systemctl("daemon-reload")
        if desired.mode == OFF:
            _unload()
        elif reload:
            _load()
        if reload:
            _reachability.compare(earlier, _reachability.look(desired.neighbours))
        if desired.deny_services and desired.mode == _rules.ENFORCE and todo.changes:
            _prove_deny()
    except HostError:
        restore(before)
        raise


def _load() -> None:
    nft = find("nft") or "nft"
    run_checked(nft, "-f", RULES_FILE)
    listing = _managed_files.File((_present_table() or "").encode(), 0o600, os.geteuid())
    _managed_files.put(LISTING, listing)
    if not is_active(_rules.UNIT):
        systemctl("start", _rules.UNIT)


def _unload() -> None:
    if is_active(_rules.UNIT):
        systemctl("stop", _rules.UNIT)
    nft = find("nft")
    if nft is not None and _present_table() is not None:
        run_checked(nft, "delete", "table", *_rules.TABLE.split())
    _managed_files.put(LISTING, None)


def _prove_deny() -> None:
    """systemd ignores IPAddressDeny= with no more than a line in the log where the kernel does not let it: so try."""
    if not has_systemd() or find("systemd-run") is None:
        return
    address = "%s/32" % ADDRESS
    connect = "exec 3<>/dev/tcp/%s/%d" % (ADDRESS, PORT)
    command = ("timeout", "1", "bash", "-c", connect)
    if run(*command).status != 0:
        return  # not even without it: nothing can be told
    denied = run("systemd-run", "--quiet", "--collect", "--wait", "-p", "IPAddressDeny=" + address, *command)
    if denied.status == 0:
        raise HostError(
            "systemd on this host does not enforce IPAddressDeny= (no cgroup v2, or no right to load BPF programs)."
            " Leave out 'deny_services' (the role's hardening_fence_services)."
        )
