# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records of probes: each excuses one request of its user, for a short time."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ansible_collections.alicloud.imds.plugins.module_utils._common._probe_log import Excuses, entries, record


def test_each_record_excuses_one_request_of_its_user(tmp_path: Path) -> None:
    record(33, str(tmp_path))
    record(33, str(tmp_path))
    record(directory=str(tmp_path))
    assert [uid for uid, _when in entries(str(tmp_path))] == [33, 33, os.getuid()]
    assert (tmp_path / "probes").stat().st_mode & 0o777 == 0o600
    excuses, now = Excuses(str(tmp_path)), time.time()
    assert [excuses.use(uid, now) for uid in (33, 34, 33, 33, None)] == [True, False, True, False, False]


def test_a_record_is_valid_for_a_minute_and_not_before_it_was_written(tmp_path: Path) -> None:
    record(33, str(tmp_path))
    excuses, now = Excuses(str(tmp_path)), time.time()
    assert [excuses.use(33, now + seconds) for seconds in (-60, 61, 5)] == [False, False, True]


def test_without_the_directory_nothing_is_recorded(tmp_path: Path) -> None:
    record(33, str(tmp_path / "none"))
    assert list(tmp_path.iterdir()) == [] and entries(str(tmp_path / "none")) == []


def test_links_are_not_followed(tmp_path: Path) -> None:
    victim, state = tmp_path / "victim", tmp_path / "state"
    victim.write_text("33 %d\n" % int(time.time() * 1e9))
    state.mkdir()
    (state / "probes").symlink_to(victim)
    record(33, str(state))
    assert entries(str(state)) == [] and victim.read_text().count("\n") == 1
    (tmp_path / "link").symlink_to(state)
    (state / "probes").unlink()
    record(33, str(tmp_path / "link"))
    assert list(state.iterdir()) == []


def test_the_file_is_bounded_and_invalid_lines_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "probes").write_text("x y\n1\n-1 2\n33 5\n")
    assert entries(str(tmp_path)) == [(33, 5)]
    (tmp_path / "probes").write_text("x" * 70000)
    record(33, str(tmp_path))
    assert len((tmp_path / "probes").read_text()) < 100
