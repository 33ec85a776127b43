# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files make the command ecs-metadata and its company on a host. Private to the collection.

The command is the very files of this collection: a module that runs on the host has them with it, and they are written out
byte by byte. So the host gets just the version of the collection that the controller has.
"""

from __future__ import annotations

import pkgutil
import typing as t

from .._command_completion import bash
from .._command_manual import manual
from .._command_parser import build
from .._launcher import LAUNCHER
from . import _files, _watch_service
from ._programs import HostError, has_systemd, systemctl

PROGRAM = "/usr/local/bin/ecs-metadata"
_LIBRARY = "/usr/local/lib/ecs-metadata/"
_MODULES = _LIBRARY + "alicloud_imds/"
_MANIFEST = _LIBRARY + "manifest.json"
_COMPLETION = "/usr/local/share/bash-completion/completions/ecs-metadata"
_MANUAL = "/usr/local/share/man/man1/ecs-metadata.1"
_LOCAL_FACT = "/etc/ansible/facts.d/alicloud_ecs.fact"

# What the command consists of; a test compares it with what the command imports.
MODULES = (
    "_callers",
    "_callers_analyzer",
    "_callers_file",
    "_callers_names",
    "_callers_paths",
    "_callers_read",
    "_callers_report",
    "_callers_stream",
    "_callers_unit",
    "_client",
    "_clock",
    "_command",
    "_command_completion",
    "_command_facts",
    "_command_manual",
    "_command_output",
    "_command_parser",
    "_command_parser_watch",
    "_command_read",
    "_command_texts",
    "_command_tokenfile",
    "_command_tree",
    "_command_watch",
    "_dmi",
    "_errors",
    "_facts",
    "_gather",
    "_http",
    "_modes",
    "_secrets",
    "_tree",
    "_values",
    "_walk",
    "_watch",
    "_watch_bpf",
    "_watch_find",
    "_watch_flows",
    "_watch_groups",
    "_watch_noise",
    "_watch_packets",
    "_watch_priority",
    "_watch_process",
    "_watch_programs",
    "_watch_sockets",
    "_watch_start",
    "_watch_store",
)

# A local fact that fails, or takes long, spoils the fact gathering of every playbook: so it never does.
_FACT = """\
#!/bin/sh
# Written by the Ansible collection alicloud.imds: ansible_local.alicloud_ecs, without secrets.
%s facts --timeout 1 --deadline 5 --retries 1 2>/dev/null ||
    echo '{"available": false, "unavailable_reason": "the metadata service did not answer as it should; try: ecs-metadata facts"}'
"""


class Wish(t.NamedTuple):
    """Whether the command should be there, and with what."""

    present: bool
    local_fact: bool = True
    watch: bool = False


class Outcome(t.NamedTuple):
    """``before`` is what `restore` needs; ``diff`` is for people."""

    changed: bool
    before: _files.Before
    diff: t.List[t.Dict[str, str]]


def bring(wish: Wish, check_only: bool) -> Outcome:
    """Install the command and its company, or take all of it away; raise HostError where that fails, with nothing changed."""
    try:
        todo = _files.plan(_MANIFEST, wanted(wish) if wish.present else {})
    except (OSError, ValueError) as exc:
        raise HostError("The command ecs-metadata could not be %s: %s." % (_verb(wish), exc)) from exc
    before = dict(todo.before, watch=_watch_service.is_running())
    watched = wish.present and wish.watch
    outcome = Outcome(
        bool(todo.changes) or (has_systemd() and watched != before["watch"]),
        before,
        _files.differences(todo.changes, _is_brief),
    )
    if outcome.changed and not check_only:
        try:
            _carry_out(todo, watched, before["watch"])
        except (OSError, HostError) as exc:
            restore(before)
            raise HostError("The command ecs-metadata could not be %s: %s" % (_verb(wish), exc)) from exc
    return outcome


def restore(before: _files.Before) -> bool:
    """Bring everything back to *before* (see `Outcome.before`); return whether anything was different."""
    try:
        if not before["watch"] and (_watch_service.is_running() or _watch_service.PATH in before["files"]):
            _watch_service.end()
        changed = _files.restore(before)
        if changed and (before["watch"] or _watch_service.PATH in before["files"]):
            _settle(before["watch"])
    except OSError as exc:
        raise HostError("The command ecs-metadata could not be put back as it was: %s." % exc) from exc
    return changed


def _carry_out(todo: _files.Plan, watched: bool, ran: bool) -> None:
    gone = any(change.path == _watch_service.PATH and change.after is None for change in todo.changes)
    if gone or (ran and not watched):
        _watch_service.end()
    _files.carry_out(todo)
    if watched or gone:
        _settle(watched)


def _settle(watched: bool) -> None:
    if watched:
        _watch_service.renew()
    else:
        systemctl("daemon-reload")


def wanted(wish: Wish) -> t.Dict[str, _files.Entry]:
    """The files, by path."""
    line = build()
    files: t.Dict[str, _files.Entry] = {_MODULES + name + ".py": _files.file(_source(name)) for name in MODULES}
    files[PROGRAM] = _files.file(LAUNCHER, 0o755)
    files[_COMPLETION] = _files.file(bash(line))
    files[_MANUAL] = _files.file(manual(line))
    if wish.local_fact:
        files[_LOCAL_FACT] = _files.file(_FACT % PROGRAM, 0o755)
    if wish.watch:
        files.update(_watch_service.files(PROGRAM))
    return files


def _source(name: str) -> str:
    """The source of a module of this collection, also from the archive in which Ansible brings it."""
    package = __name__.rpartition("._host.")[0]
    content = pkgutil.get_data(package, name + ".py")
    if content is None:
        raise OSError("%s.py did not come along with this module" % name)
    return content.decode("utf-8")


def _is_brief(path: str) -> bool:
    """Programs are long: nobody reads them in a diff."""
    return path.startswith(_LIBRARY) or path in (PROGRAM, _COMPLETION, _MANUAL)


def _verb(wish: Wish) -> str:
    return "installed" if wish.present else "removed"


def _sent_along() -> None:
    """Never called. Ansible sends a module of ours along where it finds an import of it, wherever that stands.

    Loading them all would take longer than everything else that is done here.
    """
    # pylint: disable=import-outside-toplevel,unused-import
    from .. import (  # noqa: F401
        _callers,
        _callers_analyzer,
        _callers_file,
        _callers_names,
        _callers_paths,
        _callers_read,
        _callers_report,
        _callers_stream,
        _callers_unit,
        _client,
        _clock,
        _command,
        _command_completion,
        _command_facts,
        _command_manual,
        _command_output,
        _command_parser,
        _command_parser_watch,
        _command_read,
        _command_texts,
        _command_tokenfile,
        _command_tree,
        _command_watch,
        _dmi,
        _errors,
        _facts,
        _gather,
        _http,
        _modes,
        _secrets,
        _tree,
        _values,
        _walk,
        _watch,
        _watch_bpf,
        _watch_find,
        _watch_flows,
        _watch_groups,
        _watch_noise,
        _watch_packets,
        _watch_priority,
        _watch_process,
        _watch_programs,
        _watch_sockets,
        _watch_start,
        _watch_store,
    )
