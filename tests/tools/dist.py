# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dist.py DIRECTORY: build the collection's tarball and the emulator's wheel and sdist of the last commit, reproducibly.

`ansible-galaxy collection build` uses the order of the file system and the present time. Both are replaced: files
are sorted, and all times are SOURCE_DATE_EPOCH, by default the time of the commit. flit does the same.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from checkout import CHECKOUT

EMULATOR = "roles/emulator/files"
MANIFEST, FILES = "MANIFEST.json", "FILES.json"


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=CHECKOUT, check=True, capture_output=True).stdout


def epoch() -> int:
    return int(os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct"))


def export(folder: Path) -> None:
    """Write the files of the last commit to *folder*."""
    with tarfile.open(fileobj=io.BytesIO(git("archive", "--format=tar", "HEAD"))) as archive:
        archive.extractall(folder, filter="data")
    changes = git("status", "--porcelain").decode().splitlines()
    if changes:
        print(f"Not in the tarball, as it is not committed: {', '.join(line[3:] for line in changes)}", file=sys.stderr)


def as_json(content: Any) -> bytes:
    """Return JSON in the format of ansible-galaxy."""
    return json.dumps(content, indent=True).encode()


def sorted_manifests(archive: tarfile.TarFile) -> dict[str, bytes]:
    """Return the two lists of the tarball: FILES.json in the order of names, and MANIFEST.json with its new checksum."""
    manifest, files = (json.load(archive.extractfile(name) or io.BytesIO()) for name in (MANIFEST, FILES))
    files["files"].sort(key=lambda entry: entry["name"])
    listing = as_json(files)
    manifest["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(listing).hexdigest()
    return {MANIFEST: as_json(manifest), FILES: listing}


def members(archive: tarfile.TarFile, time: int) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    """Return the members of the new archive in their order, which does not depend on this machine."""
    first = sorted_manifests(archive)
    order = {name: number for number, name in enumerate(first)}
    for old in sorted(archive.getmembers(), key=lambda member: (order.get(member.name, len(order)), member.name)):
        stream = archive.extractfile(old) if old.isreg() else None
        content = first.get(old.name, stream.read() if stream else b"")
        new = tarfile.TarInfo(old.name)
        new.type, new.linkname, new.size, new.mtime = old.type, old.linkname, len(content), time
        new.mode = 0o755 if old.isdir() or old.mode & 0o100 else 0o644
        yield new, content


def normalize(tarball: Path, target: Path, time: int) -> None:
    with tarfile.open(tarball) as old, target.open("wb") as stream:
        # The header has no file name and no time.
        with gzip.GzipFile(filename="", fileobj=stream, mode="wb", compresslevel=9, mtime=time) as packed:
            with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as new:
                for member, content in members(old, time):
                    new.addfile(member, io.BytesIO(content))


def packages(source: Path, target: Path, time: int) -> list[Path]:
    """Build the wheel and the sdist of the emulator in *target*."""
    for file in [path for path in (source / EMULATOR).rglob("*") if path.is_file()]:
        file.chmod(0o755 if os.access(file, os.X_OK) else 0o644)
    build = (
        "import sys; from flit_core import buildapi as api; "
        "print(api.build_wheel(sys.argv[1])); print(api.build_sdist(sys.argv[1]))"
    )
    command = [sys.executable, "-I", "-c", build, str(target)]
    environment = dict(os.environ, SOURCE_DATE_EPOCH=str(time))
    done = subprocess.run(command, cwd=source / EMULATOR, check=True, stdout=subprocess.PIPE, env=environment)
    return [target / name for name in done.stdout.decode().split()]


def main() -> None:
    target = Path(sys.argv[1]).resolve()
    target.mkdir(parents=True, exist_ok=True)
    galaxy = str(Path(sys.executable).parent / "ansible-galaxy")
    with tempfile.TemporaryDirectory(prefix="imds-dist-") as scratch:
        source, built = Path(scratch) / "source", Path(scratch) / "built"
        export(source)
        command = [galaxy, "collection", "build", "--output-path", str(built)]
        subprocess.run(command, cwd=source, check=True, stdout=subprocess.DEVNULL)
        (tarball,) = built.glob("*.tar.gz")
        normalize(tarball, target / tarball.name, epoch())
        everything = [target / tarball.name, *packages(source, target, epoch())]
    for made in everything:
        print(f"{made.relative_to(Path.cwd()) if made.is_relative_to(Path.cwd()) else made}")
        print(f"sha256 {hashlib.sha256(made.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
