# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Validate nested values of the configuration, and name the key or index of an invalid value.

A validator is a function that returns whether a value is valid. The classes of this module are validators that also return
the problem as a message that starts with the path of the invalid value, for example `disks[0].serial: ...`.
"""

from __future__ import annotations

import typing as t

from .spelling import printable, similar, unknown_key

Check = t.Callable[[t.Any], bool]
SHOWN = 60  #: characters of a value in a message


class Shape:
    """A validator with a message."""

    def problem(self, value: t.Any, where: str) -> t.Optional[str]:
        """Return the message for an invalid value at the path *where*, or None."""
        raise NotImplementedError

    def __call__(self, value: t.Any) -> bool:
        """Return whether a value is valid."""
        return self.problem(value, "") is None


class Leaf(Shape):
    """A value without parts, and the description of valid ones. Messages do not contain a *secret* value."""

    def __init__(self, check: Check, needs: str, secret: bool = False) -> None:
        self._check = check
        self._needs = needs
        self._secret = secret

    def problem(self, value: t.Any, where: str) -> t.Optional[str]:
        """Return the message for an invalid value at the path *where*, or None."""
        if self._check(value):
            return None
        return "%s: must be %s%s" % (where, self._needs, "" if self._secret else ", not " + shown(value))


class Checked(Shape):
    """A value that a function checks, which gets the value and its path, and raises ValueError with the message."""

    def __init__(self, check: t.Callable[[t.Any, str], object]) -> None:
        self._check = check

    def problem(self, value: t.Any, where: str) -> t.Optional[str]:
        """Return the message for an invalid value at the path *where*, or None."""
        try:
            self._check(value, where)
        except ValueError as problem:
            return str(problem)
        return None


class ListOf(Shape):
    """A list of valid items."""

    def __init__(self, item: Shape) -> None:
        self._item = item

    def problem(self, value: t.Any, where: str) -> t.Optional[str]:
        """Return the message for an invalid value at the path *where*, or None."""
        if not isinstance(value, list):
            return "%s: must be a list" % where
        found = (self._item.problem(entry, "%s[%d]" % (where, index)) for index, entry in enumerate(value))
        return next(filter(None, found), None)


class MapOf(Shape):
    """An object with valid values and any keys that are text. Messages contain keys only if *named*."""

    def __init__(self, key: Check, item: Shape, named: bool = True) -> None:
        self._key = key
        self._item = item
        self._named = named

    def problem(self, value: t.Any, where: str) -> t.Optional[str]:
        """Return the message for an invalid value at the path *where*, or None."""
        if not isinstance(value, dict):
            return "%s: must be an object" % where
        for key, entry in value.items():
            if not self._key(key):
                return "%s: the key %s is not text" % (where, shown(key))
            found = self._item.problem(entry, "%s.%s" % (where, printable(key) if self._named else "*"))
            if found:
                return found
        return None


class Record(Shape):
    """An object with known keys, of which some are required. Keys that start with # are comments."""

    def __init__(self, keys: t.Mapping[str, Shape], *required: str) -> None:
        self._keys = keys
        self._required = required

    def problem(self, value: t.Any, where: str) -> t.Optional[str]:
        """Return the message for an invalid value at the path *where*, or None."""
        if not isinstance(value, dict):
            return "%s: must be an object with the keys %s" % (where, ", ".join(self._keys))
        for key, entry in value.items():
            if isinstance(key, str) and key.startswith("#"):
                continue
            if key not in self._keys:
                return unknown_key(where, str(key), self._keys)
            found = self._keys[key].problem(entry, "%s.%s" % (where, key))
            if found:
                return found
        missing = [key for key in self._required if key not in value]
        return "%s: the required key %s is missing" % (where, missing[0]) if missing else None


def shown(value: t.Any) -> str:
    """Return a value for a message, shortened."""
    text = ascii(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def of_kind(
    raw: t.Any,
    where: str,
    kinds: t.Mapping[str, t.Any],
    common: t.Sequence[str],
    needs: t.Callable[[str, t.Any], t.Optional[str]],
) -> t.Tuple[str, t.Dict[str, t.Any]]:
    """Return (kind, keys of the kind with their defaults) of a fault at the path *where*.

    *kinds* maps a kind to a tuple, of which the first item has its keys with their defaults; None: required. *needs* returns the
    description of valid values if a value of a key is invalid.

    Raises: ValueError naming the invalid key.
    """
    names = ", ".join(kinds)
    if not isinstance(raw, dict):
        raise ValueError("%s: must be an object with the key kind, not %s" % (where, shown(raw)))
    if "kind" not in raw:
        raise ValueError("%s: the required key kind is missing; kinds: %s" % (where, names))
    kind = raw["kind"]
    if not isinstance(kind, str) or kind not in kinds:
        raise ValueError(
            "%s.kind: unknown kind %s%s; kinds: %s" % (where, shown(kind), similar(str(kind), kinds), names)
        )
    own = kinds[kind][0]
    for key in raw:
        if key not in common and key not in own:
            raise ValueError(unknown_key(where, str(key), [*common, *own]))
    options = {key: raw.get(key, default) for key, default in own.items()}
    for key, value in options.items():
        wanted = needs(key, value)
        if key not in raw and own[key] is None:
            raise ValueError("%s: the required key %s of %s is missing; it must be %s" % (where, key, kind, wanted))
        if wanted:
            raise ValueError("%s.%s: must be %s, not %s" % (where, key, wanted, shown(value)))
    return kind, options
