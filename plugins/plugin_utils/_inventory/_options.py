# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check the options of the inventory, which ansible-core does not check inside dictionaries and lists."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.alicloud.imds.plugins.module_utils._fleet import _accounts, _exclude
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._select import Selection
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._assume_role import Role
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._options import max_concurrency

GetOption = t.Callable[[str], t.Any]
_FILTERS = ("http_tokens", "name", "states", "tags", "vpc_id")
ADDRESSES = ("private_ip", "public_ip", "ipv6")
SOURCES = ("name", *ADDRESSES, "instance_id")
_TAG = "tag:"


class Request(t.NamedTuple):
    """What to read from the API. The role None in *roles* stands for the account of the credentials."""

    regions: t.Sequence[str]
    tags: t.Mapping[str, t.Optional[str]]
    vpc_id: str | None
    name: str | None
    http_tokens: str | None
    states: t.Sequence[str]
    exclude: _exclude.Exclude
    exempt: t.Mapping[str, str]
    empty_means_default: bool
    roles: t.Sequence[Role | None]
    workers: int


class Naming(t.NamedTuple):
    """Where host names and addresses come from, first choice first."""

    hostnames: t.Sequence[str]
    addresses: t.Sequence[str]


def check_names(known: t.Iterable[str], given: t.Iterable[t.Any]) -> None:
    """Raise ValueError for an option of the inventory source that does not exist: ansible-core would ignore it."""
    _accounts.check_keys(sorted(known), given, "The inventory source")


def request(get_option: GetOption) -> Request:
    """Return what to read; raise ValueError for an invalid option."""
    filters = _accounts.dictionary(get_option("filters"), "filters")
    _accounts.check_keys(_FILTERS, filters, "'filters'")
    tokens = filters.get("http_tokens")
    if tokens not in (None, "optional", "required"):
        raise ValueError("'filters.http_tokens' must be optional or required.")
    exempt = _accounts.dictionary(get_option("exempt"), "exempt")
    return Request(
        regions=Selection(regions=_exclude.text_list(get_option("regions"), "regions")).validate().regions,
        tags=_exclude.tag_filter(filters.get("tags"), "filters.tags"),
        vpc_id=_accounts.text(filters.get("vpc_id"), "filters.vpc_id"),
        name=_accounts.text(filters.get("name"), "filters.name"),
        http_tokens=tokens,
        states=_exclude.text_list(filters.get("states"), "filters.states"),
        exclude=_exclude.parse(_accounts.dictionary(get_option("exclude"), "exclude")),
        exempt={str(key): str(reason) for key, reason in exempt.items()},
        empty_means_default=get_option("empty_options") == "default",
        roles=_accounts.roles(get_option("assume_role"), get_option("own_account")),
        workers=max_concurrency(get_option),
    )


def naming(get_option: GetOption) -> Naming:
    """Return the sources of names and addresses; raise ValueError for an unknown one."""
    hostnames = _exclude.text_list(get_option("hostnames"), "hostnames")
    addresses = _exclude.text_list(get_option("addresses"), "addresses")
    for source in hostnames:
        if source not in SOURCES and not (source.startswith(_TAG) and source != _TAG):
            raise ValueError("'hostnames' has no source '%s'. Use %s, or tag:KEY." % (source, ", ".join(SOURCES)))
    for source in addresses:
        if source not in ADDRESSES:
            raise ValueError("'addresses' has no source '%s'. Use %s." % (source, ", ".join(ADDRESSES)))
    return Naming(hostnames, addresses)


def names_plugin(path: str, plugin: str) -> bool:
    """Return whether the file at *path* names *plugin* near its beginning."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            start = stream.read(4096)
    except OSError:
        return False
    return re.search(r"^plugin: *[\"']?%s\b" % re.escape(plugin), start, re.MULTILINE) is not None
