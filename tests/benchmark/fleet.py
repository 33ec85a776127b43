# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""fleet.py: compare the module metadata_options with a loop over the vendor's SDK, and write docs/benchmarks-fleet.md.

Everything is on loopback addresses. Needs the SDK that tests/tools/interop.py fetches (see ``make benchmark-fleet``).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SDK = CHECKOUT / ".cache/interop/sdk/bin/python"
PAGE = CHECKOUT / "docs/benchmarks-fleet.md"
sys.path[:0] = [str(CHECKOUT / "tests/fleet"), str(CHECKOUT / "tests/lab")]

import fleet_page  # noqa: E402
import fleets  # noqa: E402
import lab  # noqa: E402
from fleet_page import LOOP, MODULE, ROUNDS, SIZE, WANTED_RATIO, due  # noqa: E402
from fleets import KEY, REGIONS, SECRET, Fleet, Run  # noqa: E402

MORE = (10_000, 100_000)  # one run of both subjects each, without a delay: with 50 ms, the loop would take half an hour
LIMITS = (50, 20)  # calls of one operation in one region that the API allows in a second
HARDEN = {"regions": REGIONS, "all_instances": True, "http_tokens": "required"}


def loop(fleet: Fleet) -> Run:
    address = (fleet.endpoint or "").removeprefix("http://")
    order = {"address": address, "key": KEY, "secret": SECRET, "regions": REGIONS}
    command = [str(SDK), str(Path(__file__).with_name("vendor_loop.py")), str(fleet.usage)]
    return fleet.measure(command, json.dumps(order))


Subject = Callable[[Fleet], Run]
SUBJECTS: dict[str, Subject] = {
    LOOP: loop,
    MODULE: lambda fleet: fleet.run(**HARDEN),
    "metadata_options, one call at a time": lambda fleet: fleet.run(**HARDEN, max_concurrency=1),
}


def checked(fleet: Fleet, name: str, size: int) -> Run:
    """Run a subject; raise RuntimeError if it did not change exactly the instances that are due, once each."""
    run = SUBJECTS[name](fleet)
    if len(run.modified()) != due(size) or set(run.modified().values()) != {1}:
        raise RuntimeError(f"{name} changed {len(run.modified())} instances, not {due(size)}")
    return run


@contextmanager
def emulated(size: int) -> Iterator[Fleet]:
    """Start an emulator with a new fleet."""
    with lab.start_emulator(fleets.configuration(size, None), "127.0.0.1:0", control=True) as emulator:
        yield Fleet(emulator, Path(lab.scratch("fleet-")))


def grow() -> dict[int, dict[str, Run]]:
    """Measure both subjects with more instances, each with an emulator of its own."""
    found: dict[int, dict[str, Run]] = {}
    for size in MORE:
        for name in (LOOP, MODULE):
            with emulated(size) as fleet:
                found.setdefault(size, {})[name] = run = checked(fleet, name, size)
            print(f"{size:,} instances, {name}: {run.line()}", flush=True)
    return found


def measure(fleet: Fleet, delay: float, rounds: int) -> dict[str, list[Run]]:
    """Measure the subjects in interleaved rounds, each round with another subject first."""
    found: dict[str, list[Run]] = {name: [] for name in SUBJECTS}
    names = list(SUBJECTS)
    before = fleet.state()
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            slow = [{"kind": "latency", "seconds": delay}] if delay else []
            fleet.admin("PATCH", "/control", {"faults": slow})
            run = checked(fleet, name, SIZE)
            found[name].append(run)
            print(f"{delay * 1000:3.0f} ms, {name}: {run.line()}", flush=True)
            fleet.admin("PATCH", "/control", {"faults": []})
            restore(fleet, before)
    return found


def restore(fleet: Fleet, before: fleets.State) -> None:
    """Restore the options in *before*, because the loop has no record of them."""
    ids = [name for name, options in before.items() if options[1] == "optional"]
    fleet.record.unlink(missing_ok=True)
    fleet.run(regions=REGIONS, instance_ids=ids, http_tokens="optional", max_concurrency=4)
    fleet.record.unlink(missing_ok=True)


def measure_pace(fleet: Fleet, per_second: int) -> tuple[float, float, int]:
    """Return the seconds of a throttled run, their ratio to the reference, and the number of throttled calls.

    The reference is the time of the changes at the limit plus a run that only reads. Calls are sent to all regions concurrently, and a
    region accepts the calls of one second at once in the beginning.
    """
    before = fleet.state()
    fleet.throttle(per_second)
    changing, reading = fleet.run(**HARDEN), fleet.run(**HARDEN)
    fleet.admin("PATCH", "/control", {"throttle": None})
    restore(fleet, before)
    allowed = due(SIZE) / len(REGIONS) / per_second - 1
    throttled = sum(call["code"] == "Throttling.User" for call in changing.calls)
    ratio = changing.wall / (allowed + reading.wall)
    print(
        f"{per_second} calls a second: {changing.line()}; {ratio:.2f} of what the throttle allows (wanted: {WANTED_RATIO})"
    )
    return changing.wall, ratio, throttled


def main() -> int:
    if not SDK.exists():
        print("Run this first:", sys.executable, "tests/tools/interop.py", file=sys.stderr)
        return 77
    load = os.getloadavg()[0]
    with emulated(SIZE) as fleet:
        results = {delay: measure(fleet, delay, rounds) for delay, rounds in ROUNDS.items()}
        paces = {per_second: measure_pace(fleet, per_second) for per_second in LIMITS}
    PAGE.write_text(fleet_page.render(results, grow(), paces, load, PAGE))
    print("wrote", PAGE.relative_to(CHECKOUT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
