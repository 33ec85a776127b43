# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take snapshots of the state of a host, and compare two of them.

A snapshot contains the files that differ from the root file system that the host started with. A file that was changed and
restored does not appear.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from host import Host

# Files that a host changes by itself while it runs or boots, and files that Ansible's modules write.
NOISE = (
    *("/dev", "/proc", "/run", "/sys", "/tmp", "/var/tmp", "/var/cache", "/var/log", "/var/spool/cron/crontabs"),
    *("/etc/.pwd.lock", "/etc/.updated", "/var/.updated", "/root/.ansible", "*/__pycache__", "/root/.bash_history"),
    *("/var/lib/systemd/random-seed", "/var/lib/systemd/timers", "/var/lib/systemd/catalog", "/var/lib/private"),
    *("/var/lib/dbus/machine-id", "/var/lib/apt", "/var/lib/systemd/deb-systemd-helper-enabled"),
    "/var/lib/rpm/rpmdb.sqlite-*",  # a query of rpm creates these
)


# Files that the collection rewrites while it runs, or probes the service: their content is not compared.
REWRITTEN = ("/var/lib/alicloud-imds/callers.json", "/var/lib/alicloud-imds/probes")


def snapshot(host: Host) -> dict[str, Any]:
    """Return ``files`` (path to description), ``ruleset`` (lines), ``units`` (name to state) and ``running`` (services)."""
    found: dict[str, Any] = {"files": dict(_changes(host, Path("/")))}
    # Without counters and the elements of dynamic sets. The host's own nft may be missing.
    command = ["ip", "netns", "exec", host.name, "nft", "--stateless", "list", "ruleset"]
    found["ruleset"] = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    if host.kind != "plain":
        units = host.output("systemctl", "list-unit-files", "--no-legend", "--plain").splitlines()
        found["units"] = dict(line.split()[:2] for line in units)
        running = host.output("systemctl", "list-units", "--type=service", "--state=running", "--no-legend", "--plain")
        found["running"] = sorted(line.split()[0] for line in running.splitlines())
    return found


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return one line for each difference."""
    lines = []
    for part in sorted({*before, *after}):
        old, new = (_as_dict(shot.get(part, {})) for shot in (before, after))
        for name in sorted({*old, *new}):
            if old.get(name) != new.get(name):
                lines.append(f"{part}: {name}: {old.get(name, '-')} -> {new.get(name, '-')}")
    return lines


def _as_dict(part: Any) -> dict[str, Any]:
    if isinstance(part, dict):
        return part
    # The lines of a list are numbered, so that order and repetition count.
    return {f"{number:03} {line}": "there" for number, line in enumerate(part)}


def _changes(host: Host, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield path and description of what differs from the root file system in *folder*.

    Only folders in the upper layer of the overlay are searched, because others cannot differ.
    """
    here, lower, upper = (
        base / str(folder).lstrip("/") for base in (host.root, Path(host.lower), host.folder / "upper")
    )
    before, now = _names(lower), _names(here)
    for name in sorted(before - now):
        if not _is_noise(folder / name):
            yield str(folder / name), "removed"
    for name in sorted(now & _names(upper)):
        path = folder / name
        if _is_noise(path):
            continue
        description = _describe(here / name)
        if description != _describe(lower / name):
            yield str(path), description.partition(" sha256:")[0] if str(path) in REWRITTEN else description
        if stat.S_ISDIR((here / name).lstat().st_mode):
            yield from _changes(host, path)


def _names(folder: Path) -> set[str]:
    return set(os.listdir(folder)) if folder.is_dir() and not folder.is_symlink() else set()


def _is_noise(path: Path) -> bool:
    return any(fnmatch(str(path), pattern) for pattern in NOISE)


def _describe(path: Path) -> str:
    """Return kind, mode, owner and checksum of a file, or an empty string if there is no file."""
    try:
        status = path.lstat()
    except OSError:
        return ""
    line = f"{stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid}"
    if stat.S_ISLNK(status.st_mode):
        return f"{line} -> {os.readlink(path)}"
    if stat.S_ISREG(status.st_mode):
        return f"{line} sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    return line if not status.st_rdev else f"{line} device {status.st_rdev:x}"
