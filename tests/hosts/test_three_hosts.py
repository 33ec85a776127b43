# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Play the role on three hosts of which one fails, or all: how the failure ends the play for the others; and strings as variables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lab
import pytest
from host import Host
from hosts import Site
from playing import CONTROLLER, ENFORCE, Player, instance
from snapshots import differences, snapshot

pytestmark = pytest.mark.lab

REFUSAL = {"kind": "error", "code": "IncorrectInstanceStatus", "action": "ModifyInstanceMetadataOptions"}
NOT_ITS_OWN = "Another host of the play failed, which ended the play for this host, too"


@pytest.fixture(scope="module")
def site() -> Iterator[list[Host]]:
    with Site() as made:
        yield [made.add(name) for name in ("bad", "good", "third")]


@pytest.fixture
def three(site: list[Host], tmp_path: Path) -> Iterator[Player]:
    """Yield a player for three hosts with the API's default options."""
    with lab.start_emulator({"instances": [*map(instance, site), CONTROLLER]}, control=True) as emulator:
        player = Player(site, emulator, tmp_path)
        yield player
        emulator.admin("PATCH", "/control", {"faults": [], "delay_seconds": 0})
        player.play(hardening_state="absent").check()


def player_state(player: Player, host: Host) -> Iterator[Any]:
    yield snapshot(host)
    yield player.options(host)


def test_any_errors_fatal_leaves_each_host_verified_or_rolled_back(three: Player) -> None:
    """The API refuses the change of one host; the others enter `rescue` without a failed task."""
    before = {host.name: [*player_state(three, host)] for host in three.hosts}
    three.emulator.admin("PATCH", "/control", {"faults": [{**REFUSAL, "instance": "i-good"}]})
    played = three.play(strategy={"any_errors_fatal": True}, **ENFORCE)
    assert played.status == 2 and played.failed == {"bad": 1, "good": 1, "third": 1}, played.output
    assert "is undefined" not in played.output
    said = played.reasons()
    assert "IncorrectInstanceStatus" in said["good"]
    assert NOT_ITS_OWN in said["bad"] and NOT_ITS_OWN in said["third"]
    for host in three.hosts:
        assert three.options(host)[1] == "optional", played.output
        assert said[host.name].endswith("The host was rolled back to its previous state.")
        assert before[host.name] == [*player_state(three, host)]
    assert not list(three.record.glob("*.json"))


def test_any_errors_fatal_before_anything_is_sent(three: Player) -> None:
    """The fence fails on one host: no change is sent for any host, and the installed files are removed."""
    bad = next(host for host in three.hosts if host.name == "bad")
    before = {host.name: snapshot(host) for host in three.hosts}
    bad.output("mv", "/usr/sbin/nft", "/usr/sbin/nft.gone")
    try:
        played = three.play(strategy={"any_errors_fatal": True}, **ENFORCE)
    finally:
        bad.output("mv", "/usr/sbin/nft.gone", "/usr/sbin/nft")
    said = played.reasons()
    assert played.failed == {"bad": 1, "good": 1, "third": 1} and "nft" in said["bad"], played.output
    assert NOT_ITS_OWN in said["good"] and NOT_ITS_OWN in said["third"]
    codes = {call["code"] for call in three.emulator.calls("ModifyInstanceMetadataOptions")}
    assert codes == {"InvalidHttpEndpoint.NotSupported"}, "the check of the permission, which is refused"
    for host in three.hosts:
        assert three.options(host)[1] == "optional" and differences(before[host.name], snapshot(host)) == []


def test_an_earlier_failure_is_not_the_reason(three: Player) -> None:
    """The play has a failed and rescued block before the role, whose error message must not appear."""
    unrelated = {
        "block": [{"ansible.builtin.fail": {"msg": "an earlier failure"}}],
        "rescue": [{"ansible.builtin.meta": "noop"}],
    }
    three.emulator.admin("PATCH", "/control", {"faults": [{**REFUSAL, "instance": "i-good"}]})
    played = three.play(strategy={"any_errors_fatal": True, "pre_tasks": [unrelated]}, **ENFORCE)
    said = played.reasons()
    assert NOT_ITS_OWN in said["bad"] and "IncorrectInstanceStatus" in said["good"], played.output
    assert "an earlier failure" not in said["bad"] + said["good"]


@pytest.mark.long
def test_an_api_host_that_cannot_be_reached(three: Player) -> None:
    before = {host.name: snapshot(host) for host in three.hosts}
    for more in ({}, {"max_fail_percentage": 0}, {"any_errors_fatal": True}):
        played = three.play(strategy=more, hardening_api_host="127.0.0.9", **ENFORCE)
        said = played.reasons()
        assert played.failed == {"bad": 1, "good": 1, "third": 1}, played.output
        for host in three.hosts:
            assert "Cannot reach the API host, hardening_api_host: " in said[host.name]
            assert said[host.name].endswith("Nothing was changed.")
            assert differences(before[host.name], snapshot(host)) == []


@pytest.mark.long
def test_variables_that_are_strings(three: Player) -> None:
    """`-e name=value`, INI inventories and surveys set variables to strings."""
    for words in (
        ("hardening_enforce=False", "hardening_fence=off", "hardening_tooling=0", "hardening_verify=no"),
        ("hardening_enforce=no", "hardening_fence=enforce", "hardening_fence_users=root,daemon"),
        ("hardening_verify=false", "hardening_local_fact=no", "hardening_watch=off", "hardening_fence_groups="),
        ('{"hardening_fence_users": "[\\"root\\", \\"daemon\\"]", "hardening_verify_cloud_init": "off"}',),
        ('{"hardening_preflight": false, "hardening_fence": false, "hardening_wait_timeout": "5"}',),
        (
            '{"hardening_waivers": "[{\\"finding\\": \\"*\\", \\"reason\\": \\"x\\", \\"expires\\": \\"2099-12-31\\"}]"}',
        ),
    ):
        extra = [part for word in words for part in ("--extra-vars", word)]
        three.play(*extra).check()
        enforced = not any(word.startswith("hardening_enforce") for word in words)
        assert {three.options(host)[1] for host in three.hosts} == {"required" if enforced else "optional"}, words
