# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Implement the operations of Auto Scaling (ESS, API version 2022-02-22).

Scaling groups and configurations are kept in memory. A scale-out creates instances at once.
"""

from __future__ import annotations

import itertools
import typing as t

from ..state import State
from .access import Caller
from .errors import ApiError
from .launcher import Launcher
from .pages import numbered_page, whole
from .scaling_data import created, modified
from .scaling_rows import TIME, Group, configuration_row, group_row, instance_row
from .templates import Templates

Fields = t.Dict[str, t.Any]
Parameters = t.Mapping[str, str]
MOST_CONFIGURATION_IDS, MOST_GROUP_IDS = 10, 20  #: IDs in one call
_GROUP_OWN = {"RegionId", "ClientToken", "ScalingGroupName", "MinSize", "MaxSize", "DefaultCooldown", "VSwitchId"}
_SOURCES = {"ActiveScalingConfigurationId", "LaunchTemplateId", "LaunchTemplateVersion"}


class Scaling:
    """The operations. *region_of* checks the parameter RegionId."""

    def __init__(
        self, state: State, launcher: Launcher, templates: Templates, region_of: t.Callable[[Parameters], str]
    ) -> None:
        self._state = state
        self._launcher = launcher
        self._templates = templates
        self._region_of = region_of
        self._groups: t.Dict[str, t.Dict[str, Group]] = {}  #: account -> ID -> group
        self._numbers = itertools.count(1)

    def create_group(self, caller: Caller, parameters: Parameters, _allowed: bool) -> Fields:
        """Create a scaling group, which is inactive."""
        _refuse_unknown(parameters, _GROUP_OWN | _SOURCES - {"ActiveScalingConfigurationId"})
        region, own = self._region_of(parameters), self._groups.setdefault(caller.account, {})
        sizes = whole(parameters, "MinSize", 0), whole(parameters, "MaxSize", 0)
        if not 0 <= sizes[0] <= sizes[1] <= 2000:
            raise ApiError("InvalidParameter", name="MaxSize")
        with self._state.lock:
            name = parameters.get("ScalingGroupName", "")
            if name and any(it.name == name and it.region == region for it in own.values()):
                raise ApiError("InvalidScalingGroupName.Duplicate")
            group = Group("asg-emulated%08d" % next(self._numbers), name, region, sizes)
            self._set_source(caller, group, parameters)
            own[group.group_id] = group
        return {"ScalingGroupId": group.group_id}

    def modify_group(self, caller: Caller, parameters: Parameters, _allowed: bool) -> Fields:
        """Change the scaling configuration or launch template that a group uses."""
        _refuse_unknown(parameters, {"ScalingGroupId", *_SOURCES})
        self._set_source(caller, self._group(caller, parameters), parameters)
        return {}

    def enable_group(self, caller: Caller, parameters: Parameters, _allowed: bool) -> Fields:
        """Activate a group with a scaling configuration or a launch template."""
        _refuse_unknown(parameters, {"RegionId", "ScalingGroupId", *_SOURCES})
        group = self._group(caller, parameters)
        self._set_source(caller, group, parameters)
        if group.active is None and group.template is None:
            raise ApiError("MissingParameter", name="ActiveScalingConfigurationId")
        group.enabled = True
        return {}

    def describe_groups(self, caller: Caller, parameters: Parameters, _allowed: bool) -> Fields:
        """List the groups of a region, all or those with IDs."""
        own = self._of_region(caller, parameters)
        wanted = _listed(parameters, "ScalingGroupIds", MOST_GROUP_IDS, ("RegionId",))
        page, rows = numbered_page(parameters, [it for it in own if not wanted or it.group_id in wanted])
        return {**page, "ScalingGroups": [group_row(it) for it in rows]}

    def create_configuration(self, caller: Caller, parameters: Parameters, _allowed: bool) -> Fields:
        """Create a scaling configuration, which is inactive."""
        group, fields = self._group(caller, parameters), created(parameters)
        with self._state.lock:
            name = "asc-emulated%08d" % next(self._numbers)
            fields.setdefault("ScalingConfigurationName", name)
            known = [it["ScalingConfigurationName"] for it in group.configurations.values()]
            if fields["ScalingConfigurationName"] in known:
                raise ApiError("InvalidScalingConfigurationName.Duplicate")
            group.configurations[name] = fields
        return {"ScalingConfigurationId": name}

    def modify_configuration(self, caller: Caller, parameters: Parameters, _allowed: bool) -> Fields:
        """Replace fields of a scaling configuration in place. Fields that the call does not have stay."""
        name, changes = parameters["ScalingConfigurationId"], modified(parameters)
        for group in self._groups.get(caller.account, {}).values():
            if name in group.configurations:
                with self._state.lock:
                    group.configurations[name] = {**group.configurations[name], **changes}
                return {}
        raise ApiError("InvalidScalingConfigurationId.NotFound")

    def describe_configurations(self, caller: Caller, parameters: Parameters, _allowed: bool) -> Fields:
        """List active and inactive scaling configurations of a region, all or those with IDs or of a group."""
        wanted = _listed(parameters, "ScalingConfigurationIds", MOST_CONFIGURATION_IDS, ("RegionId", "ScalingGroupId"))
        found = [
            configuration_row(group, name)
            for group in self._of_region(caller, parameters)
            if parameters.get("ScalingGroupId") in (None, "", group.group_id)
            for name in group.configurations
            if not wanted or name in wanted
        ]
        page, rows = numbered_page(parameters, found)
        return {**page, "ScalingConfigurations": list(rows)}

    def scale(self, caller: Caller, parameters: Parameters, _allowed: bool) -> Fields:
        """Create instances, at most MaxSize. If they cannot be created, the activity fails, and not the call."""
        _refuse_unknown(parameters, {"ScalingGroupId", "AdjustmentType", "AdjustmentValue"})
        group, amount = self._group(caller, parameters), whole(parameters, "AdjustmentValue", 0)
        if parameters["AdjustmentType"] != "QuantityChangeInCapacity" or amount < 1:
            raise ApiError("InvalidParameter", name="AdjustmentType" if amount > 0 else "AdjustmentValue")
        if not group.enabled:
            raise ApiError("IncorrectScalingGroupStatus")
        with self._state.lock:
            activity: Fields = {
                "ScalingActivityId": "asa-emulated%08d" % next(self._numbers),
                "ScalingGroupId": group.group_id,
                "StatusCode": "Successful",
                "StatusMessage": "",
                "StartTime": TIME,
                "EndTime": TIME,
                "Progress": 100,
            }
            group.activities.append(activity)
            try:
                made = self._launch(caller, group, min(amount, group.sizes[1] - len(group.instances)))
            except ApiError as problem:
                activity.update(StatusCode="Failed", StatusMessage=problem.message, ErrorCode=problem.code)
                made = []
            group.instances += [instance_row(group, activity, name) for name in made]
        return {"ScalingActivityId": activity["ScalingActivityId"]}

    def describe_activities(self, caller: Caller, parameters: Parameters, _allowed: bool) -> Fields:
        """List the activities of a group, newest first."""
        _refuse_unknown(parameters, {"RegionId", "ScalingGroupId", "PageNumber", "PageSize"})
        self._region_of(parameters)
        page, rows = numbered_page(parameters, self._group(caller, parameters).activities[::-1])
        return {**page, "ScalingActivities": list(rows)}

    def describe_instances(self, caller: Caller, parameters: Parameters, _allowed: bool) -> Fields:
        """List the instances of a group."""
        _refuse_unknown(parameters, {"RegionId", "ScalingGroupId", "PageNumber", "PageSize"})
        self._region_of(parameters)
        page, rows = numbered_page(parameters, self._group(caller, parameters).instances)
        return {**page, "ScalingInstances": list(rows)}

    def _launch(self, caller: Caller, group: Group, amount: int) -> t.List[str]:
        if amount < 1:
            return []
        if group.active is not None:
            data = group.configurations[group.active]
        else:
            template_id, version = group.template or ("", "")
            data = self._templates.data(caller.account, group.region, template_id, version)
        return self._launcher.launch(caller.account, group.region, data, amount)

    def _set_source(self, caller: Caller, group: Group, parameters: Parameters) -> None:
        """Set what a group creates instances from: a scaling configuration or a version of a launch template."""
        active, template_id = parameters.get("ActiveScalingConfigurationId"), parameters.get("LaunchTemplateId")
        if active and template_id:
            raise ApiError("InvalidParameter", name="LaunchTemplateId")
        if active:
            if active not in group.configurations:
                raise ApiError("InvalidScalingConfigurationId.NotFound")
            group.active, group.template = active, None
        elif template_id:
            version = parameters.get("LaunchTemplateVersion") or "Default"
            self._templates.data(caller.account, group.region, template_id, version)
            group.active, group.template = None, (template_id, version)

    def _of_region(self, caller: Caller, parameters: Parameters) -> t.List[Group]:
        region = self._region_of(parameters)
        return [it for it in self._groups.get(caller.account, {}).values() if it.region == region]

    def _group(self, caller: Caller, parameters: Parameters) -> Group:
        group = self._groups.get(caller.account, {}).get(parameters["ScalingGroupId"])
        if group is None or parameters.get("RegionId") not in (None, "", group.region):
            raise ApiError("InvalidScalingGroupId.NotFound")
        return group


def _refuse_unknown(parameters: Parameters, known: t.Collection[str]) -> None:
    """Refuse other parameters than *known*. The vendor's V1 client adds RegionId to every call."""
    unknown = set(parameters) - set(known) - {"RegionId"}
    if unknown:
        raise ApiError("InvalidParameter", name=min(unknown))


def _listed(parameters: Parameters, name: str, most: int, others: t.Sequence[str]) -> t.Set[str]:
    """Return the values of a numbered parameter. Filters that are not emulated are refused."""
    numbered = {key: value for key, value in parameters.items() if key.startswith(name + ".")}
    _refuse_unknown(parameters, {*numbered, *others, "PageNumber", "PageSize"})
    if len(numbered) > most:
        raise ApiError("InvalidParameter", name=name)
    return set(numbered.values())
