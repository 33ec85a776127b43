# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which answers are not documented, and which of the possible ones does this emulator give?

One entry for each unknown of the service that a client could notice. The default is the best reading of the
documentation and of real clients, and the stricter answer where nothing points either way.
"""

from __future__ import annotations

import typing as t


class Switch(t.NamedTuple):
    default: t.Any
    accepts: t.Callable[[t.Any], bool]
    values: str
    meaning: str


def one_of(*allowed: t.Any) -> t.Callable[[t.Any], bool]:
    return lambda value: any(value == item and isinstance(value, bool) == isinstance(item, bool) for item in allowed)


def _list_of(*allowed: str) -> t.Callable[[t.Any], bool]:
    return lambda value: isinstance(value, list) and all(item in allowed for item in value)


def is_flag(value: t.Any) -> bool:
    return isinstance(value, bool)


def _is_number(value: t.Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0


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
    "all": Switch(True, is_flag, "true|false", "meta-data/all is served"),
    "all_includes": Switch(
        ["tags", "public-keys"],
        _list_of("tags", "public-keys", "ram"),
        "list",
        "which of tags, public-keys, ram it holds (tags, public-keys)",
    ),
    "all_multi_value": Switch(
        "string", one_of("string", "array"), "string|array", "leaves of several values in meta-data/all"
    ),
    "list_all": Switch(False, is_flag, "false|true", "the listing of meta-data/ names all"),
    "list_unset_user_data": Switch(True, is_flag, "true|false", "user-data is listed even when there is none"),
    "list_vendor_data": Switch(False, is_flag, "false|true", "vendor-data is listed when there is some"),
    "list_global_config": Switch(False, is_flag, "false|true", "global-config/ has a listing (else 404)"),
    "trailing_newline": Switch(False, is_flag, "false|true", "LF after listings and values (never the token)"),
    "multi_value_separator": Switch("crlf", one_of("crlf", "lf"), "crlf|lf", "between name servers, NTP servers"),
    "bracket_lists": Switch("bare", one_of("bare", "json"), "bare|json", "ipv6s and the like: [a,b] or JSON"),
    "events_format": Switch(
        "json", one_of("json", "json-or-404"), "json|json-or-404", "system events when there are none: [] or 404"
    ),
    "ignore_case": Switch("ram-only", one_of("ram-only", "all", "none"), "ram-only|all|none", "case of paths"),
    "leaf_trailing_slash": Switch(404, one_of(404, "accept"), "404|accept", "a slash after a leaf's path"),
    "double_slash": Switch("merge", one_of("merge", 404), "merge|404", "// inside a path"),
    "percent_encoding": Switch("decode", one_of("decode", "literal"), "decode|literal", "%xx inside a path"),
    "head": Switch("accept", one_of("accept", 405), "accept|405", "HEAD requests"),
    "forwarded_get": Switch("accept", one_of("accept", 403), "accept|403", "X-Forwarded-For on a GET"),
    "forwarded_headers": Switch(
        ["x-forwarded-for"],
        _list_of("x-forwarded-for", "x-real-ip", "forwarded", "via"),
        "list",
        "headers that count as forwarded (x-forwarded-for)",
    ),
    "ttl_first": Switch(False, is_flag, "false|true", "a bad TTL (400) wins over forwarded (403)"),
    "ttl_leading_zeros": Switch(400, one_of(400, "accept"), "400|accept", "a TTL such as 0060"),
    "echo_ttl_header": Switch(False, is_flag, "false|true", "answers to a token carry its remaining TTL"),
    "foreign_token_status": Switch(401, one_of(401, 403), "401|403", "a token of another instance"),
    "bad_token_in_optional": Switch(401, one_of(401, "accept"), "401|accept", "a bad token, tokens optional"),
    "empty_token_header": Switch(401, one_of(401, "plain"), "401|plain", "an empty token header"),
    "tokens_survive_mode_change": Switch(True, is_flag, "true|false", "tokens outlive a change of http_tokens"),
    "disabled_answer": Switch(
        403, one_of(403, 404, "reset", "timeout"), "403|404|reset|timeout", "what a disabled endpoint does"
    ),
    "options_delay": Switch(0, _is_number, "seconds", "until changed metadata options take effect (0)"),
    "throttle": Switch(None, _is_throttle, "null|object", '{"per_second": 50, "status": 429, "retry_after": 1}'),
    "error_content_type": Switch(
        "text/html",
        one_of("text/html", "application/xhtml+xml"),
        "type",
        "text/html (the default) or application/xhtml+xml",
    ),
    "server_header": Switch(None, _is_header_text, "null|text", "value of the Server header"),
}


def defaults() -> t.Dict[str, t.Any]:
    return {name: switch.default for name, switch in SWITCHES.items()}


def merged(current: t.Mapping[str, t.Any], changes: t.Any) -> t.Dict[str, t.Any]:
    """``current`` with ``changes`` applied. Raises ValueError naming the switch that is wrong."""
    if not isinstance(changes, dict):
        raise ValueError("switches: an object of names and values is needed")
    result = dict(current)
    for name, value in changes.items():
        if name.startswith("#"):
            continue
        if name not in SWITCHES:
            raise ValueError("switches.%s: there is no such switch; there are: %s" % (name, ", ".join(SWITCHES)))
        if not SWITCHES[name].accepts(value):
            raise ValueError("switches.%s: %r is not possible; give %s" % (name, value, SWITCHES[name].values))
        result[name] = value
    return result


def help_lines() -> t.List[str]:
    """One line a switch, narrow enough for a terminal: name, default, possible values, meaning."""
    rows = []
    for name, switch in SWITCHES.items():
        rows.append("  %-27s %-21s %s" % (name, switch.values, switch.meaning))
    return rows
