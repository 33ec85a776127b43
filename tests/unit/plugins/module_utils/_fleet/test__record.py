# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record file: what it keeps, what it refuses, and that nothing is lost."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._instance import Options, parse
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._record import (
    Record,
    RecordDirectory,
    RecordError,
    open_record,
)


def instance(number, tokens="optional"):
    options = {"HttpEndpoint": "enabled", "HttpTokens": tokens, "InstanceMetadataTags": "disabled"}
    return parse({"InstanceId": "i-%d" % number, "MetadataOptions": options}, "cn-beijing", False)


@pytest.fixture
def record(tmp_path):
    return Record(str(tmp_path / "record.json"))


def test_what_was_before_is_kept(record) -> None:
    record.remember([instance(1), instance(2, "required")])
    assert record.wishes() == {
        "i-1": ("cn-beijing", Options("enabled", "optional", "disabled")),
        "i-2": ("cn-beijing", Options("enabled", "required", "disabled")),
    }
    assert stat.S_IMODE(os.stat(record.path).st_mode) == 0o600


def test_an_older_entry_stays_until_it_is_restored(record) -> None:
    record.remember([instance(1)])
    record.remember([instance(1, "required"), instance(2)])
    assert record.wishes()["i-1"][1].http_tokens == "optional"
    record.forget(["i-1"])
    record.remember([instance(1, "required")])
    assert record.wishes()["i-1"][1].http_tokens == "required"


def test_an_empty_record_stays_and_a_missing_one_is_an_error(record) -> None:
    with pytest.raises(RecordError, match="no record .*record.json to restore from"):
        record.wishes()
    record.remember([instance(1)])
    record.forget(["i-1", "i-never"])
    assert record.wishes() == {}
    assert stat.S_IMODE(os.stat(record.path).st_mode) == 0o600


def test_an_instance_without_options_is_not_recorded(record) -> None:
    record.remember([instance(1), parse({"InstanceId": "i-2"}, "cn-beijing", False)])
    assert list(record.wishes()) == ["i-1"]


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"format": 2, "instances": {}}', '{"format": 1, "instances": {"i": 1}}']
)
def test_a_file_that_is_no_record_is_left_alone(record, content) -> None:
    with open(record.path, "w") as stream:
        stream.write(content)
    for use in (record.wishes, lambda: record.remember([instance(1)]), lambda: record.forget(["i-1"])):
        with pytest.raises(RecordError, match="record.json"):
            use()
    with open(record.path) as stream:
        assert stream.read() == content


def test_a_folder_that_is_not_there_is_named(tmp_path) -> None:
    with pytest.raises(RecordError, match="none/record.json cannot be locked: No such file"):
        Record(str(tmp_path / "none" / "record.json")).remember([instance(1)])


def remember_some(path, start):
    for number in range(start, start + 20):
        Record(path).remember([instance(number)])


def test_writers_at_the_same_time_lose_nothing(record) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=remember_some, args=(record.path, start)) for start in (0, 100, 200)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(record.wishes()) == 60
    with open(record.path) as stream:
        json.load(stream)


@pytest.fixture
def directory(tmp_path):
    return RecordDirectory(str(tmp_path / "deep" / "records"), {"i-1": "web1", "i-2": "web2"})


def test_a_directory_has_one_file_per_instance_with_its_name(directory) -> None:
    assert directory.wishes() == {}, "it need not be there"
    directory.remember([instance(1), instance(2, "required"), instance(3)])
    assert sorted(os.listdir(directory.path)) == [".lock", "i-3.json", "web1.json", "web2.json"]
    assert {
        stat.S_IMODE(os.stat(os.path.join(directory.path, name)).st_mode) for name in os.listdir(directory.path)
    } == {0o600}
    assert stat.S_IMODE(os.stat(directory.path).st_mode) == 0o700
    assert {key: wish[1].http_tokens for key, wish in directory.wishes().items()} == {
        "i-1": "optional",
        "i-2": "required",
        "i-3": "optional",
    }


def test_files_of_restored_instances_go(directory) -> None:
    directory.remember([instance(1), instance(2)])
    directory.forget(["i-1", "i-never"])
    assert sorted(os.listdir(directory.path)) == [".lock", "web2.json"]
    assert list(directory.wishes()) == ["i-2"]


def test_a_record_is_a_directory_where_there_is_one_or_names_are_given(tmp_path) -> None:
    assert isinstance(open_record(str(tmp_path), None), RecordDirectory)
    assert isinstance(open_record(str(tmp_path / "none"), {}), RecordDirectory)
    assert isinstance(open_record(str(tmp_path / "none"), None), Record)


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "a\0"])
def test_a_name_that_is_none_is_refused(tmp_path, name) -> None:
    with pytest.raises(ValueError, match="cannot be the name of a file"):
        RecordDirectory(str(tmp_path), {"i-1": name})
