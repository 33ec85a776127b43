# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who calls, and what may the caller do? Configured access keys, the roles of instances, and sessions of AssumeRole."""

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
    account: str
    actions: t.Tuple[str, ...]  #: patterns such as ecs:Describe*
    roles: t.Optional[t.Tuple[str, ...]]  #: names or ARNs for AssumeRole; None: all of the account
    kind: str  #: Account, RAMUser or AssumedRoleUser
    user: str  #: name of the user; role/session of an assumed role
    session: bool = False

    def may(self, action: str) -> bool:
        """RAM actions ignore case."""
        return any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in self.actions)

    @property
    def arn(self) -> str:
        if self.kind == "Account":
            return "acs:ram::%s:root" % self.account
        return "acs:ram::%s:%s/%s" % (self.account, "assumed-role" if self.session else "user", self.user)


class Credential(t.NamedTuple):
    secret: str
    token: t.Optional[str]
    ends: float  #: emulator time
    caller: Caller


FOREVER = float("inf")


class Access:
    def __init__(self, state: State, settings: t.Callable[[], t.Mapping[str, t.Any]]) -> None:
        self._state = state
        self._settings = settings
        self._lock = threading.Lock()
        self._sessions: t.Dict[str, Credential] = {}
        self._owners: t.Dict[str, str] = {}  #: role key -> id of its instance, as far as known

    def find(self, access_key: str) -> t.Optional[Credential]:
        """Also a credential that has expired not long ago: ``ends`` tells."""
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
        """A RAM role of the account: its actions, and maximum_seconds of a session."""
        known = self._settings()["roles"].get(name)
        if known is not None and account == self._settings()["account_id"]:
            return dict(known)
        for instance in self._state.with_role():
            role = instance.settings["role"]
            if role["name"] == name and instance.settings["owner_account_id"] == account:
                return {"actions": role.get("actions", [])}
        return None

    def assume(self, account: str, role: str, actions: t.Iterable[str], session: str, seconds: float) -> t.Dict[str, str]:
        """A new session's credentials, as STS shows them."""
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
    """A believable numeric id, the same at every start."""
    return str(3 * 10**17 + int(hashlib.sha256(text.encode("utf-8")).hexdigest()[:14], 16))[:18]
