# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Implement the operations of ECS (API version 2014-05-26).

Each takes the caller, the parameters and whether the caller has permission, returns the fields of the response, and
raises ApiError.
"""

from __future__ import annotations

import typing as t

from ..fields import FIELDS
from ..index import NOTHING
from ..instance import Instance
from ..state import State
from . import describe, regions
from .access import Caller
from .errors import ApiError
from .pages import Pages, flag, whole
from .row import set_options

Fields = t.Dict[str, t.Any]
Rules = t.Callable[[], t.Mapping[str, t.Any]]


class Ecs:
    """The operations. *rules* returns the settings of the control plane."""

    def __init__(self, state: State, rules: Rules) -> None:
        self._state = state
        self._rules = rules
        self._pages = Pages()
        #: instance ID -> (options before the last change, time from which DescribeInstances returns the change)
        self._pending: t.Dict[str, t.Tuple[t.Mapping[str, str], float]] = {}

    def describe_instances(self, caller: Caller, parameters: t.Mapping[str, str], allowed: bool) -> Fields:
        """List instances. Without permission the list is empty, and only a dry run returns an error."""
        region = self.region_of(parameters)
        if flag(parameters, "DryRun"):
            if not allowed:
                raise ApiError("Forbidden.RAM")
            describe.validate(parameters, self._pages, caller.account)
            raise ApiError("DryRunOperation")
        listing = self._state.listing(caller.account, region) if allowed else NOTHING
        return describe.describe(listing, parameters, caller.account, self._pages, self._options, self._rules())

    def modify_metadata_options(self, caller: Caller, parameters: t.Mapping[str, str], _allowed: bool) -> Fields:
        """Set the metadata options of an instance. The operation has no dry run and ignores DryRun."""
        region, rules = self.region_of(parameters), self._rules()
        wanted = {
            "http_endpoint": _option(parameters, "HttpEndpoint", "http_endpoint"),
            "http_tokens": _option(parameters, "HttpTokens", "http_tokens"),
            "instance_metadata_tags": _option(parameters, "InstanceMetadataTags", "instance_metadata_tags"),
        }
        limit = parameters.get("HttpPutResponseHopLimit")
        if limit and not 1 <= whole(parameters, "HttpPutResponseHopLimit", 1) <= 64:
            raise ApiError("InvalidHttpPutResponseHopLimit.NotSupported")
        if wanted["http_tokens"] is None and rules["omitted_http_tokens"] != "keep":
            wanted["http_tokens"] = rules["omitted_http_tokens"]
        if wanted["instance_metadata_tags"] is None and rules["omitted_metadata_tags"] != "keep":
            wanted["instance_metadata_tags"] = rules["omitted_metadata_tags"]
        with self._state.lock:
            instance = self._state.instance(parameters["InstanceId"])
            if instance is None or not _is_there(instance, caller.account, region):
                raise ApiError("InvalidInstanceId.NotFound")
            self._remember(instance, rules["describe_delay_seconds"])
            self._state.set_metadata_options(parameters["InstanceId"], delay=rules["delay_seconds"], **wanted)
        return {}

    def describe_regions(self, _caller: Caller, parameters: t.Mapping[str, str], _allowed: bool) -> Fields:
        """List the configured regions and those of instances. The parameter AcceptLanguage selects the language of names."""
        language = parameters.get("AcceptLanguage") or "zh-CN"
        if language not in ("zh-CN", "en-US"):
            raise ApiError("InvalidParameter", "AcceptLanguage %s is not emulated." % language)
        return {"Regions": {"Region": [regions.row(region, language == "en-US") for region in self._regions()]}}

    def region_of(self, parameters: t.Mapping[str, str]) -> str:
        """Return the parameter RegionId of a region that exists.

        Raises: ApiError.
        """
        region = parameters["RegionId"]
        if region not in self._rules()["regions"] and region not in self._state.regions():
            raise ApiError("InvalidRegionId.NotFound")
        return region

    def _regions(self) -> t.List[str]:
        return sorted(set(self._rules()["regions"]) | set(self._state.regions()))

    def _options(self, instance: Instance) -> t.Mapping[str, str]:
        if self._pending:
            pending = self._pending.get(instance.raw["instance_id"])
            if pending is not None and self._state.clock.now() < pending[1]:
                return pending[0]
        return set_options(instance)

    def _remember(self, instance: Instance, delay: float) -> None:
        name = instance.raw["instance_id"]
        if delay > 0:
            self._pending[name] = (self._options(instance), self._state.clock.now() + delay)
        else:
            self._pending.pop(name, None)


def _is_there(instance: Instance, account: str, region: str) -> bool:
    settings = instance.settings
    return bool(settings["owner_account_id"] == account and settings["region_id"] == region)


def _option(parameters: t.Mapping[str, str], name: str, key: str) -> t.Optional[str]:
    value = parameters.get(name)
    if not value:
        return None
    if not FIELDS[key].check(value):
        raise ApiError("Invalid%s.NotSupported" % name)
    return value
