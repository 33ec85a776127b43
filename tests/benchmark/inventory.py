# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""inventory.py: compare the inventory plugin with an inventory script over the vendor's SDK, and write docs/benchmarks-inventory.md.

Everything is on loopback addresses. Needs the SDK that tests/tools/interop.py fetches (see ``make benchmark-inventory``).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
SDK = CHECKOUT / ".cache/interop/sdk/bin/python"
PAGE = CHECKOUT / "docs/benchmarks-inventory.md"
sys.path[:0] = [str(CHECKOUT / "tests/fleet"), str(CHECKOUT / "tests/lab")]

import fleets  # noqa: E402
import inventory_page  # noqa: E402
import lab  # noqa: E402
from compared import median  # noqa: E402
from fleets import ACCOUNT, KEY, REGIONS, SECRET  # noqa: E402
from inventory_page import BARE, CACHED, MEMBERS, PER_PAGE, PER_SECOND, PLUGIN, ROUNDS, SCRIPT, SIZE, Growth, Run, costs  # noqa: E402

FEWER = (1_000, 3_000)  # measured without a delay only
OTHER = "1700000000000000"
ROLE = f"acs:ram::{OTHER}:role/auditor"


def configuration(size: int) -> dict[str, Any]:
    """Return the configuration of the emulator with *size* instances, half of them in another account with a role to assume."""
    made = fleets.configuration(size, None)
    for number, one in enumerate(made["instances"]):
        one["owner_account_id"] = OTHER if number % 2 else ACCOUNT
    made["instances"][1]["role"] = {"name": "auditor", "actions": ["ecs:Describe*"]}
    made["control"]["access_keys"][KEY].update(actions=["*"], user="ann", roles=[ROLE])
    return made


