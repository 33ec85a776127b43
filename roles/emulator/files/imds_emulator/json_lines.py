# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the line of a value in a JSON text, for messages that name file and line."""

from __future__ import annotations

import json
import re
import typing as t

_SPACE = re.compile(r"[ \t\r\n]*")
_STEP = re.compile(r"\[(?P<index>\d+)\]|\.?(?P<key>[A-Za-z0-9_#-]+)")
_PATH = re.compile(r"(?P<path>[A-Za-z][A-Za-z0-9_.#\[\]-]*): ")
_decode = json.JSONDecoder().raw_decode


def located(path: str, text: str, problem: ValueError) -> ValueError:
    """Return an error whose message names the file *path* and the line in its *text*.

    The message of *problem* starts with the key, for example `instances[0].tokens: unknown key`, or it is a syntax error.
    """
    if isinstance(problem, json.JSONDecodeError):
        return ValueError("%s:%d:%d: invalid JSON: %s" % (path, problem.lineno, problem.colno, problem.msg))
    found = _PATH.match(str(problem))
    return ValueError("%s:%d: %s" % (path, line_of(text, found.group("path") if found else ""), problem))


def check_repeated(path: str, text: str) -> None:
    """Check that no object in a JSON text has a key twice, of which Python ignores the first. Comments may repeat.

    Raises: ValueError naming the file *path*, the line and the key.
    """
    repeated = []

    def note(pairs: t.List[t.Tuple[str, t.Any]]) -> None:
        names = [name for name, _value in pairs if not name.startswith("#")]
        repeated.extend(names if len(set(names)) < len(names) else [])

    json.loads(text, object_pairs_hook=note)
    waiting = [(_after_space(text, 0), "")] if repeated else []
    while waiting:
        start, where = waiting.pop()
        lines: t.Dict[str, int] = {}
        for key, position, value in _members(text, start):
            line, below = text.count("\n", 0, position) + 1, ("%s.%s" % (where, key)).lstrip(".")
            if key in lines and not key.startswith("#"):
                raise ValueError(
                    "%s:%d: %s: the key is repeated; it is also on line %d" % (path, line, below, lines[key])
                )
            lines[key] = line
            waiting.append((value, below))
        waiting += [(value, "%s[%d]" % (where, index)) for index, _position, value in _items(text, start)]


def unrepeated(pairs: t.List[t.Tuple[str, t.Any]]) -> t.Dict[str, t.Any]:
    """Return the object of *pairs*, as an `object_pairs_hook`. Comments may repeat.

    Raises: ValueError for a key that is repeated.
    """
    result: t.Dict[str, t.Any] = {}
    for key, value in pairs:
        if key in result and not key.startswith("#"):
            raise ValueError("the key %s is repeated" % ascii(key))
        result[key] = value
    return result


def line_of(text: str, path: str) -> int:
    """Return the line, from 1, of the value at *path*, such as `instances[0].tokens`, or of its closest parent that exists."""
    position = start = _after_space(text, 0)
    for step in _STEP.finditer(path):
        index = step.group("index")
        below: t.Iterable[t.Tuple[t.Union[str, int], int, int]]
        below = _members(text, start) if index is None else _items(text, start)
        wanted: t.Union[str, int] = step.group("key") if index is None else int(index)
        found = next((entry for entry in below if entry[0] == wanted), None)
        if found is None:
            break
        _name, position, start = found
    return text.count("\n", 0, position) + 1


def _members(text: str, start: int) -> t.Iterator[t.Tuple[str, int, int]]:
    """Yield (key, position of the key, position of the value) of an object."""
    at = _after_space(text, start + 1)
    while text[start] == "{" and text[at] == '"':
        key, end = _decode(text, at)
        value = _after_space(text, _after_space(text, end) + 1)  # after the colon
        yield key, at, value
        at = _next(text, value)


def _items(text: str, start: int) -> t.Iterator[t.Tuple[int, int, int]]:
    """Yield (index, position, position) of each item of an array."""
    at, index = _after_space(text, start + 1), 0
    while text[start] == "[" and text[at] != "]":
        yield index, at, at
        at, index = _next(text, at), index + 1


def _next(text: str, value: int) -> int:
    """Return the position after a value and the comma that follows it."""
    end = _after_space(text, _decode(text, value)[1])
    return _after_space(text, end + 1) if text[end] == "," else end


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
