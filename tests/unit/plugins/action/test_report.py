# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""report: what the module writes, when it is changed, and how it fails."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.alicloud.imds.plugins.modules import report as module
from ansible_collections.alicloud.imds.plugins.plugin_utils._report._options import argument_spec

FILES = {"report.html", "report.json", "hosts.csv", "findings.csv", "junit.xml"}
OPEN = {"host": "web1", "in_guest": {"verdict": "optional"}, "findings": []}
CLOSED = {**OPEN, "in_guest": {"verdict": "required"}}


@pytest.fixture
def run(run_module, tmp_path):
    def make(*hosts: dict[str, Any], **options: Any) -> dict[str, Any]:
        options = {"path": str(tmp_path / "report"), **options}
        result: dict[str, Any] = run_module("report", hosts=list(hosts), **options)
        return result

    return make


def modes(folder: Path) -> dict[str, int]:
    return {it.name: stat.S_IMODE(it.stat().st_mode) for it in folder.iterdir()}


@pytest.mark.parametrize(("mode", "folder"), [("0600", 0o700), ("0640", 0o750)])
def test_it_writes_five_files_that_others_cannot_read(run, tmp_path, mode, folder) -> None:
    result = run(OPEN, mode=mode)
    assert result["changed"] and result["drift"] is None and result["totals"]["states"]["open"] == 1
    assert modes(tmp_path / "report") == dict.fromkeys(FILES, int(mode, 8))
    assert stat.S_IMODE((tmp_path / "report").stat().st_mode) == folder
    assert {os.path.basename(it) for it in result["paths"].values()} == FILES


def test_the_same_again_changes_nothing_but_the_time(run, tmp_path, monkeypatch) -> None:
    run(OPEN)
    monkeypatch.setattr(module.time, "strftime", lambda *_args: "2099-01-01T00:00:00Z")
    result = run(OPEN)
    assert not result["changed"] and result["diff"] == {"before": "", "after": ""}
    assert json.loads((tmp_path / "report/report.json").read_text())["generated_at"] == "2099-01-01T00:00:00Z"
    assert "2099-01-01 00:00" in (tmp_path / "report/report.html").read_text()


def test_check_mode_tells_and_writes_nothing(run, tmp_path) -> None:
    assert run(OPEN, _ansible_check_mode=True)["changed"] and not (tmp_path / "report").exists()
    run(OPEN)
    before = (tmp_path / "report/report.json").read_bytes()
    result = run(CLOSED, _ansible_check_mode=True, _ansible_diff=True)
    assert result["changed"] and (tmp_path / "report/report.json").read_bytes() == before
    assert result["drift"]["changed_modes"] == [
        {"host": "web1", "view": "in_guest", "before": "optional", "after": "required"}
    ]
    assert result["diff"] == {
        "before": "web1: unknown by the API, optional on the host\n",
        "after": "web1: unknown by the API, required on the host\n",
    }


@pytest.mark.parametrize("name", sorted(FILES - {"report.json"}))
def test_a_file_that_is_lost_altered_or_too_open_is_put_right(run, tmp_path, name) -> None:
    run(OPEN)
    path = tmp_path / "report" / name
    good = path.read_bytes()
    for damage in (path.unlink, lambda: path.write_text("x"), lambda: path.chmod(0o644)):
        damage()
        assert run(OPEN)["changed"]
        assert len(path.read_bytes()) == len(good) and modes(path.parent)[name] == 0o600
    assert not run(OPEN)["changed"]


def test_a_link_is_replaced_not_followed(run, tmp_path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    (tmp_path / "report").mkdir()
    (tmp_path / "report/report.html").symlink_to(victim)
    run(OPEN)
    assert victim.read_text() == "kept" and not (tmp_path / "report/report.html").is_symlink()


def test_what_is_no_report_is_never_overwritten(run, tmp_path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report/report.json").write_text('{"mine": 1}')
    result = run(OPEN)
    assert result["failed"] and "report.json is not a fleet report; move it away" in result["msg"]
    assert set(os.listdir(tmp_path / "report")) == {"report.json"}


def test_a_folder_that_cannot_be_made_is_named(run, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    result = run(OPEN, path=str(tmp_path / "file/report"))
    assert result["failed"] and str(tmp_path / "file/report") in result["msg"]


def test_a_bad_entry_is_named(run) -> None:
    assert "web1" in run(OPEN, OPEN)["msg"]
    assert "verdict" in run({**OPEN, "in_guest": {"verdict": "maybe"}})["msg"]


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
    assert run(*example["hosts"])["totals"]["next"]["held"] == 1
