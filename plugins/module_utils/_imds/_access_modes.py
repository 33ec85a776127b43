# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probe which access modes the metadata service offers to this instance.

This is the only file that sends normal-mode requests, to find out whether the service answers them. They read the instance ID,
and the value is discarded. Each address of the service is probed, because an application could use either.
"""

import typing as t

from .._common._probe_log import record
from . import _errors
from ._client import Client
from ._dmi import read_platform
from ._service import ENDPOINTS, INSTANCE_ID, LONGEST_TTL, PROBE_AGENT, TOKEN_HEADER, TOKEN_PATH, TTL_HEADER
from ._walk import run_jobs

# In the order of precedence: the verdict on a service with several addresses is the first that applies to one of them.
VERDICTS = ("optional", "unknown", "required", "disabled", "unreachable")

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

    ``verdict`` is "optional" (an address of the service answers normal-mode requests), "unknown" (an address accepts connections,
    but its answers do not show which modes it offers), "required" (every reachable address answers only token-authenticated
    requests), "disabled" (it refuses both) or "unreachable" (no address accepts a connection). ``checks`` maps the name of
    each check to its ``status`` (None: no answer) and to ``answered`` or ``refused``, for the address that decides the verdict.
    ``problems`` has a sentence for each error and each answer that differs from the documentation. ``endpoints`` has verdict,
    checks and problems of each address.
    """

    verdict: str
    checks: t.Dict[str, Check]
    problems: t.List[str]
    endpoints: t.Dict[str, t.Dict[str, t.Any]] = {}


class _Result(t.NamedTuple):
    """The result of the probe of one address."""

    verdict: str
    checks: t.Dict[str, Check]
    problems: t.List[str]


def probe(client: Client) -> Modes:
    """Send the five requests to each address of the service. An unexpected response or none is a result, not an exception."""
    clients = client.for_each_endpoint()
    results: t.Dict[str, _Result] = {}

    def test_connection(endpoint: str) -> t.Iterable[str]:
        try:
            clients[endpoint].open()
        except _errors.Unreachable as exc:
            results[endpoint] = _Result("unreachable", {}, [str(exc)])
        return ()

    def test_modes(endpoint: str) -> t.Iterable[str]:
        results[endpoint] = _probe_endpoint(clients[endpoint])
        return ()

    try:
        if len(clients) > 1:  # do not wait, with all retries, for an address that many instances do not have
            run_jobs(list(clients), test_connection, len(clients))
        skipped = set(results) if len(results) < len(clients) else set()
        run_jobs([endpoint for endpoint in clients if endpoint not in skipped], test_modes, len(clients))
    finally:
        for one in clients.values():
            one.close()
    return _combined({endpoint: results[endpoint] for endpoint in clients})


def unreachable(problem: str) -> Modes:
    """Return the result for a service that is known to be unreachable."""
    return Modes("unreachable", {}, [problem], {})


def _combined(results: t.Dict[str, _Result]) -> Modes:
    """Return the verdict on the service: no address must decide for another one."""
    verdict = min((result.verdict for result in results.values()), key=VERDICTS.index)
    deciding = next(result for result in results.values() if result.verdict == verdict)
    problems: t.List[str] = []
    for result in results.values():
        if result.verdict != "unreachable" or verdict == "unreachable":
            problems += result.problems
    return Modes(verdict, deciding.checks, problems, {name: result._asdict() for name, result in results.items()})


def _probe_endpoint(client: Client) -> _Result:
    checks: t.Dict[str, Check] = {}
    try:
        status = client.send("GET", INSTANCE_ID, {"User-Agent": PROBE_AGENT}, before=lambda: _announce(client))
    except _errors.Unreachable as exc:
        return _Result("unknown" if exc.connected else "unreachable", checks, [str(exc)])
    except _errors.MetadataError as exc:
        return _Result("unknown", {"normal_mode_read": {"status": exc.status, "answered": False}}, [str(exc)])
    checks["normal_mode_read"] = {"status": status, "answered": status == 200}
    problems: t.List[str] = []
    checks["token_read"] = _token_read(client, problems)
    for request in _INVALID_REQUESTS:
        checks[request.name] = _send_invalid(client, request)
    verdict = _verdict(checks, _is_service(client))
    if verdict in ("optional", "required"):
        problems += _undocumented_answers(client.endpoint, checks)
    return _Result(verdict, checks, problems)


def _announce(client: Client) -> None:
    """Record the next request, by which the callers watch recognizes it, and send it once: on a connection that is not reused."""
    client.close()
    record()


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
    return client.endpoint.rstrip("/") in ENDPOINTS and bool(read_platform().is_ecs)


def _verdict(checks: t.Dict[str, Check], is_service: bool) -> str:
    if checks["normal_mode_read"]["answered"]:
        return "optional"
    if checks["token_read"]["answered"]:
        return "required"
    # Reports say that a disabled endpoint answers 403; other clients also handle 404, which any other web server answers, too.
    if checks["token_read"]["status"] == 403 or (checks["token_read"]["status"] == 404 and is_service):
        return "disabled"
    return "unknown"


def _undocumented_answers(endpoint: str, checks: t.Dict[str, Check]) -> t.List[str]:
    return [
        "Check %s at %s: the service answered %s; documented: %d."
        % (request.name, endpoint, checks[request.name]["status"], request.expected)
        for request in _INVALID_REQUESTS
        if checks[request.name]["status"] != request.expected
    ]
