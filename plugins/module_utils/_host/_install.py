# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Install and remove the ecs-metadata command and related files.

The command consists of files of this collection: Ansible ships them to the host with the module, which installs them unchanged.
So the host gets the version of the collection that the controller has.
"""

import os
import pkgutil
import re
import sys
import typing as t

from .._command import _main
from .._command._completion import script
from .._command._launcher import launcher
from .._command._parser import build
from . import _managed_files, _self_test, _watch_service
from ._subprocess import HostError, find, has_systemd, systemctl

_PACKAGE = __name__.rpartition("._host.")[0]
PROGRAM = "/usr/local/bin/ecs-metadata"
_LIBRARY = "/usr/local/lib/ecs-metadata/"
_MODULES = _LIBRARY + "alicloud_imds/"
_MANIFEST = _LIBRARY + "manifest.json"
_COMPLETION = {
    "bash": "/usr/local/share/bash-completion/completions/ecs-metadata",
    "zsh": "/usr/local/share/zsh/site-functions/_ecs-metadata",
    "fish": "/etc/fish/completions/ecs-metadata.fish",  # fish reads no folder below /usr/local unless XDG_DATA_DIRS names it
}
_LOCAL_FACT = "/etc/ansible/facts.d/alicloud_ecs.fact"

# Parsing the sources with ast would take ten times as long.
_RELATIVE_IMPORT = re.compile(r"^ *from (\.+)([\w.]*) import (\([^)]*\)|.*)$", re.MULTILINE)

# A local fact that fails or takes long would break the fact gathering of every playbook.
_FACT = """\
#!/bin/sh
# Written by the Ansible collection alicloud.imds: ansible_local.alicloud_ecs, without secrets.
%s 2>/dev/null ||
    printf '{"available": false, "unavailable_reason": "%%s %%d. %%s"}\\n' \\
        'ecs-metadata facts ended with exit status' $? 'For the reason run: ecs-metadata facts'
