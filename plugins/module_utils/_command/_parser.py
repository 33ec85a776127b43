# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Define the command line of ecs-metadata, from which the help and the completion are generated."""

import argparse
import os
import typing as t

from .._callers._vocabulary import LOG_DIRECTORY, MODES, STATE_DIRECTORY
from .._imds._client import Settings
from .._imds._service import LONGEST_TTL
from . import _texts as texts
from ._output import USAGE, Failure, write
from ._version import ShowVersion

_DEFAULTS = Settings()

# Name, type, placeholder and help of the options that set up the client.
_SETTINGS: t.Sequence[t.Tuple[str, t.Callable[[str], t.Any], str, str]] = (
    ("endpoint", str, "URL", "address of the service, http://HOST or http://HOST:PORT"),
    ("timeout", float, "SECONDS", "time limit of one request, from connecting to the last byte of the reply"),
    ("deadline", float, "SECONDS", "time limit of the whole command, retries included"),
    ("token_ttl", int, "SECONDS", "lifetime of the token, 1 to %d" % LONGEST_TTL),
    ("retries", int, "N", "number of retries after throttling, server errors and lost connections, 0 to 20"),
)


def _variable(name: str) -> str:
    """Return the environment variable of the setting *name*."""
    return "ALICLOUD_IMDS_" + name.upper()


def _option(name: str) -> str:
    """Return the option of the setting *name*."""
    return "--" + name.replace("_", "-")


ENVIRONMENT = texts.Section(
    "environment", [(_variable(setting[0]), "default of " + _option(setting[0])) for setting in _SETTINGS]
)


class Parser(argparse.ArgumentParser):
    """A parser with the same output on every Python, terminal and locale, which reports errors in one line."""

    def __init__(self, **options: t.Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_Formatter, **options)
        self.color = False  # Python 3.14 and later

    def print_help(self, file: t.Optional[t.Any] = None) -> None:
        """Write the help to standard output."""
        write(self.format_help().encode("utf-8"))

    def error(self, message: str) -> t.NoReturn:
        """Raise Failure with *message* and a pointer to the help."""
        raise Failure(USAGE, "%s. See '%s --help'." % (message.rstrip("."), self.prog))


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=24, width=88)


class CommandLine(t.NamedTuple):
    """The main parser, and the parser of each command."""

    parser: Parser
    commands: t.Dict[str, Parser]

    def parse(self, words: t.Sequence[str]) -> argparse.Namespace:
        """Return the arguments; a setting that is not given is None.

        The settings and --json may stand before or after the name of the command.

        Raises: Failure for a usage error, SystemExit after --help.
        """
        not_given: t.Dict[str, t.Any] = dict.fromkeys(setting[0] for setting in _SETTINGS)
        # argparse would remove or interpret words after "--", differently in each version of Python.
        own, separator, command = _split(words)
        arguments = self.parser.parse_args(own, argparse.Namespace(json=False, **not_given))
        if arguments.command == "exec":
            if arguments.words or not separator or not command:
                raise Failure(
                    USAGE, "exec needs '--' and a command after its options. See '%s exec --help'." % texts.NAME
                )
            arguments.words = command
        return arguments


def _split(words: t.Sequence[str]) -> t.Tuple[t.Sequence[str], bool, t.Sequence[str]]:
    """Return the words before and after the first ``--`` of a command line for exec, and whether there is one."""
    if "exec" not in words or "--" not in words[words.index("exec") :]:
        return words, False, ()
    end = words.index("--", words.index("exec"))
    return words[:end], True, words[end + 1 :]


def build() -> CommandLine:
    """Return the command line of ecs-metadata."""
    as_json = _json()
    connection = _connection()
    common = Parser(add_help=False, argument_default=argparse.SUPPRESS, parents=[as_json, connection])
    sections = (texts.PATHS, texts.SECRETS, texts.EXIT_STATUS, ENVIRONMENT, texts.FILES, texts.EXAMPLES)
    epilog = "\n\n".join([*map(texts.as_text, sections), "Help of a command: %s COMMAND --help" % texts.NAME])
    parser = Parser(prog=texts.NAME, description=texts.DESCRIPTION, epilog=epilog, parents=[common])
    parser.add_argument("--version", nargs=0, action=ShowVersion, help="print the version of the collection and exit")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", prog=texts.NAME, title="commands")
    subparsers.required = True  # Python 3.6 does not accept it as an argument
    commands: t.Dict[str, Parser] = {}

    def add(name: str, parents: t.Sequence[Parser] = (common,)) -> Parser:
        text = texts.COMMANDS[name]
        examples = texts.as_text(texts.Section("examples", text.examples))
        commands[name] = subparsers.add_parser(
            name,
            help=text.purpose,
            description=text.description,
            epilog="%s\n\nPaths, secrets, exit status, environment and files: %s --help" % (examples, texts.NAME),
            parents=parents,
        )
        return commands[name]

    _add_get(add("get"))
    _add_directory(add("ls"))
    _add_directory(add("tree"))
    _add_facts(add("facts"))
    add("modes")
    _add_token(add("token"))
    _add_exec(add("exec", (connection,)))
    _add_watch(add("watch", (as_json,)))
    _add_callers(add("callers", (as_json,)))
    _add_support_bundle(add("support-bundle", (connection,)))
    add("completion", ()).add_argument("shell", choices=["bash", "zsh", "fish"], help="the shell")
    return CommandLine(parser, commands)


