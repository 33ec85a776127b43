# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Implement DescribeImages and ModifyImageAttribute: the images of instances, and those of the setting `images`."""

from __future__ import annotations

import typing as t

from ..index import Listing
from ..state import State
from .access import Caller
from .errors import ApiError
from .filters import tags, wildcard
from .pages import LARGEST, PAGING, SMALLEST, flag, whole

Fields = t.Dict[str, t.Any]

#: Parameters of every operation of ECS, which have no effect.
OWNER = ("OwnerId", "OwnerAccount", "ResourceOwnerId", "ResourceOwnerAccount")
#: Filters by one value, and the documented values.
_EXACT: t.Dict[str, t.Tuple[str, ...]] = {
    "ImageOwnerAlias": ("self", "system", "others", "marketplace"),
    "ImageFamily": (),
    "OSType": ("linux", "windows"),
    "Architecture": ("i386", "x86_64", "arm64"),
    "Status": ("Creating", "Waiting", "Available", "UnAvailable", "CreateFailed", "Deprecated"),
    "Usage": ("instance", "none"),
}
_KNOWN = {"RegionId", "ImageId", "ImageName", "ShowExpired", *_EXACT, *PAGING, *OWNER}


class Images:
    """The images. *rules* returns the settings of the control plane, *region_of* checks the parameter RegionId."""

    def __init__(
        self,
        state: State,
        rules: t.Callable[[], t.Mapping[str, t.Any]],
        region_of: t.Callable[[t.Mapping[str, str]], str],
    ) -> None:
        self._state = state
        self._rules = rules
        self._region_of = region_of
        self._hardened: t.Set[t.Tuple[str, str, str]] = (
            set()
        )  #: account, region, image that ModifyImageAttribute set to v2
        self._known: t.Dict[t.Tuple[str, str], t.Tuple[Listing, t.Dict[str, Fields]]] = {}

    def describe_images(self, caller: Caller, parameters: t.Mapping[str, str], _allowed: bool) -> Fields:
        """List the images in a region."""
        region = self._region_of(parameters)
        size, number = whole(parameters, "PageSize", SMALLEST), whole(parameters, "PageNumber", 1)
        if not 1 <= size <= LARGEST or number < 1:
            raise ApiError("InvalidParameter", name="PageSize" if not 1 <= size <= LARGEST else "PageNumber")
        tests = _tests(parameters)
        if flag(parameters, "DryRun"):
            raise ApiError("DryRunOperation")
        known = self.known(caller.account, region)
        wanted = [name for name in parameters.get("ImageId", "").split(",") if name]
        if len(wanted) > 100:
            raise ApiError("InvalidParameter", name="ImageId")
        found = [known[name] for name in wanted if name in known] if wanted else list(known.values())
        used = {instance.settings["image_id"] for instance in self._state.listing(caller.account, region).instances}
        every = (_row(image, image["image_id"] in used) for image in found)
        rows = [row for row in every if all(test(row) for test in tests)]
        page = {"TotalCount": len(rows), "PageNumber": number, "PageSize": size}
        return dict(page, RegionId=region, Images={"Image": rows[(number - 1) * size : number * size]})

    def modify_attribute(self, caller: Caller, parameters: t.Mapping[str, str], _allowed: bool) -> Fields:
        """Set ImdsSupport of an own image to v2, which cannot be undone. Other attributes are not emulated."""
        region, name = self._region_of(parameters), parameters["ImageId"]
        unknown = set(parameters) - {"RegionId", "ImageId", "Features.ImdsSupport", "DryRun"}
        if unknown:
            raise ApiError("InvalidParameter", name=min(unknown))
        wanted = parameters.get("Features.ImdsSupport")
        if wanted not in ("v1", "v2"):
            raise ApiError("InvalidParameter", name="Features.ImdsSupport")
        dry_run = flag(parameters, "DryRun")
        image = self.known(caller.account, region).get(name)
        if image is None or _owner(image) != "self":
            raise ApiError("InvalidImageId.NotFound")
        if wanted == "v1" and image["image_imds_support"] == "v2":
            raise ApiError("InvalidParameter", name="Features.ImdsSupport")
        if dry_run:
            raise ApiError("DryRunOperation")
        if wanted == "v2":
            self._hardened.add((caller.account, region, name))
        return {}

    def known(self, account: str, region: str) -> t.Dict[str, Fields]:
        """Return the images of a region by ID."""
        rules = self._rules()
        configured = {
            name: {
                "image_id": name,
                "image_imds_support": image.get("imds_support"),
                "os_type": image.get("os_type", "linux"),
                "owner": image.get("owner", "self"),
                "image_name": image.get("name", name),
                "image_family": image.get("family", ""),
                "image_tags": image.get("tags", {}),
            }
            for name, image in rules["images"].items()
            if image["region_id"] == region and account == rules["account_id"]
        }
        found = {**self._of_instances(account, region), **configured}
        for name in [it for it in found if (account, region, it) in self._hardened]:
            found[name] = {**found[name], "image_imds_support": "v2"}
        return found

    def _of_instances(self, account: str, region: str) -> t.Dict[str, Fields]:
        """Return the images of instances by ID, each with settings of one of its instances. Cached until an instance changes."""
        listing = self._state.listing(account, region)
        known = self._known.get((account, region))
        if known is None or known[0] is not listing:
            images: t.Dict[str, Fields] = {}
            for instance in listing.instances:
                images.setdefault(instance.settings["image_id"], instance.settings)
            known = (listing, images)
            self._known[(account, region)] = known
        return known[1]


