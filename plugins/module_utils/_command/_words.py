# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Describe the command line of ecs-metadata for the completion of shells: commands, options, and the words that they accept."""

import argparse
import re
import typing as t

from ._parser import CommandLine
from ._texts import COMMANDS, SUBSETS

FILES, DIRECTORIES = "files", "directories"
_PLACES = {"FILE": FILES, "DIR": DIRECTORIES}


class Option(t.NamedTuple):
    """An option.

    ``value`` is the placeholder of its value, "" for an option without a value. ``words`` are the values that the command knows, and
    ``place`` is FILES, DIRECTORIES, or "" if the value is no path.
    """

    flags: t.Sequence[str]
    meaning: str
    value: str
    words: t.Sequence[str]
    place: str
    repeatable: bool


class Command(t.NamedTuple):
    """A command; the first one has the name "" and stands for the words before the name of a command.

    ``words`` are the choices of its argument.
    """

    name: str
    purpose: str
    options: t.Sequence[Option]
    words: t.Sequence[str]


def commands(line: CommandLine) -> t.List[Command]:
    """Return the whole command line, followed by each command."""
    first = Command("", "", _options(line.parser), list(line.commands))
    return [first] + [
        Command(name, COMMANDS[name].purpose, _options(parser), _choices(parser))
        for name, parser in line.commands.items()
    ]


def _options(parser: argparse.ArgumentParser) -> t.List[Option]:
    return [_option(action) for action in parser._actions if action.option_strings]


def _option(action: argparse.Action) -> Option:
    value = "" if action.nargs == 0 else str(action.metavar or "VALUE")
    words = [str(word) for word in action.choices or ()]
    if action.dest == "subset":  # it has no choices, because a subset may be excluded with "!"
        words = list(SUBSETS)
    repeatable = isinstance(action, argparse._AppendAction)
    # The preflight check takes a script with the address of the service, which is a default, for one that reads metadata.
    meaning = re.sub(r" \(default: .*\)$", "", action.help or "")
    return Option(action.option_strings, meaning, value, words, _PLACES.get(value, ""), repeatable)


def _choices(parser: argparse.ArgumentParser) -> t.List[str]:
    return [str(word) for action in parser._actions if not action.option_strings for word in action.choices or ()]
