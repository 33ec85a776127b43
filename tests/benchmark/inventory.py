# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""inventory.py: compare the inventory plugin with an inventory script over the vendor's SDK, and write docs/benchmarks-inventory.md.

Everything is on loopback addresses. Needs the SDK that tests/tools/interop.py fetches (see ``make benchmark-inventory``).
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

CHECKOUT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
SDK = CHECKOUT / ".cache/interop/sdk/bin/python"
PAGE = CHECKOUT / "docs/benchmarks-inventory.md"
sys.path[:0] = [str(CHECKOUT / "tests/fleet"), str(CHECKOUT / "tests/lab")]

import fleets  # noqa: E402
import lab  # noqa: E402
from compared import median, table  # noqa: E402
from fleets import ACCOUNT, KEY, REGIONS, SECRET  # noqa: E402

SIZE = 10_000
OTHER = "1700000000000000"
ROLE = f"acs:ram::{OTHER}:role/auditor"
PER_PAGE = 100
ROUNDS = {0.0: 3, 0.05: 3}  # delay of each answer in seconds -> rounds
PER_SECOND = 2  # calls of one operation in one region of one account that the API allows
WANTED_RATIO = 1.1
BARE = "10,000 hosts without variables, from a file"
SCRIPT = "script over the SDK, 3 variables a host"
MEMBERS = "script over the SDK, all members"
PLUGIN = "alicloud.imds.ecs"
CACHED = "alicloud.imds.ecs, from its cache"


class Run(NamedTuple):
    """One run of ansible-inventory: seconds, CPU seconds of all its processes, peak MiB of the largest one, API calls, hosts."""

    wall: float
    cpu: float
    memory: float
    calls: int
    throttled: int
    hosts: int


def configuration() -> dict[str, Any]:
    """Return the configuration of the emulator: half of the instances belong to another account, with a role to assume."""
    made = fleets.configuration(SIZE, None)
    for number, one in enumerate(made["instances"]):
        one["owner_account_id"] = OTHER if number % 2 else ACCOUNT
    made["instances"][1]["role"] = {"name": "auditor", "actions": ["ecs:Describe*"]}
    made["control"]["access_keys"][KEY].update(actions=["*"], user="ann", roles=[ROLE])
    return made


class Bench:
    """The emulated API, and runs of ansible-inventory with it. Files are in *folder*."""

    def __init__(self, emulator: lab.Emulator, folder: Path) -> None:
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
        hosts = {"all": {"hosts": [f"host{number}" for number in range(SIZE)]}, "_meta": {"hostvars": {}}}
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


COUNTS: dict[str, Callable[[Run], int]] = {"API calls": lambda run: run.calls}
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
            if run.hosts != SIZE:
                raise RuntimeError(f"{name} lists {run.hosts} instances, not {SIZE}")
            found[name].append(run)
            print(f"{delay * 1000:3.0f} ms, {name}: {run.wall:.1f} s, {run.calls} calls", flush=True)
    bench.admin("PATCH", "/control", {"faults": []})
    return found


def pace(bench: Bench, plain: float) -> tuple[Run, float]:
    """Return a throttled run, and its ratio to the time of the pages at the limit plus a run without a throttle."""
    bench.admin("PATCH", "/control", {"throttle": {"per_second": PER_SECOND}})
    run = bench.run(bench.plugin)
    bench.admin("PATCH", "/control", {"throttle": None})
    pages = SIZE / 2 / len(REGIONS) / PER_PAGE  # of one region of one account; all of them are read at the same time
    return run, run.wall / (pages / PER_SECOND - 1 + plain)


TEMPLATE = """\
# Benchmarks: the inventory

This benchmark measures `ansible-inventory --list` with the inventory plugin `alicloud.imds.ecs`. It compares the plugin
with an inventory script over Alibaba Cloud's SDK (`tests/benchmark/vendor_inventory.py`), which reads one page after the
other. A host of the script has three variables or, as with the older inventory plugins for this cloud, all members of
the API's response. `make benchmark-inventory` wrote this page on {today}; do not edit it. Durations depend on the
machine, so compare the ratios of one run only. No test asserts a duration.

- {size} emulated instances in {regions} regions and 2 accounts. Each run must list exactly these.
- {cores} cores, shared with the emulator; Python {python} on both sides, ansible-core {core}. Load average at the
  start: {load}.
- *Delay* is the delay of each response of the emulated API. *s* and *CPU s* apply to `ansible-inventory` with the
  script, *peak MiB* to the largest process. They are medians of interleaved rounds ({rounds} delay).
- `ansible-inventory` alone, with a source without hosts, takes {alone_cpu} s of CPU. With hosts that have no variables, the
  work is ansible-core's own, too: it computes the variables of each host and prints them.
- A host of the plugin has {variables} values below `ecs` and `imds`; a host with all members of the response has {theirs}. The plugin
  also has groups for exempt and unknown hosts.

{tables}

## Pace under a throttle

With {per_second} calls of one operation a second in each region of each account, the plugin takes {wall} s, with
{throttled} throttled calls. This is {ratio} times what the throttle allows: the time of the pages at the limit, plus a run
without a throttle. The goal is at most {wanted} times.
"""


def render(results: dict[float, dict[str, list[Run]]], paced: tuple[Run, float], facts: dict[str, str]) -> str:
    run, ratio = paced
    return TEMPLATE.format(
        today=datetime.date.today().isoformat(),
        size=format(SIZE, ","),
        regions=len(REGIONS),
        cores=os.cpu_count(),
        python=platform.python_version(),
        rounds=", ".join(f"{rounds} with {delay * 1000:.0f} ms" for delay, rounds in ROUNDS.items()),
        tables="\n\n".join(
            f"## {delay * 1000:.0f} ms delay\n\n{table(found, MEMBERS, COUNTS)}" for delay, found in results.items()
        ),
        per_second=PER_SECOND,
        wall=f"{run.wall:.1f}",
        throttled=run.throttled,
        ratio=f"{ratio:.2f}",
        wanted=WANTED_RATIO,
        **facts,
    )


def main() -> int:
    if not SDK.exists():
        print("Run this first:", sys.executable, "tests/tools/interop.py", file=sys.stderr)
        return 77
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch, lab.start_emulator(
        configuration(), "127.0.0.1:0", control=True
    ) as emulator:
        bench = Bench(emulator, Path(scratch))
        alone = bench.run(bench.empty)
        bench.run(bench.cached)  # fills the cache
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
    PAGE.write_text(render(results, paced, facts))
    print("wrote", PAGE.relative_to(CHECKOUT))
    return 0


def version() -> str:
    """Return the version of ansible-core."""
    from ansible.release import __version__

    return str(__version__)


if __name__ == "__main__":
    sys.exit(main())
