# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make each step of the role fail on one of two hosts, and compare its state before and after the rollback."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lab
import pytest
from host import Host
from hosts import Site
from playing import CONTROLLER, ENFORCE, Played, Player, instance
from snapshots import differences, snapshot
from waiting import GIVE_UP_SECONDS, PROCESS_SECONDS, wait_until

pytestmark = pytest.mark.lab

# Ansible starts its workers in sessions of their own. They end with this process, as with a controller whose power fails.
MORTAL = ["unshare", "--pid", "--mount-proc", "--fork", "--kill-child"]


class Ground:
    """Two hosts: ``bad``, on which a step fails, and ``good``."""

    def __init__(self, bad: Host, good: Host, player: Player) -> None:
        self.bad, self.good, self.player = bad, good, player
        self.emulator = player.emulator

    def state(self, host: Host) -> dict[str, Any]:
        return {**snapshot(host), "options": [*self.player.options(host)], "record": self._record(host)}

    def _record(self, host: Host) -> list[str]:
        return sorted(path.name for path in self.player.record.glob(host.name + "*"))

    def reads(self, host: Host) -> str:
        """Return the answer to a normal-mode request from root."""
        return host.run("curl", "-s", "http://100.100.100.200/latest/meta-data/instance-id").stdout

    def program(self, path: str, text: str) -> Callable[[], object]:
        """Replace a program with a script; return a function that restores it."""
        self.bad.output("mv", path, path + ".real")
        (self.bad.root / path.lstrip("/")).write_text(text)
        self.bad.output("chmod", "755", path)
        return lambda: self.bad.output("mv", path + ".real", path)


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Host, Host]]:
    with Site() as made:
        yield made.add("bad"), made.add("good")


@pytest.fixture
def ground(site: tuple[Host, Host], tmp_path: Path) -> Iterator[Ground]:
    bad, good = site
    config = {"instances": [instance(bad), instance(good), CONTROLLER]}
    with lab.start_emulator(config, control=True) as emulator:
        ground = Ground(bad, good, Player(site, emulator, tmp_path))
        yield ground
        emulator.admin("PATCH", "/control", {"faults": [], "delay_seconds": 0})
        ground.player.play(hardening_state="absent").check()


Undo = Callable[[], object]


def the_api_refuses(ground: Ground) -> Undo:
    fault = {
        "kind": "error",
        "code": "OperationConflict",
        "action": "ModifyInstanceMetadataOptions",
        "instance": "i-bad",
    }
    ground.emulator.admin("PATCH", "/control", {"faults": [fault]})
    return lambda: ground.emulator.admin("PATCH", "/control", {"faults": []})


def the_guest_never_sees_the_change(ground: Ground) -> Undo:
    """The API accepts and shows the change, but the metadata service does not apply it, for all instances."""
    ground.emulator.admin("PATCH", "/control", {"delay_seconds": 3600})
    return lambda: ground.emulator.admin("PATCH", "/control", {"delay_seconds": 0})


def nft_is_missing(ground: Ground) -> Undo:
    ground.bad.output("mv", "/usr/sbin/nft", "/usr/sbin/nft.gone")
    return lambda: ground.bad.output("mv", "/usr/sbin/nft.gone", "/usr/sbin/nft")


def the_rules_are_refused(ground: Ground) -> Undo:
    script = '#!/bin/sh\n[ "$1" != -c ] || { echo "Could not process rule: No such file or directory" >&2; exit 1; }\n'
    return ground.program("/usr/sbin/nft", script + 'exec /usr/sbin/nft.real "$@"\n')


def loading_the_rules_fails(ground: Ground) -> Undo:
    """nft accepts the rules in its check, and fails when they are loaded, after all files have been written."""
    script = '#!/bin/sh\n[ "$1" != -f ] || { echo "Operation not supported" >&2; exit 1; }\n'
    return ground.program("/usr/sbin/nft", script + 'exec /usr/sbin/nft.real "$@"\n')


def systemd_refuses(ground: Ground) -> Undo:
    return ground.program(
        "/usr/bin/systemctl", '#!/bin/sh\n[ "$1" != daemon-reload ] || exit 1\nexec /usr/bin/systemctl.real "$@"\n'
    )


def a_directory_cannot_be_written(ground: Ground) -> Undo:
    (ground.bad.root / "etc/alicloud-imds").write_text("in the way")
    return (ground.bad.root / "etc/alicloud-imds").unlink


