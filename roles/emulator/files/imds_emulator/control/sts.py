# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Implement the operations of STS (API version 2015-04-01).

Each takes the caller, the parameters and whether the caller has permission, returns the fields of the response, and
raises ApiError.
"""

from __future__ import annotations

import re
import typing as t

from .access import Access, Caller, number_of
from .errors import ApiError
from .pages import whole

_ROLE = re.compile(r"acs:ram::([0-9]+):role/([0-9A-Za-z.-]{1,64})")
_SESSION = re.compile(r"[0-9A-Za-z.@_-]{2,64}")
SHORTEST, USUAL = 900, 3600


class Sts:
    """The operations."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def assume_role(self, caller: Caller, parameters: t.Mapping[str, str], _allowed: bool) -> t.Dict[str, t.Any]:
        """Create a session of a role."""
        found, session = _ROLE.fullmatch(parameters["RoleArn"]), parameters["RoleSessionName"]
        if found is None:
            raise ApiError("InvalidParameter.RoleArn", "The parameter RoleArn is wrongly formed.")
        if not _SESSION.fullmatch(session):
            raise ApiError("InvalidParameter.RoleSessionName", "The parameter RoleSessionName is wrongly formed.")
        if parameters.get("Policy"):
            raise ApiError("InvalidParameter", "Policy is not emulated.")
        if caller.kind == "Account":
            raise ApiError("NoPermission", "Roles may not be assumed by root accounts.")
        account, name = found.groups()
        role = self._access.role(account, name)
        if role is None:
            raise ApiError("EntityNotExist.Role", name=name)
        if not _may_assume(caller, account, name, parameters["RoleArn"]):
            raise ApiError("NoPermission")
        seconds = whole(parameters, "DurationSeconds", USUAL)
        if not SHORTEST <= seconds <= role.get("maximum_seconds", USUAL):
            raise ApiError("InvalidParameter.DurationSeconds", "The Min/Max value of DurationSeconds is exceeded.")
        user = {
            "Arn": "acs:ram::%s:role/%s/%s" % (account, name.lower(), session),
            "AssumedRoleId": "%s:%s" % (number_of(account + name), session),
        }
        credentials = self._access.assume(account, name, role.get("actions", []), session, seconds)
        return {"AssumedRoleUser": user, "Credentials": credentials}

    def get_caller_identity(
        self, caller: Caller, _parameters: t.Mapping[str, str], _allowed: bool
    ) -> t.Dict[str, t.Any]:
        """Return the identity of the caller. No permission is required."""
        user = caller.account if caller.kind == "Account" else number_of(caller.account + caller.user)
        if caller.session:
            role, _slash, session = caller.user.partition("/")
            principal = "%s:%s" % (number_of(caller.account + role), session)
            return {
                "IdentityType": caller.kind,
                "AccountId": caller.account,
                "RoleId": number_of(caller.account + role),
                "PrincipalId": principal,
                "UserId": principal,
                "Arn": caller.arn,
            }
        return {
            "IdentityType": caller.kind,
            "AccountId": caller.account,
            "PrincipalId": user,
            "UserId": user,
            "Arn": caller.arn,
        }


def _may_assume(caller: Caller, account: str, name: str, arn: str) -> bool:
    """Return whether the caller can assume a role. For a role of another account, its ARN must be configured: it trusts the caller."""
    if account != caller.account:
        return arn in (caller.roles or ())
    return caller.roles is None or name in caller.roles or arn in caller.roles
