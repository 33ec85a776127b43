# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The audit with future instances: launch templates, scaling configurations and images of two regions, and their remedies."""

from __future__ import annotations

import csv
import html.parser
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lab
import pytest
from hosts import Site
from oldest_core import OLDEST_CORE
from playing import BIN, CHECKOUT, CONTROLLER, Played, Player, instance
from waiting import PROCESS_SECONDS

pytestmark = [pytest.mark.lab, pytest.mark.long]

NEAR, FAR = "cn-hangzhou", "cn-shanghai"
KEY, SECRET = "LTAI5tFuture000000001", "secret-of-the-account"
ACTIONS = ["ecs:*", "ess:*"]
# The identity may not read launch templates and Auto Scaling in this region.
FORBIDDEN = {"kind": "error", "code": "Forbidden.RAM", "region": FAR, "action": "Describe[LS]*"}
DOWN = {"kind": "html", "status": 503, "region": FAR}
MARKUP = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
TERMINAL = "\x1b[2J\x1b]0;owned\x07\u202egnp.exe\r\nPLAY RECAP ***\r\nweb : ok=9 failed=0"
FORMULA = "=cmd|' /C calc'!A0;=1+1"
TABLE = 'a | b |\n|---|---|\n", x</td></tr></table>'
LONG = "long" * 2500


class Account:
    """The resources of the account that create instances, as the client of the collection creates and reads them."""

    def __init__(self, endpoint: str) -> None:
        sys.path.insert(0, str(CHECKOUT / ".cache/collections"))
        client = "ansible_collections.alicloud.imds.plugins.module_utils._openapi."
        options, scaling, transport = (
            importlib.import_module(client + it) for it in ("_options", "_scaling", "_transport")
        )
        defaults = {name: option.get("default") for name, option in options.argument_spec().items()}
        keys = {"access_key_id": KEY, "access_key_secret": SECRET, "api_endpoint": endpoint}
        self.ecs = options.make_api({**defaults, **keys}.__getitem__, 1)
        self._ess = transport.Service("ess", scaling.VERSION, endpoint)

    def template(self, region: str, name: str, **fields: str) -> str:
        given = {"RegionId": region, "ImageId": f"m-new-{region}", "LaunchTemplateName": name, **fields}
        return str(self.ecs.call("CreateLaunchTemplate", region, given)["LaunchTemplateId"])

    def group(self, region: str, **source: Any) -> str:
        made = self._scale("CreateScalingGroup", region, MinSize=0, MaxSize=1, **source)["ScalingGroupId"]
        if source:
            self._scale("EnableScalingGroup", region, ScalingGroupId=made)
        return str(made)

    def configuration(self, region: str, group: str, name: str, **fields: str) -> str:
        given = {"ScalingGroupId": group, "ImageId": f"m-new-{region}", "ScalingConfigurationName": name, **fields}
        return str(self._scale("CreateScalingConfiguration", region, **given)["ScalingConfigurationId"])

    def _scale(self, action: str, region: str, **parameters: Any) -> dict[str, Any]:
        given = {"RegionId": region, **parameters} if "Configuration" not in action else parameters
        found: dict[str, Any] = self.ecs.transport.call(self._ess, action, region, given)
        return found


