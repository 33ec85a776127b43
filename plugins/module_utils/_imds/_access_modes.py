# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which access modes does the service offer to this instance? This module util is private to the collection.

The only place where metadata is ever requested without a token, and only to see whether that is answered: the item asked
for is the instance id, and its value is thrown away.
"""

from __future__ import annotations

import typing as t

from . import _errors
from ._client import Client
from ._service import INSTANCE_ID, LONGEST_TTL, PROBE_AGENT, TOKEN_HEADER, TOKEN_PATH, TTL_HEADER

VERDICTS = ("optional", "required", "disabled", "unreachable")

Check = t.Dict[str, t.Any]


class _Question(t.NamedTuple):
    """A request that a sound service refuses, and the status that is documented for it."""

    name: str
    method: str
    target: str
    headers: t.Dict[str, str]
    expected: int


_REFUSALS = (
    _Question("forwarded_token_request", "PUT", TOKEN_PATH, {TTL_HEADER: "60", "X-Forwarded-For": "192.0.2.1"}, 403),
    _Question("bad_ttl_token_request", "PUT", TOKEN_PATH, {TTL_HEADER: str(LONGEST_TTL + 1)}, 400),
    _Question("made_up_token_get", "GET", INSTANCE_ID, {TOKEN_HEADER: "made-up-token"}, 401),
)


class Modes(t.NamedTuple):
    """What was found.

    ``verdict`` is "optional" (a plain GET is answered), "required" (only with a token), "disabled" (both are refused) or
    "unreachable" (no answer, or none that tells). ``checks`` maps the name of each check to its ``status`` (None: no answer)
    and to ``answered`` or ``refused``. ``problems`` are sentences on what a sound service would not do.
    """

    verdict: str
    checks: t.Dict[str, Check]
    problems: t.List[str]


def probe(client: Client) -> Modes:
    """Ask the five questions; never raises for what the service answers, or does not."""
    checks: t.Dict[str, Check] = {}
    try:
        plain = client.send("GET", INSTANCE_ID, {"User-Agent": PROBE_AGENT})
    except _errors.Unreachable as exc:
        return Modes("unreachable", checks, [str(exc)])
    except _errors.MetadataError as exc:
        return Modes("unreachable", {"plain_get": {"status": exc.status, "answered": False}}, [str(exc)])
    checks["plain_get"] = {"status": plain, "answered": plain == 200}
    problems: t.List[str] = []
    checks["token_get"] = _token_get(client, problems)
    for question in _REFUSALS:
        checks[question.name] = _refusal(client, question)
    verdict = _verdict(checks)
    if verdict in ("optional", "required"):
        problems += _not_refused(checks)
    return Modes(verdict, checks, problems)


def _token_get(client: Client, problems: t.List[str]) -> Check:
    try:
        client.get(INSTANCE_ID)
    except _errors.MetadataError as exc:
        problems.append(str(exc))
        return {"status": exc.status, "answered": False}
    return {"status": 200, "answered": True}


def _refusal(client: Client, question: _Question) -> Check:
    try:
        status: t.Optional[int] = client.send(question.method, question.target, question.headers)
    except _errors.MetadataError as exc:
        status = exc.status
    return {"status": status, "refused": status is not None and 400 <= status < 500}


def _verdict(checks: t.Dict[str, Check]) -> str:
    if checks["plain_get"]["answered"]:
        return "optional"
    if checks["token_get"]["answered"]:
        return "required"
    # an endpoint that is disabled is said to answer 403; 404 has been planned for by other clients
    if checks["token_get"]["status"] in (403, 404):
        return "disabled"
    return "unreachable"


def _not_refused(checks: t.Dict[str, Check]) -> t.List[str]:
    return [
        "Check %s: the service answered %s where %d is documented."
        % (question.name, checks[question.name]["status"], question.expected)
        for question in _REFUSALS
        if checks[question.name]["status"] != question.expected
    ]
