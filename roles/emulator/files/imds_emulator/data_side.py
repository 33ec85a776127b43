# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Serve the emulated metadata service: from a connection to requests and responses."""

from __future__ import annotations

import json
import socket
import time
import typing as t
from email.utils import formatdate
from urllib.parse import parse_qs

from . import tree
from .answers import Answer, encode, error
from .connection import Connection
from .faults import Fault
from .instance import View
from .journal import Journal
from .protocol import TOKEN_HEADER, TTL_HEADER, Broken, Issue, decide, is_forwarded, is_token_path
from .request import BadRequest, Request
from .server import Waiting
from .state import State
from .stats import Stats
from .throttle import Throttle

#: Faults that replace the response to any request.
BEFORE = ("status", "reset", "hang", "redirect")
GARBAGE = b"garbage\r\nX-Injected: 1\x00\xff token"


class Outcome(t.NamedTuple):
    """A response, or None for a broken connection, and the faults that apply while it is sent."""

    answer: t.Optional[Answer]
    broken: str = ""
    truncated: bool = False


class DataSide:
    """The handler of connections to the metadata service."""

    def __init__(self, state: State, journal: Journal, stats: Stats, timeout: float) -> None:
        self._state = state
        self._journal = journal
        self._stats = stats
        self._timeout = timeout
        self._throttle = Throttle(state.clock)
        self._date: t.Tuple[int, str] = (0, "")

    def run(self, sock: socket.socket, client: str, owner: t.Optional[str], waiting: Waiting) -> None:
        """Serve one connection until it ends.

        *owner* is the ID of the instance whose own address the client connected to, None for a shared address.
        """
        number = self._stats.connection()
        connection = Connection(sock, self._timeout, waiting, self._state.is_lenient)
        base = {"connection": number, "client": client}
        while True:
            try:
                received = connection.receive()
            except BadRequest as problem:
                self._refuse(connection, base, owner, problem.status)
                break
            if received is None or not self._exchange(connection, received.request, base, owner):
                break
        connection.close()

    def _refuse(self, connection: Connection, base: t.Dict[str, t.Any], owner: t.Optional[str], status: int) -> None:
        """Record an invalid request and send an error page."""
        instance_id = self._state.pick(owner, base["client"])
        entry = {"method": None, "path": None, "mode": "unparsable", "status": status, "forwarded": False}
        self._record(base, instance_id, dict(entry, user_agent=""))
        if instance_id is not None:
            answer = error(status, self._state.switches())
            connection.send(encode(answer, "1.1", False, self._now()))

    def _exchange(
        self, connection: Connection, request: Request, base: t.Dict[str, t.Any], owner: t.Optional[str]
    ) -> bool:
        """Respond to one request; return False if the connection must end."""
        instance_id = self._state.pick(owner, base["client"])
        view = None if instance_id is None else self._state.view(instance_id)
        if view is None:
            self._record(base, None, self._entry(request, self._state.switches(), None))
            return False
        is_token = request.method == "PUT" and is_token_path(request, view.switches)
        for fault in self._taken(view, is_token, request, ("latency",)):
            time.sleep(fault.options["seconds"])
        view = self._state.view(view.instance_id) or view
        outcome = self.respond(view, request, is_token)
        status = outcome.answer.status if outcome.answer else None
        self._record(base, view.instance_id, self._entry(request, view.switches, status))
        if outcome.answer is None:
            if outcome.broken == "hang":
                connection.hold()
            else:
                connection.reset()
            return False
        return self._send(connection, view, request, outcome, is_token)

    def respond(self, view: View, request: Request, is_token: bool) -> Outcome:
        """Return the response to a request, with the faults that replace or change it."""
        refused = self._throttle.refuse(view.instance_id, view.switches)
        if refused is not None:
            return Outcome(refused)
        for fault in self._taken(view, is_token, request, BEFORE):
            return _replaced(fault, view.switches)
        verdict = decide(request, view.instance_id, view.options, self._use_token(view, request), view.switches)
        if isinstance(verdict, Broken):
            return Outcome(None, verdict.how)
        if isinstance(verdict, Issue):
            answer = self._issue(view, request, verdict.ttl)
        elif isinstance(verdict, Answer):
            return Outcome(verdict)
        else:
            answer = read(view, request)
            if verdict.seconds_left is not None and view.switches["echo_ttl_header"]:
                answer = answer._replace(headers=answer.headers + ((TTL_HEADER, str(verdict.seconds_left)),))
        for fault in self._taken(view, is_token, request, ("oversize", "truncated")):
            if fault.kind == "truncated":
                return Outcome(answer, truncated=True)
            return Outcome(answer._replace(body=_stretched(answer.body, fault.options["bytes"])))
        return Outcome(answer)

    def _use_token(self, view: View, request: Request) -> t.Any:
        dies_after = view.faults.token_uses(request.path) if view.faults else None
        return lambda text: self._state.tokens.use(text, dies_after)

    def _issue(self, view: View, request: Request, ttl: int) -> Answer:
        for fault in self._taken(view, True, request, ("empty_token", "garbage_token")):
            return Answer(200, b"" if fault.kind == "empty_token" else GARBAGE)
        self._stats.token(view.instance_id)
        headers = ((TTL_HEADER, str(ttl)),) if view.switches["echo_ttl_header"] else ()
        return Answer(200, self._state.tokens.issue(view.instance_id, ttl).encode("ascii"), headers=headers)

    def _taken(self, view: View, is_token: bool, request: Request, kinds: t.Tuple[str, ...]) -> t.Tuple[Fault, ...]:
        fault = view.faults.take(is_token, request.path, kinds) if view.faults else None
        return () if fault is None else (fault,)

    def _send(self, connection: Connection, view: View, request: Request, outcome: Outcome, is_token: bool) -> bool:
        answer = outcome.answer or Answer(500)
        server = view.switches["server_header"] or ""
        keep = request.keep_alive and not outcome.truncated
        data = encode(answer, request.version, keep, self._now(), server, request.method == "HEAD")
        if outcome.truncated:
            data = data[: len(data) - (len(answer.body) + 1) // 2]
        drip = self._taken(view, is_token, request, ("slow_drip",))
        if drip:
            connection.send_slowly(data, drip[0].options["seconds_per_byte"])
        else:
            connection.send(data)
        return keep and not self._taken(view, is_token, request, ("close_idle",))

    def _entry(self, request: Request, switches: t.Dict[str, t.Any], status: t.Optional[int]) -> t.Dict[str, t.Any]:
        return {
            "method": request.method,
            "path": request.path,
            "mode": mode(request, switches),
            "status": status,
            "forwarded": is_forwarded(request, switches),
            "user_agent": request.headers.get("user-agent", "")[:200],
        }

    def _record(self, base: t.Dict[str, t.Any], instance_id: t.Optional[str], entry: t.Dict[str, t.Any]) -> None:
        self._stats.request(instance_id, entry["mode"])
        whole = {"connection": base["connection"], "instance": instance_id, "client": base["client"]}
        whole.update(entry)
        self._journal.add(whole)

    def _now(self) -> str:
        second = int(time.time())
        if self._date[0] != second:
            self._date = (second, formatdate(second, usegmt=True))
        return self._date[1]


def mode(request: Request, switches: t.Dict[str, t.Any]) -> str:
    """Return the mode of a request for the journal.

    `token_authenticated` is a request with a token header, valid or not.
    """
    if request.method == "PUT" and is_token_path(request, switches):
        return "token_request"
    return "token_authenticated" if TOKEN_HEADER in request.headers else "normal_mode"


def read(view: View, request: Request) -> Answer:
    """Return the listing or value at the path of a request, or the 404 page."""
    names, slash = tree.segments(request.path, view.switches)
    node = tree.find(view.root, names, view.switches)
    if isinstance(node, dict):
        node = tree.listing(node, names, view.switches)
    elif slash and view.switches["leaf_trailing_slash"] == 404:
        node = None
    if callable(node):
        audience = parse_qs(request.query or "", keep_blank_values=True).get("audience")
        node = node(audience[0] if audience else None)
    if node is None:
        return error(404, view.switches)
    body = node if isinstance(node, bytes) else node.encode("utf-8", "surrogateescape")
    if view.switches["trailing_newline"] and not isinstance(node, bytes):
        body += b"\n"
    return Answer(200, body)


def _stretched(body: bytes, size: int) -> bytes:
    pattern = body or b"x"
    return (pattern * (size // len(pattern) + 1))[:size]


def _replaced(fault: Fault, switches: t.Dict[str, t.Any]) -> Outcome:
    """Return the outcome of a fault that replaces the response."""
    if fault.kind in ("reset", "hang"):
        return Outcome(None, fault.kind)
    options = fault.options
    headers: t.Tuple[t.Tuple[str, str], ...] = ()
    if fault.kind == "redirect":
        return Outcome(error(options["status"], switches, headers=(("Location", options["location"]),)))
    if options["retry_after"]:
        headers = (("Retry-After", json.dumps(options["retry_after"])),)
    if options["body"] or options["status"] < 300:
        return Outcome(Answer(options["status"], options["body"].encode("utf-8"), headers=headers))
    return Outcome(error(options["status"], switches, headers=headers))
