# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line of ecs-metadata. Help, manual and completion all come from here. Private to the collection."""

from __future__ import annotations

import argparse
import os
import typing as t

from ._client import LONGEST_TTL, Settings
from ._command_output import USAGE, Failure, write
from ._command_parser_watch import CALLERS, WATCH, add_callers, add_watch

NAME = "ecs-metadata"
PURPOSE = "read the metadata of this Alibaba Cloud ECS instance"
_DEFAULTS = Settings()


class Section(t.NamedTuple):
    """A titled list of terms and what they mean."""

    title: str
    entries: t.Sequence[t.Tuple[str, str]]


EXIT_STATUS = Section(
    "exit status",
    [
        ("0", "done; for modes: no metadata without a token (required or disabled)"),
        ("1", "another failure, such as a file that cannot be written; watch --status: none runs"),
        ("2", "wrong usage: an unknown option, a path that is none, a value out of range"),
        ("3", "not found: the instance has no such item"),
        ("4", "refused: the service answered 401 or 403"),
        ("5", "unreachable: no answer; this may not be an ECS instance"),
        ("6", "unexpected reply: something answered, but not as the metadata service does"),
        ("7", "withheld: the item is a secret, and --show-secrets was not given"),
        ("10", "modes: metadata can be read without a token (optional)"),
        ("130", "interrupted"),
    ],
)

_SETTINGS: t.Sequence[t.Tuple[str, t.Callable[[str], t.Any], str, str]] = (
    ("endpoint", str, "URL", "where the service is, http://HOST or http://HOST:PORT"),
    ("timeout", float, "S", "seconds to wait for one answer"),
    ("deadline", float, "S", "seconds that the whole operation may take, all tries included"),
    ("token_ttl", int, "S", "lifetime of the token, 1 to %d seconds" % LONGEST_TTL),
    ("retries", int, "N", "further tries after throttling, server errors and lost connections"),
)

ENVIRONMENT = Section(
    "environment",
    [(_variable, "default of --%s" % _variable[14:].lower().replace("_", "-")) for _variable in
     ("ALICLOUD_IMDS_" + _name.upper() for _name, _type, _metavar, _help in _SETTINGS)],
)  # fmt: skip

EXAMPLES = Section(
    "examples",
    [
        ("ecs-metadata get region-id", "one value, exactly as the service sends it"),
        ("ecs-metadata get --json instance-id zone-id", "several, as a JSON object"),
        ("ecs-metadata get --default none tags/instance/stage", "a tag that may not exist"),
        ("ecs-metadata get --show-secrets user-data > user-data.bin", "a secret; binary content stays intact"),
        ("ecs-metadata tree network/", "everything below a directory"),
        ("ecs-metadata facts --subset network", "a part of the facts, as JSON"),
        ("ecs-metadata token --file /run/user/1000/token --ttl 600", "a token for a program of yours"),
        ("ecs-metadata modes", "can metadata be read without a token?"),
        ("ecs-metadata callers --mode without_token --max-age 604800", "who did so in the last week?"),
        ("ecs-metadata completion bash > /etc/bash_completion.d/ecs-metadata", "install the completion"),
        ("ecs-metadata manual > /usr/local/share/man/man1/ecs-metadata.1", "install the manual page"),
    ],
)

_DESCRIPTION = """\
Reads metadata in security-enhanced mode only: a token is obtained first, and never
shown. No proxy is used, no redirect is followed. Only 'modes' sends one request
without a token, to see whether it is answered.

instance-id is the item /latest/meta-data/instance-id. dynamic/..., user-data,
vendor-data, maintenance/... and global-config/... are below /latest/. /latest/...
and /2016-01-01/... are taken as they are.

Keys of a RAM role, user-data, vendor-data, the signature of the identity document
and meta-data/all are secrets, shown only with --show-secrets."""

_GET = """\
Prints the values of PATHs.

One PATH: the bytes of the value and nothing more, like curl. On a terminal a line
feed follows, and control characters are shown as escape sequences.
Several PATHs: one value a line, in the order of the PATHs. A value with a line
break in it is an error then; use --json.
With --json: an object from PATH to value; text only.
Nothing is printed unless all PATHs could be read."""

_LS = """\
Prints the names in the directory PATH, one a line; directories end in a slash.
Default: meta-data/. With --json: an array of the names."""

_TREE = """\
Prints all that is below the directory PATH, indented; text is in quotes, numbers,
true and false are not, lists are in brackets. Secrets are shown as (secret).
Default: meta-data/. With --json: the service's own names and texts as nested
objects; the value of a secret is null."""

_FACTS = """\
Prints the facts of this instance as JSON: the same as the Ansible module
alicloud.imds.metadata_facts, without secrets. Away from Alibaba Cloud it prints
{"available": false, ...} within half a second, and that is no failure."""

_MODES = """\
Finds out whether metadata can be read without a token. Prints the verdict
(required, optional, disabled or unreachable) and the checks that led to it."""

