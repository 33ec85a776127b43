# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operations of the ECS API (2014-05-26) that this collection uses.

They return the fields of the API unchanged. All raise ApiError.
"""

import json
import typing as t

from . import _errors
from ._transport import Service, Transport

DEFAULT_ENDPOINT = "https://ecs.{region}.aliyuncs.com"
VERSION = "2014-05-26"
#: Limits of the API: rows in a page, which is also the number of IDs in one call, and instances that it lists by tag. It omits
#: further instances without an indication.
PAGE = 100
TAG_LIMIT = 1000
# Every region lists all regions. If one does not respond for so many seconds, the next one is asked.
_LISTING_REGIONS = ("cn-hangzhou", "cn-beijing", "ap-southeast-1")
_LISTING_SECONDS = 20.0
# Only these operations support DryRun. Others ignore the parameter and take effect.
_DRY_RUN_ACTIONS = ("DescribeInstances", "DescribeImages")
_NO_VALUE = "permission-check"  # HttpEndpoint and HttpTokens have no such value
_ALL_STATES = "Creating,Waiting,Available,UnAvailable,CreateFailed,Deprecated"

Fields = t.Dict[str, t.Any]


class Ecs:
    """Call operations of the ECS API in any region. Thread-safe. ``warnings`` are for the user."""

    def __init__(self, transport: Transport, endpoint: str = DEFAULT_ENDPOINT, warnings: t.Sequence[str] = ()) -> None:
        self.transport = transport
        self.warnings = list(warnings)
        self._service = Service("ecs", VERSION, endpoint)

    def close(self) -> None:
        """Close the open connections."""
        self.transport.close()

    def describe_regions(self) -> t.List[str]:
        """Return the IDs of all regions that this account can use. One API call, and another one if a region does not respond."""
        for region in _LISTING_REGIONS:
            try:
                page = self.call("DescribeRegions", region, {}, _LISTING_SECONDS)
                break
            except _errors.ApiError as exc:
                if exc.kind != "transient" or exc.after_deadline or region == _LISTING_REGIONS[-1]:
                    raise
        return [row["RegionId"] for row in self.rows(page, "DescribeRegions", region, "Regions", "RegionId")]

    def instances(
        self,
        region: str,
        *,
        instance_ids: t.Optional[t.Sequence[str]] = None,
        tags: t.Optional[t.Mapping[str, t.Optional[str]]] = None,
        name: t.Optional[str] = None,
        vpc_id: t.Optional[str] = None,
        http_tokens: t.Optional[str] = None,
        limit: t.Optional[float] = None,
    ) -> t.Iterator[Fields]:
        """Return the instances that match all given filters, with their MetadataOptions. One API call for each page of 100.

        *name* may contain the wildcard ``*``. The value None of a tag matches every value. An empty list of IDs matches nothing.
        Without the RAM permission the API returns an empty list instead of an error; see ``is_permitted``. For *limit*, see
        ``Transport.call``.
        """
        filters: Fields = {"InstanceName": name or None, "VpcId": vpc_id or None, "HttpTokens": http_tokens or None}
        if instance_ids is None:
            return self._with_tags(region, filters, tags or {}, limit)
        return self._with_ids(region, filters, tags or {}, list(dict.fromkeys(instance_ids)), limit)

    def modify_metadata_options(
        self,
        region: str,
        instance_id: str,
        http_endpoint: str,
        http_tokens: str,
        instance_metadata_tags: t.Optional[str] = None,
    ) -> str:
        """Set the metadata options of one instance and return the RequestId. One API call.

        None is not sent. The vendor does not document whether the API then keeps or resets the option, so send the present value.
        """
        parameters = {
            "RegionId": region,
            "InstanceId": instance_id,
            "HttpEndpoint": http_endpoint,
            "HttpTokens": http_tokens,
            "InstanceMetadataTags": instance_metadata_tags,
        }
        return str(self.call("ModifyInstanceMetadataOptions", region, parameters).get("RequestId", ""))

    def refusal(self, region: str, instance_id: str) -> t.Optional[str]:
        """Return why the RAM policies refuse to change the options of an instance, or None if they do not, or if this is unknown.

        One API call, which changes nothing: its values do not exist, and the API refuses such values (InvalidHttpTokens.NotSupported and
        InvalidHttpEndpoint.NotSupported in its documentation). Whether it checks the policies first is not documented.
        """
        try:
            self.modify_metadata_options(region, instance_id, _NO_VALUE, _NO_VALUE)
        except _errors.ApiError as exc:
            return str(exc) if exc.kind == "forbidden" else None
        raise _errors.unexpected(
            self.where("ModifyInstanceMetadataOptions", region), "success for a value that does not exist"
        )

    def images(self, region: str, image_ids: t.Iterable[str]) -> t.Dict[str, Fields]:
        """Return ImdsSupport (``v1``, ``v2`` or None) of the images that exist, by image ID. One API call for each 100 images."""
        wanted = list(dict.fromkeys(image_ids))
        found: t.Dict[str, Fields] = {}
        for ids in _chunks(wanted):
            parameters = {"RegionId": region, "ImageId": ",".join(ids), "Status": _ALL_STATES, "PageSize": PAGE}
            page = self.call("DescribeImages", region, parameters)
            for image in self.rows(page, "DescribeImages", region, "Images", "ImageId"):
                features = image.get("Features")
                support = features.get("ImdsSupport") if isinstance(features, dict) else None
                found[image["ImageId"]] = {"ImdsSupport": support or None}
        return found

    def is_permitted(self, region: str, action: str, limit: t.Optional[float] = None) -> bool:
        """Return whether the RAM policies permit the operation, by a dry run. One API call.

        Raises:
            ValueError: The operation does not support a dry run.
        """
        if action not in _DRY_RUN_ACTIONS:
            raise ValueError("%s does not support a dry run" % action)
        try:
            self.call(action, region, {"RegionId": region, "DryRun": True}, limit)
        except _errors.ApiError as exc:
            if exc.code == "DryRunOperation":
                return True
            if exc.code.startswith(("Forbidden", "NoPermission")):
                return False
            raise
        raise _errors.unexpected(self.where(action, region), "a response that is not that of a dry run")

    def _with_ids(
        self,
        region: str,
        filters: Fields,
        tags: t.Mapping[str, t.Optional[str]],
        ids: t.List[str],
        limit: t.Optional[float],
    ) -> t.Iterator[Fields]:
        for chunk in _chunks(ids):
            yield from self._pages(region, dict(filters, InstanceIds=json.dumps(chunk), Tag=_tag_filter(tags)), limit)

    def _with_tags(
        self, region: str, filters: Fields, tags: t.Mapping[str, t.Optional[str]], limit: t.Optional[float]
    ) -> t.Iterator[Fields]:
        seen = set()
        for row in self._pages(region, dict(filters, Tag=_tag_filter(tags)), limit):
            seen.add(row["InstanceId"])
            yield row
        if tags and len(seen) >= TAG_LIMIT:  # the API may have omitted others
            for row in self._pages(region, filters, limit):
                if row["InstanceId"] not in seen and _has_tags(row, tags):
                    yield row

    def _pages(self, region: str, filters: Fields, limit: t.Optional[float]) -> t.Iterator[Fields]:
        action, token, tokens = "DescribeInstances", None, set()
        parameters = dict(filters, RegionId=region, MaxResults=PAGE, AdditionalAttributes=["META_OPTIONS"])
        while True:
            page = self.call(action, region, dict(parameters, NextToken=token), limit)
            rows = self.rows(page, action, region, "Instances", "InstanceId")
            token = page.get("NextToken") or None
            if token is not None and (not isinstance(token, str) or token in tokens):
                raise _errors.unexpected(self.where(action, region), "an invalid or repeated NextToken")
            tokens.add(token)
            yield from rows
            if token is None:
                return

    def rows(self, page: Fields, action: str, region: str, plural: str, key: str) -> t.List[Fields]:
        """Return the rows of a page, for example Instances.Instance, and check that each has a string under *key*."""
        group = page.get(plural)
        rows = group.get(plural[:-1]) if isinstance(group, dict) else None
        if isinstance(rows, list) and all(isinstance(row, dict) and isinstance(row.get(key), str) for row in rows):
            return rows
        raise _errors.unexpected(self.where(action, region), "a page without a list of %s" % plural.lower(), status=200)

    def call(
        self,
        action: str,
        region: str,
        parameters: t.Mapping[str, t.Any],
        limit: t.Optional[float] = None,
        repeatable: bool = True,
    ) -> Fields:
        """Call an operation and return its response, see ``Transport.call``."""
        return self.transport.call(self._service, action, region, parameters, limit, repeatable)

    def where(self, action: str, region: str) -> _errors.Where:
        """Return the description of an operation for errors."""
        return _errors.Where(self._service.product, action, region, self._service.url(region))


def _chunks(ids: t.List[str]) -> t.Iterator[t.List[str]]:
    return (ids[start : start + PAGE] for start in range(0, len(ids), PAGE))


def _tag_filter(tags: t.Mapping[str, t.Optional[str]]) -> t.List[t.Dict[str, t.Optional[str]]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _has_tags(row: Fields, tags: t.Mapping[str, t.Optional[str]]) -> bool:
    group = row.get("Tags")
    listed = group.get("Tag") if isinstance(group, dict) else None
    own = {tag.get("TagKey"): tag.get("TagValue") for tag in listed or [] if isinstance(tag, dict)}
    return all(key in own and value in (None, own[key]) for key, value in tags.items())
