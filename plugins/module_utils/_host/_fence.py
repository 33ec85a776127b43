# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Enable, change, disable and restore the fence.

The rules in the kernel and the files that load them after a reboot always change together. If a step fails, both are rolled back.
"""

import os
import typing as t

from . import _fence_bypass as _bypass
from . import _fence_deny as _deny
from . import _fence_files as _files
from . import _fence_kernel as _kernel
from . import _fence_rules as _rules
from . import _managed_files, _reachability
from ._as_user import user_name
from ._subprocess import HostError, find, run, summary, systemctl

_RULE_FILES = ("RULES_FILE", "EGRESS_RULES_FILE", "LOADER")


class Outcome(t.NamedTuple):
    """The result of `apply`: ``before`` is the argument for `restore`, ``diff`` is what Ansible shows with ``--diff``."""

    changed: bool
    before: _managed_files.Before
    diff: t.List[t.Dict[str, str]]
    warnings: t.List[str]


def apply(desired: _files.Desired, check_only: bool) -> Outcome:
    """Enable, change or disable the fence as desired, or only compute what would change if *check_only* is true.

    Raises:
        NftMissing: The host has no program nft.
        HostError: The host cannot have this fence, or a step failed and everything was rolled back.
    """
    if desired.mode != _rules.OFF:
        _require_options(desired)
    wanted = _files.wanted_files(desired)
    if wanted:
        _kernel.require_version()
    try:
        todo = _managed_files.plan(_files.MANIFEST, wanted)
    except (OSError, ValueError) as exc:
        raise HostError(str(exc)) from exc
    tables = _kernel.loaded_tables()
    reload = bool(wanted) and (_touches_rules(todo) or not _kernel.is_intact(tables))
    if reload:
        _kernel.check_rules(_text(wanted[_files.RULES_FILE]))
    before = dict(todo.before, loaded=_rules.TABLE in tables)
    outcome = Outcome(
        bool(todo.changes) or reload or (not wanted and bool(tables)) or (bool(wanted) and not _kernel.is_checked()),
        before,
        _managed_files.differences(todo.changes, lambda path: path == _files.MANIFEST)
        + _table_difference(reload and not _touches_rules(todo), tables, wanted),
        [],
    )
    if outcome.changed and not check_only:
        _carry_out(todo, before, desired, reload)
    return outcome._replace(warnings=_warnings(wanted) if wanted else [])


def restore(before: _managed_files.Before) -> bool:
    """Restore the files and rules of `Outcome.before`; return whether anything changed.

    Raises:
        HostError: A file cannot be written, or nft or systemctl failed.
    """
    try:
        if not before["loaded"]:
            _kernel.stop_checks()
        changed = _managed_files.restore(before)
        if changed:
            systemctl("daemon-reload")
        tables = _kernel.loaded_tables()
        if before["loaded"] and os.path.exists(_files.RULES_FILE):
            if changed or not _kernel.is_intact(tables):
                _kernel.load()
                return True
        else:
            _kernel.unload()
            return changed or bool(tables)
    except OSError as exc:
        raise HostError("Cannot restore the fence: %s." % exc) from exc
    return changed


def refused() -> t.Dict[str, t.Any]:
    """Return what the loaded rules refused, or would refuse in mode audit, and the repairs, as return values of the module.

    Raises:
        HostError: nft failed.
    """
    listing = "".join(_kernel.nft("list", "table", *table.split()) for table in _kernel.loaded_tables())
    counted = _rules.counted(listing)
    users = [{"uid": uid, "user": user_name(uid), "connections": number} for uid, number in counted.users.items()]
    return {
        "refused": sorted(users, key=lambda it: (-it["connections"], it["uid"])),
        "refused_others": counted.others,
        "refused_forwarded": counted.forwarded,
        "refused_direct": counted.direct,
        "repairs": _repairs(),
    }


def _repairs() -> t.List[t.Dict[str, str]]:
    """Return when and why the loader loaded the rules again since the host started."""
    try:
        with open(_files.REPAIRS, encoding="utf-8", errors="replace") as stream:
            found = [line.split() for line in stream]
    except FileNotFoundError:
        return []
    except OSError as exc:
        raise HostError("Cannot read %s: %s." % (_files.REPAIRS, exc.strerror)) from exc
    return [{"time": words[0], "reason": words[1]} for words in found if len(words) == 2]


def _require_options(desired: _files.Desired) -> None:
    """Raise HostError for options that cannot take effect on this host."""
    _reachability.require_valid(desired.adjacent_services)
    _deny.require_units(desired.deny_services)
    if desired.deny_services and desired.mode == _rules.ENFORCE:
        _deny.require_cgroup2()


def _text(entry: _managed_files.Entry) -> str:
    return entry.content.decode("utf-8") if isinstance(entry, _managed_files.File) else ""


def _touches_rules(todo: _managed_files.Plan) -> bool:
    return any(change.path in [getattr(_files, name) for name in _RULE_FILES] for change in todo.changes)


def _table_difference(
    reload: bool, tables: t.Sequence[str], wanted: t.Mapping[str, _managed_files.Entry]
) -> t.List[t.Dict[str, str]]:
    """Return the difference in the kernel, unless the difference of the rules' file shows it already."""
    if not (reload if wanted else tables):
        return []
    title = "nftables: table " + _rules.TABLE
    terse = [] if (_kernel.nft_version() or _kernel.OLDEST_NFT) < _kernel.OLDEST_NFT else ["-t"]
    before = "".join(_kernel.nft("-s", *terse, "list", "table", *table.split()) for table in tables)
    after = _text(wanted[_files.RULES_FILE]) if wanted else ""
    return [{"before_header": title, "after_header": title, "before": before, "after": after}]


def _warnings(wanted: t.Mapping[str, _managed_files.Entry]) -> t.List[str]:
    """Return which devices of this host bypass the rules."""
    found = []
    signs = _bypass.past_the_ip_layer()
    problem = _egress_problem(wanted) if signs else None
    if problem is not None:
        found.append(
            "Containers can bypass the fence: %s, and rules for such devices cannot be loaded (%s). They need Linux 5.16 and"
            " nftables 1.0.1 or later." % ("; ".join(signs), problem)
        )
    signs = _bypass.past_the_host()
    if signs:
        found.append("Containers and virtual machines can bypass the fence: %s." % "; ".join(signs))
    return found


def _egress_problem(wanted: t.Mapping[str, _managed_files.Entry]) -> t.Optional[str]:
    """Return why the egress hook has no rules, or None if it has them."""
    if _rules.EGRESS_TABLE in _kernel.loaded_tables():
        return None
    text = _text(wanted[_files.EGRESS_RULES_FILE]).replace(_rules.DEVICES, '"lo"')
    done = run(find("nft") or "nft", "-c", "-f", "-", text=text)
    return None if done.status == 0 else summary(done)[:300]


def _carry_out(todo: _managed_files.Plan, before: _managed_files.Before, desired: _files.Desired, reload: bool) -> None:
    """Write the files and load the rules; after an error, roll back and raise HostError."""
    if desired.deny_services and desired.mode == _rules.ENFORCE and todo.changes:
        _deny.require_enforcement()
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
    if desired.mode == _rules.OFF:
        _kernel.stop_checks()
    _managed_files.carry_out(todo)
    if todo.changes:
        systemctl("daemon-reload")
    if desired.mode == _rules.OFF:
        _kernel.unload()
    elif reload:
        _kernel.load()
    else:
        _kernel.start_checks()
    if reload:
        _reachability.require_unchanged(reachable, _reachability.probe(list(reachable), reachable))
