# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that all plugins of the data plane share, and the client created from them."""

import os
import typing as t

from ._client import Client, Settings

_DEFAULTS = Settings()
_shared: t.Dict[t.Tuple[int, Settings], Client] = {}


def argument_spec(**more: t.Dict[str, t.Any]) -> t.Dict[str, t.Dict[str, t.Any]]:
    """Return the argument spec of a module: the shared options, and *more*, which may extend a shared option."""
    spec: t.Dict[str, t.Dict[str, t.Any]] = {
        "endpoint": {"type": "str"},
        "timeout": {"type": "float", "default": _DEFAULTS.timeout},
        "deadline": {"type": "float", "default": _DEFAULTS.deadline},
        "token_ttl": {"type": "int", "default": _DEFAULTS.token_ttl, "no_log": False},
        "retries": {"type": "int", "default": _DEFAULTS.retries},
    }
    for name, option in more.items():
        spec.setdefault(name, {}).update(option)
    return spec


def make_client(get_option: t.Callable[[str], t.Any]) -> Client:
    """Return a new client with the settings that *get_option* returns by name.

    Raises: ValueError for a setting that is out of range.
    """
    return Client(_settings(get_option))


def shared_client(get_option: t.Callable[[str], t.Any]) -> Client:
    """Return this process's client for the settings that *get_option* returns by name, with a new deadline.

    All lookups of a template with the same settings thus share one token and one connection. A forked worker process
    creates its own client.

    Raises: ValueError for a setting that is out of range.
    """
    key = (os.getpid(), _settings(get_option)._replace(connections=1))
    if key not in _shared:
        _shared[key] = Client(key[1])
    _shared[key].start_clock()
    return _shared[key]


def _settings(get_option: t.Callable[[str], t.Any]) -> Settings:
    return Settings(
        endpoint=(get_option("endpoint") or "").rstrip("/") or None,
        timeout=get_option("timeout"),
        deadline=get_option("deadline"),
        token_ttl=get_option("token_ttl"),
        retries=get_option("retries"),
    ).validate()
