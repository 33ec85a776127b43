# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line of ecs-metadata; --help and the completion come from here."""

from __future__ import annotations

import argparse
import os
import typing as t

from .._callers._vocabulary import LOG_DIRECTORY, MODES, STATE_DIRECTORY
from .._imds._client import Settings
from .._imds._service import LONGEST_TTL
from . import _texts as texts
from ._output import USAGE, Failure, write

_DEFAULTS = Settings()


_SETTINGS: t.Sequence[t.Tuple[str, t.Callable[[str], t.Any], str, str]] = (
    ("endpoint", str, "URL", "where the service is, http://HOST or http://HOST:PORT"),
    ("timeout", float, "S", "seconds to wait for one answer"),
    ("deadline", float, "S", "seconds that the whole operation may take, all tries included"),
    ("token_ttl", int, "S", "lifetime of the token, 1 to %d seconds" % LONGEST_TTL),
    ("retries", int, "N", "further tries after throttling, server errors and lost connections"),
)

ENVIRONMENT = texts.Section(
    "environment",
    [(_variable, "default of --%s" % _variable[14:].lower().replace("_", "-")) for _variable in
     ("ALICLOUD_IMDS_" + _name.upper() for _name, _type, _metavar, _help in _SETTINGS)],
)  # fmt: skip


class Parser(argparse.ArgumentParser):
    """Does the same on every Python, terminal and locale, and reports errors in one line."""

    def __init__(self, **options: t.Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_Formatter, **options)
        self.color = False  # Python 3.14 and later

    def print_help(self, file: t.Optional[t.Any] = None) -> None:
        write(self.format_help().encode("utf-8"))

    def error(self, message: str) -> t.NoReturn:
        raise Failure(USAGE, "%s. See '%s --help'." % (message.rstrip("."), self.prog))


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=24, width=88)


class CommandLine(t.NamedTuple):
    """The parser, and the parser of each command."""

    parser: Parser
    commands: t.Dict[str, Parser]

    def parse(self, words: t.Sequence[str]) -> argparse.Namespace:
        """Return the arguments. An option of all commands may stand before the command or after it; None: not given."""
        not_given: t.Dict[str, t.Any] = dict.fromkeys(setting[0] for setting in _SETTINGS)
        return self.parser.parse_args(words, argparse.Namespace(json=False, **not_given))


def build() -> CommandLine:
    """Return the command line."""
    as_json = _json()
    common = _common(as_json)
    epilog = "\n\n".join(map(_as_text, (texts.EXIT_STATUS, ENVIRONMENT, texts.EXAMPLES)))
    parser = Parser(prog=texts.NAME, description=texts.DESCRIPTION, epilog=epilog, parents=[common])
    subparsers = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, prog=texts.NAME, title="commands"
    )
    commands: t.Dict[str, Parser] = {}

    def add(name: str, purpose: str, description: str, parents: t.Sequence[Parser] = (common,)) -> Parser:
        epilog = "Exit status, environment and examples: %s --help" % texts.NAME
        commands[name] = subparsers.add_parser(
            name,
            help=purpose,
            description=description,
            epilog=epilog,
            parents=parents,
        )
        return commands[name]

    _add_get(add("get", "print chosen values", texts.GET))
    _add_directory(add("ls", "list a directory", texts.LS))
    _add_directory(add("tree", "print all values below a directory", texts.TREE))
    _add_facts(add("facts", "print the facts of this instance as JSON", texts.FACTS))
    add("modes", "can metadata be read without a token?", texts.MODES)
    _add_token(add("token", "write a token to a file", texts.TOKEN))
    _add_watch(add("watch", "count who asks the service for what", texts.WATCH, (as_json,)))
    _add_callers(add("callers", "print who asked the service for what", texts.CALLERS, (as_json,)))
    shells = add("completion", "print the completion for a shell", "Prints the completion for a shell.", ())
    shells.add_argument("shell", choices=["bash"], help="the shell")
    return CommandLine(parser, commands)


# The options of all commands have no defaults: that of a command would replace the value given before the command.


def _json() -> Parser:
    parser = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _common(as_json: Parser) -> Parser:
    common = Parser(add_help=False, argument_default=argparse.SUPPRESS, parents=[as_json])
    for name, convert, metavar, text in _SETTINGS:
        text += " (default: %s)" % getattr(_DEFAULTS, name)
        common.add_argument("--" + name.replace("_", "-"), type=convert, metavar=metavar, help=text)
    return common


