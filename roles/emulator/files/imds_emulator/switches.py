# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Define the switches, which choose between possible behaviors where the service is not documented.

There is one switch for each undocumented behavior that a client can observe. The default follows the documentation and
existing clients; where these do not decide, it is the stricter behavior.
"""

from __future__ import annotations

import typing as t

from .clock import LARGEST
from .spelling import similar


class Switch(t.NamedTuple):
    """A switch: default, validator, and accepted values and meaning for messages and help."""

    default: t.Any
    accepts: t.Callable[[t.Any], bool]
    values: str
    meaning: str


def one_of(*allowed: t.Any) -> t.Callable[[t.Any], bool]:
    """Return a validator for one of several values, which distinguishes Booleans from numbers."""
    return lambda value: any(value == item and isinstance(value, bool) == isinstance(item, bool) for item in allowed)


def _list_of(*allowed: str) -> t.Callable[[t.Any], bool]:
    return lambda value: isinstance(value, list) and all(item in allowed for item in value)


def is_flag(value: t.Any) -> bool:
    """Accept a Boolean."""
    return isinstance(value, bool)


def _is_number(value: t.Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < LARGEST


def _is_throttle(value: t.Any) -> bool:
    if value is None:
        return True
    return (
        isinstance(value, dict)
        and set(value) <= {"per_second", "status", "retry_after"}
        and _is_number(value.get("per_second"))
        and value["per_second"] > 0
        and value.get("status", 429) in (429, 503)
        and (value.get("retry_after") is None or _is_number(value["retry_after"]))
    )


def _is_header_text(value: t.Any) -> bool:
    return value is None or (isinstance(value, str) and value.isprintable() and value.isascii())


SWITCHES: t.Dict[str, Switch] = {
    "all": Switch(True, is_flag, "true|false", "serve meta-data/all"),
    "all_includes": Switch(
        ["tags", "public-keys"],
        _list_of("tags", "public-keys", "ram"),
        "list",
        "contents of all: tags, public-keys, ram (default: the first two)",
    ),
    "all_multi_value": Switch(
        "string", one_of("string", "array"), "string|array", "values of multi-value items in meta-data/all"
    ),
    "list_all": Switch(False, is_flag, "false|true", "list all in meta-data/"),
    "launch_index": Switch(False, is_flag, "false|true", "serve launch-index, which one published listing has"),
    "list_unset_user_data": Switch(True, is_flag, "true|false", "list user-data even if the instance has none"),
    "list_vendor_data": Switch(False, is_flag, "false|true", "list vendor-data if the instance has it"),
    "list_global_config": Switch(False, is_flag, "false|true", "serve a listing of global-config/ (else 404)"),
    "trailing_newline": Switch(False, is_flag, "false|true", "append LF to listings and values (not to tokens)"),
    "multi_value_separator": Switch("crlf", one_of("crlf", "lf"), "crlf|lf", "separator of multi-value items"),
    "bracket_lists": Switch(
        "bare", one_of("bare", "json"), "bare|json", "format of lists such as ipv6s: [a,b] or JSON"
    ),
    "events_format": Switch(
        "json", one_of("json", "json-or-404"), "json|json-or-404", "response without system events: [] or 404"
    ),
    "ignore_case": Switch("ram-only", one_of("ram-only", "all", "none"), "ram-only|all|none", "paths that ignore case"),
    "leaf_trailing_slash": Switch(404, one_of(404, "accept"), "404|accept", "trailing slash after the path of a value"),
    "double_slash": Switch("merge", one_of("merge", 404), "merge|404", "// in a path"),
    "percent_encoding": Switch("decode", one_of("decode", "literal"), "decode|literal", "%xx in a path"),
    "lenient": Switch(False, is_flag, "false|true", "accept the spellings that lighttpd accepts"),
    "head": Switch("accept", one_of("accept", 405), "accept|405", "HEAD requests"),
    "forwarded_get": Switch("accept", one_of("accept", 403), "accept|403", "GET with X-Forwarded-For"),
    "forwarded_headers": Switch(
        ["x-forwarded-for"],
        _list_of("x-forwarded-for", "x-real-ip", "forwarded", "via"),
        "list",
        "headers of forwarded requests (default: x-forwarded-for)",
    ),
    "ttl_first": Switch(False, is_flag, "false|true", "check the TTL (400) before forwarding (403)"),
    "ttl_leading_zeros": Switch(400, one_of(400, "accept"), "400|accept", "TTL with leading zeros"),
    "echo_ttl_header": Switch(False, is_flag, "false|true", "send the remaining TTL in responses"),
    "foreign_token_status": Switch(401, one_of(401, 403), "401|403", "token of another instance"),
    "bad_token_in_optional": Switch(
        401, one_of(401, "accept"), "401|accept", "invalid token while tokens are optional"
    ),
    "empty_token_header": Switch(401, one_of(401, "normal_mode"), "401|normal_mode", "empty token header"),
    "tokens_survive_mode_change": Switch(True, is_flag, "true|false", "tokens stay valid if http_tokens changes"),
    "disabled_answer": Switch(
        403, one_of(403, 404, "reset", "timeout"), "403|404|reset|timeout", "behavior of a disabled endpoint"
    ),
    "options_delay": Switch(0, _is_number, "seconds", "delay of changed metadata options (default: 0)"),
    "throttle": Switch(None, _is_throttle, "null|object", '{"per_second": 50, "status": 429, "retry_after": 1}'),
    "error_content_type": Switch(
        "text/html",
        one_of("text/html", "application/xhtml+xml"),
        "type",
        "text/html (default) or application/xhtml+xml",
    ),
    "server_header": Switch(None, _is_header_text, "null|text", "value of the Server header"),
}


def defaults() -> t.Dict[str, t.Any]:
    """Return the default of every switch."""
    return {name: switch.default for name, switch in SWITCHES.items()}


def merged(current: t.Mapping[str, t.Any], changes: t.Any) -> t.Dict[str, t.Any]:
    """Return *current* updated with *changes*.

    Raises: ValueError naming the invalid switch.
    """
    if not isinstance(changes, dict):
        raise ValueError("switches: must be an object of names and values")
    result = dict(current)
    for name, value in changes.items():
        if name.startswith("#"):
            continue
        if name not in SWITCHES:
            reason = "switches.%s: unknown switch%s; known switches: %s"
            raise ValueError(reason % (name, similar(name, SWITCHES), ", ".join(SWITCHES)))
        if not SWITCHES[name].accepts(value):
            raise ValueError("switches.%s: invalid value %r; must be %s" % (name, value, SWITCHES[name].values))
        result[name] = value
    return result


def help_lines() -> t.List[str]:
    """Return one line per switch for `serve --help`: name, values (the default first), meaning."""
    rows = []
    for name, switch in SWITCHES.items():
        rows.append("  %-27s %-21s %s" % (name, switch.values, switch.meaning))
    return rows
