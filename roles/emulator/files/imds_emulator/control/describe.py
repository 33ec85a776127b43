# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Implement DescribeInstances: filters and pages."""

from __future__ import annotations

import json
import re
import typing as t

from ..fields import FIELDS
from ..index import Listing
from ..instance import Instance
from .errors import ApiError
from .filters import tags, wildcard
from .format import Prepared
from .pages import Page, Pages
from .row import NOT_REQUESTED, described, shown_options

#: Returns the metadata options of an instance that were set at least once.
Options = t.Callable[[Instance], t.Mapping[str, str]]
Test = t.Callable[[Instance], bool]

MOST_IDS = 100
_ADDITIONAL = re.compile(r"AdditionalAttributes\.[0-9]{1,4}")
#: Filters by one exact value, and the setting that they compare.
_EXACT: t.Dict[str, t.Callable[[t.Mapping[str, t.Any]], t.Any]] = {
    "VpcId": lambda settings: settings["network_interfaces"][0]["vpc_id"],
    "VSwitchId": lambda settings: settings["network_interfaces"][0]["vswitch_id"],
    "ZoneId": lambda settings: settings["zone_id"],
    "ImageId": lambda settings: settings["image_id"],
    "InstanceType": lambda settings: settings["instance_type"],
    "InstanceTypeFamily": lambda settings: settings["instance_type"].rpartition(".")[0],
    "Status": lambda settings: settings["status"],
}
#: Filters by one exact value of the row, in which a Boolean is the text true or false.
_ROW = "InstanceNetworkType InstanceChargeType InternetChargeType IoOptimized DeviceAvailable KeyPairName".split()
#: Filters by a JSON list of addresses, and the addresses in the row.
_ADDRESSES: t.Dict[str, t.Callable[[t.Mapping[str, t.Any]], t.List[str]]] = {
    "PrivateIpAddresses": lambda row: row["VpcAttributes"]["PrivateIpAddress"]["IpAddress"],
    "PublicIpAddresses": lambda row: row["PublicIpAddress"]["IpAddress"],
    "EipAddresses": lambda row: [row["EipAddress"]["IpAddress"]],
    "InnerIpAddresses": lambda row: row["InnerIpAddress"]["IpAddress"],
}
#: Documented filters that are not emulated. They are refused: ignoring them would return wrong instances. The service, and the
#: emulator, ignore parameters that are not documented.
NOT_EMULATED = (
    "HpcClusterId HttpPutResponseHopLimit LockReason NeedSaleCycle RdmaIpAddresses ResourceGroupId SecurityGroupId"
).split()


class Found(t.NamedTuple):
    """The instances of one page."""

    rows: t.List[Instance]
    total: int  #: 0 with NextToken paging, where the documentation calls it meaningless
    last: int  #: number of the last instance if more follow, else 0


def describe(
    listing: Listing,
    parameters: t.Mapping[str, str],
    account: str,
    pages: Pages,
    options: Options,
    rules: t.Mapping[str, t.Any],
) -> t.Dict[str, t.Any]:
    """Return the fields of the response.

    Raises: ApiError.
    """
    page = pages.requested(account, parameters)
    found = _find(listing, parameters, page, options, rules["tag_limit"])
    requested = "META_OPTIONS" in [value for name, value in parameters.items() if _ADDITIONAL.fullmatch(name)]
    untouched = rules["untouched_options"]
    shown = [shown_options(options(row), untouched) if requested else NOT_REQUESTED for row in found.rows]
    return {
        "Instances": Prepared(
            lambda: _json(found.rows, shown),
            lambda: {"Instance": [dict(described(row)[1], MetadataOptions=o) for row, o in zip(found.rows, shown)]},
        ),
        "NextToken": pages.token(account, parameters, found.last) if found.last else "",
        "PageNumber": page.number or 1,
        "PageSize": page.size,
        "TotalCount": found.total,
    }


def validate(parameters: t.Mapping[str, str], pages: Pages, account: str) -> None:
    """Validate the parameters as a dry run does.

    Raises: ApiError.
    """
    pages.requested(account, parameters)
    _tests(parameters, lambda _instance: {})
    _ids(parameters)


def _json(rows: t.List[Instance], shown: t.List[t.Dict[str, t.Any]]) -> str:
    texts = (
        '%s,"MetadataOptions":%s}' % (described(row)[0], json.dumps(options, separators=(",", ":")))
        for row, options in zip(rows, shown)
    )
    return '{"Instance":[%s]}' % ",".join(texts)