"""
_READ_FACTS = ("facts", "--timeout", "2", "--deadline", "15", "--retries", "1")


class Desired(t.NamedTuple):
    """The desired state: whether the command is installed, and with which optional parts. ``watch`` None leaves it as it is."""

    present: bool
    local_fact: bool = True
    watch: t.Optional[bool] = None


class Outcome(t.NamedTuple):
    """The result of `apply`: ``before`` is the argument for `restore`, ``diff`` is what Ansible shows with ``--diff``.

    ``watch`` is whether the callers watch is installed afterwards.
    """

    changed: bool
    before: _managed_files.Before
    diff: t.List[t.Dict[str, str]]
    watch: bool


def apply(desired: Desired, check_only: bool) -> Outcome:
    """Install or remove the command and related files, or only compute what would change if *check_only* is true.

    Raises:
        HostError: The host is not supported, a file cannot be written, the installed command does not run with this Python
            interpreter, or the watch does not start; everything was rolled back.
    """
    if desired.watch is None:
        desired = desired._replace(watch=desired.present and _watch_service.is_installed())
    if desired.present and desired.watch:
        _watch_service.check_host()
    try:
        todo = _managed_files.plan(_MANIFEST, wanted(desired) if desired.present else {})
    except (OSError, ValueError) as exc:
        raise HostError("Cannot %s the ecs-metadata command: %s." % (_verb(desired), exc)) from exc
    before = dict(todo.before, watch=_watch_service.is_running())
    watched = desired.present and bool(desired.watch)
    outcome = Outcome(
        bool(todo.changes) or (has_systemd() and watched != before["watch"]),
        before,
        _managed_files.differences(todo.changes, _is_brief),
        watched,
    )
    if outcome.changed and not check_only:
        try:
            _carry_out(todo, desired, before["watch"])
        except (OSError, HostError) as exc:
            restore(before)
            raise HostError("Cannot %s the ecs-metadata command: %s" % (_verb(desired), exc)) from exc
    return outcome


def restore(before: _managed_files.Before) -> bool:
    """Restore the files and the service of `Outcome.before`; return whether anything changed.

    Raises:
        HostError: A file cannot be written.
    """
    try:
        if not before["watch"] and (_watch_service.is_running() or _watch_service.PATH in before["files"]):
            _watch_service.stop()
        changed = _managed_files.restore(before)
        if changed and (before["watch"] or _watch_service.PATH in before["files"]):
            _reload_service(before["watch"])
    except OSError as exc:
        raise HostError("Cannot restore the previous state of the ecs-metadata command: %s." % exc) from exc
    return changed


def _carry_out(todo: _managed_files.Plan, desired: Desired, ran: bool) -> None:
    watched = desired.present and bool(desired.watch)
    gone = any(change.path == _watch_service.PATH and change.after is None for change in todo.changes)
    if gone or (ran and not watched):
        _watch_service.stop()
    _managed_files.carry_out(todo)
    if desired.present:
        _self_test.check(PROGRAM, _LOCAL_FACT if desired.local_fact else None, _READ_FACTS)
    if watched or gone:
        _reload_service(watched)


def _reload_service(watched: bool) -> None:
    if watched:
        _watch_service.restart()
    else:
        systemctl("daemon-reload")


def interpreter() -> str:
    """Return the path of the Python interpreter that runs this code, which the installed programs use, too.

    Links are resolved: the programs neither depend on a virtual environment nor on what ``python3`` stands for later. The real path
    names a minor version, such as /usr/bin/python3.11 or /usr/libexec/platform-python3.6, so that updates of it change nothing.
    """
    return os.path.realpath(sys.executable or find("python3") or "/usr/bin/python3")


def wanted(desired: Desired) -> t.Dict[str, _managed_files.Entry]:
    """Return the files to install, by path."""
    python = interpreter()
    files: t.Dict[str, _managed_files.Entry] = {
        _MODULES + path: _managed_files.file(source) for path, source in command_files().items()
    }
    files[PROGRAM] = _managed_files.file(launcher(python), 0o755)
    files.update((path, _managed_files.file(script(shell, build()))) for shell, path in _COMPLETION.items())
    if desired.local_fact:
        files[_LOCAL_FACT] = _managed_files.file(_FACT % " ".join((PROGRAM, *_READ_FACTS)), 0o755)
    if desired.watch:
        files.update(_watch_service.files(PROGRAM, python))
    return files


def command_files() -> t.Dict[str, str]:
    """Return the sources of `_main` and of all files it imports, directly or not, by path below module_utils.

    The imports are read rather than executed: most files of the command are loaded on demand only. Ansible ships the same
    files, because it follows the import of `_main` above in the same way.
    """
    sources: t.Dict[str, str] = {}
    paths = [_main.__name__[len(_PACKAGE) + 1 :].replace(".", "/") + ".py"]
    while paths:
        path = paths.pop()
        source = None if path in sources else _source(path)
        if source is not None:
            sources[path] = source
            paths += _imported(path.split("/")[:-1], source)
    return sources


def _imported(folder: t.List[str], source: str) -> t.Iterator[str]:
    """Yield the paths that the relative imports of a file in *folder* may refer to, and the folder's own __init__.py."""
    yield "/".join(folder + ["__init__.py"])
    for dots, module, names in _RELATIVE_IMPORT.findall(source):
        start = folder[: len(folder) - len(dots) + 1] + [part for part in module.split(".") if part]
        yield "/".join(start) + ".py"
        for name in re.findall(r"\w+", names):
            yield "/".join(start + [name]) + ".py"


def _source(path: str) -> t.Optional[str]:
    """Return the source of a file below module_utils, also out of an AnsiballZ archive; None if there is no such file."""
    try:
        content = pkgutil.get_data(_PACKAGE, path)
    except OSError:
        return None
    return None if content is None else content.decode("utf-8")


def _is_brief(path: str) -> bool:
    """Return whether ``--diff`` shows this file only in a summary of all such files, because there are many and they are long."""
    return path.startswith(_LIBRARY) or path in (PROGRAM, *_COMPLETION.values())


def _verb(desired: Desired) -> str:
    return "install" if desired.present else "remove"
