# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The next steps with names and commands, and the table of a run."""

from __future__ import annotations

from ansible_collections.alicloud.imds.plugins.plugin_utils._report import _steps, _table

from .entries import finding, host, made

CRON = finding("script_normal_mode", evidence="path: /etc/cron.d/job, line: 7, reads: metadata")
EXPIRED = finding("waiver_expired", "warn", evidence="finding: script_*:/etc/*, reason: soon, expires: 2026-11-01")
READY = {"findings": [], "callers": []}


def test_each_command_can_be_pasted_and_names_its_hosts() -> None:
    report = made(
        host("web1", "optional", **READY),
        host("app1", "optional", **READY),
        host("new1", "optional", findings=[]),
        host("old1", "optional"),
        host("done1", "required"),
    )
    commands = {it.filter: it.command for it in _steps.steps(report)}
    assert commands == {
        "not_checked": "ansible-playbook alicloud.imds.audit --limit old1",
        "not_watched": "ansible-playbook alicloud.imds.harden --limit new1 --extra-vars hardening_enforce=false",
        "ready": "ansible-playbook alicloud.imds.harden --limit app1,web1",
    }
    lines = _steps.lines(report)
    assert "2. Watch 1 host: new1" in lines and "3. Require tokens on 2 hosts: app1, web1" in lines


def test_names_that_are_patterns_or_code_are_in_no_command() -> None:
    hostile = ["a;reboot", "-x", "all:!b", "$(id)", "w*", "é", "web[1:3]", "@file", "~r", "a b"]
    report = made(*(host(name, "optional", **READY) for name in [*hostile, "web1"]))
    (step,) = _steps.steps(report)
    assert step.command == "ansible-playbook alicloud.imds.harden --limit web1"
    assert "omits 10 hosts" in step.why and step.hosts == 11
    (alone,) = _steps.steps(made(host("a;reboot", "optional", **READY)))
    assert alone.command is None


def test_a_long_list_is_cut_and_says_so() -> None:
    report = made(*(host("web%03d" % number, "optional", **READY) for number in range(150)))
    (step,) = _steps.steps(report)
    assert str(step.command).count(",") == 19 and "omits 130 hosts" in step.why
    assert "and 130 more" in _steps.lines(report)[0] and len(_table.lines(report)) == 52


def test_a_blocked_host_names_place_waiver_key_and_expired_waiver() -> None:
    report = made(host("db1", "optional", findings=[CRON, EXPIRED], callers=[]))
    shown = (
        "Too old (path: /etc/cron.d/job, line: 7, reads: metadata; waiver key script_normal_mode:/etc/cron.d/job;"
        " waiver expired on 2026-11-01)"
    )
    assert _steps.steps(report)[0].why == "db1: %s." % shown
    assert _table.lines(report)[1].split("  ")[-1] == shown
    waived = finding("lib", waived={"reason": "soon", "expires": "2026-11-02"})
    (step,) = _steps.steps(made(host("db1", "optional", findings=[waived])))
    assert "waiver expired on 2026-11-02" in step.why


def test_the_table_has_the_failures_first_and_a_line_for_each_host() -> None:
    lines = _table.lines(
        made(
            host("a", "required", outcome={"result": "changed"}),
            host("b", "optional", findings=[], outcome={"result": "rolled_back", "reason": "No\nway \x1b[1m"}),
            host("c", "optional", outcome={"result": "exempt", "reason": "It is an ACK node."}),
        )
    )
    assert [line.split() for line in lines] == [
        ["HOST", "STATE", "OUTCOME", "NEXT", "STEP", "REASON"],
        ["b", "non", "compliant", "rolled", "back", "review", "No\\nway", "\\x1b[1m"],
        ["c", "non", "compliant", "exempt", "audit", "It", "is", "an", "ACK", "node."],
        ["a", "compliant", "changed", "-", "-"],
    ]


def test_hosts_that_are_no_ecs_instances_have_a_step_of_their_own() -> None:
    report = made(host("pc", outcome={"result": "not_ecs"}), host("win", outcome={"result": "unsupported"}), host("x"))
    assert [(it.filter, it.names) for it in _steps.steps(report)] == [("unknown", ["x"]), ("not_ecs", ["pc", "win"])]