_TOKEN = """\
Obtains a token for another program and writes it, and a line feed, to FILE: readable
by you only, complete or not at all, replacing a file that is there. A FILE that is
a link or no regular file is refused, and so is a directory in which somebody else
could replace FILE. Prints nothing but the time when the token expires, in UTC."""


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
    """The parser, the options of all commands, and the parser of each command."""

    parser: Parser
    common: Parser
    commands: t.Dict[str, Parser]


def build() -> CommandLine:
    """The command line, without any default: what is not given is not in the result."""
    as_json = _json()
    common = _common(as_json)
    epilog = "\n\n".join(map(_as_text, (EXIT_STATUS, ENVIRONMENT, EXAMPLES)))
    parser = Parser(prog=NAME, description=_DESCRIPTION, epilog=epilog, parents=[common])
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, prog=NAME, title="commands")
    commands: t.Dict[str, Parser] = {}

    def add(name: str, purpose: str, description: str, parents: t.Sequence[Parser] = (common,)) -> Parser:
        epilog = "Exit status, environment and examples: %s --help" % NAME
        commands[name] = subparsers.add_parser(
            name,
            help=purpose,
            description=description,
            epilog=epilog,
            parents=parents,
            argument_default=argparse.SUPPRESS,
        )
        return commands[name]

    _add_get(add("get", "print chosen values", _GET))
    _add_directory(add("ls", "list a directory", _LS))
    _add_directory(add("tree", "print all values below a directory", _TREE))
    _add_facts(add("facts", "print the facts of this instance as JSON", _FACTS))
    add("modes", "can metadata be read without a token?", _MODES)
    _add_token(add("token", "write a token to a file", _TOKEN))
    add_watch(add("watch", "count who asks the service for what", WATCH, (as_json,)))
    add_callers(add("callers", "print who asked the service for what", CALLERS, (as_json,)))
    shells = add("completion", "print the completion for a shell", "Prints the completion for a shell.", ())
    shells.add_argument("shell", choices=["bash"], help="the shell")
    add("manual", "print the manual page", "Prints the manual page, in the format of man.", ())
    return CommandLine(parser, common, commands)


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
    parser.add_argument("--missing", choices=["error", "null", "skip"], help=text)
    parser.add_argument("--default", metavar="TEXT", help="the value of an item that does not exist")
    _add_show_secrets(parser)


def _add_facts(parser: Parser) -> None:
    text = "all (the default) or a part such as network, ram or !tags; may be given more than once"
    parser.add_argument("--subset", metavar="NAME", action="append", help=text)


def _add_directory(parser: Parser) -> None:
    parser.add_argument("path", metavar="PATH", nargs="?", help="a directory, with or without a slash at its end")
    _add_show_secrets(parser)


def _add_show_secrets(parser: Parser) -> None:
    parser.add_argument("--show-secrets", action="store_true", help="print secrets as well")


def _add_token(parser: Parser) -> None:
    parser.add_argument("--file", metavar="FILE", required=True, help="the file to write")
    parser.add_argument("--ttl", type=int, metavar="S", help="lifetime of this token (default: that of --token-ttl)")


def settings(arguments: argparse.Namespace) -> Settings:
    """From the options, else the environment, else the defaults; raise Failure for a value that will not do."""
    chosen: t.Dict[str, t.Any] = {}
    for name, convert, _metavar, _help in _SETTINGS:
        variable = "ALICLOUD_IMDS_" + name.upper()
        if hasattr(arguments, name):
            chosen[name] = getattr(arguments, name)
        elif os.environ.get(variable):
            try:
                chosen[name] = convert(os.environ[variable])
            except ValueError:
                raise Failure(USAGE, "The environment variable %s is not a number." % variable) from None
    if "endpoint" in chosen:
        chosen["endpoint"] = chosen["endpoint"].rstrip("/")
    try:
        if hasattr(arguments, "ttl"):
            chosen["token_ttl"] = arguments.ttl
        return Settings(**chosen).validate()
    except ValueError as exc:
        message = in_words_of_the_command(str(exc))
        raise Failure(
            USAGE, message.replace("--token-ttl", "--ttl") if hasattr(arguments, "ttl") else message
        ) from None


def in_words_of_the_command(message: str) -> str:
    """*message*, which names the options as plugins do, with the options of the command: 'token_ttl' -> --token-ttl."""
    for name, _convert, _metavar, _help in _SETTINGS:
        option = "--" + name.replace("_", "-")
        message = message.replace("'%s'" % name, option)
        if message.startswith(name + " "):
            message = option + message[len(name) :]
    return message


def _as_text(section: Section) -> str:
    width = max(len(term) for term, _meaning in section.entries)
    if width > 30:
        return "%s:\n%s" % (section.title, "\n".join("  %s\n      %s" % entry for entry in section.entries))
    return "%s:\n%s" % (section.title, "\n".join("  %-*s  %s" % (width, *entry) for entry in section.entries))
