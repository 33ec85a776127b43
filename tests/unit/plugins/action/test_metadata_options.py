# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""alicloud.imds.metadata_options: the action shows the progress that the module records, and runs the module as any other."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.plugins.loader import action_loader, connection_loader
from ansible.template import Templar
from ansible_collections.alicloud.imds.plugins.action import metadata_options as action
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._progress import NAME
from waiting import wait_until

Work = Callable[[str], None]


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run the action with *work* in place of the module, and return its result and the displayed lines."""
    lines: list[str] = []

    class Display:
        def display(self, text: str) -> None:
            lines.append(text)

    monkeypatch.setattr(action, "Display", Display)
    monkeypatch.setattr(action, "INTERVAL", 0.05)
    monkeypatch.setenv("ANSIBLE_REMOTE_TMP", str(tmp_path))

    def start(
        work: Callable[[str, list[str]], None], play: Any = None, **keywords: Any
    ) -> tuple[dict[str, Any], list[str]]:
        loader, context = DataLoader(), PlayContext()
        task = Task.load({"action": "alicloud.imds.metadata_options", **keywords}, loader=loader)
        if play is not None:
            task._role = SimpleNamespace(get_name=lambda: "alicloud.imds.hardening")
            task._parent = SimpleNamespace(_play=None, _parent=SimpleNamespace(_play=play))
        connection = connection_loader.get("ansible.builtin.local", context)

        def run_module(_self, tmp=None, task_vars=None) -> dict[str, Any]:
            work(connection._shell.tmpdir, lines)
            return {"changed": True}

        monkeypatch.setattr(NormalAction, "run", run_module)
        made = action_loader.get(
            "alicloud.imds.metadata_options",
            task=task,
            connection=connection,
            play_context=context,
            loader=loader,
            templar=Templar(loader=loader),
            shared_loader_obj=None,
        )
        return made.run(task_vars={}), lines

    return start


def write(folder: str, text: str) -> None:
    path = os.path.join(folder, NAME)
    with open(path + ".new", "w", encoding="utf-8") as stream:
        stream.write(text)
    os.replace(path + ".new", path)


def progress(done: int, seconds: float) -> str:
    return json.dumps({"stage": "sending", "done": done, "failed": 1, "total": 100, "seconds": seconds})


def test_the_progress_is_displayed_while_the_module_runs(run) -> None:
    def work(folder: str, lines: list[str]) -> None:
        write(folder, progress(20, 10.0))
        wait_until(lambda: len(lines) >= 1, "the first line")
        write(folder, progress(70, 20.0))
        wait_until(lambda: any("70 of 100" in line for line in lines), "the next line")

    result, lines = run(work)
    assert result == {"changed": True}
    assert lines[0] == "metadata_options: 20 of 100 instances done, 1 failed, 2 per second, about 40 s left"
    assert any(line.endswith("70 of 100 instances done, 1 failed, 5 per second, about 6 s left") for line in lines)


@pytest.mark.parametrize("content", ["", "{", "\x1b[2J", '{"stage": "\\u001b[2J"}'])
def test_other_content_of_the_file_is_not_displayed(run, monkeypatch, content) -> None:
    read: list[int] = []
    parse = action.parse
    monkeypatch.setattr(action, "parse", lambda text: read.append(1) or parse(text))

    def work(folder: str, _lines: list[str]) -> None:
        write(folder, content)
        wait_until(lambda: len(read) >= 2, "two readings")

    assert run(work) == ({"changed": True}, [])


@pytest.mark.parametrize("keywords", [{"check_mode": True}, {"no_log": True}])
def test_check_mode_and_no_log_have_no_progress(run, keywords) -> None:
    started: list[bool] = []

    def work(folder: str | None, _lines: list[str]) -> None:
        started.append(folder is None)

    assert run(work, **keywords) == ({"changed": True}, [])
    assert started == [True], "no temporary folder, so no thread"


def test_a_connection_that_fails_does_not_fail_the_task(run, monkeypatch) -> None:
    tried: list[int] = []

    def fail(*_arguments: Any, **_named: Any) -> None:
        tried.append(1)
        raise OSError("gone")

    def work(_folder: str, _lines: list[str]) -> None:
        monkeypatch.setattr(action.ActionModule, "_low_level_execute_command", fail)
        wait_until(lambda: bool(tried), "the first reading")

    assert run(work) == ({"changed": True}, [])


@pytest.mark.parametrize(
    ("strategy", "refused"),
    [("linear", False), ("ansible.builtin.linear", False), ("free", True), ("ansible.builtin.host_pinned", True)],
)
@pytest.mark.parametrize("once", [True, False])
def test_the_role_needs_a_strategy_that_obeys_run_once(run, strategy: str, refused: bool, once: bool) -> None:
    work: list[str] = []
    result, _lines = run(lambda _folder, _lines: work.append("done"), SimpleNamespace(strategy=strategy), run_once=once)
    assert bool(result.get("failed")) is (refused and once) is not bool(work)
    assert not result.get("failed") or "needs the strategy linear, not " + strategy in result["msg"]
