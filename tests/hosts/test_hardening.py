# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the role in environments that molecule does not cover: no systemd, an ordinary user, a disabled metadata service."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lab
import pytest
from host import Host
from hosts import Site
from playing import CONTROLLER, Player, instance
from snapshots import differences, snapshot
from waiting import wait_until

pytestmark = pytest.mark.lab

Play = Callable[..., Player]

# A check whose nft does not end on SIGTERM can be stopped.
HUNG_CHECK = """
mv /usr/sbin/nft /usr/sbin/nft.real
printf '#!/bin/sh\ntrap "" TERM\nexec sleep 7777\n' >/usr/sbin/nft
chmod 755 /usr/sbin/nft
systemctl start --no-block alicloud-imds-fence-check
until pgrep -f '^sleep 7777' >/dev/null; do :; done
systemctl stop alicloud-imds-fence-check
mv /usr/sbin/nft.real /usr/sbin/nft
"""


@pytest.fixture
def player_of(tmp_path: Path) -> Iterator[Callable[..., Player]]:
    """Return player_of(KIND...), which returns a player for new hosts of these kinds, with an emulator and an instance for each."""
    with Site() as site, lab.emulators() as start:

        def make(*kinds: str, root: str = "bookworm") -> Player:
            hosts = [site.add(f"host{number}", kind, root) for number, kind in enumerate(kinds)]
            return Player(hosts, start({"instances": [*map(instance, hosts), CONTROLLER]}, control=True), tmp_path)

        yield make


def normal_mode_status(host: Host) -> str:
    url = "http://100.100.100.200/latest/meta-data/instance-id"
    return host.output("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", url)


@contextmanager
def kept_curl(host: Host) -> Iterator[dict[str, Any]]:
    """Send a normal-mode request with curl, which then waits for a file, so that it lives until the watch has recorded it."""

    def recorded() -> list[dict[str, Any]]:
        callers = json.loads(host.output("ecs-metadata", "callers", "--json"))["callers"]
        return [it for it in callers if (it["unit"], it["exe"]) == ("kept-curl.service", "/usr/bin/curl")]

    host.output("mkfifo", "/run/kept")
    urls = ("http://100.100.100.200/latest/meta-data/instance-id", "file:///run/kept")
    host.output("systemd-run", "--unit=kept-curl", "curl", "-s", "-o", "/dev/null", *urls)
    yield wait_until(recorded, "the record of curl")[0]
    host.output("systemctl", "stop", "kept-curl")
    host.output("rm", "/run/kept")


def test_a_host_without_systemd(player_of: Play) -> None:
    """The role loads the rules itself, and installs the unit without calling systemd."""
    player = player_of("plain")
    (host,) = player.hosts
    before = snapshot(host)
    player.play(hardening_fence="enforce").check()
    assert "jump local" in host.output("nft", "list", "table", "inet", "alicloud_imds")
    assert (host.root / "etc/systemd/system/alicloud-imds-fence.service").exists()
    assert normal_mode_status(host) == "403"
    assert host.run("curl", "-s", "http://100.100.100.200/", user="www-data").returncode == 7
    assert player.play(hardening_fence="enforce").check().changed == {"host0": 0}
    player.play(hardening_state="absent").check()
    assert differences(before, snapshot(host)) == []


@pytest.mark.long
def test_debian_11(player_of: Play) -> None:
    """All steps with nft 0.9.8, systemd 247 and Python 3.9."""
    player = player_of("systemd", root="bullseye")
    (host,) = player.hosts
    versions = " ".join(host.output(program, "--version") for program in ("nft", "systemctl", "python3"))
    assert re.search(r"nftables v0\.9\.8 .*systemd 247 .*Python 3\.9\.", versions, re.DOTALL), versions
    before = snapshot(host)
    wanted = {"hardening_fence": "enforce", "hardening_fence_services": ["cron.service"], "hardening_watch": "keep"}
    player.play(**wanted).check()
    assert player.play(**wanted).check().changed == {"host0": 0}

    def protected() -> None:
        assert normal_mode_status(host) == "403"
        assert host.run("curl", "-s", "http://100.100.100.200/", user="www-data").returncode == 7
        denied = host.output("systemctl", "show", "--property=IPAddressDeny", "--value", "cron.service")
        assert "100.100.100.200/32" in denied

    protected()
    with kept_curl(host) as job:
        assert (job["user"], job["comm"], job["modes"]) == ("root", "curl", {"normal_mode": 1})
    units = ("alicloud-imds-watch.service", "alicloud-imds-fence.service", "alicloud-imds-fence-check.service")
    for unit in units:
        assert host.output("journalctl", "--quiet", "--priority=warning", "--unit", unit) == "", unit
    host.reboot()
    protected()
    assert json.loads(host.output("ecs-metadata", "watch", "--status", "--json"))["coverage"] == "full"
    host.output("sh", "-ec", HUNG_CHECK)  # gives up after a minute
    player.play(hardening_state="absent").check()
    assert normal_mode_status(host) == "200"
    assert differences(before, snapshot(host)) == []