def _find(
    listing: Listing, parameters: t.Mapping[str, str], page: Page, options: Options, tag_limit: t.Optional[int]
) -> Found:
    tests, ids = _tests(parameters, options), _ids(parameters)
    candidates = listing.instances
    if ids is not None:
        named = {name: listing.by_id[name] for name in ids if name in listing.by_id}
        candidates = sorted(named.values(), key=lambda instance: instance.number)
    if page.number is not None:
        matches = _limited(_matching(candidates, tests, None), parameters, tag_limit)
        first = (page.number - 1) * page.size
        return Found(matches[first : first + page.size], len(matches), 0)
    if ids is None and not _by_tag(parameters):
        # Test only the rest of the list, up to the first match of the next page.
        candidates = candidates[listing.after(page.after) :] if page.after else candidates
        matches = _matching(candidates, tests, page.size + 1)
    else:
        matches = _limited(_matching(candidates, tests, None), parameters, tag_limit)
        matches = [instance for instance in matches if instance.number > page.after]
    rows = matches[: page.size]
    return Found(rows, 0, rows[-1].number if len(matches) > page.size else 0)


def _matching(candidates: t.List[Instance], tests: t.List[Test], most: t.Optional[int]) -> t.List[Instance]:
    if not tests:
        return candidates[:most]
    result: t.List[Instance] = []
    for instance in candidates:
        if all(test(instance) for test in tests):
            result.append(instance)
            if len(result) == most:
                break
    return result


def _by_tag(parameters: t.Mapping[str, str]) -> bool:
    return any(name.startswith("Tag.") for name in parameters)


def _limited(
    matches: t.List[Instance], parameters: t.Mapping[str, str], tag_limit: t.Optional[int]
) -> t.List[Instance]:
    return matches[:tag_limit] if _by_tag(parameters) else matches


def _ids(parameters: t.Mapping[str, str]) -> t.Optional[t.List[str]]:
    """Return the filter InstanceIds, or None if it is absent. An empty list matches no instance.

    Raises: ApiError.
    """
    return _texts(parameters, "InstanceIds")


def _texts(parameters: t.Mapping[str, str], name: str) -> t.Optional[t.List[str]]:
    text = parameters.get(name)
    if text is None:
        return None
    try:
        texts = json.loads(text)
    except (ValueError, RecursionError):
        texts = None
    if (
        not isinstance(texts, list)
        or len(texts) > MOST_IDS
        or not all(isinstance(item, str) and item for item in texts)
    ):
        raise ApiError("InvalidParameter", name=name)
    return texts


def _tests(parameters: t.Mapping[str, str], options: Options) -> t.List[Test]:
    """Return the tests of all filters.

    Raises: ApiError for an invalid value.
    """
    for name in NOT_EMULATED:
        if parameters.get(name):
            raise ApiError("InvalidParameter", "%s is not emulated." % name)
    if any(name.startswith("Filter.") for name in parameters):
        raise ApiError("InvalidParameter", "Filter.N is not emulated.")
    if parameters.get("Status") and not FIELDS["status"].check(parameters["Status"]):
        raise ApiError("InvalidStatus.NotFound")
    tests: t.List[Test] = [_exact(_EXACT[name], parameters[name]) for name in _EXACT if parameters.get(name)]
    tests += [_shown(name, parameters[name]) for name in _ROW if parameters.get(name)]
    tests += [
        _addressed(read, _texts(parameters, name) or []) for name, read in _ADDRESSES.items() if parameters.get(name)
    ]
    if parameters.get("InstanceName"):
        tests.append(_named(parameters["InstanceName"]))
    for name, key in (("HttpTokens", "http_tokens"), ("HttpEndpoint", "http_endpoint")):
        if parameters.get(name):
            if not FIELDS[key].check(parameters[name]):
                raise ApiError("Invalid%s.NotSupported" % name)
            tests.append(_with_option(key, parameters[name], options))
    return tests + [_tagged(key, value) for key, value in tags(parameters)]


def _exact(read: t.Callable[[t.Mapping[str, t.Any]], t.Any], value: str) -> Test:
    return lambda instance: bool(read(instance.settings) == value)


def _shown(name: str, value: str) -> Test:
    wanted: t.Any = {"true": True, "false": False}.get(value.lower(), value)
    return lambda instance: bool(described(instance)[1][name] == wanted)


def _addressed(read: t.Callable[[t.Mapping[str, t.Any]], t.List[str]], wanted: t.List[str]) -> Test:
    return lambda instance: any(address in wanted for address in read(described(instance)[1]) if address)


def _named(pattern: str) -> Test:
    matches = wildcard(pattern)
    return lambda instance: matches(instance.settings["instance_name"])


def _with_option(key: str, value: str, options: Options) -> Test:
    default = "optional" if key == "http_tokens" else "enabled"
    return lambda instance: options(instance).get(key, default) == value


def _tagged(key: str, value: t.Optional[str]) -> Test:
    """Return a test for a tag. The value None matches any value."""
    return lambda instance: key in instance.settings["tags"] and value in (None, instance.settings["tags"][key])
