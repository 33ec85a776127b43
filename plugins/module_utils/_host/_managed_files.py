# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan, make and restore changes to the files that the collection installs on a host.

A manifest lists the installed files with their checksums, and the directories that were created for them. So a removal takes away
everything that the collection installed and nothing else.
"""

import base64
import errno
import hashlib
import json
import os
import stat
import typing as t

from .._common._atomic import remove_leftovers, replace_file, replace_link
from ._directories import make_directory, missing_parents, remove_empty
from ._selinux import restore_labels


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
    """A path with its present and its desired entry; None stands for no file."""

    path: str
    before: t.Optional[Entry]
    after: t.Optional[Entry]


def file(text: str, mode: int = 0o644) -> File:
    """Return a file that belongs to the user of this process, which is root on a managed node."""
    return File(text.encode("utf-8"), mode, os.geteuid())


class Plan(t.NamedTuple):
    """The ``changes`` in order, the directories to create first (``made``) and to remove afterwards if empty (``unmade``)."""

    changes: t.List[Change]
    made: t.List[str]
    unmade: t.List[str]

    @property
    def before(self) -> Before:
        """Return what `restore` needs to undo this plan; it is serializable as JSON."""
        return {"files": {it.path: _as_json(it.before) for it in self.changes}, "directories": self.made}


def plan(manifest: str, wanted: Wanted) -> Plan:
    """Return the changes after which *wanted* is installed and other files of the manifest are removed. Write nothing.

    *manifest* is the path of the manifest.

    Raises:
        OSError: A path cannot be read, or has something other than a file or link.
        ValueError: The manifest is invalid.
    """
    listed, directories = _read_manifest(manifest)
    made = sorted({parent for path in (*wanted, manifest) for parent in missing_parents(path)}) if wanted else []
    changes = [Change(path, _current(path), wanted.get(path)) for path in sorted({*wanted, *listed})]
    if wanted:
        content = _manifest(wanted, sorted({*directories, *made}))
        changes.append(Change(manifest, _current(manifest), file(content)))
    else:
        changes.append(Change(manifest, _current(manifest), None))
    changes = [change for change in changes if change.before != change.after]
    return Plan(changes, made, [] if wanted else sorted(directories, reverse=True))


def carry_out(todo: Plan) -> None:
    """Make the changes; if one fails, undo those before it and raise its OSError."""
    done: t.List[Change] = []
    try:
        for directory in todo.made:
            make_directory(directory)
        for change in todo.changes:
            put(change.path, change.after)
            done.append(change)
        remove_empty(todo.unmade)
        restore_labels([*todo.made, *(change.path for change in todo.changes if change.after is not None)])
    except OSError:
        restore(todo._replace(changes=done).before)
        raise


def restore(before: Before) -> bool:
    """Restore the entries of `Plan.before`; return whether anything changed. Raise OSError."""
    changes = [Change(path, _current(path), _from_json(entry)) for path, entry in before["files"].items()]
    changes = [change for change in changes if change.before != change.after]
    made: t.List[str] = []
    for change in changes:
        if change.after is not None:
            for directory in sorted(missing_parents(change.path)):
                make_directory(directory)
                made.append(directory)
        put(change.path, change.after)
    remove_empty(sorted(before["directories"], reverse=True))
    restore_labels([*made, *(change.path for change in changes if change.after is not None)])
    return bool(changes)


def differences(changes: t.Iterable[Change], brief: t.Callable[[str], bool]) -> t.List[t.Dict[str, str]]:
    """Return the changes as Ansible shows them with ``--diff``: one entry for each file, and one for all *brief* ones together.

    Of those it has the numbers of files and bytes, and one checksum, because hundreds of lines would hide the other changes.
    """
    shown: t.List[Change] = []
    together: t.List[Change] = []
    for change in changes:
        (together if brief(change.path) else shown).append(change)
    entries = [_difference(change.path, _describe(change.before), _describe(change.after)) for change in shown]
    if not together:
        return entries
    folder = os.path.commonpath([change.path for change in together]) if len(together) > 1 else together[0].path
    before = {change.path: change.before for change in together}
    after = {change.path: change.after for change in together}
    return [_difference(folder, _summarize(before), _summarize(after)), *entries]


def _difference(path: str, before: str, after: str) -> t.Dict[str, str]:
    return {"before_header": path, "after_header": path, "before": before, "after": after}


def _summarize(entries: t.Mapping[str, t.Optional[Entry]]) -> str:
    """Return one line about the changed files; the checksum covers their names, modes and contents."""
    files = {path: entry for path, entry in sorted(entries.items()) if entry is not None}
    if not files:
        return ""
    texts = ["%s\n%s" % (path, _describe(entry)) for path, entry in files.items()]
    size = sum(len(entry.content) for entry in files.values() if isinstance(entry, File))
    counted = "1 file" if len(files) == 1 else "%d files" % len(files)
    return "%s, %d bytes, sha256 %s\n" % (counted, size, _digest("".join(texts).encode("utf-8", "replace")))


def _describe(entry: t.Optional[Entry]) -> str:
    if entry is None:
        return ""
    if isinstance(entry, Link):
        return "link to %s\n" % entry.target
    head = "mode %04o, owner %d\n" % (entry.mode, entry.uid)
    return head + entry.content.decode("utf-8", "replace")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _manifest(wanted: Wanted, directories: t.Sequence[str]) -> str:
    files = {path: _digest(it.content) if isinstance(it, File) else "link" for path, it in wanted.items()}
    content = {"format": 1, "files": files, "directories": list(directories)}
    return json.dumps(content, indent=2, sort_keys=True) + "\n"


def _read_manifest(path: str) -> t.Tuple[t.List[str], t.List[str]]:
    """Return the files and directories that earlier runs installed; raise ValueError if the manifest is invalid."""
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
    raise ValueError("%s is not a manifest of this collection. Move the file away and run the task again." % path)


def _current(path: str) -> t.Optional[Entry]:
    """Return the entry at *path*; raise OSError if it is neither a file nor a link."""
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
    """Replace *path* by this entry atomically; None removes it."""
    remove_leftovers(path)
    if entry is None:
        if os.path.lexists(path):
            os.unlink(path)
    elif isinstance(entry, Link):
        replace_link(path, entry.target)
    else:
        replace_file(path, entry.content, entry.mode, entry.uid)


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
