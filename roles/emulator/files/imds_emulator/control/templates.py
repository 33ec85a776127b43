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
from .launcher import Launcher
from .pages import flag, numbered_page, whole
from .template_data import data_of

Fields = t.Dict[str, t.Any]
Parameters = t.Mapping[str, str]
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

    def __init__(self, state: State, launcher: Launcher, region_of: t.Callable[[Parameters], str]) -> None:
        self._state = state
        self._launcher = launcher
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
        page, rows = numbered_page(parameters, found)
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
        page, shown = numbered_page(parameters, numbers)
        detail = parameters.get("DetailFlag", "true").lower() != "false"
        rows = [_version_row(template, number, detail) for number in shown]
        return {**page, "LaunchTemplateVersionSets": {"LaunchTemplateVersionSet": rows}}

    def run_instances(self, caller: Caller, parameters: Parameters, _allowed: bool) -> Fields:
        """Create instances from a version of a launch template; parameters of the call replace its fields."""
        region, template = self._region_of(parameters), self._template(caller, parameters)
        number = _existing(template, whole(parameters, "LaunchTemplateVersion", template.default))
        data = {**template.versions[number][1], **data_of(parameters, _RUN_OWN)}
        made = self._launcher.launch(caller.account, region, data, whole(parameters, "Amount", 1))
        return {"InstanceIdSets": {"InstanceIdSet": made}}

    def data(self, account: str, region: str, template_id: str, version: str) -> Fields:
        """Return LaunchTemplateData of a version, which is a number, Default or Latest.

        Raises: ApiError.
        """
        template = self._templates.get((account, region), {}).get(template_id)
        if template is None:
            raise ApiError("InvalidLaunchTemplate.NotFound")
        named = {"Default": template.default, "Latest": max(template.versions)}
        number = named.get(version) or whole({"LaunchTemplateVersion": version}, "LaunchTemplateVersion", 0)
        return template.versions[_existing(template, number)][1]

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
