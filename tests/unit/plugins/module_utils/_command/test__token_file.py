# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command ``token``: the file that it writes, and the paths that it refuses."""

from __future__ import annotations

import calendar
import http.client
import os
import re
import stat
import time
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._command._output import Failure
from ansible_collections.alicloud.imds.plugins.module_utils._command._token_file import TokenFile

from ...conftest import Emulators, Instance
from .conftest import Command

# Each test starts the command.
pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "private"
    made.mkdir(mode=0o700)
    return made


def works(instance: Instance, token: str) -> bool:
    connection = http.client.HTTPConnection(instance.endpoint[len("http://") :], timeout=60)
    connection.request("GET", "/latest/meta-data/instance-id", headers={"X-aliyun-ecs-metadata-token": token})
    status = connection.getresponse().status
    connection.close()
    return status == 200


def refuses(command: Command, instance: Instance, target: Path, *texts: str) -> None:
    """Assert that the command refuses *target* with these texts, requests no token and leaves no file."""
    before = sorted(target.parent.iterdir())
    done = command("token", "--file", str(target))
    assert (done.status, done.stdout) == (1, b"")
    for text in texts:
        assert text in done.stderr
    assert sorted(target.parent.iterdir()) == before
    assert instance.journal() == []


def test_a_valid_token_is_written_to_a_private_file(
    command: Command, instance: Instance, emulator: Emulators, folder: Path
) -> None:
    target = folder / "token"
    before = int(time.time())
    done = command.shell('umask 0; "$command" token --ttl 600 --file %s' % target)
    assert (done.status, done.stderr) == (0, "")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n", done.text)
    expires = calendar.timegm(time.strptime(done.text, "%Y-%m-%dT%H:%M:%SZ\n"))
    assert before + 600 <= expires <= time.time() + 600
    token, rest = target.read_text().split("\n")
    assert rest == ""
    assert works(instance, token)
    assert token not in done.text
    found = target.stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_nlink) == (0o600, os.geteuid(), 1)
    assert list(folder.iterdir()) == [target]
    emulator.advance(601)
    assert not works(instance, token)


def test_an_existing_file_is_replaced_not_rewritten(command: Command, instance: Instance, folder: Path) -> None:
    target = folder / "token"
    target.write_text("old, and longer than any token could ever be" * 20)
    target.chmod(0o644)
    (folder / "hard link").hardlink_to(target)
    with target.open() as reader:
        assert command.shell('umask 777; cd %s; "$command" token --file token' % folder).status == 0
        assert reader.read().startswith("old")
    assert (folder / "hard link").read_text().startswith("old")
    assert works(instance, target.read_text().strip())
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert sorted(path.name for path in folder.iterdir()) == ["hard link", "token"]


def test_a_reader_never_sees_half_a_file(command: Command, folder: Path) -> None:
    """Read the file while the command replaces it: every content is a complete token."""
    target = folder / "token"
    assert command("token", "--file", str(target)).status == 0
    seen = set()
    with command.start("token", "--file", str(target)) as process:
        while process.poll() is None:
            seen.add(target.read_text())
    seen.add(target.read_text())
    assert len(seen) == 2
    assert all(re.fullmatch(r"[!-~]{20,}\n", content) for content in seen)


