# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Send the commands of `imds-emulator-ctl`, or `imds-emulator ctl`, to the admin API of a running emulator."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import typing as t
from urllib.parse import quote

from . import __version__
from .address import parse_address
from .flags import PREFIX, pairs
from .json_lines import unrepeated
from .spelling import similar

DEFAULT_ADMIN = "127.0.0.1:8101"
#: Commands without arguments, and their requests.
SIMPLE = {
    "instances": ("GET", "/instances"),
    "journal": ("GET", "/journal"),
    "calls": ("GET", "/calls"),
    "forget": ("DELETE", "/journal"),
    "stats": ("GET", "/stats"),
    "health": ("GET", "/health"),
}
#: command -> (arguments, meaning)
USAGE = {
    "instances": ("", "list the instances with their settings"),
    "create": ("ID [KEY=VALUE...]", "create an instance"),
    "set": ("ID KEY=VALUE...", "change settings of an instance"),
    "delete": ("ID", "delete an instance"),
    "fault": ("ID JSON", "set the faults of an instance: one fault or a list of faults"),
    "clear": ("ID", "remove the faults of an instance"),
    "journal": ("", "print the recorded requests, one JSON object per line"),
    "calls": ("", "print the recorded calls of the control plane, one JSON object per line"),
    "forget": ("", "delete the recorded requests and calls"),
    "stats": ("", "count connections, requests and tokens"),
    "switch": ("NAME=VALUE...", "change switches"),
    "control": ("KEY=VALUE...", "change settings of the control plane"),
    "clock": ("SECONDS", "move the emulator's clock forward: tokens and credentials expire, events appear"),
    "health": ("", "print the process ID and the addresses of the emulator"),
}
STOP = (
    "stop: unknown command; stop the emulator with `kill PID`, in which PID is the pid that the command health prints"
)


def commands() -> str:
    """Return the help of all commands."""
    rows = ["  %-28s %s" % (("%s %s" % (name, USAGE[name][0])).rstrip(), USAGE[name][1]) for name in USAGE]
    return "\n".join(
        ["commands; VALUE is JSON, or else text:", *rows, "The emulator ends with `kill PID`, see health.", ""]
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments to the parser of `imds-emulator-ctl` or `imds-emulator ctl`."""
    parser.add_argument(
        "--admin",
        default=os.environ.get(PREFIX + "ADMIN") or DEFAULT_ADMIN,
        metavar="ADDRESS:PORT",
        help="address of the admin API (environment: IMDS_EMULATOR_ADMIN; default: %s)" % DEFAULT_ADMIN,
    )
    parser.add_argument("words", nargs="+", metavar="COMMAND", help="command, see below")


def main(arguments: t.Optional[t.List[str]] = None) -> int:
    """Run `imds-emulator-ctl` and return its exit status. Errors are one line on stderr."""
    parser = argparse.ArgumentParser(
        prog="imds-emulator-ctl",
        description="Inspect and change a running emulator.",
        epilog=commands(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    add_arguments(parser)
    options = parser.parse_args(arguments)
    try:
        return perform(options.admin, options.words)
    except (ValueError, OSError) as problem:
        print("imds-emulator-ctl: %s" % line(problem), file=sys.stderr)
        return 1


def perform(admin: str, words: t.List[str]) -> int:
    """Run a command, print its output, and return the exit status.

    Raises: ValueError, OSError if the output cannot be written.
    """
    status, text = run(admin, words)
    print(text, file=sys.stderr if status else sys.stdout)
    return status


def line(problem: Exception) -> str:
    """Return the message of an error."""
    if isinstance(problem, OSError) and problem.filename:
        return "%s: %s" % (problem.filename, problem.strerror)
    if isinstance(problem, OSError):
        return problem.strerror or str(problem)
    return str(problem)


def to_request(words: t.List[str]) -> t.Tuple[str, str, t.Any]:
    """Return (method, path, body) of the admin request for a command line.

    Raises: ValueError for an invalid command.
    """
    command, rest = words[0], words[1:]
    if command == "stop":
        raise ValueError(STOP)
    if command not in USAGE:
        raise ValueError("%s: unknown command%s\n%s" % (command, similar(command, USAGE), commands()))
    if command in SIMPLE and not rest:
        return (*SIMPLE[command], None)
    if command == "create" and rest:
        return "POST", "/instances", {"instance_id": rest[0], **pairs("create", rest[1:])}
    if command == "set" and len(rest) >= 2:
        return "PATCH", _instance(rest[0]), pairs("set", rest[1:])
    if command == "delete" and len(rest) == 1:
        return "DELETE", _instance(rest[0]), None
    if command in ("switch", "control") and rest:
        return "PATCH", "/switches" if command == "switch" else "/control", pairs(command, rest)
    if command == "fault" and len(rest) == 2:
        return "PUT", _instance(rest[0]) + "/faults", _json(rest[1])
    if command == "clear" and len(rest) == 1:
        return "DELETE", _instance(rest[0]) + "/faults", None
    if command == "clock" and len(rest) == 1:
        return "POST", "/clock", {"advance": _seconds(rest[0])}
    usage = "imds-emulator-ctl %s %s" % (command, USAGE[command][0])
    raise ValueError("%s: wrong arguments; usage: %s" % (" ".join(words), usage.rstrip()))


def _instance(instance_id: str) -> str:
    return "/instances/" + quote(instance_id, safe="")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise ValueError("clock %s: SECONDS must be a number, such as 3600 for an hour" % text)
    return seconds


def _json(text: str) -> t.Any:
    try:
        return json.loads(text, object_pairs_hook=unrepeated)
    except ValueError as problem:
        raise ValueError("fault %s: invalid JSON: %s" % (text, problem)) from None


def run(admin: str, words: t.List[str]) -> t.Tuple[int, str]:
    """Run a command at the address *admin* and return (exit status, output).

    Raises: ValueError.
    """
    method, path, body = to_request(words)
    status, data = _request(admin, method, path, body)
    if status == 200 and words[0] == "forget":
        status, data = _request(admin, method, "/calls", None)
    if status != 200:
        return 1, "error: %s" % data.get("error", "status %d" % status)
    if method == "GET" and path in ("/journal", "/calls"):
        if "entries" not in data:
            raise ValueError("%s: not the admin API of the emulator: the answer has no entries" % admin)
        return 0, "\n".join(json.dumps(entry) for entry in data["entries"])
    return 0, json.dumps(data, indent=1)


def _request(admin: str, method: str, path: str, body: t.Any) -> t.Tuple[int, t.Any]:
    import http.client  # imports ssl, which `serve` does not need

    host, port = parse_address(admin)
    connection = http.client.HTTPConnection(host, port, timeout=10)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        data = json.loads(answer.read().decode("utf-8"))
        if not isinstance(data, dict):
            raise ValueError("the answer is no JSON object")
        return answer.status, data
    except OSError as problem:
        advice = "Start one with `imds-emulator serve --admin %s`, or give the address of another with --admin." % admin
        raise ValueError("%s: no emulator answers: %s. %s" % (admin, line(problem), advice)) from None
    except (http.client.HTTPException, ValueError) as problem:
        reason = "%s: not the admin API of the emulator: %s"
        raise ValueError(reason % (admin, line(problem) or repr(problem))) from None
    finally:
        connection.close()
