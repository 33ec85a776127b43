# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""run.py [--quick | --trees]: compare with amazon.aws.ec2_metadata_facts, and write docs/benchmarks.md.

Runs inside tests/lab/enter (see ``make benchmark``).

--quick is a smoke test of about a minute with few repeats, which writes to .cache/benchmark/. --trees only checks that both
services have equal trees, without amazon.aws.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time

import lookups
import metadata_page
import offcloud
import peer
from floor import floor
from measuring import Results, measure, payload_commands, whole_run_commands
from plan import FULL, QUICK, Plan
from services import Services
from subjects import ALL, ALL_SECRETS, CHECKOUT, EC2, PING, WALK, WALK_SECRETS, values_returned
from survey import EC2 as EC2_SERVICE
from survey import ECS, Survey, survey
from trees import many_leaves

BEGAN = time.monotonic()


def log(text: str) -> None:
    print(f"{time.monotonic() - BEGAN:6.1f} s  {text}", flush=True)


def one_tree(plan: Plan, page: metadata_page.Page) -> None:
    """Measure facts of the trees of 65 leaves, and lookups."""
    with Services() as services:
        page.trees = equal_trees()
        page.floor = floor(page.trees[0], page.connections)
        for subject in (ALL, WALK, ALL_SECRETS, WALK_SECRETS, EC2):
            services.serve_all(subject.all_served)
            page.values[subject] = values_returned(subject)
        _facts(services, plan, page)
        for found in lookups.lookups(services, plan.lookups, plan.few_rounds):
            page.lookups.append(found)
            log(f"{found.number}, {found.form}: {found.requests} requests, {found.connections} connections")


def _facts(services: Services, plan: Plan, page: metadata_page.Page) -> None:
    payloads, whole_runs = payload_commands(), whole_run_commands()
    every, some = (PING, ALL, WALK, ALL_SECRETS, WALK_SECRETS, EC2), (PING, ALL, WALK, EC2)
    for delay in plan.delays:
        services.serve_all(True)
        services.set_delay(delay)
        page.request_seconds[delay] = (_cost(survey(ECS)), _cost(survey(EC2_SERVICE)))
        found = page.payloads[delay] = measure(services, plan.payload_rounds, plan.payload_peer_every, every, payloads)
        log(f"{delay * 1000:2.0f} ms, payloads: {_brief(found)}")
        if delay in plan.whole_delays:
            found = page.whole_runs[delay] = measure(
                services, plan.whole_rounds, plan.whole_peer_every, some, whole_runs
            )
            log(f"{delay * 1000:2.0f} ms, whole runs: {_brief(found)}")
    services.set_delay(0)


def _cost(found: Survey) -> float:
    return statistics.median(found.seconds)


def equal_trees() -> tuple[Survey, Survey]:
    """Return the trees of both services; raise RuntimeError if they do not have the same numbers of leaves and directories."""
    trees = (survey(ECS), survey(EC2_SERVICE))
    shapes = [(len(found.leaves), len(found.directories), found.below_meta_data()) for found in trees]
    if shapes[0] != shapes[1]:
        raise RuntimeError(
            f"the two trees differ (leaves, directories, leaves below meta-data/): {shapes}; change tests/benchmark/trees.py"
        )
    return trees


def _brief(results: Results) -> str:
    parts = [f"{subject.name} {series.added().median * 1000:+.0f} ms" for subject, series in results.items()]
    return "; ".join(parts[1:])


def large_tree(plan: Plan, page: metadata_page.Page) -> None:
    with Services(many_leaves()) as services:
        page.large_leaves = len(survey(ECS).leaves)
        page.large = measure(services, plan.few_rounds, 1, (PING, ALL, WALK), payload_commands())
    log(f"{page.large_leaves} leaves: {_brief(page.large)}")


def off_cloud(plan: Plan, page: metadata_page.Page) -> None:
    for absence in offcloud.absences(plan.few_rounds, plan.peer_off_cloud):
        page.absences.append(absence)
        theirs = "not measured" if absence.peer is None else f"{absence.peer:+.1f} s"
        log(f"off the cloud, {absence.situation}: metadata_facts {absence.ours:+.2f} s, ec2_metadata_facts {theirs}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--quick", action="store_true", help="few repeats")
    only.add_argument("--trees", action="store_true", help="only check that both services have equal trees")
    arguments = parser.parse_args()
    plan = QUICK if arguments.quick else FULL
    if os.environ.get("IMDS_LAB") != "1":
        print("The benchmark needs the laboratory: tests/lab/enter", sys.executable, *sys.argv, file=sys.stderr)
        return 77
    if arguments.trees:
        with Services():
            log(f"{len(equal_trees()[0].leaves)} leaves each")
        return 0
    if not peer.COLLECTION.exists():
        print("Run this first, outside of the laboratory:", sys.executable, peer.__file__, file=sys.stderr)
        return 77
    page = metadata_page.Page(plan)
    one_tree(plan, page)
    large_tree(plan, page)
    off_cloud(plan, page)
    path = CHECKOUT / ("docs/benchmarks.md" if plan is FULL else ".cache/benchmark/benchmarks.md")
    path.parent.mkdir(exist_ok=True)
    path.write_text(metadata_page.render(page, path))
    log(f"wrote {path.relative_to(CHECKOUT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
