# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What does ``--help`` say? Every option, and how to begin."""

from __future__ import annotations

import argparse

from . import ctl, faults, switches
from .control import faults as control_faults
from .control import operations as control_operations
from .control import settings as control_settings
from .listeners import DEFAULT_LISTEN

EXAMPLE = """an example:
  imds-emulator serve --listen 127.0.0.1:8100 --admin 127.0.0.1:8101 &
  TOKEN=$(curl -sX PUT -H 'X-aliyun-ecs-metadata-token-ttl-seconds: 60' http://127.0.0.1:8100/latest/api/token)
  curl -H "X-aliyun-ecs-metadata-token: $TOKEN" http://127.0.0.1:8100/latest/meta-data/instance-id
  imds-emulator ctl --admin 127.0.0.1:8101 set i-bp1example0000000001 http_tokens=required
"""


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="imds-emulator",
        description="Emulates the ECS instance metadata service of Alibaba Cloud, for tests.",
        epilog="Begin with: imds-emulator serve --help",
    )
    commands = result.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_serve(commands)
    commands.add_parser("example-config", help="print a complete configuration to start from (keys with # explain)")
    check = commands.add_parser("check-config", help="say what is wrong with a configuration file, if anything")
    check.add_argument("config", metavar="FILE", help="the configuration")
    control = commands.add_parser(
        "ctl",
        help="ask and change a running emulator",
        epilog=ctl.COMMANDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    control.add_argument("--admin", required=True, metavar="ADDRESS:PORT", help="its admin address")
    control.add_argument("words", nargs="+", metavar="COMMAND", help="see below")
    commands.add_parser("certificate", help="print the certificate that verifies identity signatures (pkcs7)")
    address = commands.add_parser("address", help="give lo the service's own address, 100.100.100.200 (needs root)")
    address.add_argument("action", choices=("add", "remove", "show"), help="show: exit status 0 if it is there")
    address.add_argument("--marker", metavar="FILE", help="note in FILE that add was needed; remove only what it notes")
    return result


def _add_serve(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    serve = commands.add_parser(
        "serve",
        help="run the emulator",
        description="Runs the emulator until SIGTERM or SIGINT.",
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = serve.add_argument
    add("--config", metavar="FILE", help="JSON, see `imds-emulator example-config`; without: one example instance")
    add(
        "--listen",
        action="append",
        metavar="ADDRESS:PORT",
        help="where the service answers, may be repeated; port 0: any free one (default %s, or nowhere when every "
        "instance has an address of its own)" % DEFAULT_LISTEN,
    )
    add(
        "--control",
        metavar="ADDRESS:PORT",
        help="where the control plane answers: OpenAPI of ECS and STS over plain HTTP (default: nowhere)",
    )
    add("--admin", metavar="ADDRESS:PORT", help="where the admin side answers, loopback only (default: nowhere)")
    add("--journal", metavar="FILE", help="append every request to FILE, one JSON object a line")
    add("--state", metavar="FILE", help="keep what the admin side changes; a changed --config starts afresh")
    add("--ready-file", metavar="FILE", help="written when everything answers: process id and addresses, JSON")
    add("--timeout", type=_positive, default=30.0, metavar="SECONDS", help="for a silent client (default %(default)s)")
    add("--connections", type=_count, default=512, metavar="N", help="served at the same time (default %(default)s)")
    add("--background", action="store_true", help="return as soon as everything answers, and go on in the background")
    add("--log", metavar="FILE", help="with --background: where messages go (default: nowhere)")


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < 1e6:
        raise ValueError(text)
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _epilog() -> str:
    parts = [EXAMPLE, "switches (in the configuration, or PATCH /switches) for what is not documented;"]
    parts += ["the first value is the default"]
    parts += switches.help_lines()
    parts += ["", 'faults (in an instance, or PUT /instances/ID/faults): {"kind": KIND, "on": "token|data|any",']
    parts += ['"path": PATTERN, "times": N or null for ever, and the keys of the kind}']
    parts += faults.help_lines()
    parts += ["", "control plane (control: {...} in the configuration, or PATCH /control)"]
    parts += control_settings.help_lines()
    parts += ["", "its operations:", *("  " + line for line in control_operations.NAMES)]
    parts += ["keys that instances hand out for their RAM role are valid too; they may do what role.actions says,"]
    parts += ["which is nothing by default"]
    parts += ["", 'its faults: {"kind": KIND, "action": PATTERN, "region": PATTERN, "instance": PATTERN,']
    parts += ['"times": N or null for ever, "skip": N calls that pass first, and the keys of the kind};']
    parts += ['"after": true with error, html, reset, hang: the operation is carried out, only its answer is lost']
    parts += control_faults.help_lines()
    parts += ["", "admin: GET /health /instances /switches /journal?after=N /stats; GET PATCH DELETE /instances/ID;"]
    parts += ["POST /instances; PUT DELETE /instances/ID/faults; PATCH /switches; DELETE /journal;"]
    parts += ["GET /calls?after=N; DELETE /calls; GET PATCH /control;"]
    parts += ['POST /clock {"advance": SECONDS}']
    return "\n".join(parts)
