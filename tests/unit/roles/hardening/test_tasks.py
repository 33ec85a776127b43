# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Consistency of the YAML files of the role and the playbooks with the hardening functions."""

from __future__ import annotations

import ast
import re
from typing import Any

import yaml
from ansible_collections.alicloud.imds.plugins.plugin_utils._hardening import _decisions

from ...conftest import CHECKOUT
from ...plugins.plugin_utils._hardening.runs import DEFAULTS, run

ROLE = CHECKOUT / "roles/hardening"
TASKS = sorted((ROLE / "tasks").glob("*.yml"))
PLAYBOOKS = sorted((CHECKOUT / "playbooks").rglob("*.yml"))
UTILS = sorted((CHECKOUT / "plugins/plugin_utils/_hardening").glob("*.py"))
VARS = yaml.safe_load((ROLE / "vars/main.yml").read_text(encoding="utf-8"))
PREFIX = "__hardening_"
# Results within upgrade.yml, and those of package_manager.yml
LOCAL = {"facts", "yum_is_dnf", "owners", "apt", "dnf"}
GIVEN_BY_ANSIBLE = {"host", "check_mode", "windows", "failed_result", "failed_task"}


def all_tasks(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return all tasks of a file, including those in blocks."""
    found = []
    for entry in entries:
        found.append(entry)
        for section in ("block", "rescue", "always", "tasks"):
            found += all_tasks(entry.get(section, []))
    return found


def text(paths: list[Any]) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


ROLE_TASKS = [task for path in TASKS for task in all_tasks(yaml.safe_load(path.read_text(encoding="utf-8")))]


def members(name: str) -> dict[str, str]:
    """Return the members of a dictionary that a template in the variables of the role creates."""
    pairs = re.sub(r"\) (\||}}).{0,80}$", "", VARS[name].partition("dict(")[2]).split(",")
    return dict(pair.strip().split("=", 1) for pair in pairs)


def test_every_variable_of_the_role_is_normalized() -> None:
    assert members("__hardening_normalized") == {name[len("hardening_") :]: name for name in DEFAULTS}


def test_tasks_use_normalized_variables_only() -> None:
    used = set(re.findall(r"(?<!_)\bhardening_\w+", text(TASKS))) - {"hardening_result", "hardening_report"}
    assert used & set(DEFAULTS) == {"hardening_waivers", "hardening_preflight", "hardening_fence"}, "only in messages"


def test_the_steps_of_a_run_are_reset_in_one_place() -> None:
    steps = set(members("__hardening_run")) - GIVEN_BY_ANSIBLE
    (reset,) = yaml.safe_load((ROLE / "tasks/reset.yml").read_text(encoding="utf-8"))
    assert {name[len(PREFIX) :] for name in reset["ansible.builtin.set_fact"]} == steps | {"read_back"}
    registered = {task["register"][len(PREFIX) :] for task in ROLE_TASKS if "register" in task}
    assert registered - {"api", *LOCAL} <= steps


def test_tasks_use_each_decision() -> None:
    used = set(re.findall(r"__hardening_decisions\.(\w+)", text(TASKS)))
    assert used == set(_decisions.decisions(run()))


def test_every_task_name_begins_with_a_capital_verb() -> None:
    for path in [*TASKS, *PLAYBOOKS]:
        for task in all_tasks(yaml.safe_load(path.read_text(encoding="utf-8"))):
            assert re.match(r"[A-Z][a-z]+ \S", task["name"]), (path.name, task["name"])


def test_an_unreachable_api_host_does_not_remove_hosts_from_the_play() -> None:
    """Without ignore_unreachable, Ansible calls the host itself unreachable; without ignore_errors, run_once ends the play."""
    for path in [*TASKS, *PLAYBOOKS]:
        for task in all_tasks(yaml.safe_load(path.read_text(encoding="utf-8"))):
            if "delegate_to" in task:
                assert task.get("ignore_unreachable") is True, f"{path.name}: {task['name']}"
                assert task.get("ignore_errors") is True or not task.get("run_once"), f"{path.name}: {task['name']}"


def test_variables_of_a_failed_task_have_a_default() -> None:
    """Ansible sets them only on a host on which a task failed."""
    for path in [*TASKS, ROLE / "vars/main.yml", *PLAYBOOKS]:
        for line in path.read_text(encoding="utf-8").splitlines():
            for _name, after in re.findall(r"(ansible_failed_(?:result|task))\b(.{0,20})", line.partition("#")[0]):
                assert after.startswith(" | default({})"), f"{path.name}: {line}"


def test_no_failure_on_one_host_ends_the_rollback_of_the_others() -> None:
    """Also with any_errors_fatal in the play, which a task in a rollback would otherwise inherit."""
    rollback = yaml.safe_load((ROLE / "tasks/rollback.yml").read_text(encoding="utf-8"))[0]
    assert rollback["any_errors_fatal"] is False
    for task in rollback["block"]:
        if "register" in task:
            assert task["failed_when"] is False and task["ignore_unreachable"] is True, task["name"]


def test_the_functions_do_no_io() -> None:
    pure = {"ansible_collections.alicloud.imds.plugins.module_utils._common._text"}
    allowed = {"__future__", "collections", "datetime", "hashlib", "json", "re", "typing", "urllib.parse", "yaml"}
    for path in UTILS:
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) if node.level == 0}
        assert names - pure <= allowed, path.name
        called = {node.func.id for node in nodes if isinstance(node, ast.Call) if isinstance(node.func, ast.Name)}
        assert "open" not in called, path.name


def test_the_variables_are_compared_with_the_facts_of_the_host() -> None:
    assert "| alicloud.imds.hardening_settings(ansible_facts | default({}))" in text([ROLE / "vars/main.yml"])


def test_no_condition_skips_a_task_that_would_replace_the_findings() -> None:
    for task in ROLE_TASKS:
        if task.get("ansible.builtin.import_tasks") == "preflight_check.yml":
            assert task.get("when") in (None, "not __hardening_windows"), "the result of a skipped task has no findings"


def test_the_names_of_included_files_have_a_value_without_a_host() -> None:
    """Before 2.19, ansible-core evaluates them without a host where an included file imports another, and ends the run if this fails."""
    paths = [*TASKS, *(CHECKOUT / "roles/emulator/tasks").glob("*.yml"), *PLAYBOOKS]
    tasks = [task for path in paths for task in all_tasks(yaml.safe_load(path.read_text(encoding="utf-8")))]
    named = [
        task["ansible.builtin.include_tasks"]
        for task in tasks
        if "{{" in str(task.get("ansible.builtin.include_tasks"))
    ]
    assert len(named) == 5
    assert [name for name in named if "| default(" not in name] == ["remedy_{{ __hardening_remedy }}.yml"]
    for path in (ROLE / "tasks").glob("remedy_*.yml"):
        assert "import_tasks" not in path.read_text(encoding="utf-8")
