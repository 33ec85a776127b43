# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""alicloud.imds.report: what the action writes, when it is changed, how it fails, and that it needs no host."""

from __future__ import annotations

import datetime
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import action_loader, connection_loader
from ansible.template import Templar
from ansible_collections.alicloud.imds.plugins.action import report as action
from ansible_collections.alicloud.imds.plugins.modules import report as module
from ansible_collections.alicloud.imds.plugins.plugin_utils._report._options import argument_spec

FILES = {"report.html", "report.json", "hosts.csv", "findings.csv", "future.csv", "junit.xml", "report.sarif"}
NON_COMPLIANT = {"host": "web1", "in_guest": {"verdict": "optional"}, "findings": []}
COMPLIANT = {**NON_COMPLIANT, "in_guest": {"verdict": "required"}}


@pytest.fixture
def run(tmp_path):
    """Run the action alicloud.imds.report as a task runs it, but in this process."""

    def start(*hosts: dict[str, Any], check: bool = False, **options: Any) -> dict[str, Any]:
        loader, context = DataLoader(), PlayContext()
        task = Task.load({"action": "alicloud.imds.report", "check_mode": check}, loader=loader)
        task.args = {"path": str(tmp_path / "report"), "hosts": list(hosts), **options}
        made = action_loader.get(
            "alicloud.imds.report",
            task=task,
            connection=connection_loader.get("ansible.builtin.local", context),
            play_context=context,
            loader=loader,
            templar=Templar(loader=loader),
            shared_loader_obj=None,
        )
        try:
            result: dict[str, Any] = made.run(task_vars={})
        except AnsibleActionFail as exc:
            return {"failed": True, "msg": str(exc)}
        return result

    return start


def modes(folder: Path) -> dict[str, int]:
    return {it.name: stat.S_IMODE(it.stat().st_mode) for it in folder.iterdir()}


@pytest.mark.parametrize(("mode", "folder"), [("0600", 0o700), ("0640", 0o750)])
def test_it_writes_files_that_others_cannot_read(run, tmp_path, mode, folder) -> None:
    result = run(NON_COMPLIANT, mode=mode)
    assert result["changed"] and result["drift"] is None and result["totals"]["states"]["non_compliant"] == 1
    assert modes(tmp_path / "report") == dict.fromkeys(FILES, int(mode, 8))
    assert stat.S_IMODE((tmp_path / "report").stat().st_mode) == folder
    assert {os.path.basename(it) for it in result["paths"].values()} == FILES


@pytest.mark.parametrize(
    ("language", "title", "nothing", "report"),
    [
        ("en", "What to do next", "Nothing. Run the audit again after changes.", "The report: "),
        ("zh", "下一步", "无。有变更之后请再次审计。", "报告："),
    ],
)
def test_the_summary_is_what_playbooks_print(run, language, title, nothing, report):
    done = run({**COMPLIANT, "control_plane": {"http_tokens": "required"}}, language=language)
    assert done["summary"] == [*done["table"], "", title, nothing, "", report + done["paths"]["html"]]
    done = run(NON_COMPLIANT, language=language)
    assert done["next_steps"]
    assert done["summary"] == [*done["table"], "", title, *done["next_steps"], "", report + done["paths"]["html"]]


def test_the_same_again_changes_nothing_but_the_time(run, tmp_path, monkeypatch) -> None:
    run(NON_COMPLIANT)
    monkeypatch.setattr(action, "format_utc", lambda _seconds: "2099-01-01T00:00:00Z")
    result = run(NON_COMPLIANT)
    assert not result["changed"] and result["diff"] == {"before": "", "after": ""}
    assert json.loads((tmp_path / "report/report.json").read_text())["generated_at"] == "2099-01-01T00:00:00Z"
    assert "2099-01-01 00:00" in (tmp_path / "report/report.html").read_text()


def test_check_mode_tells_and_writes_nothing(run, tmp_path) -> None:
    assert run(NON_COMPLIANT, check=True)["changed"] and not (tmp_path / "report").exists()
    run(NON_COMPLIANT)
    before = (tmp_path / "report/report.json").read_bytes()
    result = run(COMPLIANT, check=True)
    assert result["changed"] and (tmp_path / "report/report.json").read_bytes() == before
    assert result["drift"]["changed_modes"] == [
        {"host": "web1", "view": "in_guest", "before": "optional", "after": "required"}
    ]
    assert result["diff"] == {
        "before": "web1: unknown in the API, optional on the host\n",
        "after": "web1: unknown in the API, required on the host\n",
    }


@pytest.mark.parametrize("name", sorted(FILES - {"report.json"}))
def test_a_file_that_is_lost_altered_or_too_open_is_put_right(run, tmp_path, name) -> None:
    run(NON_COMPLIANT)
    path = tmp_path / "report" / name
    good = path.read_bytes()
    for damage in (path.unlink, lambda: path.write_text("x"), lambda: path.chmod(0o644)):
        damage()
        assert run(NON_COMPLIANT)["changed"]
        assert len(path.read_bytes()) == len(good) and modes(path.parent)[name] == 0o600
    assert not run(NON_COMPLIANT)["changed"]


