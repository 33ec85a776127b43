# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Send the commands of `imds-emulator ctl` to the admin API of a running emulator."""

from __future__ import annotations

import http.client
import json
import typing as t
from urllib.parse import quote

from .address import parse_address

COMMANDS = """commands:
  instances                    list the instances with their settings
  set ID KEY=VALUE...          change settings of an instance; VALUE is JSON, or else text
  fault ID JSON                set the faults of an instance: one fault or a list of faults
  clear ID                     remove the faults of an instance
  journal                      print the recorded requests, one JSON object per line
  stats                        count connections, requests and tokens
  switch NAME=VALUE...         change switches
  clock SECONDS                move the emulator's clock forward
"""


def to_request(words: t.List[str]) -> t.Tuple[str, str, t.Any]:
    """Return (method, path, body) of the admin request for a command line.

    Raises: ValueError for an invalid command.
    """
    command, rest = words[0], words[1:]
    reads = {"instances": "/instances", "journal": "/journal", "stats": "/stats"}
    if command in reads and not rest:
        return "GET", reads[command], None
    if command == "set" and len(rest) >= 2:
        return "PATCH", _instance(rest[0]), _pairs(rest[1:])
    if command == "switch" and rest:
        return "PATCH", "/switches", _pairs(rest)
    if command == "fault" and len(rest) == 2:
        return "PUT", _instance(rest[0]) + "/faults", json.loads(rest[1])
    if command == "clear" and len(rest) == 1:
        return "DELETE", _instance(rest[0]) + "/faults", None
    if command == "clock" and len(rest) == 1:
        return "POST", "/clock", {"advance": float(rest[0])}
    raise ValueError("%s: unknown command or wrong arguments\n%s" % (" ".join(words), COMMANDS))


def _instance(instance_id: str) -> str:
    return "/instances/" + quote(instance_id, safe="")


def _pairs(words: t.List[str]) -> t.Any:
    result = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise ValueError("%s: must have the form KEY=VALUE" % word)
        try:
            result[key] = json.loads(value)
        except ValueError:
            result[key] = value
    return result


def run(admin: str, words: t.List[str]) -> t.Tuple[int, str]:
    """Run a command at the address *admin* and return (exit status, output).

    Raises: ValueError, OSError.
    """
    method, path, body = to_request(words)
    host, port = parse_address(admin)
    connection = http.client.HTTPConnection(host, port, timeout=10)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        data = json.loads(answer.read().decode("utf-8"))
    finally:
        connection.close()
    if answer.status != 200:
        return 1, "error: %s" % data.get("error")
    if path == "/journal":
        return 0, "\n".join(json.dumps(entry) for entry in data["entries"])
    return 0, json.dumps(data, indent=1)
