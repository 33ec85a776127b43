# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks run in a child process that can be abandoned."""

from __future__ import annotations

import os
import signal
import subprocess

from ansible_collections.alicloud.imds.plugins.module_utils._preflight import _isolation, _run

REQUEST = _run.Request(checks=["scripts"], script_directories=["/opt"], host="web1", deadline=30)


def test_the_report_is_that_of_the_checks(host) -> None:
    host.write("/opt/a.sh", "curl http://100.100.100.200/latest/meta-data/mac\n")
    isolated, direct = _isolation.run_isolated(REQUEST, str(host.root)), _run.run(REQUEST, str(host.root))
    assert [one["id"] for one in isolated.findings] == ["script_normal_mode"]
    assert isolated.findings == direct.findings
    assert (isolated.verdict, isolated.complete) == ("block", True)


def test_checks_that_do_not_end_are_abandoned_and_reported(host, monkeypatch) -> None:
    monkeypatch.setattr(_isolation, "run", lambda *_arguments: signal.pause())
    report = _isolation.run_isolated(REQUEST._replace(deadline=0.01), str(host.root), grace=0.1)
    assert {one["id"] for one in report.findings} == {"search_incomplete"}
    assert {one["evidence"]["check"] for one in report.findings} >= {"scripts", "python"}
    assert (report.verdict, report.complete) == ("warn", False)


def test_checks_that_fail_or_need_too_much_memory_are_reported(host, monkeypatch) -> None:
    def fail(*_arguments):
        raise RuntimeError("x")

    monkeypatch.setattr(_isolation, "run", fail)
    assert _isolation.run_isolated(REQUEST, str(host.root)).findings[0]["detail"] == "error: RuntimeError: x"
    monkeypatch.setattr(_isolation, "run", lambda *_arguments: bytearray(4 * _isolation.MEMORY))
    report = _isolation.run_isolated(REQUEST, str(host.root))
    assert report.findings[0]["evidence"]["reason"] == "the checks ran out of memory" and not report.complete


def test_no_child_process_is_left(host) -> None:
    _isolation.run_isolated(REQUEST, str(host.root))
    try:
        assert os.waitpid(-1, os.WNOHANG) == (0, 0)
    except ChildProcessError:
        pass


def test_a_child_process_that_writes_without_end_is_read_up_to_a_limit(monkeypatch) -> None:
    monkeypatch.setattr(_isolation, "_MOST_BYTES", 1 << 17)
    with subprocess.Popen(["head", "--bytes", str(1 << 22), "/dev/zero"], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert 1 << 17 <= len(_isolation._answer(child.stdout.fileno(), 30)) < (1 << 17) + (1 << 16)
