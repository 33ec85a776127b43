# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Choose the source of the credentials: the first one that has any.

The order is: options of the task (keys, then a profile, then a role), keys in the environment, the profile that the environment
names or the current profile of the file, and the RAM role of the instance that runs the task.
"""

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
_WAYS = (
    "Set access_key_id and access_key_secret, or ALIBABA_CLOUD_ACCESS_KEY_ID and its secret,"
    " or create a profile with 'aliyun configure'"
)


class Sources(t.NamedTuple):
    """The sources to search.

    ``options`` and ``environ`` map names to values. ``own_role`` returns the credentials of the instance's RAM role with this name,
    or of its only role if the name is None. ``assume_role`` returns the credentials of another role.
    """

    options: t.Mapping[str, t.Optional[str]]
    environ: t.Mapping[str, str]
    own_role: t.Callable[[t.Optional[str]], Credentials]
    assume_role: t.Callable[[Credentials, Role], Credentials]


class Resolved(t.NamedTuple):
    """The provider of the chosen source, and warnings for the user."""

    provider: Provider
    warnings: t.List[str]


def resolve(sources: Sources) -> Resolved:
    """Return the first source that has credentials; they are fetched when they are first needed.

    Raises:
        ApiError: The source is incomplete or invalid. The search does not continue with the next one.
    """
    options = sources.options
    given = _pair(options, _OPTIONS, "the options")
    if given:
        return Resolved(given, [])
    path = os.path.expanduser(options.get("config_file") or DEFAULT_FILE)
    if options.get("profile"):
        return _of_profile(sources, path, options.get("profile"))
    if options.get("ram_role"):
        return Resolved(_own_role(sources, options.get("ram_role")), [])
    for names in _ENVIRONMENT:
        given = _pair(sources.environ, names, "the environment (%s)" % names[0])
        if given:
            return Resolved(given, [])
    return _of_profile(sources, path, sources.environ.get("ALIBABA_CLOUD_PROFILE") or None)


def _pair(values: t.Mapping[str, t.Optional[str]], names: t.Sequence[str], source: str) -> t.Optional[Provider]:
    """Return the keys under the three *names* (ID, secret, token), or None if all are empty."""
    key_id, secret, token = [values.get(name) or None for name in names]
    if not key_id and not secret and not token:
        return None
    missing = [name for name, value in zip(names[:2], (key_id, secret)) if not value]
    if not key_id or not secret:
        verb = "is" if len(missing) == 1 else "are"
        text = "The credentials in %s are incomplete: %s %s missing" % (source, " and ".join(missing), verb)
        raise _errors.credentials(text, "Set both the ID and the secret, or neither")
    return static(_checked(Credentials(key_id, secret, token), source), source)


def _checked(credentials: Credentials, source: str) -> Credentials:
    name = credentials.invalid_field()
    if name:
        raise _errors.credentials("The %s of %s contains invalid characters" % (name, source), "Copy the value again")
    return credentials


def _of_profile(sources: Sources, path: str, name: t.Optional[str]) -> Resolved:
    profile, warnings = load(path, name)
    if profile is None:
        return Resolved(_last_resort(sources, path), warnings)
    if profile.mode == "EcsRamRole":
        return Resolved(_own_role(sources, profile.text("ram_role_name")), warnings)
    keys = _checked(profile.keys(), profile.label)
    if profile.mode == "RamRoleArn":
        return Resolved(_assumed(sources, profile, keys), warnings)
    return Resolved(static(keys, profile.label), warnings)


def _assumed(sources: Sources, profile: Profile, keys: Credentials) -> Provider:
    role = profile.role()

    def fetch() -> Credentials:
        try:
            return sources.assume_role(keys, role)
        except _errors.ApiError as exc:
            raise profile.error(str(exc)) from None

    return Provider(fetch, profile.label)


def _last_resort(sources: Sources, path: str) -> Provider:
    """Return the provider of the instance's own role. If that has no credentials, its error names all sources that were searched."""

    def own_role(name: t.Optional[str]) -> Credentials:
        try:
            return sources.own_role(name)
        except _errors.ApiError as exc:
            raise _none_found(path, exc) from None

    try:
        return _own_role(sources._replace(own_role=own_role), None)
    except _errors.ApiError as exc:
        raise _none_found(path, exc) from None


def _none_found(path: str, error: _errors.ApiError) -> _errors.ApiError:
    """Return the error without credentials: the sources in the order of the search, and what each of them lacks."""
    profile = "has no current profile with keys" if os.path.exists(path) else "does not exist"
    variables = ", ".join([names[0] for names in _ENVIRONMENT] + ["ALIBABA_CLOUD_PROFILE"])
    own = str(error).replace(error.hint.rstrip(".") + "." if error.hint else "\0", "").strip()
    text = (
        "No credentials found. Looked in: 1. options (access_key_id, profile and ram_role are not set); 2. environment (%s are not set);"
        " 3. profile (%s %s); 4. %s (%s)" % (variables, path, profile, _OWN_ROLE, own)
    )
    return _errors.credentials(text, _WAYS)


def _own_role(sources: Sources, name: t.Optional[str]) -> Provider:
    if sources.environ.get("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "").lower() == "true":
        text = "No credentials: ALIBABA_CLOUD_ECS_METADATA_DISABLED disables %s" % _OWN_ROLE
        raise _errors.credentials(text, _WAYS)
    role = name or sources.environ.get("ALIBABA_CLOUD_ECS_METADATA") or None
    return Provider(lambda: sources.own_role(role), _OWN_ROLE)
