# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compute the files of the fence on this host.

Names become numeric IDs here, because nftables rules do not look up the members of a group.
"""

import ipaddress
import typing as t

from . import _fence_rules as _rules
from . import _fence_units as _units
from . import _managed_files
from ._as_user import NoSuchUser, member_ids, user_id
from ._subprocess import HostError, find

_ETC = "/etc/alicloud-imds"
RULES_FILE = _ETC + "/fence.nft"
EGRESS_RULES_FILE = _ETC + "/fence-egress.nft"
LOADER = _ETC + "/fence-loader.sh"
MANIFEST = _ETC + "/fence.json"
_UNITS = "/etc/systemd/system/"
# The kernel's listing of the tables when the rules were loaded. A different listing now means that somebody changed the rules.
LISTING = "/run/alicloud-imds-fence.listing"
# The loader records here that it loaded the rules again, and why.
REPAIRS = "/run/alicloud-imds-fence.repairs"
_SYS, _PROC = "/sys", "/proc"

NFT_MISSING = (
    "There is no program nft on this host. Install the package nftables (the role's hardening_fence_install=true does), or"
    " set 'mode' (the role's hardening_fence) to off."
)


class NftMissing(HostError):
    """The host has no program nft."""


class Desired(t.NamedTuple):
    """The desired state of the fence; *mode* is one of `_fence_rules.MODES`, users and groups are names or IDs on this host."""

    mode: str
    users: t.Sequence[str]
    groups: t.Sequence[str]
    sources: t.Sequence[str]
    deny_services: t.Sequence[str]
    adjacent_services: t.Sequence[str]


def wanted_files(desired: Desired) -> t.Dict[str, _managed_files.Entry]:
    """Return the files of the fence by path, an empty mapping for mode "off".

    Raises:
        NftMissing: The host has no nft.
        HostError: An option is invalid on this host.
    """
    if desired.mode == _rules.OFF:
        return {}
    nft = find("nft")
    if nft is None:
        raise NftMissing(NFT_MISSING)
    allowed = _allowed(desired)
    files: t.Dict[str, _managed_files.Entry] = {
        RULES_FILE: _managed_files.file(_rules.rules(desired.mode, allowed)),
        EGRESS_RULES_FILE: _managed_files.file(_rules.egress_rules(desired.mode, allowed)),
        LOADER: _managed_files.file(
            _units.loader(_units.Places(nft, RULES_FILE, EGRESS_RULES_FILE, LISTING, REPAIRS), _SYS, _PROC)
        ),
        _UNITS + _units.UNIT: _managed_files.file(_units.service(LOADER)),
        _UNITS + _units.CHECK_UNIT: _managed_files.file(_units.check_service(LOADER)),
        _UNITS + _units.TIMER: _managed_files.file(_units.timer()),
        _UNITS + "sysinit.target.wants/" + _units.UNIT: _managed_files.Link(_UNITS + _units.UNIT),
        _UNITS + "timers.target.wants/" + _units.TIMER: _managed_files.Link(_UNITS + _units.TIMER),
        _UNITS + "nftables.service.d/50-alicloud-imds-fence.conf": _managed_files.file(_units.after_flush(LOADER)),
    }
    if desired.mode == _rules.ENFORCE:
        for service in desired.deny_services:
            files["%s%s.d/50-alicloud-imds-fence.conf" % (_UNITS, service)] = _managed_files.file(_rules.deny(service))
    return files


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
        if "%" in source:  # Python keeps any text after it, which would become a part of the rules
            raise ValueError("a network has no zone")
        return str(ipaddress.ip_network(source))
    except ValueError as exc:
        raise HostError(
            "%r in 'allowed_sources' is not an IP network such as 172.17.0.0/16 or fd00:1::/64: %s." % (source, exc)
        ) from exc
