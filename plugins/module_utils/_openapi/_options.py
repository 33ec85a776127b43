# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that all plugins of the control plane share, and the API that they make. Private to the collection."""

from __future__ import annotations

import os
import typing as t

from .._imds import _options as token_options
from . import _assume_role, _credential_chain, _ecs, _instance_role
from ._credentials import Credentials
from ._profile import DEFAULT_FILE
from ._transport import Settings, Transport, check_endpoint

GetOption = t.Callable[[str], t.Any]
Spec = t.Dict[str, t.Dict[str, t.Any]]
_DEFAULTS = Settings()
_SOURCES = ("access_key_id", "access_key_secret", "security_token", "profile", "config_file", "ram_role")


def argument_spec(**more: t.Dict[str, t.Any]) -> Spec:
    """The argument spec of a module: the shared options, and *more* (which may extend a shared one)."""
    spec: Spec = {
        "access_key_id": {"type": "str", "no_log": False},
        "access_key_secret": {"type": "str", "no_log": True},
        "security_token": {"type": "str", "no_log": True},
        "profile": {"type": "str"},
        "config_file": {"type": "path", "default": DEFAULT_FILE},
        "ram_role": {"type": "str"},
        "api_endpoint": {"type": "str", "default": _ecs.DEFAULT_ENDPOINT},
        "sts_endpoint": {"type": "str", "default": _assume_role.DEFAULT_ENDPOINT},
        "ca_bundle": {"type": "path"},
        "api_timeout": {"type": "float", "default": _DEFAULTS.timeout},
        "api_deadline": {"type": "float", "default": _DEFAULTS.deadline},
        "api_retries": {"type": "int", "default": _DEFAULTS.retries},
        "endpoint": dict(token_options.argument_spec()["endpoint"]),
    }
    for name, option in more.items():
        spec.setdefault(name, {}).update(option)
    return spec


def make_api(get_option: GetOption, connections: int = 8, environ: t.Optional[t.Mapping[str, str]] = None) -> _ecs.Ecs:
    """The API with the settings and credentials that *get_option* gives by name, for *connections* threads at once.

    Its ``warnings`` are for the user. Raise ValueError for a setting out of range, ApiError for half-given or broken
    credentials; whether they are right shows with the first call.
    """
    settings = _settings(get_option, connections).validate()
    endpoint = check_endpoint(get_option("api_endpoint"), "api_endpoint")
    sts_endpoint = check_endpoint(get_option("sts_endpoint"), "sts_endpoint")
    sources = _credential_chain.Sources(
        options={name: get_option(name) for name in _SOURCES},
        environ=os.environ if environ is None else environ,
        own_role=instance_role(get_option),
        assume_role=_assume_role.AssumeRole(settings._replace(connections=1), sts_endpoint),
    )
    found = _credential_chain.find(sources)
    return _ecs.Ecs(Transport(settings, found.provider), endpoint, found.warnings)


def instance_role(get_option: GetOption) -> t.Callable[[t.Optional[str]], Credentials]:
    """A function that reads the credentials of the instance's RAM role, of this name or whichever it has, with a token.

    Raise ValueError for an ``endpoint`` that is none; the function raises ApiError.
    """
    spec = token_options.argument_spec()

    def option(name: str) -> t.Any:
        return get_option(name) if name == "endpoint" else spec[name]["default"]

    token_options.make_client(option).close()  # a wrong endpoint shows now, not in the middle of the task

    def read(name: t.Optional[str]) -> Credentials:
        client = token_options.make_client(option)
        try:
            return _instance_role.fetch(client, name)
        finally:
            client.close()

    return read


def _settings(get_option: GetOption, connections: int) -> Settings:
    ca_bundle = get_option("ca_bundle")
    return Settings(
        timeout=get_option("api_timeout"),
        deadline=get_option("api_deadline"),
        retries=get_option("api_retries"),
        ca_bundle=os.path.expanduser(ca_bundle) if ca_bundle else None,
        connections=connections,
    )
