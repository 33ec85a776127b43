# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of records: the current format, format 1, and invalid content."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._callers import _file
from ansible_collections.alicloud.imds.plugins.module_utils._callers._file import NotReadable, is_running, read
from ansible_collections.alicloud.imds.plugins.module_utils._callers._load import callers
from ansible_collections.alicloud.imds.plugins.module_utils._callers._report import Filter
from ansible_collections.alicloud.imds.plugins.module_utils._watch._loop import Watch
from ansible_collections.alicloud.imds.plugins.module_utils._watch._store import Store

# As version 0.3.0 wrote it.
FORMAT_1 = (Path(__file__).parent / "records_format_1.json").read_text()
MODES = ["normal_mode", "token_authenticated", "token_request", "unparsable"]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "callers.json").write_text(FORMAT_1)
    return tmp_path


def test_format_1_is_read_with_the_current_names(state: Path) -> None:
    content = read(str(state))
    assert content is not None
    assert content.status == {
        "pid": 1, "running_since": 1764018387, "updated": 1764018390, "attribution": "connect", "dropped": 2, "evicted": 3,
        "problems": ["p"],
    }  # fmt: skip
    (caller,) = content.callers
    assert (caller["attributed_by"], caller["exe_attributed_by"]) == ({"connect": 6}, {"proc": 6})
    assert [row["mode"] for row in caller["requests"]] == MODES
    assert caller["requests"][0] == {
        "mode": "normal_mode",
        "path": "mac",
        "count": 3,
        "first": 1764018387,
        "last": 1764018389,
    }
    assert content.other["attributed_by"] == {"socket": 1} and content.other["requests"][0]["mode"] == "normal_mode"
    assert not [name for name in (*_file._CALLER_1, *_file._STATUS_1) if name in json.dumps(content)]


def test_the_report_on_format_1(state: Path) -> None:
    report = callers(str(state), "", Filter())
    assert report["totals"] == {**dict.fromkeys(MODES, 1), "normal_mode": 4, "noise": 1}
    assert report["last_normal_mode"] == "2025-11-24T21:06:29Z"
    assert (report["watch"]["attribution"], report["watch"]["evicted"]) == ("connect", 3)


def test_the_watch_continues_format_1_and_writes_format_2(state: Path) -> None:
    class NoEvents:
        def lost(self) -> int:
            return 0

    class NoPackets:
        def fileno(self) -> int:
            return 0

        def segment(self) -> None:
            return None

        def count_dropped(self) -> int:
            return 0

    before = callers(str(state), "", Filter())
    store = Store(str(state))
    watch = Watch(NoPackets(), NoEvents(), store, "connect", pytest.fail)  # type: ignore[arg-type]
    watch.save()
    store.close()
    content = json.loads((state / "callers.json").read_text())
    assert content["format"] == _file.FORMAT == 2
    assert "evicted" in content["status"] and content["status"]["attribution"] == "connect"
    assert callers(str(state), "", Filter())["callers"] == before["callers"]
    assert not [name for name in (*_file._CALLER_1, *_file._MODES_1) if name in json.dumps(content)]


def test_without_a_file_there_are_no_records(tmp_path: Path) -> None:
    assert read(str(tmp_path)) is None and not is_running(str(tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "\xff", '{"format": 2}', '{"format": 3, "status": {}, "periods": [], "callers": [], "other": {}}',
        '{"format": 1, "status": [], "periods": [], "callers": [], "other": {}}', "[" * 100000,
    ],
    ids=range(8),
)  # fmt: skip
def test_invalid_content_is_reported_with_the_next_step(tmp_path: Path, text: str) -> None:
    (tmp_path / "callers.json").write_text(text, encoding="latin-1")
    with pytest.raises(NotReadable) as caught:
        read(str(tmp_path))
    assert str(tmp_path / "callers.json") in str(caught.value) and "remove the file" in str(caught.value)


@pytest.mark.parametrize("caller", [1, None, {}, {"requests": 1}, {"requests": [1, {"mode": []}, {}]}])
def test_invalid_callers_of_format_1_are_left_for_the_validation(tmp_path: Path, caller: object) -> None:
    content = {"format": 1, "status": {}, "periods": [], "callers": [caller], "other": {}}
    (tmp_path / "callers.json").write_text(json.dumps(content))
    found = read(str(tmp_path))
    assert found is not None and found.callers == [caller]


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "callers.json").open("wb") as stream:
        os.truncate(stream.fileno(), _file.LARGEST + 1)
    with pytest.raises(NotReadable, match="Cannot parse"):
        read(str(tmp_path))


def test_a_file_that_cannot_be_read_is_reported_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "callers.json").mkdir()
    with pytest.raises(NotReadable, match="Run as root, or set another --state-dir"):
        read(str(tmp_path))


def test_a_locked_directory_has_a_running_watch(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    assert is_running(str(tmp_path))
    store.close()
    assert not is_running(str(tmp_path))
