# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probe which access modes the metadata service offers to this instance.

This is the only file that sends normal-mode requests, to find out whether the service answers them. They read the instance ID,
and the value is discarded.
"""

import typing as t

from . import _errors
from ._client import Client
from ._dmi import read_platform
from ._service import DEFAULT_ENDPOINT, INSTANCE_ID, LONGEST_TTL, PROBE_AGENT, TOKEN_HEADER, TOKEN_PATH, TTL_HEADER

VERDICTS = ("optional", "required", "disabled", "unreachable")

Check = t.Dict[str, t.Any]


class _InvalidRequest(t.NamedTuple):
    """A request that the service must refuse, and the status that its documentation names for it."""

    name: str
    method: str
    target: str
    headers: t.Dict[str, str]
    expected: int


_INVALID_REQUESTS = (
    _InvalidRequest(
        "forwarded_token_request", "PUT", TOKEN_PATH, {TTL_HEADER: "60", "X-Forwarded-For": "192.0.2.1"}, 403
    ),
    _InvalidRequest("invalid_ttl_token_request", "PUT", TOKEN_PATH, {TTL_HEADER: str(LONGEST_TTL + 1)}, 400),
    _InvalidRequest("invalid_token_read", "GET", INSTANCE_ID, {TOKEN_HEADER: "made-up-token"}, 401),
)


class Modes(t.NamedTuple):
    """The result of a probe.

    ``verdict`` is "optional" (the service answers normal-mode requests), "required" (it answers only token-authenticated
    requests), "disabled" (it refuses both) or "unreachable" (no answer, or only errors that show neither). ``checks`` maps the
    name of each check to its ``status`` (None: no answer) and to ``answered`` or ``refused``. ``problems`` has a sentence for
    each error and each answer that differs from the documentation.
    """

    verdict: str
    checks: t.Dict[str, Check]
    problems: t.List[str]


def probe(client: Client) -> Modes:
    """Send the five requests and return the result; never raise for an answer, or for no answer."""
    checks: t.Dict[str, Check] = {}
    try:
        status = client.send("GET", INSTANCE_ID, {"User-Agent": PROBE_AGENT})
    except _errors.Unreachable as exc:
        return Modes("unreachable", checks, [str(exc)])
    except _errors.MetadataError as exc:
        return Modes("unreachable", {"normal_mode_read": {"status": exc.status, "answered": False}}, [str(exc)])
    checks["normal_mode_read"] = {"status": status, "answered": status == 200}
    problems: t.List[str] = []
    checks["token_read"] = _token_read(client, problems)
    for request in _INVALID_REQUESTS:
        checks[request.name] = _send_invalid(client, request)
    verdict = _verdict(checks, _is_service(client))
    if verdict in ("optional", "required"):
        problems += _undocumented_answers(checks)
    return Modes(verdict, checks, problems)


def _token_read(client: Client, problems: t.List[str]) -> Check:
    try:
        client.get(INSTANCE_ID)
    except _errors.MetadataError as exc:
        problems.append(str(exc))
        return {"status": exc.status, "answered": False}
    return {"status": 200, "answered": True}


def _send_invalid(client: Client, request: _InvalidRequest) -> Check:
    try:
        status: t.Optional[int] = client.send(request.method, request.target, request.headers)
    except _errors.MetadataError as exc:
        status = exc.status
    return {"status": status, "refused": status is not None and 400 <= status < 500}


def _is_service(client: Client) -> bool:
    """Return whether what answers is the metadata service for certain: on an ECS instance, at the service's own address."""
    return client.settings.endpoint.rstrip("/") == DEFAULT_ENDPOINT and bool(read_platform().is_ecs)


def _verdict(checks: t.Dict[str, Check], is_service: bool) -> str:
    if checks["normal_mode_read"]["answered"]:
        return "optional"
    if checks["token_read"]["answered"]:
        return "required"
    # Reports say that a disabled endpoint answers 403; other clients also handle 404, which any other web server answers, too.
    if checks["token_read"]["status"] == 403 or (checks["token_read"]["status"] == 404 and is_service):
        return "disabled"
    return "unreachable"


def _undocumented_answers(checks: t.Dict[str, Check]) -> t.List[str]:
    return [
        "Check %s: the service answered %s; documented: %d."
        % (request.name, checks[request.name]["status"], request.expected)
        for request in _INVALID_REQUESTS
        if checks[request.name]["status"] != request.expected
    ]
