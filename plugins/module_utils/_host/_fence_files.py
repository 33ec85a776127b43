# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compute the files of the fence on this host.

Names become numeric IDs here, because nftables rules do not look up the members of a group.
"""

import ipaddress
import typing as t

from . import _fence_rules as _rules
from . import _managed_files
from ._as_user import NoSuchUser, member_ids, user_id
from ._subprocess import HostError, find

_ETC = "/etc/alicloud-imds"
RULES_FILE = _ETC + "/fence.nft"
MANIFEST = _ETC + "/fence.json"
_UNITS = "/etc/systemd/system/"
# The kernel's listing of the table when the rules were loaded. A different listing now means that somebody changed the rules.
LISTING = "/run/alicloud-imds-fence.listing"


class Desired(t.NamedTuple):
    """The desired state of the fence; *mode* is one of `_fence_rules.MODES`, users and groups are names on this host."""

    mode: str
    users: t.Sequence[str]
    groups: t.Sequence[str]
    sources: t.Sequence[str]
    deny_services: t.Sequence[str]
    adjacent_services: t.Sequence[str]


def wanted_files(desired: Desired) -> t.Dict[str, _managed_files.Entry]:
    """Return the files of the fence by path, an empty mapping for mode "off".

    Raises:
        HostError: The host has no nft, or an option is invalid on this host.
    """
    if desired.mode == _rules.OFF:
        return {}
    nft = find("nft")
    if nft is None:
        raise HostError(
            "There is no program nft on this host. Install the package nftables, or set 'mode' (the role's"
            " hardening_fence) to off."
        )
    unit = _UNITS + _rules.UNIT
    after_flush = _UNITS + "nftables.service.d/50-alicloud-imds-fence.conf"
    files: t.Dict[str, _managed_files.Entry] = {
        RULES_FILE: _managed_files.file(_rules.rules(desired.mode, _allowed(desired))),
        unit: _managed_files.file(_rules.service(nft, RULES_FILE, LISTING)),
        _UNITS + "sysinit.target.wants/" + _rules.UNIT: _managed_files.Link(unit),
        after_flush: _managed_files.file(_rules.after_flush(nft, RULES_FILE)),
    }
    if desired.mode == _rules.ENFORCE:
        for service in desired.deny_services:
            files["%s%s.d/50-alicloud-imds-fence.conf" % (_UNITS, service)] = _managed_files.file(_deny(service))
    return files


def _deny(service: str) -> str:
    try:
        return _rules.deny(service)
    except ValueError as exc:
        raise HostError(str(exc)) from exc


def _allowed(desired: Desired) -> _rules.Allowed:
    uids, gids = [0], []
    try:
        uids += [user_id(name) for name in desired.users]
        for name in desired.groups:
            gid, members = member_ids(name)
            gids.append(gid)
            uids += members
        sources = [_network(source) for source in desired.sources]
    except NoSuchUser as exc:
        raise HostError(
            "%s Create it before you enable the fence, or correct 'allowed_users' and 'allowed_groups'." % exc
        ) from exc
    return _rules.Allowed(uids, gids, sources)


def _network(source: str) -> str:
    try:
        return str(ipaddress.IPv4Network(source))
    except ValueError as exc:
        raise HostError(
            "%r in 'allowed_sources' is not an IPv4 network such as 172.17.0.0/16: %s." % (source, exc)
        ) from exc
