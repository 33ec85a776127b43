# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Emulate a container on a test host: a network namespace whose packets the host forwards and masquerades.

It shares the host's file system and processes, because only its packets matter: they pass the host's forward hook.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lab

if TYPE_CHECKING:
    from host import Host

TABLE = "container_engine"


class Container:
    """A container; create it with `Host.container`."""

    def __init__(self, host: Host, number: int) -> None:
        self.host = host
        self.namespace = f"{host.name}-c{number}"
        self.ip = f"172.30.{number}.2"
        self._gateway = f"172.30.{number}.1"
        self._link = f"veth{number}"

    def attach(self) -> None:
        """Connect the container to the host's present network, and let the host forward and masquerade."""
        subprocess.run(["ip", "netns", "add", self.namespace], check=True)
        link = f"link add {self._link} type veth peer name eth0 netns {self.namespace}"
        lab.ip_batch(
            link, f"addr add {self._gateway}/24 dev {self._link}", f"link set {self._link} up", namespace=self.host.name
        )
        lab.ip_batch(
            *("link set lo up", f"addr add {self.ip}/24 dev eth0", "link set eth0 up"),
            f"route add default via {self._gateway}",
            namespace=self.namespace,
        )
        forward = "echo 1 >/proc/sys/net/ipv4/ip_forward"
        subprocess.run([*lab.exec_prefix(self.host.name), "sh", "-c", forward], check=True)
        self.masquerade()

    def detach(self) -> None:
        """Undo `attach`."""
        subprocess.run(["ip", "netns", "del", self.namespace], check=True)

    def masquerade(self) -> None:
        """Add the rules of a container engine. A flush of the host's ruleset removes them, too."""
        rules = f"add table ip {TABLE}; delete table ip {TABLE}\n"
        rules += f"table ip {TABLE} {{ chain postrouting {{ type nat hook postrouting priority srcnat;\n"
        rules += 'ip saddr 172.30.0.0/16 oifname "eth0" masquerade\n}\n}\n'
        self.host.output("nft", "--file", "-", input=rules)

    def run(self, *command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command as `Host.run` does, on the container's network."""
        return self.host.run(*command, network=f"/run/netns/{self.namespace}", **options)
