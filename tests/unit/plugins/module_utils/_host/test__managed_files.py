# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Install, change, remove and restore managed files, and roll back failed changes."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._common import _programs
from ansible_collections.alicloud.imds.plugins.module_utils._host import _managed_files


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/theirs").write_text("theirs")
    return tmp_path


def snapshot(root: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in sorted(root.rglob("*")):
        mode = stat.S_IMODE(path.lstat().st_mode)
        what = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else "directory"
        found[str(path.relative_to(root))] = (mode, what)
    return found


def wanted(root: Path, **more: _managed_files.Entry) -> dict[str, _managed_files.Entry]:
    return {
        str(root / "etc/ours/program"): _managed_files.file("#!/bin/sh\n", 0o755),
        str(root / "etc/wants/unit"): _managed_files.Link("../unit"),
        **{str(root / name): entry for name, entry in more.items()},
    }


def install(root: Path, **more: _managed_files.Entry) -> _managed_files.Plan:
    todo = _managed_files.plan(str(root / "etc/ours/manifest.json"), wanted(root, **more))
    _managed_files.carry_out(todo)
    return todo


def test_a_removal_restores_the_state_before_the_installation(root: Path) -> None:
    before = snapshot(root)
    assert install(root).changes
    assert (root / "etc/ours/program").read_text() == "#!/bin/sh\n"
    assert stat.S_IMODE((root / "etc/ours/program").stat().st_mode) == 0o755
    assert os.readlink(root / "etc/wants/unit") == "../unit"
    assert install(root).changes == [], "a second run changes nothing"
    todo = _managed_files.plan(str(root / "etc/ours/manifest.json"), {})
    _managed_files.carry_out(todo)
    assert snapshot(root) == before
    assert _managed_files.plan(str(root / "etc/ours/manifest.json"), {}).changes == []


def test_a_removal_includes_bytecode(root: Path) -> None:
    before = snapshot(root)
    install(root)
    (root / "etc/ours/__pycache__").mkdir()
    (root / "etc/ours/__pycache__/x.cpython-311.pyc").touch()
    _managed_files.carry_out(_managed_files.plan(str(root / "etc/ours/manifest.json"), {}))
    assert snapshot(root) == before


def test_the_umask_does_not_matter(root: Path) -> None:
    """A file that root installs with umask 077 in a new directory would be out of reach of other users."""
    before = snapshot(root)
    mask = os.umask(0o077)
    try:
        todo = install(root)
        installed = snapshot(root)
        _managed_files.restore(todo.before)
        assert snapshot(root) == before
        (root / "etc/ours").mkdir()  # and restored in a directory that was removed meanwhile
        (root / "etc/ours/program").write_text("x")
        removal = _managed_files.plan(str(root / "etc/ours/manifest.json"), wanted(root))
        _managed_files.carry_out(removal)
        undo = _managed_files.plan(str(root / "etc/ours/manifest.json"), {})
        _managed_files.carry_out(undo)
        (root / "etc/ours").rmdir()
        _managed_files.restore(undo.before)
    finally:
        os.umask(mask)
    assert {path: mode for path, (mode, _what) in installed.items() if path.startswith("etc/")} == {
        "etc/ours": 0o755,
        "etc/ours/manifest.json": 0o644,
        "etc/ours/program": 0o755,
        "etc/theirs": installed["etc/theirs"][0],
        "etc/wants": 0o755,
        "etc/wants/unit": 0o777,
    }
    assert stat.S_IMODE((root / "etc/ours").stat().st_mode) == 0o755


@pytest.mark.parametrize("status", [0, 1])
def test_selinux_types_are_restored_where_selinux_is(root: Path, monkeypatch, status: int) -> None:
    program = root / "restorecon"
    program.write_text('#!/bin/sh\nfor path; do echo "$path"; done >>"$0.calls"\nexit %d\n' % status)
    program.chmod(0o755)
    monkeypatch.setattr(_programs, "_PATH", "%s:/usr/bin:/bin" % root)
    todo = install(root)
    created = ["etc/ours", "etc/ours/manifest.json", "etc/ours/program", "etc/wants", "etc/wants/unit"]
    calls = root / "restorecon.calls"
    assert sorted(calls.read_text().splitlines()) == [str(root / name) for name in created]
    calls.unlink()
    _managed_files.restore(todo.before)
    assert not calls.exists(), "nothing is left to label"


def test_planning_writes_nothing(root: Path) -> None:
    before = snapshot(root)
    _managed_files.plan(str(root / "etc/ours/manifest.json"), wanted(root))
    assert snapshot(root) == before


def test_a_removal_keeps_directories_and_files_of_others(root: Path) -> None:
    (root / "etc/wants").mkdir()
    before = snapshot(root)
    install(root)
    (root / "etc/ours/added").write_text("by somebody")
    _managed_files.carry_out(_managed_files.plan(str(root / "etc/ours/manifest.json"), {}))
    assert (root / "etc/ours/added").read_text() == "by somebody"
    (root / "etc/ours/added").unlink()
    (root / "etc/ours").rmdir()
    assert snapshot(root) == before


def test_a_file_that_is_no_longer_wanted_is_removed(root: Path) -> None:
    install(root, old=_managed_files.file("old"))
    install(root)
    assert not (root / "old").exists()
    assert str(root / "old") not in json.loads((root / "etc/ours/manifest.json").read_text())["files"]


@pytest.mark.parametrize("harm", ["content", "mode", "removed", "link"])
def test_manual_changes_are_repaired(root: Path, harm: str) -> None:
    install(root)
    right = snapshot(root)
    program = root / "etc/ours/program"
    if harm == "content":
        program.write_text("evil")
    elif harm == "mode":
        program.chmod(0o777)
    else:
        program.unlink()
        if harm == "link":
            program.symlink_to("/etc/passwd")
    assert [change.path for change in install(root).changes] == [str(program)]
    assert snapshot(root) == right
    assert Path("/etc/passwd").stat().st_mode & 0o022 == 0


def test_restore_is_exact(root: Path) -> None:
    """Undo an upgrade with a record that was converted to JSON, because it passes through the controller."""
    install(root, **{"etc/theirs": _managed_files.file("ours", 0o600)})
    before = snapshot(root)
    todo = install(root, **{"etc/theirs": _managed_files.file("new"), "etc/deep/er/file": _managed_files.file("x")})
    assert snapshot(root) != before
    assert _managed_files.restore(json.loads(json.dumps(todo.before))) is True
    assert snapshot(root) == before
    assert _managed_files.restore(todo.before) is False


def test_a_failed_change_rolls_back_those_before_it(root: Path) -> None:
    (root / "zzz").mkdir()
    before = snapshot(root)
    todo = _managed_files.plan(str(root / "etc/ours/manifest.json"), wanted(root))
    todo.changes.append(
        _managed_files.Change(str(root / "zzz"), None, _managed_files.file("cannot replace a directory"))
    )
    with pytest.raises(OSError, match="zzz"):
        _managed_files.carry_out(todo)
    assert snapshot(root) == before


def test_a_read_only_place_leaves_nothing_elsewhere(root: Path, monkeypatch) -> None:
    """In a read-only file system, to remove a directory that does not exist is an error, too."""
    before = snapshot(root)
    read_only = str(root / "usr")
    for name in ("mkdir", "rmdir", "unlink"):
        real = getattr(os, name)

        def refuse(path, *arguments, real=real, **options):
            if str(path).startswith(read_only):
                raise OSError(errno.EROFS, "Read-only file system", path)
            return real(path, *arguments, **options)

        monkeypatch.setattr(os, name, refuse)
    files = wanted(root, **{"usr/lib/ours": _managed_files.file("x")})
    with pytest.raises(OSError, match="Read-only file system"):
        _managed_files.carry_out(_managed_files.plan(str(root / "etc/ours/manifest.json"), files))
    assert snapshot(root) == before


def test_a_directory_in_place_of_a_file_is_an_error(root: Path) -> None:
    (root / "etc/ours/program").mkdir(parents=True)
    with pytest.raises(OSError, match="move it away.*program"):
        install(root)


def test_an_invalid_manifest_is_an_error(root: Path) -> None:
    (root / "etc/ours").mkdir()
    for content in ("", "[]", '{"format": 1, "files": {"relative": ""}, "directories": []}'):
        (root / "etc/ours/manifest.json").write_text(content)
        with pytest.raises(ValueError, match="manifest.json is not a manifest"):
            install(root)
