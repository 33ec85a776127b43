# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log of changes: lines of several controllers, torn lines, and files that others planted."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._fleet import _change_log
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._change_log import ChangeLog, Item, logged, open_log
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._record_file import RecordError
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError

ITEM = Item("instance", "i-1", "cn-a", None, {"http_tokens": "optional"}, {"http_tokens": "required"})


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines that are JSON, as the documentation tells readers to."""
    found = []
    for line in path.read_bytes().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def test_a_change_has_a_line_before_and_after_its_request(tmp_path: Path) -> None:
    path = tmp_path / "changes.jsonl"
    log = ChangeLog(str(path), "present", clock=lambda: 0)
    seen: list[int] = []

    def send() -> str:
        seen.append(len(lines(path)))
        return "request-1"

    logged(log, ITEM, send)
    first, second = lines(path)
    assert seen == [1] and (first["outcome"], second["outcome"]) == ("sending", "accepted")
    assert second["request_id"] == "request-1" and first["request_id"] is None
    assert first["run"] == second["run"] and first["time"] == "1970-01-01T00:00:00Z"
    assert (second["before"], second["after"]) == ({"http_tokens": "optional"}, {"http_tokens": "required"})
    assert (second["host"], second["state"], second["id"]) == (os.uname().nodename, "present", "i-1")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_outcome_of_a_failed_request_is_failed_or_unknown(tmp_path: Path) -> None:
    log = ChangeLog(str(tmp_path / "log"), "present")

    def fail(kind: str, sent: bool) -> str:
        error = ApiError(kind, "no\nluck", request_id="r-9")
        error.sent = sent
        with pytest.raises(ApiError):
            logged(log, ITEM, lambda: (_ for _ in ()).throw(error))
        return str(lines(tmp_path / "log")[-1]["outcome"])

    assert [fail("forbidden", True), fail("transient", True), fail("transient", False)] == [
        "failed",
        "unknown",
        "failed",
    ]
    last = lines(tmp_path / "log")[-1]
    assert last["request_id"] == "r-9" and "\n" not in last["error"] and len(lines(tmp_path / "log")) == 6


def test_a_torn_line_does_not_damage_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "log"
    ChangeLog(str(path), "present").write(ITEM, "sending")
    whole = path.read_bytes()
    for length in (1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole + whole[:length])
        ChangeLog(str(path), "present").write(ITEM, "accepted")
        found = lines(path)
        assert [found[0]["outcome"], found[-1]["outcome"]] == ["sending", "accepted"]
        assert len(found) == 2 + (length == len(whole) - 1)  # without its line break, the line is complete


def test_lines_of_several_controllers_and_threads_are_never_mixed(tmp_path: Path) -> None:
    path, number, controllers = tmp_path / "log", 20, 6
    start = threading.Barrier(controllers)

    def write(log: ChangeLog) -> None:
        start.wait(60)
        for _count in range(number):
            log.write(ITEM._replace(item_id="i-" + "x" * 300), "sending")

    logs = [ChangeLog(str(path), "present") for _number in range(controllers // 2)]  # each with a descriptor of its own
    threads = [threading.Thread(target=write, args=(log,)) for log in logs * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    raw = path.read_bytes()
    assert raw.count(b"\n") == len(lines(path)) == number * controllers and raw.endswith(b"\n")
    assert len({line["run"] for line in lines(path)}) == len(logs)


def test_a_planted_file_is_refused_and_nothing_is_sent(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("")
    record = str(tmp_path / "record.json")
    path = Path(record + "." + _change_log.NAME)

    def refused() -> str:
        with pytest.raises(RecordError) as caught:
            open_log(record, False, "present")
        with pytest.raises(RecordError):
            logged(ChangeLog(str(path), "present"), ITEM, lambda: pytest.fail("a request was sent"))
        path.unlink()
        return str(caught.value)

    opened = len(os.listdir("/proc/self/fd"))
    path.symlink_to(target)
    assert "it is a link" in refused()
    os.mkfifo(str(path))
    assert "not a regular file" in refused()
    os.link(str(target), str(path))
    assert "one name" in refused()
    path.write_text("")
    path.chmod(0o620)
    assert "chmod go-w" in refused()
    path.mkdir()
    with pytest.raises(RecordError):
        open_log(record, False, "present")
    path.rmdir()
    path.write_text("")
    if os.geteuid() == 0:
        os.chown(str(path), 12345, 12345)
        assert "belongs to the user with ID 12345" in refused()
    assert target.read_text() == ""
    assert len(os.listdir("/proc/self/fd")) == opened, "a refused file stays open"


def test_an_outcome_that_cannot_be_written_is_a_problem_of_the_log(tmp_path: Path) -> None:
    log = ChangeLog(str(tmp_path / "log"), "present")

    def send() -> str:
        assert log._descriptor is not None
        os.close(log._descriptor)
        log._descriptor = os.open(os.devnull, os.O_RDONLY)
        return "request"

    logged(log, ITEM, send)
    assert log.problem is not None and "Cannot write the change log" in log.problem
    assert [line["outcome"] for line in lines(tmp_path / "log")] == ["sending"]
