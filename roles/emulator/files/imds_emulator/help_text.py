# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the command-line parser and its help."""

from __future__ import annotations

import argparse
import typing as t

from . import __version__, ctl, faults, flags, switches
from .control import faults as control_faults
from .control import operations as control_operations
from .control import settings as control_settings
from .listeners import DEFAULT_LISTEN
from .spelling import similar

EXAMPLE = """example:
  imds-emulator serve --instance i-test --tokens required --admin 127.0.0.1:8101 &
  TOKEN=$(curl -sX PUT -H 'X-aliyun-ecs-metadata-token-ttl-seconds: 60' http://127.0.0.1:8100/latest/api/token)
  curl -H "X-aliyun-ecs-metadata-token: $TOKEN" http://127.0.0.1:8100/latest/meta-data/instance-id
  imds-emulator-ctl set i-test http_tokens=optional   # from a checkout: imds-emulator ctl
"""
#: Commands without arguments that print something: the first sentence is the help, all are the description.
_PRINTERS = {
    "example-config": "print a configuration with every key. Keys that start with # are comments, which the emulator ignores. "
    "Save the output, keep the keys that you need, and start the emulator with `serve --config FILE`.",
    "openapi": "print the OpenAPI description of the admin API. The running emulator serves it as /openapi.json.",
    "certificate": "print the certificate for the verification of identity documents (pkcs7). It is a test certificate: that of "
    "the real service is another one.",
}


class _Parser(argparse.ArgumentParser):
    """A parser whose errors name the environment variables in use."""

    variables: t.Tuple[str, ...] = ()

    def error(self, message: str) -> t.NoReturn:
        """Print the usage and the message, and exit with status 2."""
        if self.variables:
            message += " (environment variables in use: %s)" % ", ".join(self.variables)
        super().error(message)


def parse(words: t.List[str], environment: t.Mapping[str, str]) -> argparse.Namespace:
    """Return the options of a command line. Environment variables add options to `serve`.

    Raises: ValueError for an invalid variable.
    """
    whole, serve = parser()
    if words[:1] == ["serve"]:
        added = flags.from_environment(serve, words, environment)
        serve.variables = tuple(added)
        words = ["serve"] + [word for more in added.values() for word in more] + words[1:]
    options, unknown = whole.parse_known_args(words)
    if unknown:
        (serve if options.command == "serve" else whole).error(_unrecognized(serve, options.command, unknown))
    return options


def _unrecognized(serve: argparse.ArgumentParser, command: str, words: t.List[str]) -> str:
    known = [word for action in serve._actions for word in action.option_strings] if command == "serve" else []
    return "unrecognized arguments: %s%s" % (" ".join(words), similar(words[0].partition("=")[0], known))


def parser() -> t.Tuple[_Parser, _Parser]:
    """Return the parser of all commands, and that of `serve`."""
    result = _Parser(
        prog="imds-emulator",
        description="Emulate the ECS instance metadata service (IMDS) of Alibaba Cloud for tests.",
        epilog="Start with: imds-emulator serve --help",
    )
    result.add_argument("--version", action="version", version=__version__)
    commands = result.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = _add_serve(commands)
    for name, text in _PRINTERS.items():
        commands.add_parser(name, help=text.partition(".")[0], description=text[0].upper() + text[1:])
    _add_others(commands)
    return result, serve


