# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of the fence in the kernel: check, load, compare and remove them, with nft, the loader and the timer."""

import os
import re
import typing as t

from . import _fence_files as _files
from . import _fence_rules as _rules
from . import _fence_units as _units
from . import _managed_files
from ._subprocess import HostError, find, has_systemd, is_active, run, run_checked, summary, systemctl

OLDEST_NFT = (0, 9, 3)


def nft(*arguments: str) -> str:
    return run_checked(find("nft") or "nft", *arguments)


def nft_version() -> t.Optional[t.Tuple[int, ...]]:
    """Return the version of nft, or None if its output has no version."""
    found = re.search(r"\bv?(\d+)\.(\d+)(?:\.(\d+))?", run(find("nft") or "nft", "--version").output)
    return tuple(int(part or 0) for part in found.groups()) if found else None


def require_version() -> None:
    version = nft_version()
    if version is not None and version < OLDEST_NFT:
        raise HostError(
            "nftables %s on this host is too old: the fence needs %s or later. Update the package nftables, or set 'mode'"
            " (the role's hardening_fence) to off." % tuple(".".join(map(str, it)) for it in (version, OLDEST_NFT))
        )


def check_rules(rules: str) -> None:
    """Let nft check the rules without loading them; raise HostError if it rejects them."""
    done = run(find("nft") or "nft", "-c", "-f", "-", text=rules)
    if done.status != 0:
        raise HostError(
            "Cannot enable the fence: nft rejects the rules (%s). They need Linux 4.18 and nftables 0.9.3 or later with"
            " 'meta skuid', 'log', dynamic sets and 'reject', and in a container CAP_NET_ADMIN." % summary(done)[:600]
        )


def loaded_tables() -> t.List[str]:
    """Return the tables of the fence that the kernel has.

    Raises:
        HostError: nft failed, or it is missing although the rules were loaded since the last boot.
    """
    if find("nft") is None:
        if os.path.exists(_files.LISTING):
            raise HostError(
                "The rules of the fence are loaded, but there is no program nft on this host. Install the package nftables."
            )
        return []
    # `nft list table` has the same exit status for a missing table and for an error, so search the list of all tables.
    loaded = nft("list", "tables").splitlines()
    return [table for table in (_rules.TABLE, _rules.EGRESS_TABLE) if "table " + table in loaded]


def is_intact(tables: t.Sequence[str]) -> bool:
    """Return whether the loaded rules are those that the loader loaded; raise HostError if that cannot be found out."""
    if _rules.TABLE not in tables or not os.path.exists(_files.LOADER):
        return False
    done = run("/bin/sh", _files.LOADER, "compare")
    if done.status not in (0, _units.CHANGED):
        raise HostError("Cannot list the rules of the fence: nft failed: %s" % summary(done))
    return done.status == 0


def is_checked() -> bool:
    """Return whether the rules are checked periodically, or cannot be because systemd is not process 1."""
    return is_active(_units.TIMER) or not has_systemd()


def load() -> None:
    if os.path.exists(_files.LOADER):
        run_checked("/bin/sh", _files.LOADER, "load")
    else:  # a version of the fence before 0.4.0 is restored
        nft("-f", _files.RULES_FILE)
        listing = nft("-s", "-t", "list", "table", *_rules.TABLE.split()).encode()
        _managed_files.put(_files.LISTING, _managed_files.File(listing, 0o600, os.geteuid()))
    if not is_active(_units.UNIT):
        systemctl("start", _units.UNIT)
    start_checks()


def start_checks() -> None:
    if os.path.exists(_files.LOADER) and not is_active(_units.TIMER):
        systemctl("start", _units.TIMER)


def stop_checks() -> None:
    """End the periodic checks, before the files or rules that they would load again are removed."""
    for unit in (_units.TIMER, _units.CHECK_UNIT):
        if is_active(unit, or_changing=True):
            systemctl("stop", unit)


def unload() -> None:
    stop_checks()
    if is_active(_units.UNIT):
        systemctl("stop", _units.UNIT)
    _forget_failures()
    for table in loaded_tables():
        nft("delete", "table", *table.split())
    for path in (_files.LISTING, _files.LISTING + ".lock", _files.REPAIRS):
        _managed_files.put(path, None)


def _forget_failures() -> None:
    """Let systemd forget that a unit failed: it keeps such a unit, even if its file was removed, and reports the host as degraded.

    A check that is stopped while it runs has failed.
    """
    if has_systemd():
        for unit in (_units.TIMER, _units.CHECK_UNIT, _units.UNIT):
            run("systemctl", "reset-failed", unit)  # its status is not 0 if systemd does not know the unit