# Options that all commands share have no default: the default of a command would replace the value given before it.


def _json() -> Parser:
    parser = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser


def _connection() -> Parser:
    connection = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = connection.add_argument_group("connection options")
    for name, convert, metavar, text in _SETTINGS:
        text += " (default: %s)" % (getattr(_DEFAULTS, name) or " or ".join(_DEFAULTS.endpoints))
        group.add_argument(_option(name), type=convert, metavar=metavar, help=text)
    return connection


def _add_get(parser: Parser) -> None:
    parser.add_argument("paths", metavar="PATH", nargs="+", help="an item, or a directory to list")
    text = "if an item does not exist: fail (the default), print an empty line (null in JSON), or skip it"
    parser.add_argument("--missing", choices=["error", "null", "skip"], default="error", help=text)
    parser.add_argument("--default", metavar="TEXT", help="value of an item that does not exist; overrides --missing")
    _add_show_secrets(parser)


def _add_facts(parser: Parser) -> None:
    text = "a subset of the facts: %s (default: all); !NAME excludes a subset; may be repeated"
    parser.add_argument("--subset", metavar="NAME", action="append", help=text % ", ".join(texts.SUBSETS))


def _add_directory(parser: Parser) -> None:
    text = "a directory, with or without a slash at the end (default: meta-data/)"
    parser.add_argument("path", metavar="PATH", nargs="?", default="meta-data/", help=text)
    _add_show_secrets(parser)


def _add_show_secrets(parser: Parser) -> None:
    parser.add_argument("--show-secrets", action="store_true", help="print secrets too")


def _add_token(parser: Parser) -> None:
    parser.add_argument("--file", metavar="FILE", required=True, help="the file to write; required")
    text = "lifetime of this token, 1 to %d (default: the value of --token-ttl)" % LONGEST_TTL
    parser.add_argument("--ttl", type=int, metavar="SECONDS", help=text)


def _add_exec(parser: Parser) -> None:
    parser.usage = "%(prog)s [options] -- COMMAND [ARGUMENT ...]"
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)  # see `CommandLine.parse`


def _add_watch(parser: Parser) -> None:
    _add_state_dir(parser)
    text = "end after this time, greater than 0 (default: no limit)"
    parser.add_argument("--seconds", type=float, metavar="SECONDS", help=text)
    parser.add_argument("--status", action="store_true", help="print the status of the running watch and exit")


def _add_callers(parser: Parser) -> None:
    _add_state_dir(parser)
    text = "directory of the analyzer's log (default: %s)" % LOG_DIRECTORY
    parser.add_argument("--log-dir", metavar="DIR", default=LOG_DIRECTORY, help=text)
    parser.add_argument("--max-age", type=int, metavar="SECONDS", help="only requests last seen within this time")
    text = "only requests of this mode: %s; may be repeated" % ", ".join(MODES)
    parser.add_argument("--mode", metavar="MODE", action="append", choices=MODES, help=text)
    text = (
        "only callers whose executable, user, unit, container, command name or address matches this shell pattern;"
        " may be repeated"
    )
    parser.add_argument("--caller", action="append", metavar="PATTERN", help=text)
    parser.add_argument(
        "--ignore-noise", action="store_true", help="omit known harmless requests from token-aware software"
    )
    parser.add_argument("--follow", action="store_true", help="print new requests until interrupted")


def _add_support_bundle(parser: Parser) -> None:
    _add_state_dir(parser)
    parser.add_argument("--file", metavar="FILE", help="file for the report (default: standard output)")
    text = "include names of programs, users, units and containers, addresses, and messages"
    parser.add_argument("--names", action="store_true", help=text)


def _add_state_dir(parser: Parser) -> None:
    text = "directory of the records (default: %s)" % STATE_DIRECTORY
    parser.add_argument("--state-dir", metavar="DIR", default=STATE_DIRECTORY, help=text)


def settings(arguments: argparse.Namespace) -> Settings:
    """Return the settings: from the options, otherwise from the environment, otherwise the defaults.

    Raises: Failure for a value that is out of range or not a number.
    """
    given = vars(arguments)
    chosen: t.Dict[str, t.Any] = {}
    for name, convert, _metavar, _help in _SETTINGS:
        variable = _variable(name)
        if given[name] is not None:
            chosen[name] = given[name]
        elif os.environ.get(variable):
            try:
                chosen[name] = convert(os.environ[variable])
            except ValueError:
                raise Failure(USAGE, "The environment variable %s is not a number." % variable) from None
    if "endpoint" in chosen:
        chosen["endpoint"] = chosen["endpoint"].rstrip("/")
    ttl = given.get("ttl")  # of the command token
    if ttl is not None:
        chosen["token_ttl"] = ttl
    try:
        return Settings(**chosen).validate()
    except ValueError as exc:
        message = with_option_names(str(exc))
        raise Failure(USAGE, message if ttl is None else message.replace("--token-ttl", "--ttl")) from None


def with_option_names(message: str) -> str:
    """Return *message* with the option names of plugins replaced by those of the command: 'token_ttl' -> --token-ttl."""
    for name, _convert, _metavar, _help in _SETTINGS:
        message = message.replace("'%s'" % name, _option(name))
        if message.startswith(name + " "):
            message = _option(name) + message[len(name) :]
    return message