FAILURES: dict[Callable[[Ground], Undo], str] = {
    the_api_refuses: "OperationConflict",
    the_guest_never_sees_the_change: "The metadata service still answers normal-mode requests after 5 s; expected: required or disabled",
    nft_is_missing: "There is no program nft on this host. Install the package nftables",
    the_rules_are_refused: "Cannot enable the fence: nft rejects the rules",
    loading_the_rules_fails: "'/bin/sh /etc/alicloud-imds/fence-loader.sh load' failed with status 1: Operation not supported",
    systemd_refuses: "'systemctl daemon-reload' failed with status 1",
    a_directory_cannot_be_written: "/etc/alicloud-imds",
}


@pytest.mark.parametrize("failure", FAILURES, ids=lambda it: it.__name__.replace("_", " "))
def test_a_failure_rolls_the_host_back(ground: Ground, failure: Callable[[Ground], Undo]) -> None:
    before = ground.state(ground.bad)
    undo = failure(ground)
    try:
        played = ground.player.play(**ENFORCE)
    finally:
        undo()
    said = " ".join(played.output.replace('\\"', '"').split())
    everywhere = failure is the_guest_never_sees_the_change
    assert played.status == 2 and played.failed == {"bad": 1, "good": int(everywhere)}, played.output
    assert FAILURES[failure] in said
    assert "The host was rolled back to its previous state." in said
    assert differences(before, ground.state(ground.bad)) == []
    assert ground.reads(ground.bad) == "i-bad", "normal-mode requests are answered as before"
    if not everywhere:
        assert ground.player.options(ground.good)[1] == "required", "the other host is hardened"


@pytest.mark.long
def test_an_upgrade_that_fails_leaves_the_earlier_version(ground: Ground) -> None:
    """The rollback restores the fence and the files of an earlier run, and tokens stay required."""
    ground.player.play(hardening_fence="audit", hardening_local_fact=False).check()
    before = ground.state(ground.bad)
    undo = loading_the_rules_fails(ground)
    try:
        played = ground.player.play(**ENFORCE)
    finally:
        undo()
    assert played.failed == {"bad": 1, "good": 0}
    assert differences(before, ground.state(ground.bad)) == []
    assert ground.player.options(ground.bad)[1] == "required"


def test_a_failed_rollback_reports_what_was_not_rolled_back(ground: Ground) -> None:
    """The API refuses each call for one instance after the first two: the permission test and the change."""
    fault = {
        "kind": "error",
        "code": "OperationConflict",
        "action": "ModifyInstanceMetadataOptions",
        "instance": "i-bad",
        "skip": 2,
    }
    ground.emulator.admin("PATCH", "/control", {"delay_seconds": 3600, "faults": [fault]})
    good = ground.state(ground.good)
    played = ground.player.play(**ENFORCE)
    reasons = played.reasons()
    assert "The host could not be rolled back completely:" in reasons["bad"] and "OperationConflict" in reasons["bad"]
    assert ground.player.options(ground.bad)[1] == "required", "as the report says"
    assert (ground.player.record / "bad.json").exists(), "the record is kept"
    assert "The host was rolled back to its previous state." in reasons["good"]
    assert differences(good, ground.state(ground.good)) == [], "the other host is rolled back"
    ground.emulator.admin("PATCH", "/control", {"delay_seconds": 0, "faults": []})
    ground.player.play(hardening_state="absent").check()
    assert ground.player.options(ground.bad)[1] == "optional" and not (ground.player.record / "bad.json").exists()


def test_a_change_whose_answer_is_lost_can_be_undone(ground: Ground) -> None:
    """The API applies the change, and the connection breaks before the answer."""
    fault = {
        "kind": "reset",
        "action": "ModifyInstanceMetadataOptions",
        "instance": "i-bad",
        "after": True,
        "times": 20,
    }
    ground.emulator.admin("PATCH", "/control", {"faults": [fault]})
    before = ground.state(ground.bad)
    played = ground.player.play(**ENFORCE)
    ground.emulator.admin("PATCH", "/control", {"faults": []})
    if played.failed["bad"]:
        ground.player.play(hardening_state="absent").check()
        assert differences(before, ground.state(ground.bad)) == []
    else:
        assert ground.player.options(ground.bad)[1] == "required"


@pytest.mark.long
def test_a_hardened_host_is_not_relaxed_when_the_api_fails(ground: Ground) -> None:
    ground.player.play(**ENFORCE).check()
    before = ground.state(ground.bad)
    ground.emulator.admin("PATCH", "/control", {"faults": [{"kind": "error", "code": "Forbidden.RAM", "times": 2}]})
    played = ground.player.play(**ENFORCE)
    assert played.failed == {"bad": 1, "good": 1} and "Forbidden.RAM" in played.output
    assert differences(before, ground.state(ground.bad)) == []


