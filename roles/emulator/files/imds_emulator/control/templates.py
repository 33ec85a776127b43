# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Implement the operations for launch templates, and RunInstances from a launch template.

Launch templates are kept in memory. Their versions are immutable.
"""

from __future__ import annotations

import itertools
import typing as t

from ..state import State
from .access import Caller
from .errors import ApiError
from .images import Images
from .pages import flag, whole
from .template_data import data_of

Fields = t.Dict[str, t.Any]
Parameters = t.Mapping[str, str]
LARGEST_PAGE, MOST_INSTANCES = 50, 100
_TIME = "2024-01-01T00:00:00Z"
_OWN = ("RegionId", "LaunchTemplateId", "LaunchTemplateName", "VersionDescription")
_RUN_OWN = ("RegionId", "LaunchTemplateId", "LaunchTemplateVersion", "Amount")


class Template:
    """A launch template."""

    def __init__(self, template_id: str, name: str) -> None:
        self.template_id = template_id
        self.name = name
        self.default = 1
        self.versions: t.Dict[int, t.Tuple[str, Fields]] = {}  #: number -> description, LaunchTemplateData

    def add(self, description: str, data: Fields) -> int:
        """Add a version and return its number."""
        number = max(self.versions, default=0) + 1
        self.versions[number] = (description, data)
        return number


class Templates:
    """The operations. *region_of* checks the parameter RegionId."""

    def __init__(self, state: State, images: Images, region_of: t.Callable[[Parameters], str]) -> None:
        self._state = state
        self._images = images
        self._region_of = region_of
        self._templates: t.Dict[t.Tuple[str, str], t.Dict[str, Template]] = {}
        self._numbers = itertools.count(1)

    def create_template(self, caller: Caller, parameters: Parameters, _allowed: bool) -> Fields:
        """Create a launch template with the version 1."""
        own, name = self._of(caller, parameters), parameters["LaunchTemplateName"]
        data = data_of(parameters, _OWN)
        with self._state.lock:
            if any(it.name == name for it in own.values()):
                raise ApiError("InvalidLaunchTemplateName.Duplicate")
            template = Template("lt-emulated%08d" % next(self._numbers), name)
            template.add(parameters.get("VersionDescription", ""), data)
            own[template.template_id] = template
        return {"LaunchTemplateId": template.template_id, "LaunchTemplateVersionNumber": 1}

    def create_version(self, caller: Caller, parameters: Parameters, _allowed: bool) -> Fields:
        """Create a version. It has the fields of the call only: the API copies none from another version."""
        template, data = self._template(caller, parameters), data_of(parameters, _OWN)
        with self._state.lock:
            number = template.add(parameters.get("VersionDescription", ""), data)
        return {"LaunchTemplateId": template.template_id, "LaunchTemplateVersionNumber": number}

    def set_default_version(self, caller: Caller, parameters: Parameters, _allowed: bool) -> Fields:
        """Make a version the default."""
        template = self._template(caller, parameters)
        template.default = _existing(template, whole(parameters, "DefaultVersionNumber", 0))
        return {}

    def describe_templates(self, caller: Caller, parameters: Parameters, _allowed: bool) -> Fields:
        """List launch templates, all or those with IDs or names."""
        found = list(self._of(caller, parameters).values())
        for field, prefix in (("template_id", "LaunchTemplateId."), ("name", "LaunchTemplateName.")):
            wanted = [value for name, value in parameters.items() if name.startswith(prefix)]
            if len(wanted) > 100:
                raise ApiError("InvalidParameter", name=prefix[:-1])
            found = [it for it in found if getattr(it, field) in wanted] if wanted else found
        page, rows = _page(parameters, found)
        return {**page, "LaunchTemplateSets": {"LaunchTemplateSet": [_template_row(it) for it in rows]}}

    def describe_versions(self, caller: Caller, parameters: Parameters, _allowed: bool) -> Fields:
        """List versions of one launch template: all, some, or the default."""
        template = self._template(caller, parameters)
        wanted = [value for name, value in parameters.items() if name.startswith("LaunchTemplateVersion.")]
        numbers = sorted(template.versions, reverse=True)
        if wanted:
            numbers = [number for number in numbers if str(number) in wanted]
        elif flag(parameters, "DefaultVersion"):
            numbers = [template.default]
        page, shown = _page(parameters, numbers)
        detail = parameters.get("DetailFlag", "true").lower() != "false"
        rows = [_version_row(template, number, detail) for number in shown]
        return {**page, "LaunchTemplateVersionSets": {"LaunchTemplateVersionSet": rows}}

    def run_instances(self, caller: Caller, parameters: Parameters, _allowed: bool) -> Fields:
        """Create instances from a version of a launch template; parameters of the call replace its fields."""
        region, template = self._region_of(parameters), self._template(caller, parameters)
        number = _existing(template, whole(parameters, "LaunchTemplateVersion", template.default))
        data = {**template.versions[number][1], **data_of(parameters, _RUN_OWN)}
        amount = whole(parameters, "Amount", 1)
        image = self._images.known(caller.account, region).get(data.get("ImageId", ""))
        if image is None:
            raise ApiError("InvalidImageId.NotFound")
        if not 1 <= amount <= MOST_INSTANCES:
            raise ApiError("InvalidParameter", name="Amount")
        if data.get("HttpTokens") == "required" and image["image_imds_support"] != "v2":
            raise ApiError("InvalidHttpTokens.NotSupported")
        settings = {
            "region_id": region,
            "zone_id": region + "-a",
            "owner_account_id": caller.account,
            "image_id": image["image_id"],
            "image_imds_support": image["image_imds_support"],
            "os_type": image["os_type"],
            "instance_name": data.get("InstanceName", ""),
            "http_endpoint": data.get("HttpEndpoint", "enabled"),
            "http_tokens": data.get("HttpTokens", "optional"),
            "clients": [],
        }
        made = [
            self._state.create({**settings, "instance_id": "i-launched%08d" % next(self._numbers)})
            for _number in range(amount)
        ]
        return {"InstanceIdSets": {"InstanceIdSet": made}}

    def _of(self, caller: Caller, parameters: Parameters) -> t.Dict[str, Template]:
        return self._templates.setdefault((caller.account, self._region_of(parameters)), {})

    def _template(self, caller: Caller, parameters: Parameters) -> Template:
        name, template_id = parameters.get("LaunchTemplateName"), parameters.get("LaunchTemplateId")
        if not name and not template_id:
            raise ApiError("MissingParameter", name="LaunchTemplateId")
        for template in self._of(caller, parameters).values():
            if template_id in (None, "", template.template_id) and name in (None, "", template.name):
                return template
        raise ApiError("InvalidLaunchTemplate.NotFound")


def _existing(template: Template, number: int) -> int:
    if number not in template.versions:
        raise ApiError("InvalidLaunchTemplateVersion.NotFound")
    return number


def _page(parameters: Parameters, items: t.List[t.Any]) -> t.Tuple[Fields, t.List[t.Any]]:
    size, number = whole(parameters, "PageSize", 10), whole(parameters, "PageNumber", 1)
    if not 1 <= size <= LARGEST_PAGE or number < 1:
        raise ApiError("InvalidParameter", name="PageNumber" if number < 1 else "PageSize")
    fields = {"TotalCount": len(items), "PageNumber": number, "PageSize": size}
    return fields, items[(number - 1) * size : number * size]


def _template_row(template: Template) -> Fields:
    return {
        "LaunchTemplateId": template.template_id,
        "LaunchTemplateName": template.name,
        "DefaultVersionNumber": template.default,
        "LatestVersionNumber": max(template.versions),
        "CreateTime": _TIME,
        "ModifiedTime": _TIME,
        "CreatedBy": "",
        "ResourceGroupId": "",
        "Tags": {"Tag": []},
    }


def _version_row(template: Template, number: int, detail: bool) -> Fields:
    description, data = template.versions[number]
    row = {
        "LaunchTemplateId": template.template_id,
        "LaunchTemplateName": template.name,
        "VersionNumber": number,
        "VersionDescription": description,
        "DefaultVersion": number == template.default,
        "CreateTime": _TIME,
        "ModifiedTime": _TIME,
        "CreatedBy": "",
    }
    return {**row, "LaunchTemplateData": data} if detail else row
