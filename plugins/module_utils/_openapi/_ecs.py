# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operations of ECS (2014-05-26) that this collection uses. This module util is private to the collection.

They return what the API gives, and judge nothing. All raise ApiError.
"""

from __future__ import annotations

import json
import typing as t

from . import _errors
from ._transport import Service, Transport

DEFAULT_ENDPOINT = "https://ecs.{region}.aliyuncs.com"
VERSION = "2014-05-26"
#: The API's limits: of a page, of ids in one call, and of instances that it lists by tag (it leaves out the others).
PAGE = 100
TAG_LIMIT = 1000
# Any region knows all the others.
_FIRST_REGION = "cn-hangzhou"
# Only these may be asked as a dry run: the others would ignore it, and act.
_WITH_DRY_RUN = ("DescribeInstances", "DescribeImages")
_ALL_STATES = "Creating,Waiting,Available,UnAvailable,CreateFailed,Deprecated"

Fields = t.Dict[str, t.Any]


class Ecs:
    """Operations in any region. Thread-safe. ``warnings`` are for the user."""

    def __init__(self, transport: Transport, endpoint: str = DEFAULT_ENDPOINT, warnings: t.Sequence[str] = ()) -> None:
        self.transport = transport
        self.warnings = list(warnings)
        self._service = Service("ecs", VERSION, endpoint)

    def close(self) -> None:
        """Close the kept connections."""
        self.transport.close()

    def describe_regions(self) -> t.List[str]:
        """The ids of all regions that this account may use."""
        page = self._call("DescribeRegions", _FIRST_REGION, {})
        return [row["RegionId"] for row in self._rows(page, "DescribeRegions", _FIRST_REGION, "Regions", "RegionId")]

    def instances(
        self,
        region: str,
        *,
        instance_ids: t.Optional[t.Sequence[str]] = None,
        tags: t.Optional[t.Mapping[str, t.Optional[str]]] = None,
        name: t.Optional[str] = None,
        vpc_id: t.Optional[str] = None,
        http_tokens: t.Optional[str] = None,
    ) -> t.Iterator[Fields]:
        """The instances that match every filter given, with their MetadataOptions.

        *name* may hold the wildcard ``*``; a tag's value None matches every value. An empty list of ids matches nothing.
        Without the RAM permission the API lists no instances; see ``may``.
        """
        filters: Fields = {"InstanceName": name or None, "VpcId": vpc_id or None, "HttpTokens": http_tokens or None}
        if instance_ids is None:
            return self._with_tags(region, filters, tags or {})
        return self._with_ids(region, filters, tags or {}, list(dict.fromkeys(instance_ids)))

    def modify_metadata_options(
        self,
        region: str,
        instance_id: str,
        http_endpoint: str,
        http_tokens: str,
        instance_metadata_tags: t.Optional[str] = None,
    ) -> str:
        """Set the options of one instance; return the RequestId.

        What is None is not sent. Whether the API then keeps it or resets it is not documented: send the present value.
        """
        parameters = {
            "RegionId": region,
            "InstanceId": instance_id,
            "HttpEndpoint": http_endpoint,
            "HttpTokens": http_tokens,
            "InstanceMetadataTags": instance_metadata_tags,
        }
        return str(self._call("ModifyInstanceMetadataOptions", region, parameters).get("RequestId", ""))

    def images(self, region: str, image_ids: t.Iterable[str]) -> t.Dict[str, Fields]:
        """For each of these images that exists: ``{"ImdsSupport": "v1"}``, v2 or None."""
        wanted = list(dict.fromkeys(image_ids))
        found: t.Dict[str, Fields] = {}
        for ids in _parts(wanted):
            parameters = {"RegionId": region, "ImageId": ",".join(ids), "Status": _ALL_STATES, "PageSize": PAGE}
            page = self._call("DescribeImages", region, parameters)
            for image in self._rows(page, "DescribeImages", region, "Images", "ImageId"):
                features = image.get("Features")
                support = features.get("ImdsSupport") if isinstance(features, dict) else None
                found[image["ImageId"]] = {"ImdsSupport": support or None}
        return found

    def may(self, region: str, action: str) -> bool:
        """Does this identity have the permission? Asked by a dry run; ValueError for an operation that has none."""
        if action not in _WITH_DRY_RUN:
            raise ValueError("%s has no dry run" % action)
        try:
            self._call(action, region, {"RegionId": region, "DryRun": True})
        except _errors.ApiError as exc:
            if exc.code == "DryRunOperation":
                return True
            if exc.code.startswith(("Forbidden", "NoPermission")):
                return False
            raise
        raise _errors.unexpected(self._where(action, region), "an answer to a dry run that is none")

    def _with_ids(
        self, region: str, filters: Fields, tags: t.Mapping[str, t.Optional[str]], ids: t.List[str]
    ) -> t.Iterator[Fields]:
        for part in _parts(ids):
            yield from self._pages(region, dict(filters, InstanceIds=json.dumps(part), Tag=_tag_filter(tags)))

    def _with_tags(self, region: str, filters: Fields, tags: t.Mapping[str, t.Optional[str]]) -> t.Iterator[Fields]:
        seen = set()
        for row in self._pages(region, dict(filters, Tag=_tag_filter(tags))):
            seen.add(row["InstanceId"])
            yield row
        if tags and len(seen) >= TAG_LIMIT:  # there may be more, which the API does not tell
            for row in self._pages(region, filters):
                if row["InstanceId"] not in seen and _has_tags(row, tags):
                    yield row

    def _pages(self, region: str, filters: Fields) -> t.Iterator[Fields]:
        action, token, tokens = "DescribeInstances", None, set()
        asked = dict(filters, RegionId=region, MaxResults=PAGE, AdditionalAttributes=["META_OPTIONS"])
        while True:
            page = self._call(action, region, dict(asked, NextToken=token))
            rows = self._rows(page, action, region, "Instances", "InstanceId")
            token = page.get("NextToken") or None
            if token is not None and (not isinstance(token, str) or token in tokens):
                raise _errors.unexpected(self._where(action, region), "a NextToken that was given before, or is none")
            tokens.add(token)
            yield from rows
            if token is None:
                return

    def _rows(self, page: Fields, action: str, region: str, plural: str, key: str) -> t.List[Fields]:
        """The rows under, for example, Instances.Instance, each with a text under *key*."""
        group = page.get(plural)
        rows = group.get(plural[:-1]) if isinstance(group, dict) else None
        if isinstance(rows, list) and all(isinstance(row, dict) and isinstance(row.get(key), str) for row in rows):
            return rows
        raise _errors.unexpected(
            self._where(action, region), "a page that is no list of %s" % plural.lower(), status=200
        )

    def _call(self, action: str, region: str, parameters: t.Mapping[str, t.Any]) -> Fields:
        return self.transport.call(self._service, action, region, parameters)

    def _where(self, action: str, region: str) -> _errors.Where:
        return _errors.Where(self._service.product, action, region, self._service.url(region))


def _parts(ids: t.List[str]) -> t.Iterator[t.List[str]]:
    return (ids[start : start + PAGE] for start in range(0, len(ids), PAGE))


def _tag_filter(tags: t.Mapping[str, t.Optional[str]]) -> t.List[t.Dict[str, t.Optional[str]]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _has_tags(row: Fields, tags: t.Mapping[str, t.Optional[str]]) -> bool:
    group = row.get("Tags")
    listed = group.get("Tag") if isinstance(group, dict) else None
    own = {tag.get("TagKey"): tag.get("TagValue") for tag in listed or [] if isinstance(tag, dict)}
    return all(key in own and value in (None, own[key]) for key, value in tags.items())
