# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Serve the admin API: inspect and change the running emulator with HTTP and JSON, on a loopback address."""

from __future__ import annotations

import json
import os
import socket
import typing as t
from email.utils import formatdate
from urllib.parse import parse_qs, unquote

from . import description
from .answers import Answer, encode
from .conflict import Conflict
from .connection import Connection
from .control import settings as control_settings
from .control.journal import CallJournal
from .control.side import ControlSide
from .journal import Journal
from .json_lines import unrepeated
from .listeners import Listeners
from .origin import foreign
from .redaction import without_secrets
from .request import BadRequest, Request
from .server import Waiting
from .state import State
from .stats import Stats

#: Arguments of a route: instance ID of the path (or empty), query, decoded body.
Action = t.Callable[[str, t.Dict[str, str], t.Any], t.Any]


class Refusal(Exception):
    """An error response of the admin API."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def _decoded(body: bytes) -> t.Any:
    """Return the JSON data of a body, or None if it is empty.

    Raises: ValueError.
    """
    hooks: t.Dict[str, t.Any] = {"parse_constant": _refuse, "parse_float": _number, "object_pairs_hook": unrepeated}
    try:
        return json.loads(body.decode("utf-8"), **hooks) if body.strip() else None
    except (ValueError, RecursionError) as problem:
        raise ValueError("invalid JSON in the body: %s" % problem) from None


def _refuse(constant: str) -> t.NoReturn:
    raise ValueError("%s is not JSON" % constant)


def _number(text: str) -> t.Union[int, float]:
    """Return a number of JSON, in which 2.0 is an integer."""
    number = float(text)
    return int(number) if number.is_integer() else number


def _after(query: t.Mapping[str, str]) -> int:
    text = query.get("after", "0")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ValueError("after: must be the number of an entry, from 0")
    return int(text)


class Admin:
    """The handler of connections to the admin API."""

    def __init__(
        self,
        state: State,
        listeners: Listeners,
        journal: Journal,
        calls: CallJournal,
        stats: Stats,
        control: ControlSide,
        timeout: float,
    ) -> None:
        self._state = state
        self._listeners = listeners
        self._requests = journal
        self._api_calls = calls
        self._stats = stats
        self._control_side = control
        self._timeout = timeout
        self._routes: t.Dict[str, t.Dict[str, Action]] = {
            "health": {"GET": self._health},
            "openapi.json": {"GET": lambda *_: json.loads(description.text())},
            "instances": {"GET": self._instances, "POST": self._create},
            "instances/*": {"GET": self._instance, "PATCH": self._update, "DELETE": self._delete},
            "instances/*/faults": {"PUT": self._set_faults, "DELETE": self._clear_faults},
            "switches": {"GET": self._switches, "PATCH": self._set_switches},
            "journal": {"GET": self._journal, "DELETE": self._clear_journal},
            "calls": {"GET": self._calls, "DELETE": self._clear_calls},
            "control": {"GET": self._control, "PATCH": self._set_control},
            "stats": {"GET": lambda *_: self._stats.report()},
            "clock": {"GET": self._clock, "POST": self._advance},
        }

    def run(self, sock: socket.socket, _client: str, _owner: t.Optional[str], waiting: Waiting) -> None:
        """Serve one connection until it ends."""
        connection = Connection(sock, self._timeout, waiting)
        keep = True
        while keep:
            headers: t.Tuple[t.Tuple[str, str], ...] = ()
            try:
                received = connection.receive()
                if received is None:
                    break
                keep = received.request.keep_alive
                status, body = self.respond(received.request, received.body)
                head_only = received.request.method == "HEAD"
                if status == 405:
                    headers = (("Allow", self._allowed(received.request.path)),)
            except BadRequest as problem:
                status, body, keep, head_only = problem.status, {"error": "invalid HTTP request"}, False, False
            answer = Answer(status, json.dumps(body, indent=1).encode("utf-8") + b"\n", "application/json", headers)
            connection.send(encode(answer, "1.1", keep, formatdate(usegmt=True), head_only=head_only))
        connection.close()

    def respond(self, request: Request, body: bytes) -> t.Tuple[int, t.Any]:
        """Return (status, JSON data) for a request. Errors are objects with the key `error`."""
        try:
            header = foreign(request.headers)
            if header is not None:
                reason = "the header %s is of another site; send requests to a loopback address, not from a web page"
                raise Refusal(403, reason % header)
            action, name = self._find(request)
            query = {key: values[-1] for key, values in parse_qs(request.query or "", keep_blank_values=True).items()}
            return 200, action(name, query, _decoded(body))
        except Refusal as refusal:
            return refusal.status, {"error": str(refusal)}
        except KeyError as missing:
            return 404, {"error": "unknown instance %s; list the instances with GET /instances" % missing}
        except Conflict as conflict:
            return 409, {"error": str(conflict)}
        except (ValueError, TypeError) as wrong:
            return 400, {"error": str(wrong)}
        except OSError as failed:
            return 409, {"error": failed.strerror or str(failed)}

    def routes(self) -> t.Dict[str, t.List[str]]:
        """Return the methods of each path, in which `*` is an instance ID."""
        return {path: sorted(actions) for path, actions in self._routes.items()}

    def _actions(self, path: str) -> t.Tuple[t.Dict[str, Action], str]:
        """Return the actions of a path by method, none for an unknown path, and its instance ID."""
        parts = [unquote(part) for part in path.strip("/").split("/")]
        pattern = "/".join(["instances", "*"] + parts[2:]) if parts[0] == "instances" and parts[1:] else "/".join(parts)
        return self._routes.get(pattern, {}), parts[1] if parts[1:] else ""

    def _allowed(self, path: str) -> str:
        methods = self._actions(path)[0]
        return ", ".join([*methods, "HEAD"] if "GET" in methods else methods)

    def _find(self, request: Request) -> t.Tuple[Action, str]:
        actions, name = self._actions(request.path)
        if not actions:
            raise Refusal(404, "unknown path %s; known paths: %s" % (request.path, ", ".join(self._routes)))
        method = "GET" if request.method == "HEAD" else request.method
        if method not in actions:
            reason = "%s does not accept %s; allowed methods: %s"
            raise Refusal(405, reason % (request.path, request.method, self._allowed(request.path)))
        return actions[method], name

    def _health(self, _name: str, _query: t.Dict[str, str], _data: t.Any) -> t.Any:
        return dict(self._listeners.addresses(), status="ok", pid=os.getpid())

    def _instances(self, _name: str, _query: t.Dict[str, str], _data: t.Any) -> t.Any:
        return {"instances": [without_secrets(self._state.settings(name)) for name in self._state.ids()]}

    def _instance(self, name: str, _query: t.Dict[str, str], _data: t.Any) -> t.Any:
        own = self._listeners.addresses()["instances"].get(name, {}).get("listen")
        return dict(without_secrets(self._state.settings(name)), listening=own)

    def _create(self, _name: str, _query: t.Dict[str, str], data: t.Any) -> t.Any:
        return self._instance(self._listeners.create(data), {}, None)

    def _update(self, name: str, _query: t.Dict[str, str], data: t.Any) -> t.Any:
        self._listeners.update(name, data)
        return self._instance(name, {}, None)

    def _delete(self, name: str, _query: t.Dict[str, str], _data: t.Any) -> t.Any:
        self._listeners.delete(name)
        return {"deleted": name}

    def _set_faults(self, name: str, _query: t.Dict[str, str], data: t.Any) -> t.Any:
        self._state.settings(name)
        faults = data.get("faults") if isinstance(data, dict) and "faults" in data else data
        self._listeners.update(name, {"faults": [faults] if isinstance(faults, dict) else faults})
        return {"faults": self._state.settings(name)["faults"]}

    def _clear_faults(self, name: str, _query: t.Dict[str, str], _data: t.Any) -> t.Any:
        self._listeners.update(name, {"faults": []})
        return {"faults": []}

    def _switches(self, _name: str, _query: t.Dict[str, str], _data: t.Any) -> t.Any:
        return self._state.switches()

    def _set_switches(self, _name: str, _query: t.Dict[str, str], data: t.Any) -> t.Any:
        self._state.set_switches(data)
        return self._state.switches()

    def _journal(self, _name: str, query: t.Dict[str, str], _data: t.Any) -> t.Any:
        entries = self._requests.after(_after(query))
        return {"entries": entries, "next": entries[-1]["n"] if entries else self._requests.last()}

    def _clear_journal(self, _name: str, _query: t.Dict[str, str], _data: t.Any) -> t.Any:
        self._requests.clear()
        return {"entries": [], "next": self._requests.last()}

    def _calls(self, _name: str, query: t.Dict[str, str], _data: t.Any) -> t.Any:
        calls = self._api_calls
        entries = calls.after(_after(query))
        following = entries[-1]["n"] if entries else calls.last()
        return {"entries": entries, "next": following, "totals": calls.totals()}

    def _clear_calls(self, name: str, _query: t.Dict[str, str], data: t.Any) -> t.Any:
        self._api_calls.clear()
        return self._calls(name, {}, data)

    def _control(self, _name: str, _query: t.Dict[str, str], _data: t.Any) -> t.Any:
        return control_settings.without_secrets(self._control_side.settings())

    def _set_control(self, name: str, query: t.Dict[str, str], data: t.Any) -> t.Any:
        self._control_side.change(data)
        return self._control(name, query, data)

    def _clock(self, _name: str, _query: t.Dict[str, str], _data: t.Any) -> t.Any:
        clock = self._state.clock
        return {"now": clock.now(), "advanced": clock.offset}

    def _advance(self, name: str, query: t.Dict[str, str], data: t.Any) -> t.Any:
        seconds = data.get("advance") if isinstance(data, dict) else None
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
            raise Refusal(400, 'invalid body; send {"advance": SECONDS} with a number')
        self._state.advance(seconds)
        return self._clock(name, query, data)
