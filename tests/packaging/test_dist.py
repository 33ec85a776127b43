# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check that the tarball is reproducible and valid, and has no files for developers only."""

from __future__ import annotations

import hashlib
import json
import tarfile
import time
from pathlib import Path

from conftest import BIN, collection, dist, install, run, run_checked
from waiting import wait_until

TOP = {
    "MANIFEST.json",
    "FILES.json",
    "README.md",
    "README.zh-CN.md",
    "LICENSE",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
}
TOP |= {"changelogs", "command", "docs", "meta", "playbooks", "plugins", "roles"}


def test_tarball_wheel_and_sdist_are_the_same_in_another_folder_time_and_environment(
    repository: Path, tarball: Path, tmp_path: Path
) -> None:
    clone = tmp_path / "a clone"
    # The clone has another folder, file times, permissions and order of files.
    run_checked("sh", "-c", 'umask 077; exec git clone --quiet "$@"', "sh", repository, clone, folder=tmp_path)
    wait_until(lambda: int(time.time()) > int(tarball.stat().st_mtime), "the next second")
    again = dist(clone, tmp_path / "again", TZ="Asia/Shanghai", LC_ALL="C.UTF-8", PYTHONHASHSEED="1")
    built = {path.name: path.read_bytes() for path in tarball.parent.iterdir()}
    assert len(built) == 3
    assert {path.name: path.read_bytes() for path in again.parent.iterdir()} == built


def test_the_time_is_that_of_the_commit_or_the_given_one(repository: Path, tarball: Path, tmp_path: Path) -> None:
    with tarfile.open(tarball) as archive:
        committed = int(run_checked("git", "log", "-1", "--format=%ct", folder=repository))
        assert {member.mtime for member in archive} == {committed}
        assert {(member.uid, member.gid, member.uname, member.gname) for member in archive} == {(0, 0, "", "")}
    with tarfile.open(dist(repository, tmp_path, SOURCE_DATE_EPOCH="1700000000")) as archive:
        assert {member.mtime for member in archive} == {1700000000}


def test_every_checksum_is_right(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        content = {member.name: archive.extractfile(member) for member in archive if member.isreg()}
        digests = {name: hashlib.sha256(stream.read()).hexdigest() for name, stream in content.items() if stream}
        manifest = json.load(archive.extractfile("MANIFEST.json"))  # type: ignore[arg-type]
        files = json.load(archive.extractfile("FILES.json"))["files"]  # type: ignore[arg-type]
        names = {member.name for member in archive}
    assert manifest["file_manifest_file"]["chksum_sha256"] == digests["FILES.json"]
    assert {entry["name"]: entry["chksum_sha256"] for entry in files if entry["ftype"] == "file"} == {
        name: digest for name, digest in digests.items() if name not in ("MANIFEST.json", "FILES.json")
    }
    assert {entry["name"] for entry in files} - {"."} == names - {"MANIFEST.json", "FILES.json"}


def test_the_tarball_has_no_files_for_developers_only(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        names = archive.getnames()
    assert {name.split("/")[0] for name in names} - TOP == set()
    assert [name for name in names if "/." in "/" + name or "__pycache__" in name or "/tests/" in name] == []


def test_verify_detects_a_changed_file_after_installation(tarball: Path, tmp_path: Path) -> None:
    install(tarball, tmp_path)
    verify = (BIN / "ansible-galaxy", "collection", "verify", "alicloud.imds", "--offline", "-p", tmp_path)
    run_checked(*verify, folder=tmp_path, ANSIBLE_COLLECTIONS_PATH=str(tmp_path))
    with (collection(tmp_path) / "plugins/modules/metadata_info.py").open("a") as module:
        module.write("# changed\n")
    found = run(*verify, folder=tmp_path, ANSIBLE_COLLECTIONS_PATH=str(tmp_path))
    assert found.returncode != 0 and "plugins/modules/metadata_info.py" in found.stdout + found.stderr