def _tests(parameters: t.Mapping[str, str]) -> t.List[t.Callable[[Fields], bool]]:
    """Return the tests of all filters for rows.

    Raises: ApiError for an invalid value, and for a parameter that is not emulated: ignoring it would return wrong images.
    """
    for name, value in parameters.items():
        if value and name not in _KNOWN and not name.startswith("Tag."):
            raise ApiError("InvalidParameter", "%s is not emulated." % name)
    tests: t.List[t.Callable[[Fields], bool]] = []
    for name, allowed in _EXACT.items():
        wanted = parameters.get(name) or ("Available" if name == "Status" else "")
        if not wanted:
            continue
        values = wanted.split(",") if name == "Status" else [wanted]
        if allowed and not set(values) <= set(allowed):
            raise ApiError("InvalidParameter", name=name)
        tests.append(lambda row, name=name, values=values: row[name] in values)  # type: ignore[misc]
    if parameters.get("ImageName"):
        matches = wildcard(parameters["ImageName"])
        tests.append(lambda row: matches(row["ImageName"]))
    for key, content in tags(parameters):
        tests.append(lambda row, key=key, content=content: _has(row, key, content))  # type: ignore[misc]
    return tests


def _has(row: Fields, key: str, value: t.Optional[str]) -> bool:
    return any(tag["TagKey"] == key and value in (None, tag["TagValue"]) for tag in row["Tags"]["Tag"])


def _row(settings: t.Mapping[str, t.Any], used: bool) -> Fields:
    support = settings["image_imds_support"]
    features = {"NvmeSupport": "supported"}
    if support is not None:
        features["ImdsSupport"] = support
    return {
        "ImageId": settings["image_id"],
        "ImageName": settings.get("image_name", settings["image_id"]),
        "ImageFamily": settings.get("image_family", ""),
        "ImageOwnerAlias": _owner(settings),
        "Architecture": "x86_64",
        "OSType": settings["os_type"],
        "Platform": "Windows Server 2022" if settings["os_type"] == "windows" else "Aliyun",
        "Status": "Available",
        "Usage": "instance" if used else "none",
        "Size": 40,
        "Features": features,
        "Tags": {"Tag": [{"TagKey": key, "TagValue": value} for key, value in settings.get("image_tags", {}).items()]},
    }


def _owner(settings: t.Mapping[str, t.Any]) -> str:
    """Return ImageOwnerAlias of a configured image, or of the image of an instance."""
    return str(settings.get("owner") or ("system" if "alibase" in settings["image_id"] else "self"))
