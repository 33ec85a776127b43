# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How does a person talk to the admin side of a running emulator? ``imds-emulator ctl``."""

from __future__ import annotations

import http.client
import json
import typing as t
from urllib.parse import quote

from .address import parse_address

COMMANDS = """commands:
  instances                    every instance with its settings
  set ID KEY=VALUE...          change keys; a VALUE that is JSON is taken as such, else as text
  fault ID JSON                make things go wrong: a fault, or a list of faults
  clear ID                     no more faults
  journal                      who asked for what, one JSON object a line
  stats                        connections, requests, tokens
  switch NAME=VALUE...         change switches
  clock SECONDS                move the emulator's clock forward
"""


def to_request(words: t.List[str]) -> t.Tuple[str, str, t.Any]:
    """``(method, path, body)``. Raises ValueError with what is wrong."""
    command, rest = words[0], words[1:]
    plain = {"instances": "/instances", "journal": "/journal", "stats": "/stats"}
    if command in plain and not rest:
        return "GET", plain[command], None
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
    raise ValueError("%s: not understood\n%s" % (" ".join(words), COMMANDS))


def _instance(instance_id: str) -> str:
    return "/instances/" + quote(instance_id, safe="")


def _pairs(words: t.List[str]) -> t.Any:
    result = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise ValueError("%s: KEY=VALUE is needed" % word)
        try:
            result[key] = json.loads(value)
        except ValueError:
            result[key] = value
    return result


def run(admin: str, words: t.List[str]) -> t.Tuple[int, str]:
    """``(exit status, text to print)``. Raises ValueError and OSError."""
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
