# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Walks over trees of the emulator, and the pool of threads that they use."""

from __future__ import annotations

import threading

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _errors, _walk
from ansible_collections.alicloud.imds.plugins.module_utils._imds._client import Client, Settings
from ansible_collections.alicloud.imds.plugins.module_utils._imds._tree import parse_listing

BASE = "/latest/meta-data/"


def walk(instance) -> dict:
    """Walk the whole tree of *instance* and return it."""
    client = Client(Settings(endpoint=instance.endpoint, retries=0, timeout=60.0, deadline=300.0))
    try:
        one = _walk.Walk(client, BASE)
        one.run(parse_listing(client.get(BASE))[0])
    finally:
        client.close()
    return one.tree


def test_secrets_are_listed_but_not_read(instance) -> None:
    instance.set(role={"name": "EcsWebRole"})
    assert walk(instance)["ram"] == {"security-credentials": {"EcsWebRole": ""}}
    assert not [entry for entry in instance.journal() if entry["path"].endswith("EcsWebRole")]


def test_a_listing_that_contains_itself_is_an_error(instance) -> None:
    instance.fault("status", status=200, body="loop/\nleaf", on="data", path="*/")
    with pytest.raises(_errors.UnexpectedReply, match="more than %d levels deep" % _walk.DEPTH_LIMIT):
        walk(instance)
    assert len(instance.journal()) < 40


def test_a_listing_that_branches_without_end_is_an_error(instance, monkeypatch) -> None:
    monkeypatch.setattr(_walk, "PATH_LIMIT", 200)
    monkeypatch.setattr(_walk, "DEPTH_LIMIT", 1000)  # a single thread would reach this limit first
    instance.fault("status", status=200, body="a/\nb/\nc/\nd/", on="data", path="*/")
    with pytest.raises(_errors.UnexpectedReply, match="more than 200 paths"):
        walk(instance)
    assert len(instance.journal()) < 220


def test_a_listing_of_ten_thousand_names_is_an_error(instance) -> None:
    wide = "\n".join("key%d" % number for number in range(10_000))
    instance.fault("status", status=200, body=wide, on="data", path="*/disks/")
    with pytest.raises(_errors.UnexpectedReply, match="more than 8000 paths"):
        walk(instance)


def test_a_tree_of_too_many_bytes_is_an_error(instance, monkeypatch) -> None:
    monkeypatch.setattr(_walk, "BYTE_LIMIT", 5_000)
    instance.set(metadata={"big/%d" % number: "x" * 1_000 for number in range(20)})
    with pytest.raises(_errors.UnexpectedReply, match="more than 5000 bytes"):
        walk(instance)


def test_a_failed_read_stops_the_walk(instance) -> None:
    instance.fault("status", status=403, on="data", path="*/mac")
    with pytest.raises(_errors.Refused, match="meta-data/mac"):
        walk(instance)


def test_an_entry_that_no_longer_exists_is_omitted(instance) -> None:
    instance.fault("status", status=404, on="data", path="*/hostname")
    tree = walk(instance)
    assert "hostname" not in tree and tree["instance-id"] == instance.id


def test_jobs_that_a_job_returns_are_run() -> None:
    done = []

    def work(number: int) -> list[int]:
        done.append(number)
        return [number * 10, number * 10 + 1] if number < 100 else []

    _walk.run_jobs([1, 2], work, 3)
    expected = [1, 2, 10, 11, 20, 21, 100, 101, 110, 111, 200, 201, 210, 211]
    assert sorted(done) == expected


def test_jobs_run_in_as_many_threads_as_workers() -> None:
    barrier = threading.Barrier(4)

    def work(_number: int) -> tuple[int, ...]:
        barrier.wait(60)  # fails unless four jobs run at once
        return ()

    _walk.run_jobs(range(4), work, 4)


def test_one_job_starts_no_thread() -> None:
    threads = []

    def work(_job: str) -> tuple[str, ...]:
        threads.append(threading.current_thread())
        return ()

    _walk.run_jobs(["only"], work, 8)
    assert threads == [threading.current_thread()]


def test_the_first_exception_stops_the_other_jobs_and_is_raised() -> None:
    done = []

    def work(number: int) -> tuple[int, ...]:
        done.append(number)
        if number == 1:
            raise OSError("broken")
        return ()

    with pytest.raises(OSError, match="broken"):
        _walk.run_jobs(range(100), work, 1)
    assert done == [0, 1]