class Audited:
    """Two hosts, the account and the report."""

    def __init__(self, site: Site, folder: Path, controller: Path) -> None:
        self.proof = folder / "executed"
        self.jinja = "{{ lookup('ansible.builtin.pipe', 'touch %s') }}{%% raw %%}" % self.proof
        images: dict[str, dict[str, Any]] = {
            f"m-new-{region}": {"region_id": region, "imds_support": "v2"} for region in (NEAR, FAR)
        }
        images["m-old"] = {"region_id": NEAR, "imds_support": "v1", "name": self.jinja + MARKUP}
        web, db = site.add("web", "plain"), site.add("db", "plain")
        control = {
            "access_keys": {KEY: {"secret": SECRET, "actions": ACTIONS}},
            "images": images,
            "regions": [NEAR, FAR],
        }
        controller_instance = {**CONTROLLER, "role": {"name": "Hardener", "actions": ACTIONS}}
        instances = [instance(web, http_tokens="required"), instance(db), controller_instance]
        self.emulator = lab.start_emulator({"instances": instances, "control": control}, control=True)
        self.player = Player([web, db], self.emulator, folder, controller)
        self.reports = folder / "reports"
        self.endpoint = str(self.emulator.control_endpoint)
        self.account = Account(self.endpoint)

    def faults(self, *faults: dict[str, Any]) -> None:
        self.emulator.admin("PATCH", "/control", {"faults": list(faults)})

    def play(self, playbook: str, *arguments: str, **variables: Any) -> Played:
        self.player.command()  # writes the inventory
        common = {
            "hardening_api_endpoint": self.endpoint,
            "imds_report_dir": str(self.reports),
            "imds_become": False,
            "imds_regions": [NEAR, FAR],
            "imds_future": True,
        }
        inventory = str(self.player.folder / "inventory.json")
        command = [str(self.player.bin / "ansible-playbook"), "--inventory", inventory, playbook, *arguments]
        command += ["--extra-vars", json.dumps({**common, **variables})]
        done = subprocess.run(
            command, env=self.player.environment(), capture_output=True, text=True, timeout=PROCESS_SECONDS, check=False
        )
        return Played(done.returncode, done.stdout + done.stderr)

    def audit(self, *arguments: str, **variables: Any) -> Played:
        return self.play("alicloud.imds.audit", *arguments, **variables)

    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.reports / "report.json").read_text())
        return found

    def future(self) -> dict[str, tuple[str, str | None]]:
        """Return the verdict on each resource, and the time if it is the last known one, by ID or name."""
        rows = self.report()["future"]["resources"]
        return {
            it["id"]: (it["verdict"], it["last_known"])
            for it in rows
            if it["kind"] != "image" or it["name"] != it["id"]
        }

    def sarif(self) -> list[tuple[str, str]]:
        """Return level and place of each result about future instances."""
        (run,) = json.loads((self.reports / "report.sarif").read_text())["runs"]
        rule = "future_instances_non_compliant"
        results = [it for it in run["results"] if it["ruleId"] == rule]
        return [(it["level"], it["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]) for it in results]


@pytest.fixture(params=[BIN, OLDEST_CORE], ids=["installed", "oldest"])
def audited(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Audited]:
    if not (request.param / "ansible-playbook").exists():
        pytest.skip(f"{request.param} does not exist; `make hosts` creates it")
    with Site() as site:
        made = Audited(site, tmp_path, request.param)
        yield made
        assert made.emulator.stop() == 0


class Cells(html.parser.HTMLParser):
    """The numbers of cells in the rows of the section about future instances, and all elements of the page by name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.rows: list[int] = []
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        if tag == "section":
            self._inside = ("class", "future") in attributes
        if self._inside and tag == "tr":
            self.rows.append(0)
        if self._inside and tag in ("td", "th"):
            self.rows[-1] += 1


def remedy(record: Path, endpoint: str) -> list[dict[str, Any]]:
    """Return a play with the modules that the report names, and the one for instances."""
    common = {"regions": [NEAR, FAR], "api_endpoint": endpoint}
    wanted = {**common, "http_tokens": "required", "record": str(record)}
    image = {**common, "all_images": True, "confirm": True}
    tasks: list[dict[str, Any]] = [
        {"alicloud.imds.image_imds_support": image},
        {"alicloud.imds.scaling_configuration_metadata_options": {**wanted, "all_scaling_configurations": True}},
        {"alicloud.imds.launch_template_metadata_options": {**wanted, "all_launch_templates": True}},
        {"alicloud.imds.metadata_options": {**wanted, "instance_ids": ["i-db"]}},
    ]
    return [{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}]


def harmless(audited: Audited, played: Played) -> None:
    """Check that names which others chose are text everywhere: in the output, on the page and in the files."""
    assert not audited.proof.exists()
    assert [it for it in played.output if not it.isprintable() and it != "\n"] == []
    assert not re.search(r"^web : ok=9", played.output, re.MULTILINE), "a forged line of the recap"
    text = (audited.reports / "report.html").read_text()
    page = Cells(text)
    assert set(page.rows) == {4} and len(page.rows) > 5, page.rows
    assert "img" not in page.names and "document.title='owned'" not in text
    for name in ("report.html", "future.csv", "junit.xml", "report.sarif"):
        content = (audited.reports / name).read_bytes().decode()
        assert [it for it in content if not it.isprintable() and it not in "\r\n"] == [], name
    with (audited.reports / "future.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(None not in it and None not in it.values() for it in rows)
    cells = {it["name"] for it in rows}
    assert audited.jinja in cells and f"'{FORMULA.replace(';=', chr(59) + chr(39) + '=')}" in cells, cells
    names = {it["name"] for it in audited.report()["future"]["resources"]}
    assert {audited.jinja, audited.jinja + MARKUP, MARKUP, TERMINAL, FORMULA, TABLE} < names
    assert any(name.startswith(LONG[:2000] + " ...") for name in names)


def test_the_audit_reports_future_instances_and_their_remedies_clear_it(audited: Audited, tmp_path: Path) -> None:
    account, required = audited.account, {"HttpTokens": "required", "HttpEndpoint": "enabled"}
    bad = [account.template(NEAR, name) for name in (audited.jinja, TABLE, LONG)]
    bad.append(account.group(NEAR, LaunchTemplateId=bad[0], LaunchTemplateVersion="Default"))
    group, good = account.group(NEAR), [account.template(NEAR, "good", **required)]
    bad += [account.configuration(NEAR, group, name) for name in (MARKUP, TERMINAL, FORMULA)]
    good.append(account.configuration(NEAR, group, "fine", **required))
    far_template, far_configuration = (
        account.template(FAR, "far"),
        account.configuration(FAR, account.group(FAR), "far"),
    )
    far = {far_template, far_configuration}
    count = "resources create instances that accept normal-mode requests, or may do so."

    # Check mode writes nothing, and evaluates the conditions.
    played = audited.audit("--check", imds_fail_on=["non_compliant", "future"])
    assert played.status == 2 and not audited.reports.exists(), played.output
    assert "non_compliant: normal-mode requests are accepted by 1 host (db)." in played.output
    assert "future: 10 resources: " in played.output and f"10 of 14 {count}" in played.output

    # Both regions can be read.
    played = audited.audit("--diff").check()
    verdicts = audited.future()
    expected = {**dict.fromkeys([*bad, *far], ("optional", None)), **dict.fromkeys(good, ("compliant", None))}
    assert verdicts == {**expected, "m-old": ("blocked_by_image", None)}
    assert f"10 of 14 {count}" in played.output and "Future instances" in played.output
    assert sorted(audited.sarif()) == [("error", NEAR)] * 8 + [("error", FAR)] * 2
    states = {it["host"]: it["state"] for it in audited.report()["hosts"]}
    assert states["web"] == "compliant" and states["db"] == "non_compliant", "today's instances are beside them"
    harmless(audited, played)
    first = audited.report()["generated_at"]

    # A region that does not respond: what is known of it stays, with the time, and the region is named everywhere.
    audited.faults(DOWN)
    played = audited.audit(imds_regions="all", imds_fail_on=["future"])
    known = {name: (verdict, first if name in far else None) for name, (verdict, _since) in verdicts.items()}
    assert played.status == 2 and audited.future() == known, played.output
    assert "not everything could be read: cn-shanghai: " in played.output
    assert [it["region_id"] for it in audited.report()["future"]["failed_regions"]] == [FAR]
    assert sorted(audited.sarif()) == [("error", NEAR)] * 8 + [("error", FAR)] * 2 + [("none", FAR)]
    assert re.search(r"<li><bdi>cn-shanghai: ", (audited.reports / "report.html").read_text())
    assert "Not everything could be read, so there may be others:" in played.output
    harmless(audited, played)

    # A region of which only the images may be read.
    audited.faults(FORBIDDEN)
    played = audited.audit(imds_fail_on=["future"])
    assert played.status == 2 and audited.future() == known, played.output
    part = audited.report()["future"]
    assert part["failed_regions"] == [] and "RequestId" not in str(part)
    for kind in ("launch templates", "scaling configurations", "scaling groups"):
        assert any(it.startswith(f"{kind} in {FAR}: ") for it in part["errors"]), part["errors"]
    assert ("none", "no region") in audited.sarif()
    assert audited.audit().status == 0, "without conditions, what may not be read is a warning"

    # The remedies, and nothing else, clear it.
    audited.faults()
    playbook = tmp_path / "remedy.json"
    playbook.write_text(json.dumps(remedy(tmp_path / "records", audited.endpoint)))
    remedied = audited.play(str(playbook), "--diff").check()
    assert not audited.proof.exists()
    assert [it for it in remedied.output if not it.isprintable() and it != "\n"] == []
    played = audited.audit(imds_fail_on=["non_compliant", "drift", "future"]).check()
    assert set(audited.future().values()) == {("compliant", None)} and len(audited.future()) == len(verdicts)
    assert audited.sarif() == [] and re.search(rf"\b0 of \d+ {count}", played.output)

    # Drift is of today's instances.
    audited.emulator.admin("PATCH", "/instances/i-db", {"http_tokens": "optional"})
    played = audited.audit(imds_fail_on=["drift"])
    assert played.status == 2 and "drift: tokens were required in an earlier report" in played.output
    assert "by 1 host (db)" in " ".join(played.output.split()) and set(audited.future().values()) == {
        ("compliant", None)
    }