def _add_others(commands: "argparse._SubParsersAction[_Parser]") -> None:
    """Add the commands check-config, ctl and address."""
    check = commands.add_parser(
        "check-config",
        help="validate a configuration file",
        description="Validate a configuration file without starting the emulator. An error is one line with file, line and key, "
        "and the exit status is 1.",
    )
    check.add_argument("config", metavar="FILE", help="configuration file")
    control = commands.add_parser(
        "ctl",
        help="inspect and change a running emulator",
        description="Inspect and change a running emulator, of which `serve --admin` opened the admin API.",
        epilog=ctl.commands(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    ctl.add_arguments(control)
    address = commands.add_parser(
        "address",
        help="add or remove the service addresses 100.100.100.200 and fd00:100::100:200 on lo (requires root)",
        description="Add the addresses of the real service to the loopback interface lo of this host, for "
        "`serve --real-address`, or remove them. Until they are removed, all programs of the host reach the emulator instead of "
        "the service. add and remove require root and the command ip.",
    )
    address.add_argument(
        "action", choices=("add", "remove", "show"), help="show: exit status 0 if the host has the addresses"
    )
    address.add_argument(
        "--marker",
        metavar="FILE",
        help="record in FILE which addresses add added; remove only addresses with this record",
    )


def _add_serve(commands: "argparse._SubParsersAction[_Parser]") -> _Parser:
    serve = commands.add_parser(
        "serve",
        help="run the emulator",
        description="Run the emulator until SIGTERM (kill PID) or SIGINT (Ctrl-C).",
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    flags.add_options(serve)
    _add_addresses_and_files(serve)
    add = serve.add_argument
    add(
        "--timeout",
        type=_positive,
        default=30.0,
        metavar="SECONDS",
        help="timeout for idle clients (default: %(default)s)",
    )
    add(
        "--connections",
        type=_count,
        default=512,
        metavar="N",
        help="maximum number of simultaneous connections (default: %(default)s)",
    )
    add(
        "--background",
        action="store_true",
        help="print the process ID and return when the emulator is ready, and continue in the background until `kill PID`",
    )
    add(
        "--log",
        metavar="FILE",
        help="with --background: append later messages, such as errors, to FILE (default: discard them)",
    )
    return serve


def _add_addresses_and_files(serve: argparse.ArgumentParser) -> None:
    add = serve.add_argument
    add(
        "--config",
        metavar="FILE",
        help="configuration file, see `imds-emulator example-config` (default: one example instance)",
    )
    add(
        "--listen",
        action="append",
        metavar="ADDRESS:PORT",
        help="address of the metadata service, can be repeated; port 0: any free port (default: %s, or none if every "
        "instance has its own address)" % DEFAULT_LISTEN,
    )
    add(
        "--real-address",
        action="store_true",
        help="also listen on the addresses of the real service, 100.100.100.200:80 and [fd00:100::100:200]:80 if the host "
        "has it, see `imds-emulator address add`",
    )
    add(
        "--control",
        metavar="ADDRESS:PORT",
        help="address of the control plane, the ECS and STS API over HTTP without TLS (default: none)",
    )
    add("--admin", metavar="ADDRESS:PORT", help="loopback address of the admin API (default: none)")
    add("--journal", metavar="FILE", help="append every request to FILE, one JSON object per line")
    add("--state", metavar="FILE", help="store changes of the admin API in FILE; a changed --config discards them")
    add("--ready-file", metavar="FILE", help="write process ID and addresses to FILE (JSON) when the emulator is ready")


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError("%r is not a number of seconds, greater than 0 and less than 1000000" % text)
    return number


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError("%r is not a whole number from 1" % text)
    return number


def _epilog() -> str:
    parts = [EXAMPLE, "environment: each option has a variable, such as IMDS_EMULATOR_TOKENS for --tokens. An option"]
    parts += [
        "on the command line replaces its variable. An unknown variable IMDS_EMULATOR_... is an error. Variables of"
    ]
    parts += ["options that can be repeated have words as in a shell: IMDS_EMULATOR_TAG='env=test team=infra'."]
    parts += ["Variables of flags are true or false.", ""]
    parts += ["switches (in the configuration, or PATCH /switches) for undocumented behavior;"]
    parts += ["the first value is the default unless a default is given"]
    parts += switches.help_lines()
    parts += [
        "",
        'faults (in an instance, or PUT /instances/ID/faults): {"kind": KIND, "on": "token|data|any" (default: any),',
    ]
    parts += ['"path": PATTERN (default: *), "times": N or null for no limit (default), and the keys of the kind}.']
    parts += ["PATTERN has the wildcards * ? [...] and must match the whole path, such as /latest/meta-data/ram/*."]
    parts += ["Of the faults that replace the response, the first that applies is used; latency and others are added."]
    parts += faults.help_lines()
    parts += ["", "control plane (control: {...} in the configuration, or PATCH /control)"]
    parts += control_settings.help_lines()
    parts += ["", "operations of the control plane:", *("  " + line for line in control_operations.NAMES)]
    parts += [
        "credentials of an instance's RAM role are valid too, with the permissions in role.actions (default: none)"
    ]
    parts += ["", 'faults of the control plane: {"kind": KIND, "action": PATTERN, "region": PATTERN,']
    parts += [
        '"instance": PATTERN, "times": N or null for no limit, "skip": N calls before the first fault, and the keys'
    ]
    parts += ["of the kind};"]
    parts += ['"after": true with error, html, reset, hang: run the operation and replace only its response']
    parts += control_faults.help_lines()
    parts += [
        "",
        "admin API: GET /health /openapi.json /instances /switches /journal?after=N /stats; GET PATCH DELETE /instances/ID;",
    ]
    parts += ["POST /instances; PUT DELETE /instances/ID/faults; PATCH /switches; DELETE /journal;"]
    parts += ["GET /calls?after=N; DELETE /calls; GET PATCH /control;"]
    parts += ['POST /clock {"advance": SECONDS}']
    return "\n".join(parts)
