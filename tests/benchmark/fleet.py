# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""fleet.py: compare the module metadata_options with a loop over the vendor's SDK, and write docs/benchmarks-fleet.md.

Everything is on loopback addresses. Needs the SDK that tests/tools/interop.py fetches (see ``make benchmark-fleet``).
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SDK = CHECKOUT / ".cache/interop/sdk/bin/python"
PAGE = CHECKOUT / "docs/benchmarks-fleet.md"
sys.path[:0] = [str(CHECKOUT / "tests/fleet"), str(CHECKOUT / "tests/lab")]

import fleets  # noqa: E402
import lab  # noqa: E402
from compared import table  # noqa: E402
from fleets import DESCRIBE, KEY, MODIFY, REGIONS, SECRET, Fleet, Run  # noqa: E402

SIZE = 1700
DUE = sum(fleets.instance(number)["http_tokens"] == "optional" for number in range(SIZE))
ROUNDS = {0.0: 5, 0.05: 1}  # delay of each answer in seconds -> rounds
LOOP = "plain loop over the SDK"
COUNTS: dict[str, Callable[[Run], int]] = {
    "reads": lambda run: len(run.accepted(DESCRIBE)),
    "changes": lambda run: len(run.accepted(MODIFY)),
}
LIMITS = (50, 20)  # calls of one operation in one region that the API allows in a second
WANTED_RATIO = 1.2
HARDEN = {"regions": REGIONS, "all_instances": True, "http_tokens": "required"}


def loop(fleet: Fleet) -> Run:
    address = (fleet.endpoint or "").removeprefix("http://")
    order = {"address": address, "key": KEY, "secret": SECRET, "regions": REGIONS}
    command = [str(SDK), str(Path(__file__).with_name("vendor_loop.py")), str(fleet.usage)]
    return fleet.measure(command, json.dumps(order))


Subject = Callable[[Fleet], Run]
SUBJECTS: dict[str, Subject] = {
    LOOP: loop,
    "metadata_options": lambda fleet: fleet.run(**HARDEN),
    "metadata_options, one call at a time": lambda fleet: fleet.run(**HARDEN, max_concurrency=1),
}


def measure(fleet: Fleet, delay: float, rounds: int) -> dict[str, list[Run]]:
    """Measure the subjects in interleaved rounds, each round with another subject first."""
    found: dict[str, list[Run]] = {name: [] for name in SUBJECTS}
    names = list(SUBJECTS)
    before = fleet.state()
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            slow = [{"kind": "latency", "seconds": delay}] if delay else []
            fleet.admin("PATCH", "/control", {"faults": slow})
            run = SUBJECTS[name](fleet)
            found[name].append(run)
            if len(run.modified()) != DUE or set(run.modified().values()) != {1}:
                raise RuntimeError(f"{name} changed {len(run.modified())} instances, not {DUE}")
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
    allowed = DUE / len(REGIONS) / per_second - 1
    throttled = sum(call["code"] == "Throttling.User" for call in changing.calls)
    ratio = changing.wall / (allowed + reading.wall)
    print(
        f"{per_second} calls a second: {changing.line()}; {ratio:.2f} of what the throttle allows (wanted: {WANTED_RATIO})"
    )
    return changing.wall, ratio, throttled


def pace_table(found: dict[int, tuple[float, float, int]]) -> str:
    lines = ["| calls a second in a region | s | over what the throttle allows | calls throttled |"]
    lines.append("| ---: | ---: | ---: | ---: |")
    lines += [f"| {limit} | {wall:.2f} | {ratio:.2f} | {waste} |" for limit, (wall, ratio, waste) in found.items()]
    return "\n".join(lines)


def render(results: dict[float, dict[str, list[Run]]], paces: dict[int, tuple[float, float, int]], load: float) -> str:
    loops = [run for found in results.values() for run in found[LOOP]]
    return TEMPLATE.format(
        today=datetime.date.today().isoformat(),
        size=SIZE,
        due=DUE,
        regions=len(REGIONS),
        cores=os.cpu_count(),
        python=platform.python_version(),
        load=f"{load:.1f}",
        imports=f"{statistics.median(run.result['import_seconds'] for run in loops):.1f}",
        rounds=", ".join(f"{rounds} with {delay * 1000:.0f} ms" for delay, rounds in ROUNDS.items()),
        tables="\n\n".join(
            f"## {delay * 1000:.0f} ms delay\n\n{table(found, LOOP, COUNTS)}" for delay, found in results.items()
        ),
        pace=pace_table(paces),
        wanted=WANTED_RATIO,
    )


TEMPLATE = """\
# Benchmarks: changing many instances

This benchmark measures `alicloud.imds.metadata_options` with `http_tokens: required` on the instances of an account.
It compares the module with a simple loop over Alibaba Cloud's SDK (`alibabacloud_ecs20140526`,
`tests/benchmark/vendor_loop.py`), which reads all instances and changes one after the other. `make benchmark-fleet`
wrote this page on {today}; do not edit it. Durations depend on the machine, so compare the ratios of one run only. No
test asserts a duration.

- {size} emulated instances in {regions} regions, {due} of them with `HttpTokens: optional`. Each run must change
  exactly these, once each.
- {cores} cores, shared with the emulator; Python {python} on both sides. Load average at the start: {load}.
- *Delay* is the delay of each response of the emulated API. *s*, *CPU s* and *peak MiB* apply to the whole process.
  They are medians of interleaved rounds ({rounds} delay). The import of the SDK takes {imports} s.
- The module does more than the loop: it detects Windows and ACK nodes, records the previous options, and reads the
  changed instances again (the additional reads), with up to 16 API calls at a time. The loop stops at the first
  throttled call.

{tables}

## Pace under a throttle

`metadata_options` when the API throttles. The reference is the time that the changes take at the limit of the
throttle, plus a run that only reads; the goal is at most {wanted} times this reference.
`tests/unit/plugins/module_utils/_fleet/test__apply_pace.py` simulates the same in virtual time.

{pace}
"""


def main() -> int:
    if not SDK.exists():
        print("Run this first:", sys.executable, "tests/tools/interop.py", file=sys.stderr)
        return 77
    load = os.getloadavg()[0]
    with lab.start_emulator(fleets.configuration(SIZE, None), "127.0.0.1:0", control=True) as emulator:
        fleet = Fleet(emulator, Path(lab.scratch("fleet-")))
        results = {delay: measure(fleet, delay, rounds) for delay, rounds in ROUNDS.items()}
        paces = {per_second: measure_pace(fleet, per_second) for per_second in LIMITS}
    PAGE.write_text(render(results, paces, load))
    print("wrote", PAGE.relative_to(CHECKOUT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
