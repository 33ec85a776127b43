# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manage several test hosts inside tests/lab/enter: `Site` for Python tests, and a command line for playbooks.

    hosts.py up NAME[:KIND[:ROOT]]...           create and start hosts, which run until `down`
    hosts.py down [NAME...]                     remove these hosts, or all of them and the emulator
    hosts.py reboot NAME...                     restart hosts: only files survive
    hosts.py run [--user USER] NAME COMMAND...  run a command without SSH; pass its output and status on
    hosts.py snapshot NAME FILE                 write the host's state, see snapshots.py
    hosts.py compare FILE FILE                  print the differences; exit with status 1 if there are some
    hosts.py emulator [CONFIG]                  start the emulator at the metadata service's address

KIND is systemd (the default), plain or el8, ROOT one of roots.py, by default bookworm. `up` and `emulator` write, with
--inventory FILE, an inventory of all hosts; the variable `test_emulator` in it has the emulator's addresses.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import boot
import lab
import roots
from host import Host
from snapshots import differences, snapshot

EMULATOR = boot.STATE / "emulator.json"


class Site:
    """A set of hosts that are removed at the end of the ``with`` statement."""

    def __init__(self) -> None:
        self.hosts: dict[str, Host] = {}

    def add(self, name: str, kind: str = "systemd", root: str = "bookworm") -> Host:
        """Create and start a host."""
        host = Host.create(name, kind, roots.root(root))
        self.hosts[name] = host
        host.start()
        return host

    def remove(self, host: Host) -> None:
        self.hosts.pop(host.name)
        host.destroy()

    def inventory(self) -> dict[str, Any]:
        return inventory(list(self.hosts.values()))

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        for host in list(self.hosts.values()):
            self.remove(host)


def inventory(hosts: list[Host]) -> dict[str, Any]:
    """Return the content of a JSON file that Ansible reads as an inventory."""
    variables: dict[str, Any] = {"test_hosts": [sys.executable, str(Path(__file__).resolve())]}
    if EMULATOR.exists():
        variables["test_emulator"] = json.loads(EMULATOR.read_text())
    return {"all": {"hosts": {host.name: host.ansible_variables() for host in hosts}, "vars": variables}}


def all_hosts() -> list[Host]:
    """Return all hosts in this laboratory."""
    return [Host.load(path.parent.name) for path in sorted(boot.STATE.glob("*/host.json"))]


def emulator_config(config: dict[str, Any]) -> dict[str, Any]:
    """Return the emulator's configuration with instances completed that name a host: ``{"host": NAME, ...}``.

    Without instances, each host in this laboratory is one.
    """
    instances = config.get("instances") or [{"host": host.name} for host in all_hosts()]
    return {**config, "instances": [_instance(dict(instance)) for instance in instances]}


def _instance(instance: dict[str, Any]) -> dict[str, Any]:
    if "host" not in instance:
        return instance
    host = Host.load(instance.pop("host"))
    interface = {"mac": lab.mac_of(host.ip), "primary_ip_address": host.ip}
    own = {"instance_id": f"i-{host.name}", "clients": [host.ip, lab.ipv6_of(host.ip)], "hostname": host.name}
    return {**own, "network_interfaces": [interface], **instance}


def up(arguments: argparse.Namespace) -> int:
    for wanted in arguments.hosts:
        name, kind, root = (*wanted.split(":"), "", "")[:3]
        host = Host.create(name, kind or "systemd", roots.root(root or "bookworm"))
        host.start()
        print(f"{name} is up at {host.ip}")
    return write_inventory(arguments)


def write_inventory(arguments: argparse.Namespace) -> int:
    if arguments.inventory:
        arguments.inventory.write_text(json.dumps(inventory(all_hosts()), indent=2))
    return 0


def down(arguments: argparse.Namespace) -> int:
    for host in [Host.load(name) for name in arguments.hosts] or all_hosts():
        host.destroy()
    if not arguments.hosts and EMULATOR.exists():
        boot.end(json.loads(EMULATOR.read_text())["pid"])
        EMULATOR.unlink()
    return 0


def reboot(arguments: argparse.Namespace) -> int:
    for name in arguments.hosts:
        Host.load(name).reboot()
    return 0


def run(arguments: argparse.Namespace) -> int:
    done = Host.load(arguments.host).run(*arguments.command, user=arguments.user)
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    return done.returncode


def write_snapshot(arguments: argparse.Namespace) -> int:
    arguments.file.write_text(json.dumps(snapshot(Host.load(arguments.host)), indent=1))
    return 0


def compare(arguments: argparse.Namespace) -> int:
    lines = differences(*(json.loads(path.read_text()) for path in arguments.files))
    print(*lines, sep="\n")
    return 1 if lines else 0


def emulator(arguments: argparse.Namespace) -> int:
    config = json.loads(arguments.config.read_text()) if arguments.config else {}
    running = lab.start_emulator(emulator_config(config), control=arguments.control or True, detached=True)
    ready = {"pid": running.process.pid, "admin": running.admin_address, "control_endpoint": running.control_endpoint}
    ready |= {"listen": running.listen, "endpoint": running.endpoint(), "log": str(running.log)}
    for path in filter(None, (EMULATOR, arguments.ready)):
        path.write_text(json.dumps(ready))
    return write_inventory(arguments)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(function: Any, name: str = "") -> argparse.ArgumentParser:
        added = commands.add_parser(name or function.__name__)
        added.set_defaults(function=function)
        return added

    added = command(up)
    added.add_argument("hosts", nargs="+", metavar="NAME[:KIND[:ROOT]]")
    added.add_argument("--inventory", type=Path)
    command(down).add_argument("hosts", nargs="*", metavar="NAME")
    command(reboot).add_argument("hosts", nargs="+", metavar="NAME")
    added = command(run)
    added.add_argument("host", metavar="NAME")
    added.add_argument("--user")
    added.add_argument("command", nargs=argparse.REMAINDER)
    added = command(write_snapshot, "snapshot")
    added.add_argument("host", metavar="NAME")
    added.add_argument("file", type=Path)
    command(compare).add_argument("files", nargs=2, type=Path)
    added = command(emulator)
    added.add_argument("config", nargs="?", type=Path)
    added.add_argument(
        "--ready", type=Path, metavar="FILE", help="write the emulator's addresses to this file, as JSON"
    )
    added.add_argument("--inventory", type=Path)
    added.add_argument("--control", metavar="ADDRESS:PORT")
    return top


def main() -> int:
    arguments = parser().parse_args()
    try:
        status: int = arguments.function(arguments)
    except (roots.CannotCreate, RuntimeError, OSError, ValueError, subprocess.CalledProcessError) as problem:
        print(f"hosts.py: {problem}", file=sys.stderr)
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