def test_a_link_is_replaced_not_followed(run, tmp_path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    (tmp_path / "report").mkdir()
    (tmp_path / "report/report.html").symlink_to(victim)
    run(NON_COMPLIANT)
    assert victim.read_text() == "kept" and not (tmp_path / "report/report.html").is_symlink()


def test_what_is_no_report_is_never_overwritten(run, tmp_path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report/report.json").write_text('{"mine": 1}')
    result = run(NON_COMPLIANT)
    assert result["failed"] and "report.json is not a fleet report. Move it away" in result["msg"]
    assert set(os.listdir(tmp_path / "report")) == {"report.json"}


def test_a_folder_that_cannot_be_made_is_named(run, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    result = run(NON_COMPLIANT, path=str(tmp_path / "file/report"))
    assert result["failed"] is True
    assert result["msg"].count("Cannot create the folder %s: Not a directory." % (tmp_path / "file/report")) == 1
    assert result["msg"].endswith("Set 'path' (imds_report_dir) to a directory that you can write to.")


@pytest.mark.parametrize(
    "hosts",
    [
        [NON_COMPLIANT, NON_COMPLIANT],
        [{**NON_COMPLIANT, "in_guest": {"verdict": "maybe"}}],
        [{**NON_COMPLIANT, "state": "open"}],
    ],
)
def test_an_entry_with_an_invalid_form_is_a_warning_that_names_the_host(run, hosts) -> None:
    result = run(*hosts, {"host": "other"})
    (warning,) = result["warnings"]
    assert "results of 1 host have an invalid form: web1." in warning
    assert result["totals"]["hosts"] == 2
    assert run({"host": "other"})["warnings"] == []


def test_the_documentation_has_every_option_and_choice() -> None:
    def compare(documented: dict[str, Any], spec: dict[str, Any]) -> None:
        assert set(documented) == set(spec)
        for name, option in spec.items():
            for key in ("type", "elements", "required", "default", "choices"):
                assert documented[name].get(key) == option.get(key), (name, key)
            compare(documented[name].get("suboptions", {}), option.get("options", {}))

    compare(yaml.safe_load(module.DOCUMENTATION)["options"], argument_spec())


def test_the_examples_are_what_the_module_takes(run) -> None:
    example = yaml.safe_load(module.EXAMPLES)[0]["alicloud.imds.report"]
    assert run(*example["hosts"])["totals"]["next"]["blocked"] == 1


def test_unknown_options_and_wrong_types_are_refused(run) -> None:
    assert "color" in run(NON_COMPLIANT, color="red")["msg"]
    assert "hosts" in run(hosts={"host": "web1"})["msg"]
    assert "one of: 0600, 0640" in run(NON_COMPLIANT, mode="0666")["msg"]


def test_values_are_taken_as_a_module_would_get_them(run) -> None:
    """A date without quotes in YAML, a number as a key, a tuple: none of these is text or JSON yet."""
    waived = {"reason": "Replaced", "expires": datetime.date(2099, 1, 31)}
    evidence = {1: (datetime.date(2026, 1, 2), None)}
    finding = {"id": "a", "severity": "block", "title": "A", "waived": waived, "evidence": evidence}
    assert run({**NON_COMPLIANT, "findings": [finding]})["totals"]["findings"]["waived"] == 1


def test_each_output_is_rendered_once(run, monkeypatch) -> None:
    rendered = []
    real = action.report.__globals__["page"]
    monkeypatch.setitem(action.report.__globals__, "page", lambda *given: rendered.append(1) or real(*given))
    for expected in (1, 2):
        run(NON_COMPLIANT)
        assert len(rendered) == expected


PLAYBOOK = """
- hosts: all
  gather_facts: false
  become: true
  tasks:
    - alicloud.imds.report: {path: "{{ folder }}/report", hosts: "{{ fleet }}"}
      run_once: true
      register: first
    - alicloud.imds.report: {path: "{{ folder }}/report", hosts: "{{ fleet + [{'host': 'new'}] }}"}
      run_once: true
      delegate_to: localhost
      check_mode: true
      diff: true
    - alicloud.imds.report: {path: report, hosts: "{{ fleet }}", title: ECS metadata access}
      run_once: true
      delegate_to: localhost
      register: second
    - ansible.builtin.assert:
        that:
          - first is changed and second is not changed
          - second.paths.html == folder ~ '/report/report.html'
      delegate_to: localhost
      vars: {ansible_connection: local}
"""


@pytest.mark.slow
def test_ansible_playbook_needs_neither_the_hosts_nor_become(tmp_path) -> None:
    """No connection is made, no template in the data is rendered, and what is written belongs to who runs Ansible."""
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    fleet = [{**NON_COMPLIANT, "name": "{{ 7 * 7 }}"}]
    (tmp_path / "vars.json").write_text(json.dumps({"folder": str(tmp_path)}))
    (tmp_path / "fleet.json").write_text(json.dumps(fleet))
    inventory = "a ansible_host=192.0.2.1 ansible_connection=ssh ansible_become_exe=/none/such\nb\n"
    (tmp_path / "inventory").write_text(inventory)
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "inventory", "play.yml", "-e", "@vars.json"]
    command += ["-e", json.dumps({"fleet": "{{ lookup('ansible.builtin.file', folder ~ '/fleet.json') | from_json }}"})]
    environment = dict(os.environ, ANSIBLE_NOCOLOR="1", ANSIBLE_HOME=str(tmp_path / "home"))
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "+new: unknown in the API, unknown on the host" in done.stdout
    page = (tmp_path / "report/report.html").read_text()
    assert "{{ 7 * 7 }}" in page
    assert {it.stat().st_uid for it in (tmp_path / "report").iterdir()} == {os.getuid()}
