# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Temporary credentials of a RAM role from sts:AssumeRole. This module util is private to the collection."""

from __future__ import annotations

import typing as t

from . import _errors
from ._credentials import Credentials, static
from ._instance_role import from_answer
from ._transport import Service, Settings, Transport

DEFAULT_ENDPOINT = "https://sts.aliyuncs.com"
_VERSION = "2015-04-01"


class Role(t.NamedTuple):
    """The role to assume; ``seconds`` is the life of its credentials."""

    arn: str
    session_name: str = "alicloud-imds"
    seconds: int = 3600
    policy: t.Optional[str] = None
    external_id: t.Optional[str] = None
    sts_region: t.Optional[str] = None


class AssumeRole:
    """Asks sts at *endpoint*; where that is the default one, in the region of the role's profile if it names one."""

    def __init__(self, settings: Settings, endpoint: str = DEFAULT_ENDPOINT) -> None:
        self._settings = settings
        self._endpoint = endpoint

    def __call__(self, source: Credentials, role: Role) -> Credentials:
        """The credentials of *role*, asked for with the keys of *source*. Raise ApiError."""
        parameters = {
            "RoleArn": role.arn,
            "RoleSessionName": role.session_name,
            "DurationSeconds": role.seconds,
            "Policy": role.policy,
            "ExternalId": role.external_id,
        }
        transport = Transport(self._settings, static(source, "the source of %s" % role.arn))
        try:
            answer = transport.call(self.service(role), "AssumeRole", role.sts_region or "", parameters)
        finally:
            transport.close()
        content = answer.get("Credentials")
        if not isinstance(content, dict):
            raise _errors.credentials("AssumeRole of %s gave no credentials" % role.arn)
        return from_answer(content, "AssumeRole: the credentials of %s" % role.arn)

    def service(self, role: Role) -> Service:
        """Where to ask."""
        regional = role.sts_region and self._endpoint == DEFAULT_ENDPOINT
        return Service("sts", _VERSION, "https://sts.%s.aliyuncs.com" % role.sts_region if regional else self._endpoint)
