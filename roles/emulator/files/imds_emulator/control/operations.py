# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""List the operations with their required parameters and RAM actions."""

from __future__ import annotations

import typing as t

from .access import Caller
from .call import Call
from .ecs import Ecs
from .errors import ApiError
from .images import Images
from .scaling import Scaling
from .sts import Sts
from .templates import Templates

NAMES = (
    "ECS 2014-05-26: DescribeInstances ModifyInstanceMetadataOptions DescribeRegions",
    "ECS 2014-05-26: DescribeImages ModifyImageAttribute (Features.ImdsSupport)",
    "ECS 2014-05-26: CreateLaunchTemplate CreateLaunchTemplateVersion ModifyLaunchTemplateDefaultVersion",
    "ECS 2014-05-26: DescribeLaunchTemplates DescribeLaunchTemplateVersions RunInstances (from a launch template)",
    "ESS 2022-02-22: CreateScalingGroup ModifyScalingGroup EnableScalingGroup DescribeScalingGroups",
    "ESS 2022-02-22: CreateScalingConfiguration ModifyScalingConfiguration DescribeScalingConfigurations",
    "ESS 2022-02-22: ScaleWithAdjustment (scale-out) DescribeScalingActivities DescribeScalingInstances",
    "STS 2015-04-01: AssumeRole GetCallerIdentity",
)
ECS, ESS, STS = "2014-05-26", "2022-02-22", "2015-04-01"


class Operation(t.NamedTuple):
    """An operation and what it requires."""

    run: t.Callable[[Caller, t.Mapping[str, str], bool], t.Dict[str, t.Any]]
    needs: t.Tuple[str, ...]  #: required parameters
    permission: t.Optional[str]  #: RAM action; None: no permission required
    refusal: t.Optional[str] = "Forbidden.RAM"  #: error code without permission; None: the operation handles it


class Operations:
    """The operations by API version and name."""

    def __init__(self, ecs: Ecs, images: Images, templates: Templates, scaling: Scaling, sts: Sts) -> None:
        self._known: t.Dict[str, t.Dict[str, Operation]] = {
            ECS: {
                "DescribeInstances": Operation(ecs.describe_instances, ("RegionId",), "ecs:DescribeInstances", None),
                "ModifyInstanceMetadataOptions": Operation(
                    ecs.modify_metadata_options,
                    ("RegionId", "HttpEndpoint", "InstanceId"),
                    "ecs:ModifyInstanceMetadataOptions",
                ),
                "DescribeRegions": Operation(ecs.describe_regions, (), "ecs:DescribeRegions"),
                "DescribeImages": Operation(images.describe_images, ("RegionId",), "ecs:DescribeImages"),
                "ModifyImageAttribute": Operation(
                    images.modify_attribute, ("RegionId", "ImageId"), "ecs:ModifyImageAttribute"
                ),
                **_templates(templates),
            },
            ESS: _scaling(scaling),
            STS: {
                "AssumeRole": Operation(
                    sts.assume_role, ("RoleArn", "RoleSessionName"), "sts:AssumeRole", "NoPermission"
                ),
                "GetCallerIdentity": Operation(sts.get_caller_identity, (), None),
            },
        }

    def find(self, call: Call) -> Operation:
        """Return the operation of a call.

        Raises: ApiError.
        """
        if not call.action:
            raise ApiError("MissingParameter", name="Action")
        if not call.product_version:
            raise ApiError("MissingParameter", name="Version")
        if call.product_version not in self._known:
            raise ApiError("InvalidVersion")
        operation = self._known[call.product_version].get(call.action)
        if operation is None or call.request.path != "/":
            raise ApiError("InvalidAction.NotFound")
        if call.request.method not in ("GET", "POST"):
            raise ApiError("UnsupportedHTTPMethod")
        return operation


def _templates(templates: Templates) -> t.Dict[str, Operation]:
    """Return the operations for launch templates; each has the RAM action with its name."""
    template = ("RegionId",)  # and LaunchTemplateId or LaunchTemplateName
    known: t.Dict[str, t.Tuple[t.Any, t.Tuple[str, ...]]] = {
        "CreateLaunchTemplate": (templates.create_template, ("RegionId", "LaunchTemplateName")),
        "CreateLaunchTemplateVersion": (templates.create_version, template),
        "DescribeLaunchTemplates": (templates.describe_templates, ("RegionId",)),
        "DescribeLaunchTemplateVersions": (templates.describe_versions, template),
        "ModifyLaunchTemplateDefaultVersion": (templates.set_default_version, ("RegionId", "DefaultVersionNumber")),
        "RunInstances": (templates.run_instances, template),
    }
    return {name: Operation(run, needs, "ecs:" + name) for name, (run, needs) in known.items()}


def _scaling(scaling: Scaling) -> t.Dict[str, Operation]:
    """Return the operations of Auto Scaling. Those for one scaling group or configuration do not need RegionId."""
    known: t.Dict[str, t.Tuple[t.Any, t.Tuple[str, ...]]] = {
        "CreateScalingGroup": (scaling.create_group, ("RegionId", "MinSize", "MaxSize")),
        "ModifyScalingGroup": (scaling.modify_group, ("ScalingGroupId",)),
        "EnableScalingGroup": (scaling.enable_group, ("ScalingGroupId",)),
        "DescribeScalingGroups": (scaling.describe_groups, ("RegionId",)),
        "CreateScalingConfiguration": (scaling.create_configuration, ("ScalingGroupId",)),
        "ModifyScalingConfiguration": (scaling.modify_configuration, ("ScalingConfigurationId",)),
        "DescribeScalingConfigurations": (scaling.describe_configurations, ("RegionId",)),
        "ScaleWithAdjustment": (scaling.scale, ("ScalingGroupId", "AdjustmentType", "AdjustmentValue")),
        "DescribeScalingActivities": (scaling.describe_activities, ("RegionId", "ScalingGroupId")),
        "DescribeScalingInstances": (scaling.describe_instances, ("RegionId", "ScalingGroupId")),
    }
    return {
        name: Operation(run, needs, "ess:" + name, "Forbidden.Unauthorized") for name, (run, needs) in known.items()
    }


def perform(operation: Operation, caller: Caller, parameters: t.Mapping[str, str]) -> t.Dict[str, t.Any]:
    """Run an operation and return the fields of its response.

    Required parameters are checked first, then the permission, then values.

    Raises: ApiError.
    """
    for name in operation.needs:
        if not parameters.get(name):
            raise ApiError("MissingParameter", name=name)
    allowed = operation.permission is None or caller.may(operation.permission)
    if not allowed and operation.refusal is not None:
        raise ApiError(operation.refusal)
    return operation.run(caller, parameters, allowed)