def test_the_file_is_private_from_the_moment_it_is_created(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inspect the file in the same process, just before its mode is set."""
    modes = []

    def fchmod(descriptor: int, mode: int) -> None:
        modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        assert os.fstat(descriptor).st_size == 0

    monkeypatch.setattr(os, "fchmod", fchmod)
    before = os.umask(0)
    try:
        with TokenFile(str(folder / "token")) as file:
            file.write("a-token")
    finally:
        os.umask(before)
    assert modes == [0o600]
    assert (folder / "token").read_text() == "a-token\n"


def test_links_and_files_that_are_not_regular_are_refused(command: Command, instance: Instance, folder: Path) -> None:
    (folder / "victim").write_text("untouched")
    (folder / "link").symlink_to(folder / "victim")
    (folder / "dangling").symlink_to(folder / "nothing")
    (folder / "directory").mkdir()
    os.mkfifo(folder / "pipe")
    refuses(command, instance, folder / "link", "is a symbolic link")
    refuses(command, instance, folder / "dangling", "is a symbolic link")
    refuses(command, instance, folder / "directory", "not a regular file")
    refuses(command, instance, folder / "pipe", "not a regular file")
    assert (folder / "victim").read_text() == "untouched"
    assert not (folder / "nothing").exists()


def test_a_token_is_never_written_to_standard_output(command: Command) -> None:
    for done in command.each(*(("token", "--file", name) for name in ("/dev/null", "/dev/stdout", "/proc/self/fd/1"))):
        assert (done.status, done.stdout) == (1, b"")
        assert "symbolic link" in done.stderr or "not a regular file" in done.stderr


def test_directories_that_other_users_can_write_to_are_refused(
    command: Command, instance: Instance, folder: Path
) -> None:
    folder.chmod(0o777)
    refuses(command, instance, folder / "token", "every user can replace files")
    folder.chmod(0o1777)
    assert command("token", "--file", str(folder / "token")).status == 0
    if os.geteuid() != 0:
        pytest.skip("only root can give a directory away to see it refused")
    for mode, owner, group, text in (
        (0o700, 12345, 0, "its owner (uid 12345)"),
        (0o770, 0, 12345, "its group (gid 12345)"),
    ):
        given = folder / ("given%o" % mode)
        given.mkdir()
        os.chown(given, owner, group)
        given.chmod(mode)
        before = len(instance.journal())
        done = command("token", "--file", str(given / "token"))
        assert (done.status, text in done.stderr, list(given.iterdir())) == (1, True, [])
        assert len(instance.journal()) == before


def test_parents_that_other_users_can_write_to_are_refused(command: Command, instance: Instance, folder: Path) -> None:
    """A user who can rename the parent decides where the file is."""
    inner = folder / "middle" / "inner"
    inner.mkdir(parents=True)
    for mode, text in ((0o775, "its group (gid %d)" % os.getegid()), (0o757, "every user")):
        inner.parent.chmod(mode)
        refuses(command, instance, inner / "token", text, repr(str(inner.parent)))
        inner.parent.chmod(0o755)
        inner.chmod(mode)
        refuses(command, instance, inner / "token", text, repr(str(inner)))
        inner.chmod(0o755)
    assert command("token", "--file", str(inner / "token")).status == 0


def test_links_on_the_path(command: Command, instance: Instance, folder: Path) -> None:
    """Own links are followed, relative and absolute ones. Those of others are refused, also behind an own link."""
    (folder / "real").mkdir()
    (folder / "relative").symlink_to("real/../real/.")
    (folder / "absolute").symlink_to(folder / "relative")
    (folder / "loop").symlink_to("loop")
    assert command("token", "--file", str(folder / "absolute" / "token")).status == 0
    assert works(instance, (folder / "real/token").read_text().strip())
    assert "symbolic links" in command("token", "--file", str(folder / "loop" / "token")).stderr
    done = command.shell('cd %s && "$command" token --file absolute/../real/other' % folder)
    assert (done.status, done.stderr) == (0, "")
    assert sorted(path.name for path in (folder / "real").iterdir()) == ["other", "token"]
    if os.geteuid() != 0:
        pytest.skip("only root can give a link away to see it refused")
    os.chown(folder / "relative", 12345, 12345, follow_symlinks=False)
    before = len(instance.journal())
    for name in ("relative", "absolute"):
        done = command("token", "--file", str(folder / name / "token"))
        assert (
            done.status == 1
            and "the link %r belongs to another user (uid 12345)" % str(folder / "relative") in done.stderr
        )
    assert len(instance.journal()) == before


def test_no_descriptor_is_left_open(folder: Path) -> None:
    (folder / "a/b").mkdir(parents=True)
    before = os.listdir("/proc/self/fd")
    with TokenFile(str(folder / "a/../a/b/token")) as file:
        file.write("a-token")
    with pytest.raises(Failure), TokenFile(str(folder / "a/none/token")):
        pass
    assert os.listdir("/proc/self/fd") == before


def test_directories_that_cannot_be_used(command: Command, instance: Instance, folder: Path) -> None:
    done = command("token", "--file", str(folder / "nowhere" / "token"))
    assert (done.status, done.stdout) == (1, b"")
    assert "No such file or directory. Create it, or choose another --file." in done.stderr
    assert instance.journal() == []
    names = ("", "%s/" % folder, "%s/.." % folder)
    assert [done.status for done in command.each(*(("token", "--file", name) for name in names))] == [2, 2, 2]


def test_a_failed_request_leaves_the_old_file(command: Command, instance: Instance, folder: Path) -> None:
    (folder / "token").write_text("old")
    instance.set(http_endpoint="disabled")
    done = command("token", "--file", str(folder / "token"))
    assert (done.status, done.stdout) == (4, b"")
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [("token", "old")]


def test_json_has_the_time_of_expiry(command: Command, folder: Path) -> None:
    assert command("token", "--json", "--file", str(folder / "token")).text.startswith('{\n  "expires": "20')