def test_an_ordinary_user_with_become(player_of: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task that calls the API runs without become, so the controller needs no sudo."""
    player = player_of("systemd")
    (host,) = player.hosts
    host.output("useradd", "--create-home", "--shell", "/bin/bash", "ops")
    host.output("cp", "-r", "/root/.ssh", "/home/ops/.ssh")
    host.output("chown", "-R", "ops:ops", "/home/ops/.ssh")
    host.output("sh", "-c", "echo 'ops ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/ops")
    variables = {**host.ansible_variables(), "ansible_user": "ops"}
    monkeypatch.setattr(host, "ansible_variables", lambda: variables)
    refused = player.play(hardening_fence="enforce")
    assert refused.failed == {"host0": 1} and normal_mode_status(host) == "200"
    player.play(strategy={"become": True}, hardening_fence="enforce").check()
    assert normal_mode_status(host) == "403"
    player.play(strategy={"become": True}, hardening_state="absent").check()
    assert normal_mode_status(host) == "200"


@pytest.mark.long
def test_a_disabled_endpoint(player_of: Play) -> None:
    player = player_of("systemd")
    (host,) = player.hosts
    player.play(hardening_access="disabled").check()
    assert player.options(host)[0] == "disabled"
    assert player.play(hardening_access="disabled").check().changed == {"host0": 0}
    asked = player.play(hardening_access="required").check()
    assert asked.changed == {"host0": 0}
    assert "Set hardening_instance_id and hardening_region_id" in " ".join(asked.output.split())
    known = {"hardening_instance_id": "i-host0", "hardening_region_id": "cn-hangzhou"}
    player.play(hardening_access="required", **known).check()
    assert player.options(host)[:2] == ("disabled", "required"), "a disabled endpoint is never enabled as a side effect"
    player.play(hardening_state="absent").check()
    assert player.options(host) == ("enabled", "optional", "disabled")


@pytest.mark.long
def test_each_step_alone(player_of: Play) -> None:
    player = player_of("systemd")
    (host,) = player.hosts
    before = snapshot(host)
    nothing = {"hardening_tooling": False, "hardening_enforce": False, "hardening_fence": "off"}
    assert player.play(**nothing).check().changed == {"host0": 0}
    assert differences(before, snapshot(host)) == []
    player.play(**{**nothing, "hardening_tooling": True, "hardening_local_fact": False}).check()
    assert not (host.root / "etc/ansible").exists() and normal_mode_status(host) == "200"
    player.play(**{**nothing, "hardening_fence": "enforce"}).check()
    assert host.run("curl", "-s", "http://100.100.100.200/", user="www-data").returncode == 7
    player.play(**{**nothing, "hardening_enforce": True}).check()
    assert normal_mode_status(host) == "403"
    player.play(hardening_state="absent").check()
    assert differences(before, snapshot(host)) == []


def test_the_role_fails_before_any_change_if_the_service_does_not_answer(player_of: Play) -> None:
    player = player_of("plain")
    (host,) = player.hosts
    before = snapshot(host)
    player.emulator.admin("PUT", "/instances/i-host0/faults", [{"kind": "reset"}])
    played = player.play()
    said = " ".join(played.output.split())
    unknown = "The answers of the metadata service do not show which access modes it offers; expected: required"
    assert played.failed == {"host0": 1} and unknown in said, said
    assert differences(before, snapshot(host)) == [] and "Install the ecs-metadata command" not in said


def test_requests_of_the_role_do_not_block_the_host(player_of: Play) -> None:
    """The watch records the role's own normal-mode requests as noise, and the preflight check ignores them."""
    player = player_of("systemd")
    (host,) = player.hosts
    player.play(hardening_enforce=False).check()
    fault = {"kind": "status", "status": 503, "on": "data", "path": "*/instance-id", "times": 1}
    player.emulator.admin("PUT", "/instances/i-host0/faults", [fault])  # the first request is repeated
    player.play(hardening_enforce=False).check()

    def recorded() -> dict[str, Any]:
        seen = json.loads(host.output("ecs-metadata", "callers", "--json", "--mode", "normal_mode"))
        return seen if seen["totals"]["normal_mode"] >= 2 else {}

    seen = wait_until(recorded, "the records, which the watch writes every five seconds")
    assert seen["totals"]["normal_mode"] == seen["totals"]["noise"] >= 2 and seen["last_normal_mode"] is None
    player.play(hardening_preflight="block").check()
    assert normal_mode_status(host) == "403"


def test_a_second_run_sends_one_normal_mode_request_to_each_address(player_of: Play) -> None:
    """Without changes only root's probe arrives, because the fence refuses nobody. A repair is verified again."""
    player = player_of("plain")
    (host,) = player.hosts

    def normal_mode_requests() -> int:
        entries = player.emulator.admin("GET", "/journal?after=0")["entries"]
        return sum(entry["instance"] == "i-host0" and entry["mode"] == "normal_mode" for entry in entries)

    player.play(hardening_fence="enforce").check()
    first = normal_mode_requests()
    assert player.play(hardening_fence="enforce").check().changed == {"host0": 0}
    second = normal_mode_requests()
    assert second - first == 2
    host.output("nft", "delete", "table", "inet", "alicloud_imds")
    assert player.play(hardening_fence="enforce").check().changed == {"host0": 1}
    assert normal_mode_requests() - second == 6, (
        "the probe as root and as nobody, whom no fence refuses, and the verification as root, at each address"
    )


@pytest.mark.long
def test_findings_do_not_block_the_watch(player_of: Play) -> None:
    """Without enforcement the role installs the watch and reports findings. With enforcement, they block the host.

    The watch is removed after verified enforcement.
    """
    player = player_of("systemd")
    (host,) = player.hosts
    (host.root / "etc/cron.d/plain").write_text("7 0 30 2 * root curl http://100.100.100.200/latest/meta-data/mac\n")
    played = player.play(hardening_preflight="block", hardening_enforce=False).check()
    assert host.output("systemctl", "is-active", "alicloud-imds-watch.service").strip() == "active"
    assert normal_mode_status(host) == "200" and not player.record.exists()
    assert "/etc/cron.d/plain line 1" in " ".join(played.output.split()), "the finding is reported"
    blocked = player.play(hardening_preflight="block")
    said = " ".join(blocked.output.split())
    assert blocked.failed == {"host0": 1} and re.search("Blocked by .* A script sends normal-mode requests", said), said
    assert "path: /etc/cron.d/plain, line: 1" in said and "hardening_waivers" in said
    limits = host.output("systemctl", "show", "--property=MemoryMax,CPUQuotaPerSecUSec", "alicloud-imds-watch.service")
    assert sorted(limits.split()) == ["CPUQuotaPerSecUSec=1s", "MemoryMax=268435456"]
    (host.root / "etc/cron.d/plain").unlink()
    with kept_curl(host):
        assert "caller_normal_mode: exe: /usr/bin/curl" in player.play(hardening_preflight="block").output
    player.play(hardening_preflight="report").check()
    assert normal_mode_status(host) == "403"
    watch = host.run("systemctl", "is-active", "alicloud-imds-watch.service").stdout.strip()
    assert watch == "inactive" and not (host.root / "var/lib/alicloud-imds/callers.json").exists()
    assert player.play().check().changed == {"host0": 0}
    player.play(hardening_state="absent").check()


@pytest.mark.long
def test_invalid_names_fail_before_any_change(player_of: Play) -> None:
    player = player_of("systemd")
    (host,) = player.hosts
    before = snapshot(host)
    for variables, said in (
        ({"hardening_fence_users": ["no-such-user"]}, "There is no user 'no-such-user' on this host. Create it before"),
        ({"hardening_fence_groups": ["no-such-group"]}, "There is no group 'no-such-group' on this host."),
        ({"hardening_fence_sources": ["172.17.0.1/16"]}, "is not an IP network such as 172.17.0.0/16"),
        (
            {"hardening_fence_services": ["nginx"]},
            "'nginx' in 'deny_services' is not a unit name such as nginx.service.",
        ),
        ({"hardening_fence_services": ["no-such-unit.service"]}, "There is no unit no-such-unit.service on this host"),
        ({"hardening_fence_adjacent_services": ["[]"]}, "'[]' in 'adjacent_services'"),
    ):
        played = player.play(hardening_fence="enforce", **variables)
        assert played.failed == {"host0": 1} and said in " ".join(played.output.split()), played.output
        assert differences(before, snapshot(host)) == []
        assert player.options(host)[1] == "optional"
