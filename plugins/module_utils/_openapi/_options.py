# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that all plugins for the ECS API share, and the API made from them."""

import os
import typing as t

from .._imds import _options as token_options
from . import _assume_role, _credential_chain, _ecs, _instance_role
from ._credentials import Credentials, Provider
from ._endpoints import check_endpoint
from ._profile import DEFAULT_FILE
from ._transport import Settings, Transport

GetOption = t.Callable[[str], t.Any]
Spec = t.Dict[str, t.Dict[str, t.Any]]
_DEFAULTS = Settings()
_SOURCES = ("access_key_id", "access_key_secret", "security_token", "profile", "config_file", "ram_role")


def argument_spec(*groups: Spec, **more: t.Dict[str, t.Any]) -> Spec:
    """Return the argument spec of a module: the shared options, those of *groups* and *more*, which may extend a shared one."""
    for group in groups:
        more = {**group, **more}
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
        "max_concurrency": {"type": "int", "default": 16},
    }
    for name, option in more.items():
        spec.setdefault(name, {}).update(option)
    return spec


def max_concurrency(get_option: GetOption) -> int:
    """Return the option ``max_concurrency``; raise ValueError if it is out of range."""
    threads = int(get_option("max_concurrency"))
    if not 1 <= threads <= 64:
        raise ValueError("max_concurrency must be 1 to 64, not %d" % threads)
    return threads


def make_api(
    get_option: GetOption,
    connections: int = 8,
    environ: t.Optional[t.Mapping[str, str]] = None,
    role: t.Optional[_assume_role.Role] = None,
) -> _ecs.Ecs:
    """Return the API with the options that *get_option* returns by name, for *connections* concurrent threads.

    Its ``warnings`` are for the user. Makes no API call: wrong keys are detected by the first call. With *role*, the credentials of the
    options are used only to assume this role.

    Raises:
        ValueError: A setting is out of range.
        ApiError: The credentials are incomplete or invalid.
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
    resolved = _credential_chain.resolve(sources)
    provider = resolved.provider if role is None else _of_role(sources, resolved.provider, role)
    return _ecs.Ecs(Transport(settings, provider), endpoint, resolved.warnings)


def _of_role(sources: _credential_chain.Sources, caller: Provider, role: _assume_role.Role) -> Provider:
    return Provider(lambda: sources.assume_role(caller.current(), role), "the role %s" % role.arn)


def instance_role(get_option: GetOption) -> t.Callable[[t.Optional[str]], Credentials]:
    """Return a function that reads the credentials of the instance's RAM role with a token.

    The argument of the function is the name of the role, or None for the role that is bound to the instance. It raises ApiError.

    Raises:
        ValueError: The option ``endpoint`` is invalid.
    """
    spec = token_options.argument_spec()

    def option(name: str) -> t.Any:
        return get_option(name) if name == "endpoint" else spec[name]["default"]

    token_options.make_client(option).close()  # to report an invalid endpoint now, not in the middle of the task

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
