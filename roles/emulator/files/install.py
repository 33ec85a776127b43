# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Install the emulator on a host. The role runs this script there.

Usage: `python3 -I -c SCRIPT DIRECTORY write|check < FILES`, where FILES is a JSON object of relative paths and texts. The script
updates DIRECTORY and prints each change; with `check` it only prints the changes. This takes one task and a second, while
one task per file would take half a minute.
"""

from __future__ import annotations

import json
import os
import sys
import typing as t


def current(path: str) -> t.Optional[str]:
    """Return the text of a file, or None if it does not exist or has the wrong mode."""
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            return stream.read() if os.fstat(stream.fileno()).st_mode & 0o777 == mode(path) else None
    except (OSError, ValueError):
        return None


def mode(path: str) -> int:
    """Return the mode of a file: only the launcher is executable."""
    return 0o644 if path.endswith((".py", ".json")) else 0o755


def write(path: str, text: str) -> None:
    """Write a file atomically."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    new = path + ".new"
    with open(new, "w", encoding="utf-8", newline="") as stream:
        stream.write(text)
    os.chmod(new, mode(path))
    os.replace(new, path)


def outdated(directory: str, files: t.Dict[str, str]) -> t.Iterator[str]:
    """Yield the modules of other versions in the package folders, which must not be imported."""
    for package in sorted({name.split("/")[0] for name in files if "/" in name}):
        for folder, _folders, names in sorted(os.walk(os.path.join(directory, package))):
            for name in sorted(names):
                path = os.path.relpath(os.path.join(folder, name), directory)
                if name.endswith(".py") and path not in files:
                    yield path


def main(directory: str, action: str) -> None:
    """Update or check the files in a directory."""
    os.umask(0o022)
    files = json.load(sys.stdin)
    for name in list(outdated(directory, files)):
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
