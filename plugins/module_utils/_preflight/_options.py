# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Argument spec of preflight_info, and the request made from its parameters."""

import typing as t

from .._callers._vocabulary import LOG_DIRECTORY, STATE_DIRECTORY
from . import _callers, _inventory
from ._findings import check_waivers
from ._places import DIRECTORIES
from ._run import CHECKS, Request

ALL = "all"
_Spec = t.Dict[str, t.Dict[str, t.Any]]


def argument_spec() -> _Spec:
    """Return the argument spec of the module."""
    waiver = {
        "finding": {"type": "str", "required": True},
        "host": {"type": "str"},
        "reason": {"type": "str", "required": True},
        "expires": {"type": "str", "required": True},
    }
    return {
        "checks": {"type": "list", "elements": "str", "choices": [ALL, *CHECKS], "default": [ALL]},
        "script_directories": {"type": "list", "elements": "str"},
        "search_directories": {"type": "list", "elements": "str"},
        "extra_directories": {"type": "list", "elements": "str", "default": []},
        "excluded_directories": {"type": "list", "elements": "str", "default": []},
        "callers": {"type": "list", "elements": "dict"},
        "callers_since": {"type": "str"},
        "state_dir": {"type": "path", "default": STATE_DIRECTORY},
        "log_dir": {"type": "path", "default": LOG_DIRECTORY},
        "quiet_period": {"type": "int", "default": 604800},
        "waivers": {"type": "list", "elements": "dict", "default": [], "options": waiver},
        "host": {"type": "str"},
        "deadline": {"type": "float", "default": 30.0},
    }


def make_request(params: t.Mapping[str, t.Any], node: str) -> Request:
    """Return the request in the parameters of the module, on a host with the name *node*.

    Raise ValueError for an invalid parameter.
    """
    check_waivers(params["waivers"])
    if not params["deadline"] > 0:
        raise ValueError("deadline: %s is invalid. Use a number of seconds greater than 0." % params["deadline"])
    if params["quiet_period"] < 0:
        raise ValueError(
            "quiet_period: %s is invalid. Use a number of seconds that is not negative." % params["quiet_period"]
        )
    for option in ("script_directories", "search_directories", "extra_directories", "excluded_directories"):
        for directory in params[option] or ():
            if not directory.startswith("/"):
                raise ValueError("%s: %r is not an absolute path." % (option, directory))
    since = _time(params["callers_since"])
    return Request(
        checks=CHECKS if ALL in params["checks"] else params["checks"],
        script_directories=[*params["extra_directories"], *_default_to(params["script_directories"], DIRECTORIES)],
        search_directories=[
            *params["extra_directories"],
            *_default_to(params["search_directories"], _inventory.DIRECTORIES),
        ],
        excluded_directories=params["excluded_directories"],
        quiet_period=params["quiet_period"],
        callers=params["callers"],
        callers_since=since,
        state_dir=params["state_dir"],
        log_dir=params["log_dir"],
        waivers=params["waivers"],
        host=params["host"] or node,
        deadline=params["deadline"],
    )


def _default_to(given: t.Optional[t.Sequence[str]], default: t.Sequence[str]) -> t.Sequence[str]:
    """Return *given*, or the default if it is None; an empty list stays empty."""
    return default if given is None else given


def _time(text: t.Optional[str]) -> t.Optional[float]:
    """Return a number, or a time in ISO 8601, as seconds since 1970."""
    if text is None:
        return None
    try:
        when = float(text)
    except ValueError:
        parsed = _callers.seconds(text)
        if parsed is None:
            raise ValueError(
                "callers_since: %r is not a time. Use seconds since 1970, or ISO 8601 such as 2026-11-24T21:06:27Z."
                % text
            ) from None
        when = parsed
    return when
