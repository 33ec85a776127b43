# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A scaling configuration as the API returns it, its verdict and its change; and what a scaling group uses. No I/O."""

import re
import typing as t

from ..._common._text import one_line
from .._verdict import UNKNOWN, Verdict
from ._in_place import Change
from ._plan import Desired, image_refusal
from ._template import Raw, Template, TemplateOptions, Version, options_of
from ._verdict import Images, image_problem, judge_options, judge_version

_OPTIONS = ("HttpEndpoint", "HttpTokens")
# Changes when a configuration is activated, for which the scaling group is changed.
_NOT_COMPARED = (*_OPTIONS, "LifecycleState")
_NO_ID = "The scaling configuration has no image ID, but an image name or family. It is unknown whether the image supports tokens."


class Configuration(t.NamedTuple):
    """A scaling configuration. ``active`` is None if it is unknown."""

    configuration_id: str
    region_id: str
    name: str
    group_id: str
    active: t.Optional[bool]
    image_id: t.Optional[str]
    options: TemplateOptions
    others: Raw

    @property
    def columns(self) -> t.Dict[str, t.Any]:
        """The fields of a result that describe the configuration."""
        return {"name": self.name, "scaling_group_id": self.group_id, "active": self.active}


class Group(t.NamedTuple):
    """A scaling group that uses a launch template. ``version`` is a number, Default or Latest."""

    group_id: str
    region_id: str
    name: str
    active: t.Optional[bool]
    template_id: str
    version: str


def parse_configuration(raw: Raw, region_id: str) -> Configuration:
    """Parse an item of DescribeScalingConfigurations."""
    return Configuration(
        str(raw["ScalingConfigurationId"]),
        region_id,
        str(raw.get("ScalingConfigurationName") or ""),
        str(raw.get("ScalingGroupId") or ""),
        _is_active(raw),
        str(raw["ImageId"]) if raw.get("ImageId") else None,
        options_of(raw),
        {name: value for name, value in raw.items() if name not in _NOT_COMPARED},
    )


def parse_group(raw: Raw, region_id: str) -> t.Optional[Group]:
    """Parse an item of DescribeScalingGroups; return None if the group uses no launch template."""
    template_id = raw.get("LaunchTemplateId")
    if not template_id:
        return None
    name, version = str(raw.get("ScalingGroupName") or ""), str(raw.get("LaunchTemplateVersion") or "Default")
    return Group(str(raw["ScalingGroupId"]), region_id, name, _is_active(raw), str(template_id), version)


def plan_configuration(configuration: Configuration, images: t.Optional[Images], desired: Desired) -> Change:
    """Return the change of a scaling configuration. *images* is None if the images could not be read."""
    after = desired.options.merged_into(configuration.options)
    if None in after:
        return change_to(configuration, configuration.options)._replace(
            refusal="The API returned metadata options with unknown values. Set both options."
        )
    image = (images or {}).get(configuration.image_id or "")
    problem = _image_problem(configuration, images)
    refusal = image_refusal(configuration.options, after, problem, image, desired)
    return change_to(configuration, after)._replace(refusal=refusal)


def change_to(configuration: Configuration, after: TemplateOptions) -> Change:
    """Return the change of a scaling configuration to these options."""
    return Change(
        configuration.configuration_id,
        configuration.region_id,
        configuration.options.as_dict(),
        after.as_dict(),
        columns=configuration.columns,
        others=configuration.others,
    )


def judge_configuration(configuration: Configuration, images: t.Optional[Images]) -> Verdict:
    """Return the verdict on instances from a scaling configuration."""
    return judge_options(configuration.options, False, *_image_problem(configuration, images))


def version_number(group: Group, template: Template) -> t.Optional[int]:
    """Return the number of the version that a scaling group uses, or None if it is invalid."""
    if group.version in ("Default", "Latest"):
        return template.default_version if group.version == "Default" else template.latest_version
    return int(group.version) if re.match(r"[0-9]{1,9}\Z", group.version) else None


def judge_group(group: Group, version: t.Optional[Version], images: t.Optional[Images]) -> Verdict:
    """Return the verdict on instances of a scaling group with a launch template. *version* is None if it could not be read."""
    if version is not None:
        return judge_version(version, images)
    named = (one_line(group.version, 20), one_line(group.template_id, 100))
    return Verdict(UNKNOWN, "The version %s of the launch template %s could not be read." % named)


def _image_problem(
    configuration: Configuration, images: t.Optional[Images]
) -> t.Tuple[t.Optional[str], t.Optional[str]]:
    if configuration.image_id is None:
        return None, _NO_ID
    return image_problem(configuration.image_id, images)


def _is_active(raw: Raw) -> t.Optional[bool]:
    return {"Active": True, "Inactive": False}.get(str(raw.get("LifecycleState")))
