# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decide whether instances from a launch template or an image will comply: tokens are required for their metadata. No I/O."""

import typing as t

from .._verdict import COMPLIANT, ENDPOINT_DISABLED, OPTIONAL, UNKNOWN, Verdict
from ._template import Raw, TemplateOptions, Version

BLOCKED_BY_IMAGE = "blocked_by_image"
VERDICTS = (COMPLIANT, OPTIONAL, ENDPOINT_DISABLED, BLOCKED_BY_IMAGE, UNKNOWN)

NO_SUPPORT = "The API did not return whether the image %s supports tokens (ImdsSupport)."
NO_IMAGE = "The image %s was not found. It may have been deleted, or belongs to another account."
V1 = "The image %s has ImdsSupport v1. Tokens cannot be required when an instance is created from it."
WINDOWS = "The image %s is a Windows image. Windows does not support security hardening mode."

Images = t.Mapping[str, Raw]


def support_of(image: t.Optional[Raw]) -> t.Optional[str]:
    """Return ImdsSupport of an image, or None if it is unknown."""
    features = (image or {}).get("Features")
    support = features.get("ImdsSupport") if isinstance(features, dict) else None
    return str(support) if support in ("v1", "v2") else None


def is_windows(image: t.Optional[Raw]) -> bool:
    """Return whether an image is a Windows image."""
    return str((image or {}).get("OSType") or "").lower() == "windows"


def judge_version(version: Version, images: t.Optional[Images]) -> Verdict:
    """Return the verdict on a version of a launch template. *images* is None if the images could not be read."""
    return judge_options(version.options, version.image_id is None, *image_problem(version.image_id, images))


def judge_options(
    options: TemplateOptions, any_image: bool, support: t.Optional[str], reason: t.Optional[str]
) -> Verdict:
    """Return the verdict on options, with ImdsSupport of the image and why it is a problem. *any_image*: the request chooses it."""
    if options.http_endpoint is None or options.http_tokens is None:
        return Verdict(UNKNOWN, "The API returned metadata options with unknown values.")
    if options.http_endpoint == "disabled":
        return Verdict(ENDPOINT_DISABLED)
    if support == "v1":
        return Verdict(BLOCKED_BY_IMAGE, reason)
    if options.http_tokens == "optional":
        return Verdict(OPTIONAL, reason)
    return Verdict(COMPLIANT if any_image or support == "v2" else UNKNOWN, reason)


def judge_image(image_id: str, image: Raw) -> Verdict:
    """Return the verdict on an image: compliant if tokens can be required for instances from it."""
    support, reason = image_problem(image_id, {image_id: image})
    if support == "v1" or is_windows(image):
        return Verdict(BLOCKED_BY_IMAGE, reason)
    return Verdict(COMPLIANT if support == "v2" else UNKNOWN, reason)


def image_problem(image_id: t.Optional[str], images: t.Optional[Images]) -> t.Tuple[t.Optional[str], t.Optional[str]]:
    """Return ImdsSupport of an image, and why tokens cannot be required for instances from it, or why this is unknown."""
    if image_id is None:
        return None, None
    if images is None:
        return None, "The image %s could not be read." % image_id
    image = images.get(image_id)
    if image is None:
        return None, NO_IMAGE % image_id
    support = support_of(image)
    if support == "v1":
        return support, V1 % image_id
    if is_windows(image):
        return support, WINDOWS % image_id
    return support, None if support == "v2" else NO_SUPPORT % image_id
