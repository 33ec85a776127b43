# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind alicloud.imds.metadata_options: runs the module, and displays its progress every ten seconds."""

from __future__ import annotations

import shlex
import threading
import typing as t

from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.utils.display import Display
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._progress import NAME
from ansible_collections.alicloud.imds.plugins.plugin_utils._fleet._progress import Progress, parse

INTERVAL = 10.0
_ROLE = "alicloud.imds.hardening"
_NEEDS_LINEAR = (
    "The role alicloud.imds.hardening needs the strategy linear, not %s, which ignores run_once and max_fail_percentage: a failed host"
    " would not stop the others. Nothing was changed. Set 'strategy: ansible.builtin.linear' in the play."
)


class ActionModule(NormalAction):
    """Run the module as any other, with a thread that reads the file in which the module records its progress."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module and return its result."""
        strategy = self._unfit_strategy()
        if strategy:
            return {"failed": True, "refused_strategy": strategy, "msg": _NEEDS_LINEAR % strategy}
        if self._task.async_val or self._task.check_mode or self._task.no_log:
            return self._run_module(task_vars)
        if self._connection._shell.tmpdir is None:
            self._make_tmp_path()
        done = threading.Event()
        thread = threading.Thread(target=self._display_progress, args=(done,), daemon=True)
        thread.start()
        try:
            return self._run_module(task_vars)
        finally:
            done.set()
            thread.join(INTERVAL)

    def _unfit_strategy(self) -> str | None:
        """Return the strategy of the play if the role hardening uses the module and the strategy ignores run_once, else None."""
        role, block = self._task._role, self._task._parent
        if role is None or role.get_name() != _ROLE or not self._task.run_once:
            return None
        while block is not None and getattr(block, "_play", None) is None:
            block = block._parent
        name = str(block._play.strategy) if block is not None else ""
        return name if name.endswith(("free", "host_pinned")) else None

    def _run_module(self, task_vars: dict[str, t.Any] | None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(task_vars=task_vars)
        return result

    def _display_progress(self, done: threading.Event) -> None:
        folder = self._connection._shell.tmpdir
        if folder is None:
            return
        command = "cat " + shlex.quote(self._connection._shell.join_path(folder, NAME))
        before: Progress | None = None
        while not done.wait(INTERVAL):
            try:
                found = self._low_level_execute_command(command, sudoable=False)
            except Exception:  # pylint: disable=broad-exception-caught  # the progress must never make the task fail
                return
            now = parse(found.get("stdout", "")) if found.get("rc") == 0 and not done.is_set() else None
            if now is not None:
                Display().display("metadata_options: " + now.line(before))
                before = now
