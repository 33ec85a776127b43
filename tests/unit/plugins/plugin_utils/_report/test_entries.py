# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report accepts what preflight_info returns."""

from __future__ import annotations

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.alicloud.imds.plugins.module_utils._preflight import _run
from ansible_collections.alicloud.imds.plugins.plugin_utils._report import _entries, _options

pytestmark = pytest.mark.slow

NAMES = dict.fromkeys(("user", "exe", "comm", "unit", "container", "source", "uid"))


def test_findings_of_the_preflight_are_accepted(tmp_path) -> None:
    (tmp_path / "etc/cron.d").mkdir(parents=True)
    (tmp_path / "etc/cron.d/job").write_text("* * * * * root curl http://100.100.100.200/latest/meta-data/zone-id\n")
    report = _run.run(_run.Request(checks=["scripts"]), str(tmp_path))
    spec = {"findings": _options.argument_spec()["hosts"]["options"]["findings"]}
    validated = ArgumentSpecValidator(spec).validate({"findings": report.findings})
    assert validated.error_messages == []
    (found,) = [_entries.finding(it) for it in validated.validated_parameters["findings"]]
    assert found["impact"] == report.findings[0]["impact"]
    assert found["evidence"] == "path: /etc/cron.d/job, line: 1, reads: metadata"
    assert "detail" not in found


def test_detail_follows_the_evidence() -> None:
    base = {"id": "x", "severity": "warn", "title": "t", "remedy": "r", "waived": None}
    assert (
        _entries.finding({**base, "evidence": {"pid": 7, "path": None}, "detail": "why"})["evidence"] == "pid: 7 - why"
    )
    assert _entries.finding({**base, "evidence": "text", "detail": ""})["evidence"] == "text"
    assert _entries.finding({**base, "evidence": None, "detail": None})["evidence"] is None


def test_a_caller_has_the_best_names_there_are() -> None:
    row = {"mode": "normal_mode", "count": 1, **NAMES}
    assert _entries.caller(row) == {"mode": "normal_mode", "count": 1, "user": None, "exe": None, "unit": None}
    named = _entries.caller({**row, "uid": 33, "comm": "curl", "source": "172.17.0.2"})
    assert (named["user"], named["exe"], named["unit"]) == ("33", "curl", "from 172.17.0.2")
    named = _entries.caller(
        {**row, "user": "web", "exe": "/usr/bin/curl", "unit": "a.service", "container": "docker:1"}
    )
    assert (named["user"], named["exe"], named["unit"]) == ("web", "/usr/bin/curl", "docker:1")
