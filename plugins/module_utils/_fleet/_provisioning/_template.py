# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A launch template and its versions as the API returns them, and the parameters that create a version with the same fields. No I/O.

The vendor's SDK has the names of all fields. A response groups lists (``DataDisks.DataDisk``), a request numbers them (``DataDisk.1``).
"""

import typing as t

Raw = t.Mapping[str, t.Any]
_Names = t.Dict[str, t.Any]


def _names(text: str) -> _Names:
    return dict.fromkeys(text.split())


_DISK = _names(
    "AutoSnapshotPolicyId BurstingEnabled Category DeleteWithInstance Description Device DiskName Encrypted Iops KMSKeyId "
    "PerformanceLevel ProvisionedIops Size SnapshotId"
)
_INTERFACE = _names(
    "DeleteOnRelease Description InstanceType NetworkInterfaceName NetworkInterfaceTrafficMode PrimaryIpAddress SecurityGroupId "
    "SecurityGroupIds VSwitchId"
)
#: The parameters of CreateLaunchTemplateVersion that a version keeps; nested ones have a table of their own.
PARAMETERS: _Names = {
    **_names(
        "AutoReleaseTime AutoRenew AutoRenewPeriod CreditSpecification DeletionProtection DeploymentSetId Description "
        "EnableVmOsConfig HostName HttpEndpoint HttpPutResponseHopLimit HttpTokens ImageId ImageOwnerAlias InstanceChargeType "
        "InstanceName InstanceType InternetChargeType InternetMaxBandwidthIn InternetMaxBandwidthOut IoOptimized Ipv6AddressCount "
        "KeyPairName NetworkType PasswordInherit Period PeriodUnit PrivateIpAddress RamRoleName ResourceGroupId "
        "SecurityEnhancementStrategy SecurityGroupId SecurityGroupIds SpotDuration SpotPriceLimit SpotStrategy UserData VSwitchId "
        "VpcId ZoneId"
    ),
    "SystemDisk": _DISK,
    "DataDisk": _DISK,
    "NetworkInterface": _INTERFACE,
    "Tag": _names("Key Value"),
    "ImageOptions": _names("LoginAsNonRoot"),
    "SecurityOptions": _names("TrustedSystemMode"),
}
#: Groups in a response: the name of a group, that of its list, and the parameter of a request.
_GROUPS = {
    "DataDisks": ("DataDisk", "DataDisk"),
    "NetworkInterfaces": ("NetworkInterface", "NetworkInterface"),
    "Tags": ("InstanceTag", "Tag"),
    "SecurityGroupIds": ("SecurityGroupId", "SecurityGroupIds"),
}
# Zero is invalid as a parameter, so in a response it means that the field is not set.
_ZERO_IS_UNSET = _names(
    "AutoRenewPeriod HttpPutResponseHopLimit Iops Ipv6AddressCount Period ProvisionedIops Size SpotPriceLimit"
)
_OPTIONS = ("HttpEndpoint", "HttpTokens")


class TemplateOptions(t.NamedTuple):
    """The metadata options of a version. None means unknown or, in desired options, unchanged."""

    http_endpoint: t.Optional[str] = None
    http_tokens: t.Optional[str] = None

    def merged_into(self, present: "TemplateOptions") -> "TemplateOptions":
        """Return *present*, with the options that are set here replaced."""
        return TemplateOptions(*(new if new is not None else old for new, old in zip(self, present)))

    def as_dict(self) -> t.Dict[str, t.Optional[str]]:
        """Return the options by name."""
        return dict(self._asdict())


class Template(t.NamedTuple):
    """A launch template."""

    template_id: str
    region_id: str
    name: str
    default_version: int
    latest_version: int


class Version(t.NamedTuple):
    """A version of a launch template, with its fields as the API returns them."""

    number: int
    description: str
    data: Raw

    @property
    def image_id(self) -> t.Optional[str]:
        """The ID of the image, or None if RunInstances must name one."""
        return str(self.data["ImageId"]) if self.data.get("ImageId") else None

    @property
    def options(self) -> TemplateOptions:
        """The options of instances from this version. A field that is not set has the documented default of RunInstances."""
        return options_of(self.data)


class UnknownFieldsError(ValueError):
    """A version has fields that this collection cannot copy. The message names them, without their values."""


def options_of(data: Raw) -> TemplateOptions:
    """Return the metadata options of a version or a scaling configuration. A field that is not set has the documented default."""
    return TemplateOptions(
        _known(data.get("HttpEndpoint") or "enabled", ("enabled", "disabled")),
        _known(data.get("HttpTokens") or "optional", ("optional", "required")),
    )


def parse_template(raw: Raw, region_id: str) -> Template:
    """Parse an item of DescribeLaunchTemplates."""
    return Template(
        str(raw["LaunchTemplateId"]),
        region_id,
        str(raw.get("LaunchTemplateName") or ""),
        _number(raw.get("DefaultVersionNumber")),
        _number(raw.get("LatestVersionNumber")),
    )


def parse_version(raw: Raw) -> Version:
    """Parse an item of DescribeLaunchTemplateVersions."""
    data = raw.get("LaunchTemplateData")
    return Version(
        _number(raw.get("VersionNumber")),
        str(raw.get("VersionDescription") or ""),
        data if isinstance(data, dict) else {},
    )


def parameters_of(data: Raw) -> t.Dict[str, t.Any]:
    """Return the parameters that create a version with the same fields. Fields that are not set are omitted.

    Raises:
        UnknownFieldsError: The version has fields that are not in the table.
    """
    unknown: t.List[str] = []
    parameters = _copied(data, PARAMETERS, "", unknown)
    if unknown:
        raise UnknownFieldsError(
            "The version has fields that cannot be copied: %s. Create the version in another way." % ", ".join(unknown)
        )
    return parameters


def with_options(parameters: Raw, options: TemplateOptions) -> t.Dict[str, t.Any]:
    """Return the parameters with other metadata options."""
    return {**parameters, **{name: value for name, value in zip(_OPTIONS, options) if value is not None}}


def differences(wanted: Raw, found: Raw) -> t.List[str]:
    """Return the names of parameters that differ. The defaults of the metadata options are the same as no value."""
    defaults = {"HttpEndpoint": "enabled", "HttpTokens": "optional"}
    left, right = {**defaults, **wanted}, {**defaults, **found}
    return sorted(name for name in {*left, *right} if _text(left.get(name)) != _text(right.get(name)))


def _copied(fields: Raw, known: _Names, prefix: str, unknown: t.List[str]) -> t.Dict[str, t.Any]:
    result: t.Dict[str, t.Any] = {}
    for name, value in fields.items():
        if name in _GROUPS and not isinstance(value, list):
            inner, target = _GROUPS[name]
            value = value.get(inner) if isinstance(value, dict) else value
        else:
            target = _GROUPS[name][1] if name in _GROUPS else name
        if value in (None, "", [], {}) or (name in _ZERO_IS_UNSET and value == 0):
            continue
        if target not in known:
            unknown.append(prefix + name)
            continue
        inside = known[target] or {}
        if isinstance(value, dict):
            value = _copied(value, inside, prefix + name + ".", unknown)
        elif isinstance(value, list):
            value = [_copied(it, inside, prefix + name + ".", unknown) if isinstance(it, dict) else it for it in value]
        if value != {}:
            result[target] = value
    return result


def _text(value: t.Any) -> t.Any:
    """Return a value in a form in which numbers and their texts are equal."""
    if isinstance(value, dict):
        return {name: _text(it) for name, it in value.items()}
    if isinstance(value, list):
        return [_text(it) for it in value]
    return str(value).lower() if isinstance(value, bool) else None if value is None else str(value)


def _known(value: t.Any, choices: t.Sequence[str]) -> t.Optional[str]:
    return next((it for it in choices if it == str(value).lower()), None)


def _number(value: t.Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
