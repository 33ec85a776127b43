# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the instances of all accounts and regions."""

from __future__ import annotations

import concurrent.futures
import typing as t

from ansible_collections.alicloud.imds.plugins.module_utils._common._protocol import Protocol
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._accounts import OWN_ACCOUNT
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._causes import grouped
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._instance import Raw, parse
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._select import (
    ALL_REGIONS,
    REGION_DEADLINE,
    check_permission,
    is_instance_id,
)
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._assume_role import Role
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError

from ._hosts import Row, host_row
from ._options import Request

_MOST_ACCOUNTS = 8  # at the same time


class Api(Protocol):
    """The part of the ECS API that is used here."""

    def describe_regions(self) -> list[str]:
        """Return the IDs of all regions."""

    def instances(
        self,
        region: str,
        *,
        tags: t.Mapping[str, str | None] | None = None,
        name: str | None = None,
        vpc_id: str | None = None,
        http_tokens: str | None = None,
        limit: float | None = None,
    ) -> t.Iterator[Raw]:
        """Return the instances of a region that match all filters."""

    def is_permitted(self, region: str, action: str, limit: float | None = None) -> bool:
        """Return whether the RAM policies permit the operation."""

    def close(self) -> None:
        """Close the open connections."""


#: Return the API with the credentials of a role, or with those of the options, for a number of threads.
OpenApi = t.Callable[[t.Optional[Role], int], Api]


class Fetched(t.NamedTuple):
    """The instances, sorted by region and ID; the error by account and region; whether any account could be read."""

    rows: list[Row]
    errors: dict[str, str]
    any_succeeded: bool

    @property
    def problem(self) -> str | None:
        """A message about the accounts and regions that could not be read, or None."""
        if not self.errors:
            return None
        return "Cannot list the instances of %d accounts or regions. %s" % (
            len(self.errors),
            grouped(self.errors.items(), "accounts or regions"),
        )


def fetch(wanted: Request, open_api: OpenApi) -> Fetched:
    """Return the instances of all accounts and regions.

    One API call for each page of 100 instances of a region, or for a region without instances one more. One call for each account
    lists its regions, and one creates the credentials of a role.

    Raises:
        ValueError: An option of the API is invalid.
    """
    accounts = min(len(wanted.roles), _MOST_ACCOUNTS)
    workers = max(1, wanted.workers // accounts)
    with concurrent.futures.ThreadPoolExecutor(max_workers=accounts) as pool:
        parts = list(pool.map(lambda role: _Account(wanted, role, workers).read(open_api), wanted.roles))
    rows = {row["ecs"]["instance_id"]: row for part in reversed(parts) for row in part.rows}
    return Fetched(
        sorted(rows.values(), key=lambda row: (row["ecs"]["region_id"], row["ecs"]["instance_id"])),
        {place: error for part in parts for place, error in part.errors.items()},
        any(part.any_succeeded for part in parts),
    )


class _Account:
    """Read one account."""

    def __init__(self, wanted: Request, role: Role | None, workers: int) -> None:
        self._wanted = wanted
        self._role = role
        self._workers = workers
        self._label = OWN_ACCOUNT if role is None else role.arn
        self._errors: dict[str, str] = {}

    def read(self, open_api: OpenApi) -> Fetched:
        try:
            api = open_api(self._role, self._workers)
        except ApiError as exc:
            return Fetched([], {self._label: str(exc)}, False)
        try:
            return self._read_regions(api)
        finally:
            api.close()

    def _read_regions(self, api: Api) -> Fetched:
        regions, limit = list(dict.fromkeys(self._wanted.regions)), None
        if ALL_REGIONS in regions:
            try:
                regions, limit = api.describe_regions(), REGION_DEADLINE
            except ApiError as exc:
                return Fetched([], {self._label: str(exc)}, False)
        threads = max(1, min(self._workers, len(regions)))
        with concurrent.futures.ThreadPoolExecutor(max_workers=threads) as pool:
            found = list(pool.map(lambda region: self._read_region(api, region, limit), regions))
        errors = {place: self._errors[place] for place in map(self._place, regions) if place in self._errors}
        return Fetched([row for rows in found for row in rows], errors, len(errors) < len(regions))

    def _read_region(self, api: Api, region: str, limit: float | None) -> list[Row]:
        wanted, rows, number = self._wanted, [], 0
        try:
            for raw in api.instances(
                region,
                tags=wanted.tags,
                name=wanted.name,
                vpc_id=wanted.vpc_id,
                http_tokens=wanted.http_tokens,
                limit=limit,
            ):
                number += 1
                row = self._row(raw, region)
                if row is not None:
                    rows.append(row)
            check_permission(api, region, number, limit)
        except ApiError as exc:
            self._errors[self._place(region)] = str(exc)
            return []
        return rows

    def _row(self, raw: Raw, region: str) -> Row | None:
        instance = parse(raw, region, self._wanted.empty_means_default)
        if not is_instance_id(instance.instance_id):
            raise ApiError("unexpected", "DescribeInstances in %s returned an invalid instance ID" % region)
        if self._wanted.states and instance.status not in self._wanted.states:
            return None
        if self._wanted.exclude.rule(instance) is not None:
            return None
        return host_row(raw, instance, self._role.arn if self._role else None, self._wanted.exempt)

    def _place(self, region: str) -> str:
        return region if self._role is None and len(self._wanted.roles) == 1 else "%s, %s" % (self._label, region)
