# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A user tries to blind the watch, to hide requests, and to be taken for another: nothing is lost silently."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from conftest import Start
from machine import Machine, totals
from paths import EXACT, METHODS

HERE = Path(__file__).resolve().parent
GET = HERE / "clients/get.sh"
ATTACK = HERE / "clients/attack.py"
PYTHON = os.path.realpath(sys.executable)
ZONE = "/latest/meta-data/zone-id"
MALLORY, INNOCENT = 1001, 33
KINDS = ("plain", "line feeds", "empty token", "probe", "HTTP/0.9", "folded header", "tab", "slashes", "urgent")


def counted(content: dict, uid: int) -> dict[str, int]:
    return dict(totals(content, lambda caller: caller["uid"] == uid))


@pytest.mark.parametrize("kind", KINDS)
def test_no_spelling_hides_a_request(machine: Machine, start: Start, kind: str) -> None:
    watch = start()
    sent = int(machine.run(PYTHON, ATTACK, kind, "5", uid=MALLORY))
    content = watch.stop()
    found = counted(content, MALLORY)
    reported = found.get("unparsable", 0)
    print(f"| {kind} | {sent} | {found.get('normal_mode', 0)} | {reported} | {sent - sum(found.values())} |")
    assert sum(found.values()) == sent == 5 and found.keys() <= {"normal_mode", "unparsable"}
    if kind in ("plain", "empty token", "probe", "slashes"):
        assert found == {"normal_mode": 5}
        rows = [row for caller in content["callers"] for row in caller["requests"]]
        assert {(row["path"], row.get("noise")) for row in rows} == {("instance-id", None)}


@pytest.mark.parametrize("method", EXACT)
@pytest.mark.parametrize(("flood", "times"), [("udp", 300000), ("tcp", 3000)])
def test_a_flood_of_connections_hides_no_other_user(
    machine: Machine, start: Start, method: str, flood: str, times: int
) -> None:
    watch = start(*METHODS[method])
    attack = machine.start(PYTHON, ATTACK, flood, str(times), uid=MALLORY)
    sent = 0
    while attack.poll() is None or sent < 40:
        machine.run("bash", GET, ZONE, "ask", "20", uid=INNOCENT)
        sent += 20
    content = watch.stop()
    mine, all_ = counted(content, INNOCENT).get("normal_mode", 0), totals(content)["normal_mode"]
    losses = content["status"]["lost_events"] + content["status"]["dropped"] + content["status"]["evicted"]
    print(f"| {flood} flood, {method} | {sent} | {mine} | {sent - mine} ({losses} losses reported) | {sent - all_} |")
    assert all_ == sent or losses
    if flood == "udp" and method != "tracepoint":  # the kernel reports the whole identity, however busy the host is
        assert mine == sent and not losses
    assert mine == sent or losses
    assert bool(losses) == (content["status"]["last_loss"] is not None)


def test_many_command_names_evict_no_other_user(machine: Machine, start: Start) -> None:
    watch = start()
    machine.run("bash", GET, ZONE, "ask", "3", uid=INNOCENT)
    machine.run("bash", GET, ZONE, "ask", "3")
    sent = int(machine.run(PYTHON, ATTACK, "names", "2300", uid=MALLORY))
    content = watch.stop()
    assert counted(content, INNOCENT) == counted(content, 0) == {"normal_mode": 3}
    assert totals(content)["normal_mode"] == sent + 6


@pytest.mark.parametrize("method", EXACT)
@pytest.mark.parametrize("name", ["nginx.service", "docker/" + "ab" * 32, "machine-prod.scope"])
def test_names_below_a_delegated_group_are_not_used(machine: Machine, start: Start, method: str, name: str) -> None:
    watch = start(*METHODS[method])
    assert machine.cgroups
    delegated = machine.cgroups / "mallory.service"
    (delegated / name).mkdir(parents=True)
    for folder in (delegated, *(path for path in delegated.rglob("*") if path.is_dir())):
        os.chown(folder, MALLORY, MALLORY)
    machine.run("bash", GET, ZONE, "ask", "5", uid=MALLORY, cgroup=f"mallory.service/{name}")
    with machine.kept(5, uid=MALLORY, cgroup=f"mallory.service/{name}"):
        content = watch.stop()
    found = {(caller["unit"], caller["container"]) for caller in content["callers"]}
    if method == "tracepoint":
        found.discard((None, None))  # a process that had ended before it was read
    assert found == {("mallory.service", None)}


@pytest.mark.parametrize(("broken", "expected"), [("checksum", 0), ("", 3)])
def test_forged_segments_with_a_wrong_checksum_do_not_count(
    machine: Machine, start: Start, broken: str, expected: int
) -> None:
    """A container sends segments with the address of another container. With the right checksum, its address is all that is known."""
    machine.add_pod()
    watch = start()
    machine.run(PYTHON, HERE / "clients/forge.py", "172.30.0.77", "3", broken, pod=True)
    content = watch.stop()
    found = [caller for caller in content["callers"] if caller["source"] == "172.30.0.77"]
    assert sum(row["count"] for caller in found for row in caller["requests"]) == expected
    assert all(caller["attributed_by"] == {"address": expected} and caller["comm"] is None for caller in found)
