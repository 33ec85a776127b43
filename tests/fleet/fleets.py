# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An emulated fleet with a throttled API, and measured runs of the module metadata_options."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lab
from waiting import wait_until

HERE = Path(__file__).resolve().parent
REGIONS = ("ap-southeast-1", "cn-beijing", "cn-hangzhou", "eu-central-1")
KEY, SECRET, ACCOUNT = "LTAI5tFleetFleetFleet01", "fleet-test-secret", "1600000000000000"
DESCRIBE, MODIFY = "DescribeInstances", "ModifyInstanceMetadataOptions"
NO_ENTRY = 1_000_000_000  # for the parameter `after` of GET /calls

State = dict[str, tuple[str, str, str]]


def instance(number: int) -> dict[str, Any]:
    """Return an instance. Three of ten permit normal mode. Some of both kinds have a disabled endpoint or tags in their metadata."""
    region = REGIONS[number // 10 % len(REGIONS)]
    return {
        "instance_id": f"i-fleet{number:05}",
        "region_id": region,
        "zone_id": region + "-a",
        "owner_account_id": ACCOUNT,
        "clients": [],
        "http_tokens": "optional" if number % 10 < 3 else "required",
        "http_endpoint": "disabled" if number % 7 == 0 else "enabled",
        "instance_metadata_tags": "enabled" if number % 11 == 0 else "disabled",
    }


def configuration(size: int, per_second: float | None) -> dict[str, Any]:
    """Return the configuration of the emulator. *per_second* limits the calls of an operation in a region; None means no limit."""
    control = {
        "access_keys": {KEY: {"secret": SECRET, "account": ACCOUNT, "actions": ["ecs:*"]}},
        "account_id": ACCOUNT,
        "throttle": {"per_second": per_second} if per_second else None,
    }
    return {"instances": [instance(number) for number in range(size)], "control": control}


@dataclass
class Run:
    """One run of the module: seconds, API calls, result, peak memory in MiB and CPU seconds."""

    wall: float
    calls: list[dict[str, Any]]
    result: dict[str, Any] = field(default_factory=dict)
    memory: float = 0.0
    cpu: float = 0.0

    def accepted(self, action: str) -> list[dict[str, Any]]:
        return [call for call in self.calls if call["action"] == action and call["status"] == 200]

    def modified(self) -> Counter[str]:
        """Return the number of accepted changes by instance."""
        return Counter(call["instance"] for call in self.accepted(MODIFY))

    def line(self) -> str:
        throttled = sum(call["status"] != 200 for call in self.calls)
        text = f"{self.wall:.1f} s, {len(self.accepted(DESCRIBE))} reads, {len(self.accepted(MODIFY))} changes"
        text += f", {throttled} calls throttled"
        return text + (f", {self.cpu:.1f} s CPU, {self.memory:.0f} MiB" if self.memory else "")


class Fleet:
    """The emulator, and runs of a module with its API. *modify* is the operation that changes an item."""

    def __init__(
        self, emulator: lab.Emulator, folder: Path, module: str = "metadata_options", modify: str = MODIFY
    ) -> None:
        self._module = module
        self._modify = modify
        self.usage = folder / "usage.json"
        self.endpoint = emulator.control_endpoint
        self.admin = emulator.admin
        self._seen = 0
        self.record = folder / "record.json"

    def state(self) -> State:
        """Return endpoint, tokens and tags by instance, as the data plane has them."""
        names = ("http_endpoint", "http_tokens", "instance_metadata_tags")
        listing = self.admin("GET", "/instances")
        return {row["instance_id"]: tuple(row[name] for name in names) for row in listing["instances"]}

    def recorded(self) -> int:
        """Return the number of instances in the record."""
        return len(json.loads(self.record.read_text())["instances"])

    def throttle(self, per_second: int) -> None:
        self.admin("PATCH", "/control", {"throttle": {"per_second": per_second}})

    def faults(self, *faults: dict[str, Any]) -> None:
        """Replace the faults of the API."""
        self.admin("PATCH", "/control", {"faults": list(faults)})

    def run(self, **arguments: Any) -> Run:
        """Run the module with these arguments until it ends."""
        return self.measure(self._command(), self._arguments(arguments))

    def measure(self, command: Sequence[str], text: str) -> Run:
        """Run a command that reads *text*, prints JSON, and writes its memory and CPU time to the file `usage`."""
        began = time.monotonic()
        process = self._start(command, text)
        output, errors = process.communicate()
        wall = time.monotonic() - began
        assert process.returncode == 0, (output[-2000:], errors[-2000:])
        used = json.loads(self.usage.read_text())
        return Run(wall, self._calls(), json.loads(output), used["memory"], used["cpu"])

    def run_and_kill(self, after_changes: int, **arguments: Any) -> Run:
        """Run the module and kill it after *after_changes* accepted changes. Further calls hang, so it cannot end before."""
        began = time.monotonic()
        before, open_before = self._changes(), self._connections()
        self.faults({"kind": "hang", "action": self._modify, "skip": after_changes})
        process = self._start(self._command(), self._arguments(arguments))
        wait_until(
            lambda: self._changes() == before + after_changes or process.poll() is not None, "half of the changes"
        )
        assert process.poll() is None, "the module ended before it could be killed"
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        # A call that the API has not read yet would be accepted without the fault.
        wait_until(lambda: self._connections() <= open_before, "the end of the connections of the killed module")
        self.faults()
        return Run(time.monotonic() - began, self._calls())

    def _command(self) -> list[str]:
        return [sys.executable, str(HERE / "run_module.py"), self._module, str(self.usage)]

    def _arguments(self, own: dict[str, Any]) -> str:
        common = {"access_key_id": KEY, "access_key_secret": SECRET, "api_endpoint": self.endpoint}
        return json.dumps({**common, "record": str(self.record), **own})

    def _start(self, command: Sequence[str], text: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        assert process.stdin
        process.stdin.write(text)
        process.stdin.close()
        process.stdin = None  # Otherwise communicate() closes it again.
        return process

    def _connections(self) -> set[str]:
        """Return the clients of the connections that the API has not closed."""
        port = f":{int(str(self.endpoint).rpartition(':')[2]):04X}"
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return {
            words[2] for words in lines if words[1].endswith(port) and words[3] in ("01", "08")
        }  # established, close wait

    def _changes(self) -> int:
        totals = self.admin("GET", f"/calls?after={NO_ENTRY}")["totals"]
        return int(totals.get(self._modify, {}).get("ok", 0))

    def measured(self) -> None:
        """Do not count the calls so far."""
        self._calls()

    def _calls(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.admin("GET", f"/calls?after={self._seen}")["entries"]
        self._seen = entries[-1]["n"] if entries else self._seen
        return entries
