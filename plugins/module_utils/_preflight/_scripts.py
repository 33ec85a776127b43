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

from .._imds._service import ADDRESS, PORT, TOKEN_HEADER, VERSIONS
from ._files import Deadline, Files

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
_QUOTED = re.escape(ADDRESS.encode("ascii"))
_ADDRESS = re.compile(rb"(?<![\d.])%b(?!\d|\.\w)" % _QUOTED)
# With a scheme or a path. /32 and the like is a network, not a path.
_URL = re.compile(
    rb"http://%b(?!\d|\.\w)|(?<![\d.])%b(?::%d)?/(?!\d{1,2}\b)" % (_QUOTED, _QUOTED, PORT),
    re.I,
)
_PATH = re.compile(
    rb"(?:%b)/(?:meta-data|user-data|vendor-data|dynamic|maintenance|global-config)"
    % "|".join(VERSIONS).encode("ascii"),
    re.I,
)
_TOKEN = re.compile(re.escape(TOKEN_HEADER.encode("ascii")), re.I)
_COMMENT = re.compile(rb"\s*(?:#|//|;)")
# Firewall rules, routes and proxy exceptions.
_NO_REQUEST = re.compile(
    rb"no_?proxy|ip6?tables|\bnft\b|firewall-cmd|\bufw\b|IPAddress(?:Deny|Allow)|\bip\s+route\b", re.I
)
# (class in the evidence, path in the URL); the first match counts.
_CLASSES = (
    ("credentials", re.compile(rb"/ram/", re.I)),
    ("user data", re.compile(rb"/(?:user|vendor)-data", re.I)),
    ("identity", re.compile(rb"/dynamic", re.I)),
    ("metadata", re.compile(rb"/(?:meta-data|maintenance|global-config)", re.I)),
)


class NormalModeRead(t.NamedTuple):
    """A line that sends a normal-mode request; ``what`` is a class of paths, never text of the file."""

    path: str
    line: int
    what: str


class Scripts(t.NamedTuple):
    """Normal-mode requests in scripts, and the number of text files (``examined``) and binary files (``skipped``)."""

    reads: t.List[NormalModeRead]
    examined: int
    skipped: int


def normal_mode_readers(
    directories: t.Sequence[str] = DIRECTORIES, root: str = "/", seconds: float = 10
) -> t.List[t.Tuple[str, int]]:
    """Return path and line number of each normal-mode request in scripts below *directories*, found within *seconds*."""
    return [(read.path, read.line) for read in scan(Files(root, Deadline(seconds)), directories).reads]


def scan(files: Files, directories: t.Sequence[str] = DIRECTORIES) -> Scripts:
    """Examine each script below *directories* once; *directories* may also name files."""
    reads: t.List[NormalModeRead] = []
    seen: t.Set[t.Tuple[int, int]] = set()
    token_users: t.Set[str] = set()
    constants: t.List[t.Tuple[str, t.List[NormalModeRead]]] = []
    examined = skipped = 0
    for path in _candidates(files, directories):
        content = _content(files, path, seen)
        if content is None:
            continue
        if b"\0" in content[:4096]:
            skipped += 1
            continue
        examined += 1
        if _TOKEN.search(content):
            token_users.add(os.path.dirname(path))
            continue
        found = [NormalModeRead(files.shown(path), line, what) for line, what in judge(content)]
        if path.endswith(".py") and all(read.what == "unknown" for read in found):
            constants.append((os.path.dirname(path), found))
        else:
            reads += found
    # A program of several files may have the address in one file and the header in another of the same directory.
    reads += [read for directory, found in constants if directory not in token_users for read in found]
    return Scripts(sorted(reads), examined, skipped)


def judge(content: bytes) -> t.List[t.Tuple[int, str]]:
    """Return line number and class of the path of each request in a text that does not name the token header."""
    if _TOKEN.search(content) or not _ADDRESS.search(content):
        return []
    lines = [(number, line) for number, line in enumerate(content.split(b"\n"), 1) if not _COMMENT.match(line)]
    names_a_path = any(_PATH.search(line) for _number, line in lines)
    pattern = _ADDRESS if names_a_path else _URL
    return [(number, _class(line)) for number, line in lines if pattern.search(line) and not _is_rule(line)]


def _is_rule(line: bytes) -> bool:
    """Return whether a line is a firewall rule or proxy exception; one with a metadata path also sends a request."""
    return bool(_NO_REQUEST.search(line)) and not _PATH.search(line)


def _class(line: bytes) -> str:
    """Return the class of the path that a line reads."""
    return next((name for name, pattern in _CLASSES if pattern.search(line)), "unknown")


def _candidates(files: Files, directories: t.Sequence[str]) -> t.Iterator[str]:
    """Yield the real paths of files that are not documentation."""
    for directory in directories:
        for path in files.walk(directory, _SKIPPED, _DEPTH):
            if not path.lower().endswith(_PROSE):
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
