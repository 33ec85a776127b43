# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs that read metadata once a day, in unusual spellings: the preflight check or the watch finds each of them.

All jobs are on one instance. Each runs once, in a unit of its own, while the watch records. Then one preflight check judges files and
records, and each job alone is judged by its findings: one that blocks stops the role on the host.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from conftest import Start
from jobs import HARMLESS, READS, URL
from machine import CHECKOUT, Machine

sys.path[:0] = [str(CHECKOUT / "plugins")]

from module_utils._preflight._records import read  # noqa: E402
from module_utils._preflight._run import Request, run  # noqa: E402


def test_each_job_that_reads_is_found_and_no_other_blocks(machine: Machine, start: Start, tmp_path: Path) -> None:
    assert len(READS) >= 30 and len(HARMLESS) >= 30
    missing = [tool for tool in ("curl", "perl", "rev", "wget", "xxd") if not shutil.which(tool)]
    if missing:
        pytest.skip("not installed: " + ", ".join(missing))
    root, folder = tmp_path / "root", tmp_path / "data"
    (root / "etc/cron.daily").mkdir(parents=True)
    folder.mkdir()
    (folder / "elsewhere").write_text(URL + "\n")
    watch = start()
    jobs = {"read-" + name: text for name, text in READS.items()} | {
        "safe-" + name: text for name, text in HARMLESS.items()
    }
    for name, text in jobs.items():
        job = root / "etc/cron.daily" / name
        job.write_text("#!/bin/bash\n%s\n" % text.replace("FOLDER", str(folder)))
        machine.start("bash", job, cgroup=name + ".service", stdout=-3, stderr=-3).wait(60)
    watch.stop()
    records = read(str(watch.state), "")
    report = run(Request(checks=["scripts", "callers"], callers=records.rows, callers_since=records.since), str(root))
    by_script, by_watch, free = [], [], []
    for name in jobs:
        found = [one for one in report.findings if one["evidence"].get("path") == "/etc/cron.daily/" + name]
        seen = [one for one in report.findings if one["evidence"].get("unit") == name + ".service"]
        by_script += [name] * any(one["severity"] == "block" for one in found)
        by_watch += [name] * any(one["severity"] == "block" for one in seen)
        free += [name] * all(one["severity"] != "block" for one in found + seen)
    print(f"{len(READS)} jobs read: {len(by_script)} found by the script check, {len(by_watch)} by the watch, "
          f"{sum(name.startswith('read-') for name in free)} by none; {len(HARMLESS)} do not: "
          f"{sum(name.startswith('safe-') for name in by_script + by_watch)} blocked")  # fmt: skip
    print("only by the watch:", ", ".join(sorted(set(by_watch) - set(by_script))))
    print("only by the script check:", ", ".join(sorted(set(by_script) - set(by_watch))))
    assert sorted(free) == sorted(name for name in jobs if name.startswith("safe-"))
