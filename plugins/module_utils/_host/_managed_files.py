# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files of ours are on this host, which should be, and how to get from one to the other and back. Private to the collection.

A manifest beside the files lists them, with their checksums and the directories that were made for them, so that nothing
that was there before is ever removed, and nothing of ours stays behind.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
import stat
import typing as t

from .._common._atomic import remove_leftovers, replace_file, replace_link


class File(t.NamedTuple):
    """A regular file: its bytes, permission bits and owner."""

    content: bytes
    mode: int
    uid: int


class Link(t.NamedTuple):
    """A symbolic link."""

    target: str


Entry = t.Union[File, Link]
Wanted = t.Mapping[str, Entry]
Before = t.Dict[str, t.Any]


class Change(t.NamedTuple):
    """One path, with what is there and what should be; None is no file."""

    path: str
    before: t.Optional[Entry]
    after: t.Optional[Entry]


def file(text: str, mode: int = 0o644) -> File:
    """A file of whoever runs this: root, on a managed node."""
    return File(text.encode("utf-8"), mode, os.geteuid())


class Plan(t.NamedTuple):
    """``changes`` in the order to make them; ``made``: directories to make before; ``unmade``: to remove afterwards, if empty."""

    changes: t.List[Change]
    made: t.List[str]
    unmade: t.List[str]

    @property
    def before(self) -> Before:
        """What `restore` needs to undo this plan, made of what JSON has."""
        return {"files": {it.path: _as_json(it.before) for it in self.changes}, "directories": self.made}


def plan(manifest: str, wanted: Wanted) -> Plan:
    """What it takes that of the files in *manifest* (its path) and *wanted*, just *wanted* is there. Writes nothing."""
    listed, directories = _read_manifest(manifest)
    made = sorted({parent for path in (*wanted, manifest) for parent in _missing_parents(path)}) if wanted else []
    changes = [Change(path, _current(path), wanted.get(path)) for path in sorted({*wanted, *listed})]
    if wanted:
        content = _manifest(wanted, sorted({*directories, *made}))
        changes.append(Change(manifest, _current(manifest), file(content)))
    else:
        changes.append(Change(manifest, _current(manifest), None))
    changes = [change for change in changes if change.before != change.after]
    return Plan(changes, made, [] if wanted else sorted(directories, reverse=True))


def carry_out(todo: Plan) -> None:
    """Make the changes; where one fails, those before it are undone, and its OSError is raised."""
    done: t.List[Change] = []
    try:
        for directory in todo.made:
            os.mkdir(directory, 0o755)
        for change in todo.changes:
            put(change.path, change.after)
            done.append(change)
        _remove_empty(todo.unmade)
    except OSError:
        restore(todo._replace(changes=done).before)
        raise


def restore(before: Before) -> bool:
    """Bring everything back to *before* (see `Plan.before`); return whether anything was different."""
    changes = [Change(path, _current(path), _from_json(entry)) for path, entry in before["files"].items()]
    changes = [change for change in changes if change.before != change.after]
    for change in changes:
        if change.after is not None:
            os.makedirs(os.path.dirname(change.path), 0o755, exist_ok=True)
        put(change.path, change.after)
    _remove_empty(sorted(before["directories"], reverse=True))
    return bool(changes)


def differences(changes: t.Iterable[Change], brief: t.Callable[[str], bool]) -> t.List[t.Dict[str, str]]:
    """The changes as Ansible shows them with ``--diff``; files for which *brief* is true by size and checksum only."""
    return [
        {
            "before_header": change.path,
            "after_header": change.path,
            "before": _describe(change.before, brief(change.path)),
            "after": _describe(change.after, brief(change.path)),
        }
        for change in changes
    ]


def _describe(entry: t.Optional[Entry], brief: bool) -> str:
    if entry is None:
        return ""
    if isinstance(entry, Link):
        return "link to %s\n" % entry.target
    head = "mode %04o, owner %d\n" % (entry.mode, entry.uid)
    if brief:
        return head + "%d bytes, sha256 %s\n" % (len(entry.content), _digest(entry.content))
    return head + entry.content.decode("utf-8", "replace")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _manifest(wanted: Wanted, directories: t.Sequence[str]) -> str:
    files = {path: _digest(it.content) if isinstance(it, File) else "link" for path, it in wanted.items()}
    content = {"format": 1, "files": files, "directories": list(directories)}
    return json.dumps(content, indent=2, sort_keys=True) + "\n"


def _read_manifest(path: str) -> t.Tuple[t.List[str], t.List[str]]:
    """Files and directories that an earlier run made. Raise ValueError where the manifest is none."""
    try:
        with open(path, encoding="utf-8") as stream:
            content = json.load(stream)
        files, directories = content["files"], content["directories"]
        if content["format"] == 1 and all(os.path.isabs(name) for name in (*files, *directories)):
            return list(files), list(directories)
    except FileNotFoundError:
        return [], []
    except (ValueError, KeyError, TypeError):
        pass
    raise ValueError("%s is not a list of files of this collection; move it away." % path)


def _missing_parents(path: str) -> t.Iterator[str]:
    parent = os.path.dirname(path)
    while not os.path.isdir(parent):
        yield parent
        parent = os.path.dirname(parent)


def _current(path: str) -> t.Optional[Entry]:
    """What is at *path*; raise OSError for anything but a file or a link."""
    try:
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode):
            return Link(os.readlink(path))
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EEXIST, "Neither a file nor a link; move it away", path)
        with open(path, "rb") as stream:
            return File(stream.read(), stat.S_IMODE(found.st_mode), found.st_uid)
    except (FileNotFoundError, NotADirectoryError):
        return None


def put(path: str, entry: t.Optional[Entry]) -> None:
    """Make *path* this entry in one step: complete, or as it was."""
    remove_leftovers(path)
    if entry is None:
        if os.path.lexists(path):
            os.unlink(path)
    elif isinstance(entry, Link):
        replace_link(path, entry.target)
    else:
        replace_file(path, entry.content, entry.mode, entry.uid)


def _remove_empty(directories: t.Iterable[str]) -> None:
    for directory in directories:
        try:
            _remove_compiled(os.path.join(directory, "__pycache__"))
            os.rmdir(directory)
        except OSError as exc:
            # somebody else keeps something there by now, or has removed it
            if exc.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                raise


def _remove_compiled(cache: str) -> None:
    """What Python leaves beside our modules when root runs them."""
    if os.path.isdir(cache) and not os.path.islink(cache):
        for name in os.listdir(cache):
            if name.endswith(".pyc"):
                os.unlink(os.path.join(cache, name))
        os.rmdir(cache)


def _as_json(entry: t.Optional[Entry]) -> t.Optional[t.Dict[str, t.Any]]:
    if entry is None:
        return None
    if isinstance(entry, Link):
        return {"target": entry.target}
    return {"content": base64.b64encode(entry.content).decode("ascii"), "mode": entry.mode, "uid": entry.uid}


def _from_json(entry: t.Optional[t.Dict[str, t.Any]]) -> t.Optional[Entry]:
    if entry is None:
        return None
    if "target" in entry:
        return Link(entry["target"])
    return File(base64.b64decode(entry["content"]), entry["mode"], entry["uid"])