class Bench:
    """The emulated API with *size* instances, and runs of ansible-inventory with it. Files are in *folder*."""

    def __init__(self, emulator: lab.Emulator, folder: Path, size: int) -> None:
        self.size = size
        self.admin = emulator.admin
        self._folder = folder
        self._seen = 0
        endpoint = emulator.control_endpoint or ""
        source = {
            "plugin": "alicloud.imds.ecs",
            "access_key_id": KEY,
            "access_key_secret": SECRET,
            "assume_role": [ROLE],
            "own_account": True,
            "api_endpoint": endpoint,
            "sts_endpoint": endpoint,
            "api_deadline": 600,
            "regions": list(REGIONS),
            "hostnames": ["instance_id"],
        }
        cache = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(folder / "cache")}
        self.plugin, self.cached = folder / "plain.imds.yml", folder / "cached.imds.yml"
        self.plugin.write_text(json.dumps(source))
        self.cached.write_text(json.dumps({**source, **cache}))
        order = {
            "address": endpoint.removeprefix("http://"),
            "key": KEY,
            "secret": SECRET,
            "regions": REGIONS,
            "role": ROLE,
        }
        program = Path(__file__).with_name("vendor_inventory.py")
        self.script, self.members = (
            self._executable(
                name, f"IMDS_BENCHMARK='{json.dumps({**order, 'members': name == 'members'})}' exec {SDK} {program} $@"
            )
            for name in ("script", "members")
        )
        hosts = {"all": {"hosts": [f"host{number}" for number in range(size)]}, "_meta": {"hostvars": {}}}
        (folder / "bare.json").write_text(json.dumps(hosts))
        self.bare = self._executable("bare", f"exec cat {folder / 'bare.json'}")
        self.empty = self._executable("empty", "echo '{}'")
        self._environment = dict(os.environ)
        self._environment["ANSIBLE_INVENTORY_ENABLED"] = "alicloud.imds.ecs,ansible.builtin.script"
        self._environment["ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED"] = "true"

    def _executable(self, name: str, command: str) -> Path:
        path = self._folder / name
        path.write_text(f"#!/bin/sh\n{command}\n")
        path.chmod(0o755)
        return path

    def variables(self) -> dict[str, Any]:
        """Return the variables of a host in the last listing."""
        hosts: dict[str, dict[str, Any]] = self._listing()["_meta"]["hostvars"]
        return next(iter(hosts.values()))

    def _listing(self) -> dict[str, Any]:
        listing: dict[str, Any] = json.loads((self._folder / "listing.json").read_text())
        return listing

    def run(self, source: Path) -> Run:
        """Run ``ansible-inventory --list`` until it ends."""
        listing, errors = self._folder / "listing.json", self._folder / "errors"
        command = [str(BIN / "ansible-inventory"), "--list", "--inventory", str(source), "--output", str(listing)]
        began = time.monotonic()
        with errors.open("wb") as log:
            process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)
        _pid, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(errors.read_text()[-2000:])
        calls = self._calls()
        listing = self._listing()
        hosts = len({*listing.get("_meta", {}).get("hostvars", {}), *listing.get("ungrouped", {}).get("hosts", ())})
        throttled = sum(call["status"] != 200 for call in calls)
        return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, len(calls), throttled, hosts)

    def _calls(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.admin("GET", f"/calls?after={self._seen}")["entries"]
        self._seen = entries[-1]["n"] if entries else self._seen
        return entries


SUBJECTS: dict[str, Callable[[Bench], Path]] = {
    BARE: lambda bench: bench.bare,
    SCRIPT: lambda bench: bench.script,
    MEMBERS: lambda bench: bench.members,
    PLUGIN: lambda bench: bench.plugin,
    CACHED: lambda bench: bench.cached,
}


def measure(bench: Bench, delay: float, rounds: int) -> dict[str, list[Run]]:
    """Measure the subjects in interleaved rounds, each round with another subject first."""
    found: dict[str, list[Run]] = {name: [] for name in SUBJECTS}
    names = list(SUBJECTS)
    slow = [{"kind": "latency", "seconds": delay}] if delay else []
    bench.admin("PATCH", "/control", {"faults": slow})
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            run = bench.run(SUBJECTS[name](bench))
            if run.hosts != bench.size:
                raise RuntimeError(f"{name} lists {run.hosts} instances, not {bench.size}")
            found[name].append(run)
            what = f"{bench.size:,} hosts, {delay * 1000:.0f} ms, {name}"
            print(f"{what}: {run.wall:.1f} s, {run.cpu:.1f} s CPU, {run.calls} calls", flush=True)
    bench.admin("PATCH", "/control", {"faults": []})
    return found


@contextmanager
def benches(size: int) -> Iterator[Bench]:
    """Start an emulator, and fill the cache of the plugin."""
    with tempfile.TemporaryDirectory() as scratch, lab.start_emulator(
        configuration(size), "127.0.0.1:0", control=True
    ) as emulator:
        bench = Bench(emulator, Path(scratch), size)
        bench.run(bench.cached)
        yield bench


def pace(bench: Bench, plain: float) -> tuple[Run, float]:
    """Return a throttled run, and its ratio to the time of the pages at the limit plus a run without a throttle."""
    bench.admin("PATCH", "/control", {"throttle": {"per_second": PER_SECOND}})
    run = bench.run(bench.plugin)
    bench.admin("PATCH", "/control", {"throttle": None})
    pages = SIZE / 2 / len(REGIONS) / PER_PAGE  # of one region of one account; all of them are read at the same time
    return run, run.wall / (pages / PER_SECOND - 1 + plain)


def main() -> int:
    if not SDK.exists():
        print("Run this first:", sys.executable, "tests/tools/interop.py", file=sys.stderr)
        return 77
    load = os.getloadavg()[0]
    grown: Growth = {}
    for size in FEWER:
        with benches(size) as bench:
            grown[size] = costs(measure(bench, 0.0, ROUNDS[0.0]))
    with benches(SIZE) as bench:
        alone = bench.run(bench.empty)
        results = {delay: measure(bench, delay, rounds) for delay, rounds in ROUNDS.items()}
        paced = pace(bench, median(results[0.0][PLUGIN], "wall"))
        variables = bench.variables()
        bench.run(bench.members)
        theirs = bench.variables()
    facts = {
        "load": f"{load:.1f}",
        "alone_cpu": f"{alone.cpu:.1f}",
        "variables": str(len(variables["ecs"]) + len(variables["imds"])),
        "theirs": str(len(theirs)),
        "core": version(),
    }
    grown[SIZE] = costs(results[0.0])
    PAGE.write_text(inventory_page.render(results, grown, paced, facts, PAGE))
    print("wrote", PAGE.relative_to(CHECKOUT))
    return 0


def version() -> str:
    """Return the version of ansible-core."""
    from ansible.release import __version__

    return str(__version__)


if __name__ == "__main__":
    sys.exit(main())
