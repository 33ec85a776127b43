# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write reports with the installed collection and ansible-playbook, and open them in a browser."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# The sample imports the catalog of findings from the installed collection.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".cache/collections"))

import browser as chromium
import npm
import sample

# The fleet is read from a file, because Ansible must not treat any text in it as a template.
PLAYBOOK = """
- name: Report
  hosts: localhost
  gather_facts: false
  tasks:
    - name: One report
      alicloud.imds.report:
        path: "{{ folder }}"
        language: "{{ language }}"
        hosts: "{{ lookup('ansible.builtin.file', fleet) | from_json }}"
        future: "{{ lookup('ansible.builtin.file', future) | from_json }}"
      run_once: true
"""
HOSTILE = [
    "</script><script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    '"><svg onload=window.pwned=1>',
    "' autofocus onfocus='window.pwned=1",
    "<!--<script>window.pwned=1",
    "{{ 7 * 7 }}",
    "javascript:window.pwned=1",
    "\x1b]0;pwned\x07\x1b[31m\u202etxt.exe",
    "=cmd|'/c calc'!A1",
    "w" * 50_000,
]


@dataclass
class Reports:
    three: Path
    thousand: Path
    hostile: Path
    chinese: Path


_lines: list[str] = []


def write_report(folder: Path, hosts: list[dict[str, Any]], future: dict[str, Any], language: str = "en") -> Path:
    """Run the module in a playbook, and return the path of the page."""
    folder.mkdir(exist_ok=True)
    (folder / "fleet.json").write_text(json.dumps(hosts))
    (folder / "future.json").write_text(json.dumps(future))
    (folder / "play.yml").write_text(PLAYBOOK)
    given = ["-e", f"folder={folder}/report", "-e", f"fleet={folder}/fleet.json", "-e", f"future={folder}/future.json"]
    given += ["-e", f"language={language}"]
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "-c", "local", *given]
    environment = dict(os.environ, ANSIBLE_PYTHON_INTERPRETER=sys.executable, ANSIBLE_NOCOLOR="1")
    done = subprocess.run(
        [*command, "play.yml"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "report/report.html"


def hostile_fleet() -> list[dict[str, Any]]:
    fleet = []
    for number, text in enumerate(HOSTILE):
        (entry,) = sample.fleet(1, 0.0)
        entry.update(dict.fromkeys(("instance_id", "region_id", "name", "batch"), text), host=f"{text} {number}")
        entry["in_guest"]["problems"] = [text]
        entry["findings"] = [dict.fromkeys(("id", "title", "evidence", "remedy"), text) | {"severity": "block"}]
        entry["callers"] = [
            dict.fromkeys(("user", "exe", "unit", "path_class", "last_seen"), text) | {"mode": "normal_mode"}
        ]
        entry["fence"] = {"mode": "audit", "counters": {text: text}}
        entry["outcome"] = {"result": "failed", "reason": text}
        fleet.append(entry)
    return fleet


def hostile_future() -> dict[str, Any]:
    keys = ("kind", "id", "name", "region_id", "reason", "verdict")
    failed = [{"region_id": text, "error": text} for text in HOSTILE]
    return {"resources": [dict.fromkeys(keys, text) for text in HOSTILE], "failed_regions": failed, "errors": HOSTILE}


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    root = tmp_path_factory.mktemp("reports")
    write_report(root / "thousand", sample.fleet(990, 0.85), {})
    return Reports(
        three=write_report(root / "three", sample.three(), sample.future(1)),
        thousand=write_report(root / "thousand", sample.fleet(1000, 0.96), sample.future(300)),
        hostile=write_report(root / "hostile", hostile_fleet(), hostile_future()),
        chinese=write_report(root / "chinese", sample.fleet(60, 0.5), sample.future(30), "zh"),
    )


@pytest.fixture(scope="session")
def browser() -> Iterator[chromium.Browser]:
    missing = [name for name in chromium.PROGRAMS if not shutil.which(name)]
    if missing:
        reason = "%s cannot be found; on Debian: apt-get install chromium chromium-driver" % " and ".join(missing)
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with chromium.start() as started:
        yield started


@pytest.fixture(scope="session")
def axe() -> str:
    """Return the source of axe-core, which checks accessibility."""
    folder, reason = npm.installed()
    if folder is None:
        pytest.skip(reason)
    return (folder / "axe-core/axe.min.js").read_text()


@pytest.fixture
def tell():
    """Return a function that prints a line at the end of the run."""
    return _lines.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _lines:
        terminalreporter.section("the page in the browser")
        for line in _lines:
            terminalreporter.write_line(line)
