# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host must not change another one: impostors, names that were recorded in one file, and hosts that share an instance.

Judged by the final options of the API, and by a normal-mode request from inside each host.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lab
import pytest
from host import Host
from hosts import Site
from imds_emulator import identity
from playing import CONTROLLER, REGION, Played, Player, instance
from waiting import wait_until

pytestmark = pytest.mark.lab

# The root user of a host redirects the address of the service to this program, which answers what its first argument says.
IMPOSTOR = r"""
import http.server, json, sys
answers = json.loads(sys.argv[1])
class Answer(http.server.BaseHTTPRequestHandler):
    def reply(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())
    def do_PUT(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.reply(200, "dG9rZW4=")
    def do_GET(self):
        text = answers.get(self.path.partition("?")[0].rpartition("/")[2])
        self.reply(404 if text is None else 200, text or "")
    protocol_version = "HTTP/1.1"
    def log_message(self, *arguments):
        pass
http.server.ThreadingHTTPServer(("100.100.100.200", 80), Answer).serve_forever()
"""


class Fleet:
    """Hosts, their emulated instances and the records."""

    def __init__(self, site: Site, hosts: list[Host], folder: Path, emulator: lab.Emulator) -> None:
        self.site, self.hosts, self.folder, self.emulator = site, hosts, folder, emulator
        self.player = Player(hosts, emulator, folder)

    def tokens(self) -> dict[str, str]:
        """Return HttpTokens of the instances of all hosts."""
        return {host.name: self.player.options(host)[1] for host in self.hosts}

    def answers(self) -> dict[str, str]:
        """Return the status of a normal-mode request from inside each host."""
        url = "http://100.100.100.200/latest/meta-data/instance-id"
        return {
            host.name: host.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", url).stdout
            for host in self.hosts
        }

    def impersonate(self, host: Host, **answers: str) -> None:
        """Redirect the metadata service of *host* to a program with these answers."""
        (host.root / "impostor.py").write_text(IMPOSTOR)
        host.output("ip", "address", "add", "100.100.100.200/32", "dev", "lo")
        named = {name.replace("_", "-"): value for name, value in answers.items()}
        host.output("systemd-run", "--unit=impostor", "python3", "-I", "/impostor.py", json.dumps(named))
        url = "http://100.100.100.200/latest/meta-data/instance-id"
        wait_until(lambda: host.run("curl", "-s", url).stdout == answers["instance_id"])

    def restore(self, host: Host) -> None:
        host.output("systemctl", "stop", "impostor")
        host.output("ip", "address", "delete", "100.100.100.200/32", "dev", "lo")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site() as made:
        for name in ("evil", "good", "third"):
            made.add(name)
        yield made


@pytest.fixture
def fleet(site: Site, tmp_path: Path) -> Iterator[Fleet]:
    hosts = list(site.hosts.values())
    others = [{"instance_id": "i-outsider", "region_id": REGION, "clients": [], "http_tokens": "optional"}, CONTROLLER]
    with lab.start_emulator({"instances": [*map(instance, hosts), *others]}, control=True) as emulator:
        fleet = Fleet(site, hosts, tmp_path, emulator)
        yield fleet
        emulator.admin("PATCH", "/control", {"faults": [], "delay_seconds": 0})
        fleet.player.play(hardening_state="absent").check()


def signed_by_the_service(host: Host, audience: str) -> str:
    """Return a document that the service signs for *host*, for another audience than that of the run."""
    base = "http://100.100.100.200/latest/"
    script = (
        f"T=$(curl -s -X PUT -H 'X-aliyun-ecs-metadata-token-ttl-seconds: 60' {base}api/token);"
        f" curl -s -H \"X-aliyun-ecs-metadata-token: $T\" '{base}dynamic/instance-identity/pkcs7?audience={audience}'"
    )
    return host.output("sh", "-c", script)


def said(played: Played) -> str:
    return " ".join(played.output.replace('\\"', '"').split())


