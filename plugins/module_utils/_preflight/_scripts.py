# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find scripts and configuration files that send normal-mode requests.

Each file is judged by its text alone, by the use of the address: see `_judge`. Where the file does not show whether a request
carries a token, the finding is unsure.
"""

import os
import signal
import typing as t

from ._decoding import text_of
from ._files import Files
from ._limits import Deadline
from ._notation import find_address, may_concern, near_places
from ._outcome import Outcome
from ._places import DIRECTORIES, OWN

# Libraries are judged by their versions; version control history is not run.
_SKIPPED = frozenset(
    ["site-packages", "dist-packages", "node_modules", "ansible_collections", "__pycache__", ".git", ".hg", ".svn"]
)
# Tools and caches of users: many files that nothing runs by itself.
_SKIPPED |= frozenset(
    [
        ".cache",
        ".npm",
        ".nvm",
        ".m2",
        ".cargo",
        ".rustup",
        ".pyenv",
        ".rbenv",
        ".gradle",
        ".terraform",
        ".vscode-server",
        ".venv",
        "venv",
        "gems",
    ]
)
_DATA = tuple(
    ".png .jpg .jpeg .gif .ico .svg .pdf .gz .tgz .bz2 .xz .zst .zip .tar .7z .rpm .deb .jar .war .whl .egg .so "
    ".a .o .pyc .class .woff .woff2 .ttf "
    ".mp3 .mp4 .csv .parquet .db .sqlite .sqlite3 .pack .idx .map .css .scss .mo .po .iso .img .qcow2 .bin .dat".split()
)
_PROSE = (".md", ".rst", ".txt", ".adoc", ".html", ".htm", ".log")
_LIMIT = 1 << 20
_LONGEST = 3.0
_DEPTH = 6


class NormalModeRead(t.NamedTuple):
    """A line that sends a normal-mode request; ``what`` is a class of paths, never text of the file."""

    path: str
    line: int
    what: str
    certain: bool = True


class Scripts(t.NamedTuple):
    """Normal-mode requests in scripts.

    ``examined`` counts text files, ``skipped`` binary files, ``token_authenticated`` files that send tokens.
    """

    reads: t.List[NormalModeRead]
    examined: int
    skipped: int
    token_authenticated: int = 0


def normal_mode_readers(
    directories: t.Sequence[str] = DIRECTORIES, root: str = "/", seconds: float = 10
) -> t.List[t.Tuple[str, int]]:
    """Return path and line number of each normal-mode request in scripts below *directories*, found within *seconds*."""
    return [(read.path, read.line) for read in scan(Files(root, Deadline(seconds)), directories).reads]


def scan(files: Files, directories: t.Sequence[str] = DIRECTORIES, excluded: t.Sequence[str] = ()) -> Scripts:
    """Examine each script below *directories* once, in their order, without those *excluded*; they may also name files."""
    reads: t.List[NormalModeRead] = []
    seen: t.Set[t.Tuple[int, int]] = set()
    examined = skipped = token_authenticated = 0
    for path in _candidates(files, directories, excluded):
        content = _content(files, path, seen)
        if content is None:
            continue
        packed, concerns = content[:2] == b"\x1f\x8b", may_concern(content)
        # Only what may concern the service is decoded; a text without zeros needs no decoding to be known as one.
        text = text_of(content) if (concerns or b"\0" in content[:4096]) and (not packed or "/cloud/" in path) else None
        if text is None and (concerns or b"\0" in content[:4096]):
            skipped += 1
            continue
        examined += 1
        if text is None or not concerns:
            continue
        if (packed or b"\0" in content[:512]) and not may_concern(text.encode("utf-8", "replace")):
            continue
        shown = files.shown(path)
        outcome, reason = _limited(text, shown)
        if outcome is None:
            files.note(path, reason)
            place = max(0, find_address(text[:_LIMIT]))
            reads.append(NormalModeRead(shown, text.count("\n", 0, place) + 1, "unknown", False))
            continue
        token_authenticated += outcome.token_authenticated
        reads += [NormalModeRead(shown, line, what, certain) for line, (what, certain) in outcome.lines.items()]
    return Scripts(sorted(reads), examined, skipped, token_authenticated)


def _limited(text: str, shown: str) -> t.Tuple[t.Optional[Outcome], str]:
    """Return the judgment of a file, or None and the reason: it takes longer than _LONGEST seconds, or fails."""
    from . import _judge  # only for a file that may concern the service, because loading takes longer than the search

    text = near_places(text)

    def expire(_signal: int, _frame: t.Any) -> None:
        raise _TooLong

    try:
        before: t.Any = signal.signal(signal.SIGPROF, expire)
        signal.setitimer(signal.ITIMER_PROF, _LONGEST)
    except ValueError:  # only the main thread has signals
        before = None
    try:
        return _judge.judge(text, shown), ""
    except _TooLong:
        return None, "its judgment took more than %s s" % _LONGEST
    except Exception as exc:
        return None, "its judgment failed: %s" % type(exc).__name__
    finally:
        if before is not None:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, before)


class _TooLong(Exception):
    """The judgment of a file takes too long."""


def judge(content: bytes, path: str = "") -> t.List[t.Tuple[int, str]]:
    """Return line number and class of the path of each request, also of uncertain ones, in the file *path*."""
    from . import _judge

    text = text_of(content)
    return (
        []
        if text is None
        else [(line, what) for line, (what, _certain) in sorted(_judge.judge(text, path).lines.items())]
    )


def _candidates(files: Files, directories: t.Sequence[str], excluded: t.Sequence[str]) -> t.Iterator[str]:
    """Yield the real paths of files that are not documentation or data."""
    skipped = _SKIPPED.union([OWN], [directory.rstrip("/") for directory in excluded])
    for directory in directories:
        if directory.rstrip("/") in skipped:
            continue
        for path in files.walk(directory, skipped, _DEPTH):
            if path.lower().endswith(_DATA) and "/cloud/" not in path:
                continue
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
