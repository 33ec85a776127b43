# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How does the program get onto a host? By this script, which the role runs there.

``python3 -c SCRIPT DIRECTORY write|check < FILES``, with FILES a JSON object of file names and texts. It makes the files
in DIRECTORY the given ones and prints what it changed, or with ``check`` what it would change. One run of one task takes
a second, where copying each file for itself takes half a minute.
"""

from __future__ import annotations

import json
import os
import sys
import typing as t


def current(path: str) -> t.Optional[str]:
    """The text of a file; None when there is no such file, or one with other permissions."""
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            return stream.read() if os.fstat(stream.fileno()).st_mode & 0o777 == mode(path) else None
    except (OSError, ValueError):
        return None


def mode(path: str) -> int:
    return 0o644 if path.endswith(".py") else 0o755


def write(path: str, text: str) -> None:
    """The file appears in one step, complete."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    new = path + ".new"
    with open(new, "w", encoding="utf-8", newline="") as stream:
        stream.write(text)
    os.chmod(new, mode(path))
    os.replace(new, path)


def strangers(directory: str, files: t.Dict[str, str]) -> t.Iterator[str]:
    """Modules of another version, which must not be imported."""
    for folder in sorted({os.path.dirname(name) for name in files} - {""}):
        path = os.path.join(directory, folder)
        for name in sorted(os.listdir(path)) if os.path.isdir(path) else []:
            if name.endswith(".py") and os.path.join(folder, name) not in files:
                yield os.path.join(folder, name)


def main(directory: str, action: str) -> None:
    os.umask(0o022)
    files = json.load(sys.stdin)
    for name in strangers(directory, files):
        print("removed " + name)
        if action == "write":
            os.unlink(os.path.join(directory, name))
    for name, text in sorted(files.items()):
        path = os.path.join(directory, name)
        if current(path) != text:
            print("written " + name)
            if action == "write":
                write(path, text)


main(sys.argv[1], sys.argv[2])
