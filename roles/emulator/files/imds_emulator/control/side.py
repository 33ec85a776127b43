# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Serve the emulated control plane: from a connection to calls and responses."""

from __future__ import annotations

import socket
import time
import typing as t
from email.utils import formatdate

from ..answers import REASONS, Answer, encode
from ..connection import Connection
from ..request import BadRequest
from ..server import Waiting
from ..state import State
from ..stats import Stats
from . import format as wire_format
from . import settings as control_settings
from .access import Access
from .call import Call
from .ecs import Ecs
from .errors import ApiError
from .faults import Fault, FaultPlan
from .gate import Gate
from .images import Images
from .journal import CallJournal
from .launcher import Launcher
from .operations import Operations, perform
from .scaling import Scaling
from .sts import Sts
from .templates import Templates
from .throttle import ControlThrottle

#: Faults that replace the response of the operation.
INSTEAD = ("error", "html", "reset", "hang")
_PAGE = b"<html>\r\n<head><title>%(title)s</title></head>\r\n<body><h1>%(title)s</h1></body>\r\n</html>\r\n"


class Outcome(t.NamedTuple):
    """A response and the fault that applies while it is sent."""

    answer: t.Optional[Answer]  #: None: reset the connection or keep it open
    code: t.Optional[str] = None  #: error code
    fault: str = ""


class ControlSide:
    """The handler of connections to the control plane."""

    def __init__(
        self, state: State, calls: CallJournal, stats: Stats, timeout: float, settings: t.Dict[str, t.Any]
    ) -> None:
        self._state = state
        self._calls = calls
        self._stats = stats
        self._timeout = timeout
        self._settings = settings
        self._faults = FaultPlan(settings["faults"])
        self._throttle = ControlThrottle(state.clock)
        access = Access(state, self.settings)
        self._gate = Gate(access, state.clock, self.settings)
        ecs = Ecs(state, self.settings)
        images = Images(state, self.settings, ecs.region_of)
        launcher = Launcher(state, images)
        templates = Templates(state, launcher, ecs.region_of)
        scaling = Scaling(state, launcher, templates, ecs.region_of)
        self._operations = Operations(ecs, images, templates, scaling, Sts(access))
        self._date: t.Tuple[int, str] = (0, "")

    def settings(self) -> t.Mapping[str, t.Any]:
        """Return the current settings."""
        return self._settings

    def change(self, changes: t.Any) -> None:
        """Change settings. The counters of faults restart only if the faults change.

        Raises: ValueError.
        """
        with self._state.lock:
            new = control_settings.merged(self._settings, changes)
            if "faults" in changes:
                self._faults = FaultPlan(new["faults"])
            self._settings = new
            self._state.changed()

    def run(self, sock: socket.socket, client: str, _owner: t.Optional[str], waiting: Waiting) -> None:
        """Serve one connection until it ends."""
        number = self._stats.connection()
        connection = Connection(sock, self._timeout, waiting)
        keep = True
        while keep:
            try:
                received = connection.receive()
            except BadRequest as problem:
                page = Answer(problem.status, b"", "text/html")
                connection.send(encode(page, "1.1", False, self._now()))
                break
            if received is None:
                break
            call = Call(received.request, received.body)
            outcome = self.respond(call)
            self._calls.add(call, outcome.answer.status if outcome.answer else None, outcome.code, number, client)
            keep = self._send(connection, call, outcome)
        connection.close()

    def respond(self, call: Call) -> Outcome:
        """Return the response to a call."""
        try:
            operation = self._operations.find(call)
            caller = self._gate.admit(call)
            self._throttle.count(caller.account, call.region, call.action, self._settings["throttle"])
            fault = self._fault(call)
            if fault is not None and fault.kind in INSTEAD and not fault.after:
                return self._replaced(call, fault)
            fields = perform(operation, caller, call.parameters)
        except ApiError as problem:
            return self._refused(call, problem)
        if fault is not None and fault.kind in INSTEAD:
            return self._replaced(call, fault)
        return _answered(call, fields, fault.kind if fault else "")

    def _fault(self, call: Call) -> t.Optional[Fault]:
        """Wait for a latency, if one applies, and return the other fault that applies to a call."""
        other = None
        for fault in self._faults.take(call) if self._faults else []:
            if fault.kind == "latency":
                time.sleep(fault.options["seconds"])
            else:
                other = fault
        return other

    def _refused(self, call: Call, problem: ApiError) -> Outcome:
        if problem.code == "MissingParameter" and self._settings["missing_parameter"] == "named":
            name = problem.message.partition('"')[2].partition('"')[0]
            problem = ApiError("Missing" + name, "%s is mandatory for this action." % name)
        host = call.request.headers.get("host", "")
        body, content_type = wire_format.error(problem, host, call.xml)
        return Outcome(Answer(problem.status, body, content_type), problem.code)

    def _replaced(self, call: Call, fault: Fault) -> Outcome:
        options = fault.options
        if fault.kind == "error":
            return self._refused(call, ApiError(options["code"], options["message"], options["status"]))
        if fault.kind == "html":
            status = options["status"]
            page = _PAGE % {b"title": ("%d %s" % (status, REASONS.get(status, ""))).encode("ascii")}
            return Outcome(Answer(status, page, "text/html"))
        return Outcome(None, fault=fault.kind)

    def _send(self, connection: Connection, call: Call, outcome: Outcome) -> bool:
        """Send a response; return False if the connection must end."""
        if outcome.answer is None:
            if outcome.fault == "hang":
                connection.hold()
            else:
                connection.reset()
            return False
        keep = call.request.keep_alive and outcome.fault != "cut"
        data = encode(outcome.answer, call.request.version, keep, self._now(), "", call.request.method == "HEAD")
        if outcome.fault == "cut":
            data = data[: len(data) - (len(outcome.answer.body) + 1) // 2]
        connection.send(data)
        return keep

    def _now(self) -> str:
        second = int(time.time())
        if self._date[0] != second:
            self._date = (second, formatdate(second, usegmt=True))
        return self._date[1]


def _answered(call: Call, fields: t.Dict[str, t.Any], fault: str) -> Outcome:
    if fault == "repeat_token" and fields.get("NextToken"):
        fields["NextToken"] = call.parameters.get("NextToken") or fields["NextToken"]
    body, content_type = wire_format.result(call.action, fields, call.xml)
    if fault == "truncated":
        body = body[: len(body) // 2]
    return Outcome(Answer(200, body, content_type), fault=fault)
