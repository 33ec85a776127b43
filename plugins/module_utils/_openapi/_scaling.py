# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operations of Auto Scaling (ESS, API version 2022-02-22) that this collection uses.

They return the fields of the API unchanged. All raise ApiError.
"""

import typing as t
from urllib.parse import urlsplit

from . import _errors
from ._ecs import Ecs
from ._endpoints import check_endpoint
from ._paging import numbered_pages, requested
from ._transport import Service

DEFAULT_ENDPOINT = "https://ess.{region}.aliyuncs.com"
VERSION = "2022-02-22"
#: Rows in a page, and IDs in one call; both are the documented maximum.
PAGE, MOST_IDS = 50, 10
_CENTRAL_ENDPOINT = "https://ess.aliyuncs.com"
# Source: endpoint map of the vendor's SDK. The public regions without an endpoint of their own.
_CENTRAL_REGIONS = frozenset(
    "ap-southeast-1 cn-beijing cn-beijing-finance-1 cn-hangzhou cn-hangzhou-finance cn-hongkong cn-nanjing cn-north-2-gov-1 "
    "cn-qingdao cn-shanghai cn-shanghai-finance-1 cn-shenzhen cn-shenzhen-finance-1 us-east-1 us-west-1".split()
)

Fields = t.Dict[str, t.Any]
#: The option of modules that call Auto Scaling.
ESS_OPTION: t.Dict[str, t.Dict[str, t.Any]] = {"ess_endpoint": {"type": "str"}}


class AutoScaling:
    """Call operations of Auto Scaling in any region, with the connections and credentials of *api*. Thread-safe."""

    def __init__(self, api: Ecs, endpoint: str = DEFAULT_ENDPOINT) -> None:
        self._transport = api.transport
        self._endpoint = endpoint

    def configurations(
        self, region: str, ids: t.Optional[t.Sequence[str]] = None, limit: t.Optional[float] = None
    ) -> t.List[Fields]:
        """Return the scaling configurations of a region, or those with these IDs. One API call for each page of 50, or 10 IDs."""
        action, plural, key = "DescribeScalingConfigurations", "ScalingConfigurations", "ScalingConfigurationId"
        if ids is None:
            return list(self._pages(action, region, {}, plural, key, limit))
        unique = list(dict.fromkeys(ids))
        found: t.List[Fields] = []
        for start in range(0, len(unique), MOST_IDS):
            chosen = unique[start : start + MOST_IDS]
            rows = list(self._pages(action, region, {"ScalingConfigurationIds": chosen}, plural, key, limit))
            found += requested(rows, key, chosen, self._where(action, region))
        return found

    def groups(self, region: str, limit: t.Optional[float] = None) -> t.List[Fields]:
        """Return the scaling groups of a region. One API call for each page of 50."""
        return list(self._pages("DescribeScalingGroups", region, {}, "ScalingGroups", "ScalingGroupId", limit))

    def modify_configuration(self, region: str, configuration_id: str, http_endpoint: str, http_tokens: str) -> str:
        """Set both metadata options of a scaling configuration, and no other field; return the RequestId. One API call.

        The vendor does not document whether the API keeps or resets an option that is not sent, so send the present value.
        """
        parameters = {
            "ScalingConfigurationId": configuration_id,
            "HttpEndpoint": http_endpoint,
            "HttpTokens": http_tokens,
        }
        done = self._transport.call(self._service(region), "ModifyScalingConfiguration", region, parameters)
        return str(done.get("RequestId", ""))

    def _pages(
        self, action: str, region: str, filters: Fields, plural: str, key: str, limit: t.Optional[float]
    ) -> t.Iterator[Fields]:
        service, where = self._service(region), self._where(action, region)

        def rows_of(page: Fields) -> t.List[Fields]:
            rows = page.get(plural)
            if isinstance(rows, list) and all(isinstance(row, dict) and isinstance(row.get(key), str) for row in rows):
                return rows
            raise _errors.unexpected(where, "a page without a list of %s" % plural, status=200)

        return numbered_pages(
            lambda paging: self._transport.call(
                service, action, region, {**filters, "RegionId": region, **paging}, limit
            ),
            rows_of,
            lambda row: row[key],
            where,
            PAGE,
        )

    def _service(self, region: str) -> Service:
        central = self._endpoint == DEFAULT_ENDPOINT and region in _CENTRAL_REGIONS
        return Service("ess", VERSION, _CENTRAL_ENDPOINT if central else self._endpoint)

    def _where(self, action: str, region: str) -> _errors.Where:
        return _errors.Where("ess", action, region, self._service(region).url(region))


def endpoint_of(params: t.Mapping[str, t.Any]) -> str:
    """Return the URL of Auto Scaling for the options of a module; raise ValueError if it is invalid.

    The default belongs to the same site as ``api_endpoint``: the keys of an emulator are not sent to the vendor.
    """
    if params["ess_endpoint"]:
        return check_endpoint(params["ess_endpoint"], "ess_endpoint")
    api_endpoint = check_endpoint(params["api_endpoint"], "api_endpoint")
    host = urlsplit(api_endpoint.replace("{region}", "region")).hostname or ""
    return DEFAULT_ENDPOINT if host.endswith(".aliyuncs.com") else api_endpoint
