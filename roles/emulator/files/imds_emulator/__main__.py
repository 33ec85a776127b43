# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the `imds-emulator` command: serve, example-config, check-config, ctl, openapi, certificate, address."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import typing as t

from . import background, config, ctl, description, example, flags, help_text, real_address
from .address import is_loopback, parse_address
from .clock import Clock
from .emulator import Emulator, Settings
from .state import State
from .storage import write_json
from .test_key import CERTIFICATE


def main(arguments: t.Optional[t.List[str]] = None) -> int:
    """Run one command and return its exit status. Errors are one line on stderr."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        options = help_text.parse(words, os.environ)
        return int(_COMMANDS[options.command](options))
    except (ValueError, OSError) as problem:
        print("imds-emulator: %s" % ctl.line(problem), file=sys.stderr)
        return 1


def _serve(options: argparse.Namespace) -> int:
    if options.admin and not is_loopback(parse_address(options.admin)[0]):
        reason = "not a loopback address. The admin API has no authentication; use 127.0.0.1 or [::1]."
        raise ValueError("--admin %s: %s" % (options.admin, reason))
    listen = options.listen
    if options.real_address:
        listen = (listen or []) + real_address.listen_addresses()
    settings = Settings(
        options.config,
        listen,
        options.admin,
        options.journal,
        options.state,
        options.timeout,
        options.connections,
        options.control,
        flags.changes(options),
    )
    if options.background:
        return background.run(lambda ready: _run(settings, options, ready), options.log)
    return _run(settings, options, background.notify_systemd)


def _run(settings: Settings, options: argparse.Namespace, ready: background.Ready) -> int:
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # in all threads, so that only sigwait() below receives them
    emulator = Emulator(settings)
    emulator.start()
    where = emulator.listeners.addresses()
    _announce(where, options.background)
    if options.ready_file:
        write_json(options.ready_file, dict(where, pid=os.getpid()))
    ready()
    signal.sigwait(ends)
    emulator.stop()
    if options.ready_file and os.path.exists(options.ready_file):
        os.unlink(options.ready_file)
    sys.stderr.flush()
    os._exit(0)  # do not wait for the threads of open connections


def _announce(where: t.Dict[str, t.Any], in_background: bool) -> None:
    lines = ["metadata service on http://%s" % address for address in where["listen"]]
    for name, entry in where["instances"].items():
        if entry["listen"]:
            lines.append("metadata service of %s on http://%s" % (name, entry["listen"]))
    if where["control"]:
        lines.append("control plane (ECS and STS OpenAPI) on http://%s" % where["control"])
    if where["admin"]:
        lines.append("admin on http://%s" % where["admin"])
    if in_background:
        lines.append("process ID %d; stop the emulator with: kill %d" % (os.getpid(), os.getpid()))
    print("\n".join(lines), file=sys.stderr, flush=True)


def _example_config(_options: argparse.Namespace) -> int:
    print(json.dumps(example.commented(), indent=2))
    return 0


def _check_config(options: argparse.Namespace) -> int:
    loaded = config.load(options.config)
    State(loaded, Clock())
    return 0


def _ctl(options: argparse.Namespace) -> int:
    return ctl.perform(options.admin, options.words)


def _openapi(_options: argparse.Namespace) -> int:
    print(description.text(), end="")
    return 0


def _certificate(_options: argparse.Namespace) -> int:
    print(CERTIFICATE, end="")
    return 0


def _address(options: argparse.Namespace) -> int:
    return real_address.run(options.action, options.marker)


_COMMANDS = {
    "serve": _serve,
    "example-config": _example_config,
    "check-config": _check_config,
    "ctl": _ctl,
    "openapi": _openapi,
    "certificate": _certificate,
    "address": _address,
}

if __name__ == "__main__":
    sys.exit(main())