def _add_get(parser: Parser) -> None:
    parser.add_argument("paths", metavar="PATH", nargs="+", help="an item, or a directory to list")
    text = "an item that does not exist is an error (the default), an empty line and null in JSON, or left out"
    parser.add_argument("--missing", choices=["error", "null", "skip"], default="error", help=text)
    parser.add_argument("--default", metavar="TEXT", help="the value of an item that does not exist")
    _add_show_secrets(parser)


def _add_facts(parser: Parser) -> None:
    text = "all (the default) or a part such as network, ram or !tags; may be given more than once"
    parser.add_argument("--subset", metavar="NAME", action="append", help=text)


def _add_directory(parser: Parser) -> None:
    text = "a directory, with or without a slash at its end"
    parser.add_argument("path", metavar="PATH", nargs="?", default="meta-data/", help=text)
    _add_show_secrets(parser)


def _add_show_secrets(parser: Parser) -> None:
    parser.add_argument("--show-secrets", action="store_true", help="print secrets as well")


def _add_token(parser: Parser) -> None:
    parser.add_argument("--file", metavar="FILE", required=True, help="the file to write")
    parser.add_argument("--ttl", type=int, metavar="S", help="lifetime of this token (default: that of --token-ttl)")


def _add_watch(parser: Parser) -> None:
    _add_state_dir(parser)
    parser.add_argument("--seconds", type=float, metavar="S", help="end after this time (default: when it is told to)")
    parser.add_argument("--status", action="store_true", help="print how the watch that is running does, and end")


def _add_callers(parser: Parser) -> None:
    _add_state_dir(parser)
    text = "where the log of Alibaba's analyzer is (default: %s)" % LOG_DIRECTORY
    parser.add_argument("--log-dir", metavar="DIR", default=LOG_DIRECTORY, help=text)
    parser.add_argument(
        "--max-age", type=int, metavar="S", help="only requests of which the last is not older than this"
    )
    text = "only requests of this mode: %s; may be repeated" % ", ".join(MODES)
    parser.add_argument("--mode", metavar="MODE", action="append", choices=MODES, help=text)
    text = (
        "only callers with a name (executable, user, unit, container, command, address) that matches; may be repeated"
    )
    parser.add_argument("--caller", action="append", metavar="PATTERN", help=text)
    parser.add_argument(
        "--ignore-noise", action="store_true", help="without what software that knows tokens does anyway"
    )


def _add_state_dir(parser: Parser) -> None:
    text = "where the counts are kept (default: %s)" % STATE_DIRECTORY
    parser.add_argument("--state-dir", metavar="DIR", default=STATE_DIRECTORY, help=text)


def settings(arguments: argparse.Namespace) -> Settings:
    """From the options, else the environment, else the defaults; raise Failure for a value that will not do."""
    given = vars(arguments)
    chosen: t.Dict[str, t.Any] = {}
    for name, convert, _metavar, _help in _SETTINGS:
        variable = "ALICLOUD_IMDS_" + name.upper()
        if given[name] is not None:
            chosen[name] = given[name]
        elif os.environ.get(variable):
            try:
                chosen[name] = convert(os.environ[variable])
            except ValueError:
                raise Failure(USAGE, "The environment variable %s is not a number." % variable) from None
    if "endpoint" in chosen:
        chosen["endpoint"] = chosen["endpoint"].rstrip("/")
    of_this_token = given.get("ttl")  # an option of the command token
    if of_this_token is not None:
        chosen["token_ttl"] = of_this_token
    try:
        return Settings(**chosen).validate()
    except ValueError as exc:
        message = in_words_of_the_command(str(exc))
        raise Failure(USAGE, message if of_this_token is None else message.replace("--token-ttl", "--ttl")) from None


def in_words_of_the_command(message: str) -> str:
    """*message*, which names the options as plugins do, with the options of the command: 'token_ttl' -> --token-ttl."""
    for name, _convert, _metavar, _help in _SETTINGS:
        option = "--" + name.replace("_", "-")
        message = message.replace("'%s'" % name, option)
        if message.startswith(name + " "):
            message = option + message[len(name) :]
    return message


def _as_text(section: texts.Section) -> str:
    width = max(len(term) for term, _meaning in section.entries)
    if width > 30:
        return "%s:\n%s" % (section.title, "\n".join("  %s\n      %s" % entry for entry in section.entries))
    return "%s:\n%s" % (section.title, "\n".join("  %-*s  %s" % (width, *entry) for entry in section.entries))
