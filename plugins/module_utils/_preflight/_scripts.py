# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find scripts that send normal-mode requests.

Each file is judged by its text alone. A file that names the token header anywhere is assumed to use it. A line counts if it
contains a URL of the metadata service, or the bare address in a file that also contains a metadata path. Comments, firewall
rules and proxy exceptions do not count. Requests that a script composes from several files are not detected.
"""

import os
import re
import typing as t

from ._decoding import text_of
from ._files import Deadline, Files
from ._judge import judge
from ._spellings import may_concern

DIRECTORIES = (
    "/etc/crontab",
    "/etc/cron.d",
    "/etc/cron.hourly",
    "/etc/cron.daily",
    "/etc/cron.weekly",
    "/etc/cron.monthly",
    "/var/spool/cron",
    "/etc/init.d",
    "/etc/rc.local",
    "/etc/rc.d/rc.local",
    "/etc/profile",
    "/etc/profile.d",
    "/etc/systemd/system",
    "/etc/udev/rules.d",
    "/etc/network/if-up.d",
    "/etc/NetworkManager/dispatcher.d",
    "/etc/dhcp/dhclient-exit-hooks.d",
    "/var/lib/cloud/scripts",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/root/bin",
    "/opt",
)
# Libraries are judged by their versions; version control history is not run.
_SKIPPED = frozenset(
    ["site-packages", "dist-packages", "node_modules", "ansible_collections", "__pycache__", ".git", ".hg", ".svn"]
)
_PROSE = (".md", ".rst", ".txt", ".adoc", ".html", ".htm", ".log")
_LIMIT = 1 << 20
_DEPTH = 6
class NormalModeRead(t.NamedTuple):
    """A line that sends a normal-mode request; ``what`` is a class of paths, never text of the file."""

    path: str
    line: int
    what: str
    certain: bool = True


class Scripts(t.NamedTuple):
    """Normal-mode requests in scripts, the number of text files (``examined``), binary files (``skipped``), and of files that
    send tokens (``with_token``)."""

    reads: t.List[NormalModeRead]
    examined: int
    skipped: int
    with_token: int = 0


def normal_mode_readers(
    directories: t.Sequence[str] = DIRECTORIES, root: str = "/", seconds: float = 10
) -> t.List[t.Tuple[str, int]]:
    """Return path and line number of each normal-mode request in scripts below *directories*, found within *seconds*."""
    return [(read.path, read.line) for read in scan(Files(root, Deadline(seconds)), directories).reads]


def scan(files: Files, directories: t.Sequence[str] = DIRECTORIES) -> Scripts:
    """Examine each script below *directories* once; *directories* may also name files."""
    reads: t.List[NormalModeRead] = []
    seen: t.Set[t.Tuple[int, int]] = set()
    examined = skipped = with_token = 0
    for path in _candidates(files, directories):
        content = _content(files, path, seen)
        if content is None:
            continue
        text = text_of(content)
        if text is None:
            skipped += 1
            continue
        examined += 1
        if not may_concern(content):
            continue
        shown = files.shown(path)
        outcome = judge(text, shown)
        with_token += outcome.with_token
        reads += [NormalModeRead(shown, line, what, certain) for line, (what, certain) in outcome.lines.items()]
    return Scripts(sorted(reads), examined, skipped, with_token)


def _candidates(files: Files, directories: t.Sequence[str]) -> t.Iterator[str]:
    """Yield the real paths of files that are not documentation."""
    for directory in directories:
        for path in files.walk(directory, _SKIPPED, _DEPTH):
            if not path.lower().endswith(_PROSE) or "/cloud/" in path:
                yield path


def _content(files: Files, path: str, seen: t.Set[t.Tuple[int, int]]) -> t.Optional[bytes]:
    """Return the content of *path*; None if it cannot be read, or was *seen* under another name (device and inode)."""
    content = files.read(path, _LIMIT + 1)
    if content is None:
        return None
    try:
        status = os.stat(path)
    except OSError:
        return None
    if (status.st_dev, status.st_ino) in seen:
        return None
    seen.add((status.st_dev, status.st_ino))
    if len(content) > _LIMIT and b"\0" not in content[:4096]:
        files.note(path, "only the first %d bytes were read" % _LIMIT)
    return content[:_LIMIT]
