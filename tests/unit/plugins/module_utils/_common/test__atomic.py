# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Atomic replacement: the former or the complete new content, despite failures, planted links and other writers."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._common import _atomic
from ansible_collections.alicloud.imds.plugins.module_utils._common._atomic import (
    remove_leftovers,
    replace_file,
    replace_link,
)

UTILS = Path(_atomic.__file__).resolve().parents[1]
AS_ROOT = os.geteuid() == 0
LEFTOVER = ".file.0123456789abcdef.new"


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
@pytest.mark.parametrize("wanted", [0o600, 0o644, 0o755])
def test_the_mode_of_a_file_does_not_depend_on_the_umask(tmp_path: Path, umask: int, wanted: int) -> None:
    path = tmp_path / "file"
    former = os.umask(umask)
    try:
        replace_file(str(path), b"first", wanted)
        replace_file(str(path), b"second\0" * 100000, wanted)
    finally:
        os.umask(former)
    assert (path.read_bytes(), mode(path), names(tmp_path)) == (b"second\0" * 100000, wanted, ["file"])


def test_a_file_is_private_by_default(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("public")
    replace_file(str(tmp_path / "file"), b"secret")
    assert mode(tmp_path / "file") == 0o600


def test_a_path_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    replace_file("file", b"x")
    replace_link("link", "file")
    assert (tmp_path / "link").read_bytes() == b"x"


@pytest.mark.parametrize("name", ["x" * 255, "é" * 127, "\udcff" * 255, "a\nb"], ids=["long", "wide", "bytes", "line"])
def test_every_name_of_a_file_is_possible(tmp_path: Path, name: str) -> None:
    replace_file(str(tmp_path / name), b"x")
    assert names(tmp_path) == [name]


@pytest.mark.skipif(not AS_ROOT, reason="changing the owner of a file needs root")
def test_the_owner_is_set_and_keeps_the_mode(tmp_path: Path) -> None:
    replace_file(str(tmp_path / "file"), b"x", 0o4755, uid=65534)
    assert ((tmp_path / "file").stat().st_uid, mode(tmp_path / "file")) == (65534, 0o4755)


def test_content_is_private_until_it_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the mode is set, the content is complete, and no other user could read it before."""
    seen = []
    fchmod = os.fchmod

    def watching(descriptor: int, wanted: int) -> None:
        found = os.fstat(descriptor)
        seen.append((stat.S_IMODE(found.st_mode), found.st_size, names(tmp_path)[-1]))
        fchmod(descriptor, wanted)

    monkeypatch.setattr(os, "fchmod", watching)
    former = os.umask(0)
    try:
        replace_file(str(tmp_path / "file"), b"12345", 0o644)
    finally:
        os.umask(former)
    [(private, size, name)] = seen
    assert (private, size) == (0o600, 5) and name.startswith(".file.")


def test_file_and_folder_are_synced_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    fsync, replace = os.fsync, os.replace

    def syncing(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def replacing(*names: str, src_dir_fd: int, dst_dir_fd: int) -> None:
        steps.append("replace")
        replace(*names, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(os, "replace", replacing)
    replace_file(str(tmp_path / "file"), b"x")
    assert steps == ["file", "replace", "folder"]


def test_a_file_system_that_cannot_sync_folders_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", refuse)
    replace_file(str(tmp_path / "file"), b"x")
    assert (tmp_path / "file").read_bytes() == b"x"


@pytest.mark.parametrize("step", ["replace", "fsync", "fchmod", "fdopen"])
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()], ids=type)
def test_after_a_failure_only_the_former_file_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, failure: BaseException
) -> None:
    path = tmp_path / "file"
    path.write_text("former")

    def fail(*_args: object, **_more: object) -> None:
        raise failure

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(type(failure)) as raised:
        replace_file(str(path), b"new")
    monkeypatch.undo()
    if isinstance(raised.value, OSError):
        assert (raised.value.errno, raised.value.filename) == (errno.ENOSPC, str(path))
        assert str(path) in str(raised.value)
    assert (path.read_text(), names(tmp_path)) == ("former", ["file"])


def test_no_descriptor_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = names(Path("/proc/self/fd"))
    replace_file(str(tmp_path / "file"), b"x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        replace_file(str(tmp_path / "folder"), b"x")
    assert names(Path("/proc/self/fd")) == before


def test_a_full_disk_leaves_the_former_file(tmp_path: Path) -> None:
    """Limit the size of files instead of filling a disk: the kernel refuses to write more, in the middle of the content."""
    path = tmp_path / "file"
    path.write_text("former")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (65536, limits[1]))
        with pytest.raises(OSError, match="File too large") as raised:
            replace_file(str(path), b"x" * 1000000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert raised.value.filename == str(path)
    assert (path.read_text(), names(tmp_path)) == ("former", ["file"])


FULL = """
import errno, os, sys
sys.path.insert(0, %r)
from _common._atomic import replace_file
path = sys.argv[1] + "/file"
replace_file(path, b"former")
try:
    replace_file(path, b"x" * (1 << 20))
except OSError as exc:
    assert (exc.errno, exc.filename) == (errno.ENOSPC, path), exc
else:
    sys.exit("it was written")
assert os.listdir(sys.argv[1]) == ["file"] and open(path, "rb").read() == b"former"
"""


@pytest.mark.skipif(not AS_ROOT, reason="mounting a file system needs root")
def test_a_full_file_system_leaves_the_former_file(tmp_path: Path) -> None:
    script = 'mount -t tmpfs -o size=64k none "$1" || exit 77; exec "$2" -c "$3" "$1"'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", str(tmp_path), sys.executable, FULL % str(UTILS)]
    try:
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no program unshare")
    if done.returncode in (1, 77) and ("unshare" in done.stderr or "mount" in done.stderr):
        pytest.skip("nothing can be mounted here")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("none/file", FileNotFoundError),
        ("plain/file", NotADirectoryError),
        ("folder", IsADirectoryError),
        ("", OSError),
    ],
)
@pytest.mark.parametrize("replace", [lambda path: replace_file(path, b"x"), lambda path: replace_link(path, "x")])
def test_an_error_names_the_path(
    tmp_path: Path, replace: Callable[[str], None], path: str, error: type[OSError]
) -> None:
    (tmp_path / "plain").write_text("x")
    (tmp_path / "folder").mkdir()
    whole = os.path.join(str(tmp_path), path)
    with pytest.raises(error) as raised:
        replace(whole)
    assert raised.value.filename == whole and raised.value.strerror
    assert names(tmp_path) == ["folder", "plain"]


def test_links_are_replaced_and_never_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("theirs")
    for name, target in (("file", "victim"), ("dangling", "none"), ("loop", "loop")):
        (tmp_path / name).symlink_to(target)
        replace_file(str(tmp_path / name), b"ours")
        assert not (tmp_path / name).is_symlink() and (tmp_path / name).read_text() == "ours"
    os.link(victim, tmp_path / "hard")
    replace_file(str(tmp_path / "hard"), b"ours")
    assert victim.read_text() == "theirs" and not (tmp_path / "none").exists()


def test_a_link_that_was_planted_as_the_temporary_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("theirs")
    monkeypatch.setattr(os, "urandom", bytes)  # an attacker who can predict it
    (tmp_path / (".file.%s.new" % ("00" * 8))).symlink_to(victim)
    with pytest.raises(FileExistsError):
        replace_file(str(tmp_path / "file"), b"secret")
    assert victim.read_text() == "theirs" and not (tmp_path / "file").exists()


def test_temporary_names_are_hidden_and_random(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda name, *rest, **more: (used.append(name), replace(name, *rest, **more)))
    for _round in range(3):
        replace_file(str(tmp_path / "file"), b"x")
    assert len(set(used)) == 3 and all(name.startswith(".file.") and "/" not in name for name in used)


def test_a_folder_that_is_replaced_meanwhile_gets_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "elsewhere").mkdir()
    replace = os.replace

    def exchange(*args: str, **more: int) -> None:
        (tmp_path / "folder").rename(tmp_path / "moved")
        (tmp_path / "folder").symlink_to("elsewhere")
        replace(*args, **more)

    monkeypatch.setattr(os, "replace", exchange)
    replace_file(str(tmp_path / "folder/file"), b"x")
    assert (names(tmp_path / "moved"), names(tmp_path / "elsewhere")) == (["file"], [])


def test_a_link_replaces_a_file_and_a_file_replaces_a_link(tmp_path: Path) -> None:
    path = tmp_path / "entry"
    replace_file(str(path), b"x")
    replace_link(str(path), "../target")
    assert os.readlink(path) == "../target"
    replace_link(str(path), "other")
    assert os.readlink(path) == "other"
    replace_file(str(path), b"y")
    assert path.read_bytes() == b"y" and names(tmp_path) == ["entry"]


WRITER = """
import sys
sys.path.insert(0, %r)
from _common._atomic import replace_file
for number in range(200):
    replace_file(sys.argv[1], sys.argv[2].encode() * (1000 + number))
"""


@pytest.mark.slow
def test_a_reader_sees_only_complete_files_of_two_writers(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("c")
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER % str(UTILS), str(path), letter]) for letter in ("a", "b")
    ]
    while any(writer.poll() is None for writer in writers):
        content = path.read_text()
        assert content == "c" or (len(set(content)) == 1 and 1000 <= len(content) < 1200)
    assert [writer.returncode for writer in writers] == [0, 0]
    assert len(path.read_text()) == 1199 and names(tmp_path) == ["file"]


KILLED = """
import os, signal, sys
sys.path.insert(0, %r)
from _common import _atomic
os.replace = lambda *args, **more: os.kill(os.getpid(), signal.SIGKILL)
_atomic.replace_file(sys.argv[1], b"new")
"""


def test_leftovers_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("former")
    done = subprocess.run([sys.executable, "-c", KILLED % str(UTILS), str(path)], check=False)
    assert done.returncode == -signal.SIGKILL and len(names(tmp_path)) == 2
    remove_leftovers(str(path))
    assert (path.read_text(), names(tmp_path)) == ("former", ["file"])


def test_only_leftovers_of_this_path_are_removed(tmp_path: Path) -> None:
    others = [".file.new", ".file.0123.new", ".file.0123456789abcdeg.new", ".file.x.0123456789abcdef.new", "file.new"]
    others += [".other.0123456789abcdef.new", ".file.0123456789abcdef.old", "file.0123456789abcdef.new", "file"]
    for name in [LEFTOVER, *others]:
        (tmp_path / name).write_text("x")
    remove_leftovers(str(tmp_path / "file"))
    assert names(tmp_path) == sorted(others)


def test_a_link_named_like_a_leftover_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("theirs")
    (tmp_path / LEFTOVER).symlink_to("victim")
    remove_leftovers(str(tmp_path / "file"))
    assert names(tmp_path) == ["victim"]


def test_a_folder_that_does_not_exist_has_no_leftovers(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("x")
    remove_leftovers(str(tmp_path / "none/file"))
    remove_leftovers(str(tmp_path / "plain/file"))
