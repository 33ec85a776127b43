# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start and control both metadata services at their real addresses inside the laboratory."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lab"))

import lab  # noqa: E402
from survey import EC2, ECS  # noqa: E402
from trees import ecs_instance  # noqa: E402

_ADMIN_PORT = 8169
Counts = tuple[int, int]  # connections, requests


def set_address(address: str, present: bool) -> None:
    """Add *address* to the laboratory's loopback interface, or remove it."""
    prefix = f"{address}/{128 if ':' in address else 32}"
    shown = subprocess.run(["ip", "-o", "addr", "show", "dev", "lo"], check=True, capture_output=True, text=True).stdout
    if (f" {prefix} " in shown) != present:
        subprocess.run(["ip", "addr", "add" if present else "del", prefix, "dev", "lo"], check=True)


class Services:
    """A context manager that starts both services, and returns when they answer."""

    def __init__(self, more: dict[str, str] | None = None) -> None:
        for dialect in (ECS, EC2):
            set_address(dialect.address, True)
        instance = ecs_instance(more)
        self._id = instance["instance_id"]
        self._emulator = lab.start_emulator({"instances": [instance], "switches": {"list_global_config": True}})
        command = [sys.executable, str(HERE / "ec2_service.py"), EC2.address, "80", str(_ADMIN_PORT)]
        self._ec2 = subprocess.Popen(command)
        self._wait()

    def _wait(self) -> None:
        give_up = time.monotonic() + 10
        while True:
            try:
                self._ask_ec2("GET", "/")
                return
            except OSError:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.05)

    def set_delay(self, seconds: float) -> None:
        """Let both services sleep before each answer."""
        faults = [{"kind": "latency", "seconds": seconds}] if seconds else []
        self._emulator.admin("PUT", f"/instances/{self._id}/faults", faults)
        self._ask_ec2("PUT", f"/delay/{seconds}")

    def serve_all(self, served: bool) -> None:
        """Set whether the emulator has ``meta-data/all``."""
        self._emulator.admin("PATCH", "/switches", {"all": served})

    def counts(self) -> tuple[Counts, Counts]:
        """Return the connections and requests so far, of the emulator and of the EC2-like service."""
        ours, ec2 = self._emulator.stats(), self._ask_ec2("GET", "/")
        return (ours["connections"], ours["requests"]), (ec2["connections"], ec2["requests"])

    def _ask_ec2(self, method: str, path: str) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", _ADMIN_PORT, timeout=10)
        try:
            connection.request(method, path)
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return answer

    def __enter__(self) -> Services:
        return self

    def __exit__(self, *_: object) -> None:
        self._emulator.stop()
        self._ec2.terminate()
        self._ec2.wait()
