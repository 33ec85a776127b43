# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records in files and directories: entries, errors, and concurrent writers."""

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


def test_the_present_options_are_recorded(record) -> None:
    record.add([instance(1), instance(2, "required")])
    assert record.recorded_options() == {
        "i-1": ("cn-beijing", Options("enabled", "optional", "disabled")),
        "i-2": ("cn-beijing", Options("enabled", "required", "disabled")),
    }
    assert stat.S_IMODE(os.stat(record.path).st_mode) == 0o600


def test_an_older_entry_stays_until_it_is_restored(record) -> None:
    record.add([instance(1)])
    record.add([instance(1, "required"), instance(2)])
    assert record.recorded_options()["i-1"][1].http_tokens == "optional"
    record.remove(["i-1"])
    record.add([instance(1, "required")])
    assert record.recorded_options()["i-1"][1].http_tokens == "required"


def test_an_empty_record_stays_and_a_missing_one_is_an_error(record) -> None:
    with pytest.raises(RecordError, match="Cannot restore: the record .*record.json does not exist"):
        record.recorded_options()
    record.add([instance(1)])
    record.remove(["i-1", "i-never"])
    assert record.recorded_options() == {}
    assert stat.S_IMODE(os.stat(record.path).st_mode) == 0o600


def test_an_instance_without_options_is_not_recorded(record) -> None:
    record.add([instance(1), parse({"InstanceId": "i-2"}, "cn-beijing", False)])
    assert list(record.recorded_options()) == ["i-1"]


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"format": 3, "instances": {}}', '{"format": 1, "instances": {"i": 1}}']
)
def test_a_file_that_is_not_a_record_is_not_changed(record, content) -> None:
    with open(record.path, "w") as stream:
        stream.write(content)
    for use in (record.recorded_options, lambda: record.add([instance(1)]), lambda: record.remove(["i-1"])):
        with pytest.raises(RecordError, match="record.json"):
            use()
    with open(record.path) as stream:
        assert stream.read() == content


def test_a_missing_folder_is_an_error(tmp_path) -> None:
    with pytest.raises(RecordError, match="Cannot lock the record .*none/record.json: No such file"):
        Record(str(tmp_path / "none" / "record.json")).add([instance(1)])


def add_some(path, start):
    for number in range(start, start + 20):
        Record(path).add([instance(number)])


def test_concurrent_writers_lose_no_entry(record) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=add_some, args=(record.path, start)) for start in (0, 100, 200)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(record.recorded_options()) == 60
    with open(record.path) as stream:
        json.load(stream)


@pytest.fixture
def directory(tmp_path):
    return RecordDirectory(str(tmp_path / "deep" / "records"), {"i-1": "web1", "i-2": "web2"})


def test_a_directory_has_a_file_with_the_given_name_for_each_instance(directory) -> None:
    assert directory.recorded_options() == {}, "a missing directory is an empty record"
    directory.add([instance(1), instance(2, "required"), instance(3)])
    assert sorted(os.listdir(directory.path)) == [".lock", "i-3.json", "web1.json", "web2.json"]
    assert {
        stat.S_IMODE(os.stat(os.path.join(directory.path, name)).st_mode) for name in os.listdir(directory.path)
    } == {0o600}
    assert stat.S_IMODE(os.stat(directory.path).st_mode) == 0o700
    assert {key: entry[1].http_tokens for key, entry in directory.recorded_options().items()} == {
        "i-1": "optional",
        "i-2": "required",
        "i-3": "optional",
    }


def test_the_files_of_restored_instances_are_deleted(directory) -> None:
    directory.add([instance(1), instance(2)])
    directory.remove(["i-1", "i-never"])
    assert sorted(os.listdir(directory.path)) == [".lock", "web2.json"]
    assert list(directory.recorded_options()) == ["i-2"]


def test_a_record_is_a_directory_if_it_exists_or_names_are_given(tmp_path) -> None:
    assert isinstance(open_record(str(tmp_path), None), RecordDirectory)
    assert isinstance(open_record(str(tmp_path / "none"), {}), RecordDirectory)
    assert isinstance(open_record(str(tmp_path / "none"), None), Record)


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "a\0"])
def test_an_invalid_file_name_is_an_error(tmp_path, name) -> None:
    with pytest.raises(ValueError, match="is an invalid file name"):
        RecordDirectory(str(tmp_path), {"i-1": name})
