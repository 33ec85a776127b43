# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decide for a launch template whether a new version is needed, and which version becomes the default. No I/O."""

import typing as t

from ._survey import Found
from ._template import (
    Raw,
    Template,
    TemplateOptions,
    UnknownFieldsError,
    Version,
    differences,
    parameters_of,
    with_options,
)
from ._verdict import image_problem, is_windows

_USE_V2 = "Use another image, or set its ImdsSupport to v2 with the module image_imds_support, which cannot be undone."


class Desired(t.NamedTuple):
    """The options of the task: metadata options, the base version (None: the default), and what it permits."""

    options: TemplateOptions
    base_version: t.Optional[int] = None
    make_default: bool = True
    allow_windows: bool = False
    allow_unknown_image: bool = False


class Change(t.NamedTuple):
    """What to do with a launch template.

    ``parameters`` creates a version; it is None if ``version`` has the number of one that has the desired options already. ``refusal``
    is why nothing is done, else None. ``options`` are the metadata options after the change, None if they are unknown.
    """

    template: Template
    base: t.Optional[Version]
    version: t.Optional[int] = None
    parameters: t.Optional[t.Dict[str, t.Any]] = None
    make_default: bool = False
    refusal: t.Optional[str] = None
    options: t.Optional[TemplateOptions] = None

    @property
    def item_id(self) -> str:
        """The ID of the launch template."""
        return self.template.template_id

    @property
    def needed(self) -> bool:
        """Whether the change sends a request."""
        return self.refusal is None and (self.parameters is not None or self.make_default)


def plan(found: Found, desired: Desired) -> Change:
    """Return the change of a launch template."""
    template = found.template
    number = desired.base_version or template.default_version
    base = found.versions.get(number)
    if base is None:
        return Change(template, None, refusal="The version %d does not exist or cannot be read." % number)
    after = desired.options.merged_into(base.options)
    if None in after:
        return Change(
            template, base, refusal="The API returned metadata options with unknown values. Set both options."
        )
    problem, image = image_problem(base.image_id, found.images), (found.images or {}).get(base.image_id or "")
    refusal = image_refusal(base.options, after, problem, image, desired)
    if refusal is not None:
        return Change(template, base, refusal=refusal)
    if after == base.options:
        return _default(Change(template, base, version=number, options=after), desired)
    try:
        parameters = version_parameters(base, after)
    except UnknownFieldsError as exc:
        return Change(template, base, refusal=str(exc))
    same = [it for it in found.versions.values() if is_same(it, parameters)]
    if same:
        number = max(it.number for it in same)
        return _default(Change(template, base, version=number, options=after), desired)
    return Change(template, base, parameters=parameters, make_default=desired.make_default, options=after)


def version_parameters(base: Version, options: TemplateOptions) -> t.Dict[str, t.Any]:
    """Return the parameters of a version that differs from *base* only in the metadata options; raise UnknownFieldsError."""
    parameters = with_options(parameters_of(base.data), options)
    return {**parameters, "VersionDescription": base.description} if base.description else parameters


def changed_fields(version: Version, parameters: t.Mapping[str, t.Any]) -> t.List[str]:
    """Return the names of fields in which a version differs from the parameters; raise UnknownFieldsError."""
    description = {"VersionDescription": version.description} if version.description else {}
    return differences(parameters, {**parameters_of(version.data), **description})


def is_same(version: Version, parameters: t.Mapping[str, t.Any]) -> bool:
    """Return whether a version has exactly these parameters."""
    try:
        return not changed_fields(version, parameters)
    except UnknownFieldsError:
        return False


def _default(change: Change, desired: Desired) -> Change:
    other = change.version != change.template.default_version
    return change._replace(make_default=desired.make_default and other)


def image_refusal(
    before: TemplateOptions,
    after: TemplateOptions,
    problem: t.Tuple[t.Optional[str], t.Optional[str]],
    image: t.Optional[Raw],
    desired: Desired,
) -> t.Optional[str]:
    """Return why tokens are not required because of the image, or None. *problem* is that of ``image_problem``."""
    if after.http_tokens != "required" or after.http_endpoint == "disabled" or after == before:
        return None
    support, reason = problem
    if reason is None:
        return None
    if support == "v1":
        return reason + " " + _USE_V2
    if is_windows(image):
        return None if desired.allow_windows else reason
    return None if desired.allow_unknown_image else reason + " To ignore this, set 'allow_unknown_image'."
