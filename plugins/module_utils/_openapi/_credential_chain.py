# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the credentials come from: the first source that has any. This module util is private to the collection.

What a task names goes first (keys, then a profile, then a role), then the environment's keys, then the profile that the
environment names or the file's current one, then the role of the instance that this runs on.
"""

from __future__ import annotations

import os
import typing as t

from . import _errors
from ._assume_role import Role
from ._credentials import Credentials, Provider, static
from ._profile import DEFAULT_FILE, Profile, load

_OPTIONS = ("access_key_id", "access_key_secret", "security_token")
_ENVIRONMENT = (
    ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"),
    ("ALICLOUD_ACCESS_KEY", "ALICLOUD_SECRET_KEY", "ALICLOUD_SECURITY_TOKEN"),
)
_OWN_ROLE = "the RAM role of this instance"


class Sources(t.NamedTuple):
    """What to search.

    ``options`` and ``environ`` by name; ``own_role`` gets the credentials of the instance's role of this name (None:
    whichever it has); ``assume_role`` those of another role.
    """

    options: t.Mapping[str, t.Optional[str]]
    environ: t.Mapping[str, str]
    own_role: t.Callable[[t.Optional[str]], Credentials]
    assume_role: t.Callable[[Credentials, Role], Credentials]


class Found(t.NamedTuple):
    """Credentials that stay valid, and what to warn of."""

    provider: Provider
    warnings: t.List[str]


def find(sources: Sources) -> Found:
    """Choose the source; it is first asked when credentials are needed. Raise ApiError for a half-given or broken one."""
    options = sources.options
    given = _pair(options, _OPTIONS, "the options")
    if given:
        return Found(given, [])
    path = os.path.expanduser(options.get("config_file") or DEFAULT_FILE)
    if options.get("profile"):
        return _of_profile(sources, path, options.get("profile"))
    if options.get("ram_role"):
        return Found(_own_role(sources, options.get("ram_role")), [])
    for names in _ENVIRONMENT:
        given = _pair(sources.environ, names, "the environment (%s)" % names[0])
        if given:
            return Found(given, [])
    return _of_profile(sources, path, sources.environ.get("ALIBABA_CLOUD_PROFILE") or None)


def _pair(values: t.Mapping[str, t.Optional[str]], names: t.Sequence[str], source: str) -> t.Optional[Provider]:
    """The keys under these three names: id, secret, token. None where there is not one of them."""
    key_id, secret, token = [values.get(name) or None for name in names]
    if not key_id and not secret and not token:
        return None
    missing = [name for name, value in zip(names[:2], (key_id, secret)) if not value]
    if not key_id or not secret:
        are = "is" if len(missing) == 1 else "are"
        text = "Half of the credentials in %s: %s %s missing" % (source, " and ".join(missing), are)
        raise _errors.credentials(text, "Give both, or neither")
    return static(_usable(Credentials(key_id, secret, token), source), source)


def _usable(credentials: Credentials, source: str) -> Credentials:
    name = credentials.unusable()
    if name:
        raise _errors.credentials("The %s of %s has characters that no such value has" % (name, source))
    return credentials


def _of_profile(sources: Sources, path: str, name: t.Optional[str]) -> Found:
    profile, warnings = load(path, name)
    if profile is None:
        return Found(_own_role(sources, None, path), warnings)
    if profile.mode == "EcsRamRole":
        return Found(_own_role(sources, profile.text("ram_role_name")), warnings)
    keys = _usable(profile.keys(), profile.label)
    if profile.mode == "RamRoleArn":
        return Found(_assumed(sources, profile, keys), warnings)
    return Found(static(keys, profile.label), warnings)


def _assumed(sources: Sources, profile: Profile, keys: Credentials) -> Provider:
    role = profile.role()

    def fetch() -> Credentials:
        try:
            return sources.assume_role(keys, role)
        except _errors.ApiError as exc:
            raise profile.wrong(str(exc)) from None

    return Provider(fetch, profile.label)


def _own_role(sources: Sources, name: t.Optional[str], path: str = "") -> Provider:
    if sources.environ.get("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "").lower() == "true":
        ways = "Give access_key_id and access_key_secret, set ALIBABA_CLOUD_ACCESS_KEY_ID and its secret, or write a profile"
        where = " (%s)" % path if path else ""
        text = "No credentials: ALIBABA_CLOUD_ECS_METADATA_DISABLED forbids %s" % _OWN_ROLE
        raise _errors.credentials(text, ways + where)
    role = name or sources.environ.get("ALIBABA_CLOUD_ECS_METADATA") or None
    return Provider(lambda: sources.own_role(role), _OWN_ROLE)