def test_an_impostor_changes_no_other_instance_and_stops_no_other_host(fleet: Fleet) -> None:
    """Each claim of `evil` is refused, with its reason and before a call for it; the others are hardened, also with max_fail_percentage."""
    evil = fleet.site.hosts["evil"]
    replayed = signed_by_the_service(fleet.site.hosts["good"], "an-earlier-run")
    text = identity.document({**lab_settings(fleet, "i-good")})
    forged = base64.b64encode(base64.b64decode(replayed).replace(b"an-earlier-run", b"an-earliest-ru")).decode()
    good: dict[str, str] = {"instance_id": "i-good", "region_id": REGION}
    plain = base64.b64encode(identity.signed_data(text.encode())).decode()
    cases: list[tuple[dict[str, str], str]] = [
        ({**good, "pkcs7": replayed}, "requested for another audience"),
        ({**good, "pkcs7": plain}, "was not requested for an audience"),
        ({**good, "pkcs7": forged}, "The signature is invalid, or was not made with the key of the certificate"),
        (good, "good claims the instance i-good as well"),
        ({"instance_id": "i-outsider", "region_id": REGION}, "The API returned other private addresses"),
        ({"instance_id": "i-unknown", "region_id": REGION}, "The API returned no instance with this ID in cn-hangzhou"),
        ({"instance_id": "\x1b]0;x", "region_id": REGION}, "did not return valid IDs"),
        ({"instance_id": "i-unknown", "region_id": "cn-nowhere"}, "InvalidRegionId"),
    ]
    for number, (claim, reason) in enumerate(cases):
        fleet.impersonate(evil, **claim)
        try:
            played = fleet.player.play(strategy={"max_fail_percentage": 50}, hardening_wait_timeout=30)
        finally:
            fleet.restore(evil)
        assert reason in said(played), played.output
        assert "\x1b]" not in played.output
        assert played.failed == {"evil": 1, "good": 0, "third": 0}, played.output
        assert fleet.tokens() == {"evil": "optional", "good": "required", "third": "required"}, (number, played.output)
        assert fleet.answers() == {"evil": "200", "good": "403", "third": "403"}, number
        assert fleet.emulator.admin("GET", "/instances/i-outsider")["http_tokens"] == "optional"
        if number == 0:
            assert sorted(path.name for path in fleet.player.record.glob("*.json")) == ["good.json", "third.json"]
    # An undo of the impostor alone restores nothing of another host.
    fleet.impersonate(evil, **good)
    fleet.player.play("--limit", "evil", hardening_state="absent")
    fleet.restore(evil)
    assert fleet.tokens()["good"] == "required" and fleet.answers()["good"] == "403"


def lab_settings(fleet: Fleet, instance_id: str) -> dict[str, Any]:
    settings: dict[str, Any] = fleet.emulator.admin("GET", f"/instances/{instance_id}")
    return settings


def test_the_method_that_proved_the_identity_is_in_the_result(fleet: Fleet) -> None:
    """A service without signed documents: by address, or as stated. A wrong statement and a shared instance are refused."""
    shown = [{"ansible.builtin.debug": {"msg": "{{ inventory_hostname }} by {{ hardening_result.identity }}"}}]
    good, third = fleet.site.hosts["good"], fleet.site.hosts["third"]
    own = {host.name: {"instance_id": f"i-{host.name}", "region_id": REGION} for host in fleet.hosts}
    fleet.impersonate(good, **own["good"])  # the real one answers 404 for the signed document in this region
    try:
        played = fleet.player.play(
            "--limit", "good,third", strategy={"post_tasks": shown}, hardening_verify=False
        ).check()
    finally:
        fleet.restore(good)
    assert "good by address" in said(played) and "third by signed" in said(played)
    assert fleet.tokens() == {"evil": "optional", "good": "required", "third": "required"}
    fleet.player.play(hardening_state="absent").check()

    stated = "{{ {'good': 'i-good', 'third': 'i-good', 'evil': 'i-evil'}[inventory_hostname] }}"
    played = fleet.player.play(hardening_instance_id=stated)
    assert "hardening_instance_id is i-good, but the signed identity document is that of i-third" in said(played)
    assert fleet.tokens() == {"evil": "required", "good": "required", "third": "optional"}
    fleet.player.play(hardening_state="absent").check()

    played = fleet.player.play(hardening_instance_id=stated, hardening_identity="stated", hardening_region_id=REGION)
    assert "good claims the instance i-good as well" in said(played)
    assert "third claims the instance i-good as well" in said(played)
    assert played.failed == {"evil": 0, "good": 1, "third": 1}
    assert fleet.tokens() == {"evil": "required", "good": "optional", "third": "optional"}
    assert third.run("test", "-e", "/usr/local/bin/ecs-metadata").returncode != 0, "nothing was installed"