@pytest.mark.long
@pytest.mark.parametrize("at", ["Enable the metadata firewall", "Require tokens", "Verify access from the host"])
def test_a_killed_run_can_be_repeated_and_undone(ground: Ground, at: str) -> None:
    before = {host.name: ground.state(host) for host in (ground.bad, ground.good)}
    process = subprocess.Popen(
        [*MORTAL, *ground.player.command(**ENFORCE)],
        env=ground.player.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if at in line:
            time.sleep(0.7)  # The kill can happen anywhere in the task; the assertions hold at each point.
            break
    process.kill()
    process.wait(GIVE_UP_SECONDS)
    ground.player.play(**ENFORCE).check()
    assert ground.player.play(**ENFORCE).check().changed == {"bad": 0, "good": 0}
    ground.player.play(hardening_state="absent").check()
    for host in (ground.bad, ground.good):
        assert differences(before[host.name], ground.state(host)) == []


@pytest.mark.long
def test_undo_restores_everything_and_can_be_repeated(ground: Ground) -> None:
    before = {host.name: ground.state(host) for host in (ground.bad, ground.good)}
    planned = ground.player.play("--check", **ENFORCE).check()
    assert all(not differences(before[host.name], ground.state(host)) for host in (ground.bad, ground.good))
    done = ground.player.play(**ENFORCE).check()
    assert done.changed == planned.changed == {"bad": 3, "good": 2}, "the API is called once, for both"
    assert ground.reads(ground.bad) != "i-bad"
    assert ground.player.play("--check", **ENFORCE).check().changed == {"bad": 0, "good": 0}
    planned = ground.player.play("--check", hardening_state="absent").check()
    assert ground.reads(ground.bad) != "i-bad"
    undone = ground.player.play(hardening_state="absent").check()
    assert undone.changed == planned.changed == {"bad": 3, "good": 2}
    for host in (ground.bad, ground.good):
        assert differences(before[host.name], ground.state(host)) == []
        assert ground.reads(host) == f"i-{host.name}"
    assert ground.player.play(hardening_state="absent").check().changed == {"bad": 0, "good": 0}


def test_all_problems_are_found_at_once_before_anything_is_changed(ground: Ground) -> None:
    """A profile that does not exist, a record that cannot be written, an unknown user; the strategy free; a key that may only read."""
    before = {host.name: ground.state(host) for host in (ground.bad, ground.good)}
    (ground.player.folder / "file").touch()
    wrong = {"hardening_profile": "nowhere", "hardening_verify_user": "no-such-user"}
    played = ground.player.play(**wrong, hardening_record_dir=str(ground.player.folder / "file" / "record"))
    assert played.status == 2 and "Install the ecs-metadata command" not in played.output
    for said in played.reasons().values():
        assert (
            "nowhere" in said
            and "Not a directory" in said
            and "'no-such-user'" in said
            and "hardening_verify_user" in said
        )
        assert said.endswith("Nothing was changed.")
    for variables in ({}, {"hardening_state": "absent"}):
        played = ground.player.play(strategy={"strategy": "free"}, **variables)
        assert played.status == 2 and "needs the strategy linear" in played.output
    assert ground.emulator.calls("ModifyInstanceMetadataOptions") == []
    refused = {"kind": "error", "action": "ModifyInstanceMetadataOptions", "code": "Forbidden.RAM", "status": 403}
    ground.emulator.admin("PATCH", "/control", {"faults": [refused]})
    played = ground.player.play()
    assert played.failed.keys() == {"bad", "good"} and "Install the ecs-metadata command" not in played.output
    for said in played.reasons().values():
        assert "Grant the RAM action ecs:ModifyInstanceMetadataOptions" in said and said.endswith(
            "Nothing was changed."
        )
    for host in (ground.bad, ground.good):
        assert differences(before[host.name], ground.state(host)) == []


def test_an_undo_with_and_without_its_record(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The record is in a directory that two controllers share. A third controller does not have it."""
    first, second = ground.player, ground.player.controller(tmp_path_factory.mktemp("second"))
    third = first.controller(tmp_path_factory.mktemp("third"))
    second.record = first.record
    before = {host.name: ground.state(host) for host in (ground.bad, ground.good)}
    first.play(**ENFORCE).check()
    lost = third.play(hardening_state="absent")
    assert lost.failed == {"bad": 1, "good": 1}
    for name, said in lost.reasons().items():
        assert f"There is no record of {name} in {third.record} on localhost; its options stay `required`." in said
    assert {first.options(host)[1] for host in first.hosts} == {"required"}
    second.play(hardening_state="absent").check()
    for host in (ground.bad, ground.good):
        assert differences(before[host.name], ground.state(host)) == [], (
            "undone with the record of the other controller"
        )
    third.play(hardening_state="absent").check()  # the API shows that nothing is enforced
    first.play(**ENFORCE).check()
    third.play("--check", hardening_state="absent", hardening_undo_to="optional").check()
    assert {first.options(host)[1] for host in first.hosts} == {"required"}
    third.play(hardening_state="absent", hardening_undo_to="optional").check()
    for host in first.hosts:
        assert first.options(host)[:2] == ("enabled", "optional") and ground.reads(host) == f"i-{host.name}"


def killed_in_the_verification(
    ground: Ground, action: Callable[[subprocess.Popen[str]], object]
) -> subprocess.Popen[str]:
    """Start a run whose verification waits for the guest, and call *action* with its process when the options are set."""
    ground.emulator.admin("PATCH", "/control", {"delay_seconds": 3600})
    with (ground.player.folder / "killed.log").open("w") as log:
        process = subprocess.Popen(
            [*MORTAL, *ground.player.command(hardening_wait_timeout=60, **ENFORCE)],
            env=ground.player.environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
    text = (ground.player.folder / "killed.log").read_text
    wait_until(
        lambda: "TASK [alicloud.imds.hardening : Verify access" in text() or process.poll() is not None,
        "the run",
        PROCESS_SECONDS,
    )
    assert process.poll() is None, text()
    action(process)
    return process


def unverified(ground: Ground) -> list[str]:
    return [path.stem for path in sorted(ground.player.record.glob("*.json")) if "unverified" in path.read_text()]


def test_the_run_after_a_killed_controller_finishes_it_or_rolls_it_back(ground: Ground) -> None:
    before = {host.name: ground.player.options(host) for host in (ground.bad, ground.good)}
    for broken in (True, False):
        killed_in_the_verification(ground, lambda process: process.kill()).wait(GIVE_UP_SECONDS)
        assert unverified(ground) == ["bad", "good"]
        if broken:  # the guest still does not show the change
            played = ground.player.play(**ENFORCE)
            for said in played.reasons().values():
                assert said.endswith("recorded before an earlier run, which was interrupted."), played.output
            assert not list(ground.player.record.glob("*.json"))
            assert {host.name: ground.player.options(host) for host in (ground.bad, ground.good)} == before
        else:
            ground.emulator.admin("PATCH", "/control", {"delay_seconds": 0})
            for name in before:
                ground.emulator.admin("PATCH", f"/instances/i-{name}", {"http_tokens": "required"})
            done = ground.player.play(**ENFORCE).check()
            assert done.failed == {"bad": 0, "good": 0} and unverified(ground) == []
            assert [path.stem for path in sorted(ground.player.record.glob("*.json"))] == ["bad", "good"]
            assert ground.reads(ground.bad) != "i-bad"


@pytest.mark.parametrize("lost_host", ["restore", "keep"])
def test_a_host_that_is_lost_before_its_verification(ground: Ground, lost_host: str) -> None:
    ground.player.variables["bad"] = {"hardening_lost_host": lost_host}

    def lose(_process: subprocess.Popen[str]) -> None:
        ground.bad.output("systemctl", "stop", "ssh.service")
        ground.bad.run("pkill", "-KILL", "sshd")

    try:
        process = killed_in_the_verification(ground, lose)
        ground.emulator.admin("PATCH", "/control", {"delay_seconds": 0})
        process.wait(PROCESS_SECONDS)
        output = (ground.player.folder / "killed.log").read_text()
        said = Played(process.returncode, output).reasons()
        assert "The host became unreachable before its access was verified: " in said["bad"], output
        failures = [line for line in output.splitlines() if line.startswith("fatal: [bad]")]
        assert sum("became unreachable before" in line for line in failures) == 1, output
        tokens = ground.player.options(ground.bad)[1]
        if lost_host == "restore":
            assert tokens == "optional" and "The metadata options were restored through the API." in said["bad"]
        else:
            assert tokens == "required" and "it is not verified that the host reads metadata" in said["bad"]
            assert unverified(ground) == ["bad"]
            undone = ground.player.play("--limit", "bad", hardening_state="absent")  # while it is unreachable
            assert "The metadata options are restored. The host is unreachable" in undone.reasons()["bad"]
            assert ground.player.options(ground.bad)[1] == "optional"
    finally:
        ground.bad.output("systemctl", "start", "ssh.service")
