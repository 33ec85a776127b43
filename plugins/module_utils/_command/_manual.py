# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The manual page of ecs-metadata, made from its command line. This module util is private to the collection.

The format is that of man(7): https://man7.org/linux/man-pages/man7/man.7.html
"""

from __future__ import annotations

import argparse
import typing as t

from ._parser import ENVIRONMENT, CommandLine, Parser
from ._texts import EXAMPLES, EXIT_STATUS, NAME, PURPOSE, Section


def manual(line: CommandLine) -> str:
    """The page as roff, in ASCII."""
    title = '.TH %s 1 "" "alicloud.imds" "User Commands"' % _text(NAME.upper())
    parts = [title, ".SH NAME", "%s \\- %s" % (_text(NAME), _text(PURPOSE)), ".SH SYNOPSIS"]
    parts += [".nf", *map(_text, _usage(line.parser)), ".fi"]
    parts += [".SH DESCRIPTION", *_paragraphs(line.parser.description or "")]
    parts.append(".SH COMMANDS")
    for name, parser in line.commands.items():
        parts += [".SS %s" % _text(name), ".nf", *map(_text, _usage(parser)), ".fi", ".PP"]
        parts += _paragraphs(parser.description or "")
        parts += _actions(action for action in _own(parser, line) if action.help)
    parts += [".SH OPTIONS OF ALL COMMANDS", *_actions([*_help(line.parser), *line.common._actions])]
    for section in (EXIT_STATUS, ENVIRONMENT, EXAMPLES):
        parts += _section(section)
    return "\n".join(parts) + "\n"


def _usage(parser: Parser) -> t.List[str]:
    return parser.format_usage()[len("usage: ") :].rstrip("\n").split("\n")


def _own(parser: Parser, line: CommandLine) -> t.List[argparse.Action]:
    """The arguments that only this command has."""
    common = {id(action) for action in line.common._actions}
    return [action for action in parser._actions if id(action) not in common and action.dest != "help"]


def _help(parser: Parser) -> t.List[argparse.Action]:
    return [action for action in parser._actions if action.dest == "help"]


def _actions(actions: t.Iterable[argparse.Action]) -> t.List[str]:
    parts: t.List[str] = []
    for action in actions:
        value = action.metavar or ("{%s}" % ",".join(action.choices) if action.choices else "")
        parts += [".TP", ", ".join("\\fB%s\\fR" % _text(option) for option in action.option_strings)]
        if value:
            parts[-1] = (parts[-1] + " \\fI%s\\fR" % _text(str(value))).lstrip()
        parts.append(_text(action.help or ""))
    return parts


def _section(section: Section) -> t.List[str]:
    parts = [".SH %s" % _text(section.title.upper())]
    for term, meaning in section.entries:
        parts += [".TP", "\\fB%s\\fR" % _text(term), _text(meaning)]
    return parts


def _paragraphs(text: str) -> t.List[str]:
    parts: t.List[str] = []
    for paragraph in text.split("\n\n"):
        parts += [".PP", *map(_text, paragraph.split("\n"))]
    return parts


def _text(text: str) -> str:
    """One line of text; what roff would take for a request or an escape is protected."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text[:1] in (".", "'") else text