NAMES = {"evil": "\u5317\u4eacweb1", "good": "\u4e0a\u6d77web1", "third": "__web1"}
FILES = {"evil": "%E5%8C%97%E4%BA%ACweb1.json", "good": "%E4%B8%8A%E6%B5%B7web1.json", "third": "__web1.json"}


def test_hosts_that_shared_a_record_are_rolled_back_and_undone_one_by_one(fleet: Fleet) -> None:
    """Earlier versions recorded these three hosts in __web1.json, and restored all of them with one."""
    player = fleet.player
    player.names = NAMES
    fenced = {"hardening_fence": "enforce"}
    player.variables = {"evil": {"hardening_fence_users": ["nobody"]}}  # which the verification finds
    played = player.play(strategy={"max_fail_percentage": 0}, **fenced)
    assert played.failed == {NAMES["evil"]: 1, NAMES["good"]: 0, NAMES["third"]: 0}, played.output
    assert fleet.tokens() == {"evil": "optional", "good": "required", "third": "required"}
    assert fleet.answers() == {"evil": "200", "good": "403", "third": "403"}
    assert records(player) == {FILES["good"], FILES["third"]}

    player.play("--limit", NAMES["good"], hardening_state="absent").check()
    assert fleet.tokens() == {"evil": "optional", "good": "optional", "third": "required"}
    assert fleet.answers() == {"evil": "200", "good": "200", "third": "403"}
    assert records(player) == {FILES["third"]}

    # A record of an earlier version, in which it is unknown which entry is that of which host.
    player.variables = {}
    player.play(**fenced).check()
    assert records(player) == set(FILES.values())
    entries: dict[str, Any] = {}
    for path in player.record.glob("*.json"):
        entries |= json.loads(path.read_text())["instances"]
        path.unlink()
    (player.record / "__web1.json").write_text(json.dumps({"format": 1, "instances": entries}))
    (player.record / "__web1.json").chmod(0o600)
    played = player.play("--limit", NAMES["evil"], hardening_state="absent")
    assert "may belong to other hosts with a similar name" in said(played), played.output
    assert set(fleet.tokens().values()) == {"required"}
    player.variables = {"evil": {"hardening_instance_id": "i-evil"}}
    player.play("--limit", NAMES["evil"], hardening_state="absent").check()
    assert fleet.tokens() == {"evil": "optional", "good": "required", "third": "required"}
    assert fleet.answers() == {"evil": "200", "good": "403", "third": "403"}
    player.variables = {host.name: {"hardening_instance_id": f"i-{host.name}"} for host in fleet.hosts}
    player.play(hardening_state="absent").check()
    assert set(fleet.tokens().values()) == {"optional"} and records(player) == set()


def records(player: Player) -> set[str]:
    return {path.name for path in player.record.glob("*.json")}


def test_the_results_have_the_options_after_all_rollbacks(fleet: Fleet) -> None:
    """The last API call of a batch with a rollback reads the options of all its hosts."""
    role = {"ansible.builtin.include_role": {"name": "alicloud.imds.hardening"}}
    text = "{{ hardening_report.control_plane.http_tokens }} of {{ inventory_hostname }}"
    tasks = [{"block": [role], "always": [{"ansible.builtin.debug": {"msg": text}}]}]
    refusal = {"kind": "error", "code": "IncorrectInstanceStatus", "action": "ModifyInstanceMetadataOptions"}
    fleet.emulator.admin("PATCH", "/control", {"faults": [{**refusal, "instance": "i-evil"}]})
    played = fleet.player.play(strategy={"roles": [], "tasks": tasks})
    assert played.failed == {"evil": 1, "good": 0, "third": 0}, played.output
    shown = said(played)
    assert "optional of evil" in shown and "required of good" in shown and "required of third" in shown
    last = fleet.emulator.calls()[-1]
    assert last["action"] == "DescribeInstances", last
    assert fleet.tokens() == {"evil": "optional", "good": "required", "third": "required"}
