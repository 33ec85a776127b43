# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Get temporary credentials of a RAM role from the STS operation AssumeRole."""

import typing as t

from . import _errors
from ._credentials import Credentials, static
from ._instance_role import parse_credentials
from ._transport import Service, Settings, Transport

DEFAULT_ENDPOINT = "https://sts.aliyuncs.com"
_VERSION = "2015-04-01"


class Role(t.NamedTuple):
    """A role to assume; ``seconds`` is the lifetime of its credentials."""

    arn: str
    session_name: str = "alicloud-imds"
    seconds: int = 3600
    policy: t.Optional[str] = None
    external_id: t.Optional[str] = None
    sts_region: t.Optional[str] = None


class AssumeRole:
    """Call AssumeRole at *endpoint*. With the default endpoint, a role that has an ``sts_region`` uses the endpoint of that region."""

    def __init__(self, settings: Settings, endpoint: str = DEFAULT_ENDPOINT) -> None:
        self._settings = settings
        self._endpoint = endpoint

    def __call__(self, source: Credentials, role: Role) -> Credentials:
        """Return the credentials of *role*, requested with the keys of *source*.

        Raises:
            ApiError: The call failed, or its response has no valid credentials.
        """
        parameters = {
            "RoleArn": role.arn,
            "RoleSessionName": role.session_name,
            "DurationSeconds": role.seconds,
            "Policy": role.policy,
            "ExternalId": role.external_id,
        }
        transport = Transport(self._settings, static(source, "the keys that assume %s" % role.arn))
        try:
            response = transport.call(self.service(role), "AssumeRole", role.sts_region or "", parameters)
        finally:
            transport.close()
        content = response.get("Credentials")
        if not isinstance(content, dict):
            raise _errors.credentials("AssumeRole returned no credentials for %s" % role.arn)
        return parse_credentials(content, "the credentials of %s from AssumeRole" % role.arn)

    def service(self, role: Role) -> Service:
        """Return the STS service with the endpoint for *role*."""
        regional = role.sts_region and self._endpoint == DEFAULT_ENDPOINT
        return Service("sts", _VERSION, "https://sts.%s.aliyuncs.com" % role.sts_region if regional else self._endpoint)
