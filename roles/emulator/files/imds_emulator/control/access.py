# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the credential of an access key and the permissions of its caller.

Sources: configured access keys, RAM roles of instances, and sessions of AssumeRole.
"""

from __future__ import annotations

import fnmatch
import hashlib
import secrets
import threading
import typing as t

from ..clock import to_iso
from ..instance import Instance
from ..state import State

MOST_SESSIONS = 10000


class Caller(t.NamedTuple):
    """The identity and the permissions of a caller."""

    account: str
    actions: t.Tuple[str, ...]  #: allowed RAM actions, patterns such as ecs:Describe*
    roles: t.Optional[t.Tuple[str, ...]]  #: names or ARNs of roles that it can assume; None: all roles of the account
    kind: str  #: Account, RAMUser or AssumedRoleUser
    user: str  #: user name, or ROLE/SESSION of an assumed role
    session: bool = False

    def may(self, action: str) -> bool:
        """Return whether the caller has permission for a RAM action, ignoring case."""
        return any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in self.actions)

    @property
    def arn(self) -> str:
        """Return the ARN of the caller."""
        if self.kind == "Account":
            return "acs:ram::%s:root" % self.account
        return "acs:ram::%s:%s/%s" % (self.account, "assumed-role" if self.session else "user", self.user)


class Credential(t.NamedTuple):
    """The secret of an access key, its security token and expiration, and its caller."""

    secret: str
    token: t.Optional[str]
    ends: float  #: emulator time, in seconds since 1970
    caller: Caller


FOREVER = float("inf")


class Access:
    """The credentials and roles that exist. Safe to use from several threads."""

    def __init__(self, state: State, settings: t.Callable[[], t.Mapping[str, t.Any]]) -> None:
        self._state = state
        self._settings = settings
        self._lock = threading.Lock()
        self._sessions: t.Dict[str, Credential] = {}
        self._owners: t.Dict[str, str] = {}  #: cache: access key of a role -> instance ID

    def find(self, access_key: str) -> t.Optional[Credential]:
        """Return a credential, also if recently expired (see `ends`), or None if the access key is unknown."""
        fields = self._settings()["access_keys"].get(access_key)
        if fields is not None:
            account = fields.get("account") or self._settings()["account_id"]
            roles = tuple(fields["roles"]) if "roles" in fields else None
            kind = "RAMUser" if fields.get("user") else "Account"
            actions = tuple(fields.get("actions", ["*"]))
            caller = Caller(account, actions, roles, kind, fields.get("user", ""))
            return Credential(fields["secret"], fields.get("security_token"), FOREVER, caller)
        return self._sessions.get(access_key) or self._of_instance(access_key)

    def role(self, account: str, name: str) -> t.Optional[t.Mapping[str, t.Any]]:
        """Return a RAM role with the keys `actions` and `maximum_seconds` (of a session), or None if unknown."""
        known = self._settings()["roles"].get(name)
        if known is not None and account == self._settings()["account_id"]:
            return dict(known)
        for instance in self._state.with_role():
            role = instance.settings["role"]
            if role["name"] == name and instance.settings["owner_account_id"] == account:
                return {"actions": role.get("actions", [])}
        return None

    def assume(
        self, account: str, role: str, actions: t.Iterable[str], session: str, seconds: float
    ) -> t.Dict[str, str]:
        """Create a session of a role and return its credentials in the format of STS."""
        ends = self._state.clock.now() + seconds
        key, secret = "STS.N" + secrets.token_hex(12), secrets.token_hex(22)
        token = "CAIS" + secrets.token_hex(300)
        caller = Caller(account, tuple(actions), (), "AssumedRoleUser", "%s/%s" % (role.lower(), session), True)
        with self._lock:
            if len(self._sessions) >= MOST_SESSIONS:
                del self._sessions[next(iter(self._sessions))]
            self._sessions[key] = Credential(secret, token, ends, caller)
        return {"AccessKeyId": key, "AccessKeySecret": secret, "SecurityToken": token, "Expiration": to_iso(ends)}

    def _of_instance(self, access_key: str) -> t.Optional[Credential]:
        now = self._state.clock.now()
        owner = self._state.instance(self._owners.get(access_key, ""))
        found = _of_role(owner, access_key, now) if owner else None
        if found is not None:
            return found
        for instance in self._state.with_role():
            found = _of_role(instance, access_key, now)
            if found is not None:
                if len(self._owners) >= MOST_SESSIONS * 10:
                    self._owners.clear()
                self._owners[access_key] = instance.raw["instance_id"]
                return found
        return None


def _of_role(instance: Instance, access_key: str, now: float) -> t.Optional[Credential]:
    found = instance.keys.find(access_key, now) if instance.keys else None
    if found is None:
        return None
    keys, ends = found
    settings = instance.settings
    role = settings["role"]
    user = "%s/%s" % (role["name"].lower(), settings["instance_id"])
    caller = Caller(
        settings["owner_account_id"], tuple(role.get("actions", [])), (), "AssumedRoleUser", user, session=True
    )
    return Credential(keys["AccessKeySecret"], keys["SecurityToken"], ends, caller)


def number_of(text: str) -> str:
    """Return a numeric ID derived from a text."""
    return str(3 * 10**17 + int(hashlib.sha256(text.encode("utf-8")).hexdigest()[:14], 16))[:18]
