# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Determine the systemd unit or container of a control group from its path."""

import re
import typing as t

_ID = re.compile(r"(?:^|[-:])([0-9a-f]{64})(?:\.scope)?$")
_ENGINES = ("docker", "libpod", "cri-containerd", "containerd", "crio", "kubepods")
_NAMED = {
    "lxc": re.compile(r"lxc\.payload\.(.+)"),
    "machine": re.compile(r"machine-(.+)\.scope"),
    "nspawn": re.compile(r"systemd-nspawn@(.+)\.service"),
}
_UNIT = re.compile(r".+\.(?:service|scope|slice)$")


class Place(t.NamedTuple):
    """The systemd unit and the container of a process, or None."""

    unit: t.Optional[str]
    container: t.Optional[str]


def place(path: str) -> Place:
    """Return the unit and container of a control group.

    For example, ``/system.slice/cron.service`` is the unit cron.service, ``/docker/0123...`` the container docker:0123...
    """
    parts = [_unescape(part) for part in path.split("/") if part and part != ".."]
    for at, part in enumerate(parts):
        container = _container(part, parts[: at + 1])
        if container:  # the names below it are those that the container chose
            return Place(_unit(parts[: at + 1]), container)
    return Place(_unit(parts), None)


def best(paths: t.Iterable[str]) -> Place:
    """Return the most specific result for one process, whose groups in several hierarchies have these paths.

    A container is more specific than a service or scope, and these are more specific than a slice.
    """
    places = [place(path) for path in paths]
    for found in places:
        if found.container:
            return found
    return max(places, key=lambda found: _rank(found.unit), default=Place(None, None))


def _rank(unit: t.Optional[str]) -> int:
    return 0 if unit is None else (1 if unit.endswith(".slice") else 2)


def _container(part: str, parts: t.Sequence[str]) -> t.Optional[str]:
    """Return the container whose group has the name *part*, at the end of *parts*."""
    match = _ID.search(part)
    if match:
        engine = next((name for name in _ENGINES if name in "/".join(parts)), "container")
        return "%s:%s" % (engine, match.group(1)[:12])
    for engine, pattern in _NAMED.items():
        match = pattern.fullmatch(part)
        if match:
            return "%s:%s" % (engine, match.group(1)[:64])
    return None


def _unit(parts: t.Sequence[str]) -> t.Optional[str]:
    """Return the innermost service or scope, or the innermost slice if there is neither."""
    units = [part for part in parts if _UNIT.fullmatch(part)]
    for part in reversed(units):
        if not part.endswith(".slice") and part != "init.scope":
            return part[:128]
    return units[-1][:128] if units else None


def _unescape(part: str) -> str:
    """Remove the underscore that systemd adds to names that the kernel reserves."""
    return part[1:] if part.startswith("_") else part
