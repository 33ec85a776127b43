# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decide whether a request is served or with which status it is refused, in the order of the service's checks.

Pure functions: the input is a request, the metadata options of the instance and the state of its token.
"""

from __future__ import annotations

import typing as t

from .answers import MISSING_OR_INVALID, Answer, error
from .request import Request
from .tokens import MAXIMUM_TTL, MINIMUM_TTL

TOKEN_PATH = "/latest/api/token"
TTL_HEADER = "x-aliyun-ecs-metadata-token-ttl-seconds"
TOKEN_HEADER = "x-aliyun-ecs-metadata-token"


class Broken(t.NamedTuple):
    """No response: *how* is `reset` to reset the connection, `hang` to keep it open."""

    how: str


class Issue(t.NamedTuple):
    """A token is issued with this TTL in seconds."""

    ttl: int


class Read(t.NamedTuple):
    """The data is served. `seconds_left` is the remaining TTL of the token, None without a token."""

    seconds_left: t.Optional[int]


Verdict = t.Union[Answer, Broken, Issue, Read]

#: Takes a token; returns (instance ID, seconds left), or None if the token is invalid.
TokenUse = t.Callable[[str], t.Any]


def decide(
    request: Request,
    instance_id: str,
    options: t.Mapping[str, str],
    use_token: TokenUse,
    switches: t.Mapping[str, t.Any],
) -> Verdict:
    """Return what happens to a request. *use_token* is called at most once, for a data request with a token."""
    if options["http_endpoint"] == "disabled":
        return _disabled(switches)
    if is_token_path(request, switches):
        if request.method != "PUT":
            return error(405, switches, headers=(("Allow", "PUT"),))
        return _put(request, switches)
    allowed = ("GET", "HEAD") if switches["head"] == "accept" else ("GET",)
    if request.method not in allowed:
        return error(405, switches, headers=(("Allow", ", ".join(allowed)),))
    if switches["forwarded_get"] == 403 and is_forwarded(request, switches):
        return error(403, switches)
    return _get(request, instance_id, options, use_token, switches)


def is_token_path(request: Request, switches: t.Mapping[str, t.Any]) -> bool:
    """Return whether the path of a request is that of token requests."""
    slash = switches["leaf_trailing_slash"] == "accept" and request.path == TOKEN_PATH + "/"
    return slash or request.path == TOKEN_PATH


def is_forwarded(request: Request, switches: t.Mapping[str, t.Any]) -> bool:
    """Return whether a request has a header that proxies add."""
    return any(name in request.headers for name in switches["forwarded_headers"])


def parse_ttl(text: t.Optional[str], switches: t.Mapping[str, t.Any]) -> t.Optional[int]:
    """Return a TTL in seconds, or None unless the text consists of digits and is in the range 1 to 21600."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 20:
        return None
    if text.startswith("0") and switches["ttl_leading_zeros"] != "accept":
        return None
    return int(text) if MINIMUM_TTL <= int(text) <= MAXIMUM_TTL else None


def _disabled(switches: t.Mapping[str, t.Any]) -> Verdict:
    answer = switches["disabled_answer"]
    if answer == "reset":
        return Broken("reset")
    return Broken("hang") if answer == "timeout" else error(answer, switches)


def _put(request: Request, switches: t.Mapping[str, t.Any]) -> Verdict:
    ttl = parse_ttl(request.headers.get(TTL_HEADER), switches)
    bad_ttl = error(400, switches, MISSING_OR_INVALID)
    if ttl is None and switches["ttl_first"]:
        return bad_ttl
    if is_forwarded(request, switches):
        return error(403, switches)
    return bad_ttl if ttl is None else Issue(ttl)


def _get(
    request: Request,
    instance_id: str,
    options: t.Mapping[str, str],
    use_token: TokenUse,
    switches: t.Mapping[str, t.Any],
) -> Verdict:
    token = request.headers.get(TOKEN_HEADER)
    if token == "" and switches["empty_token_header"] == "normal_mode":
        token = None
    if token is None:
        return error(403, switches) if options["http_tokens"] == "required" else Read(None)
    known = use_token(token)
    if known is not None and known[0] == instance_id:
        return Read(known[1])
    if options["http_tokens"] == "optional" and switches["bad_token_in_optional"] == "accept":
        return Read(None)
    return error(401 if known is None else switches["foreign_token_status"], switches)
