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
    Earlier,
    Record,
    RecordDirectory,
    RecordError,
    open_record,
)
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._record_file import normalized_endpoint
from waiting import gives_up


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


def test_marks_of_unverified_changes_are_removed_once(record) -> None:
    record.add([instance(1)], unverified=True)
    assert record.unverified() == {"i-1": record.path}
    assert record.confirm() == ["i-1"]
    assert record.unverified() == {} and record.confirm() == []


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
    with pytest.raises(RecordError, match="Cannot lock the record .*none/record.json: No such file .*Set 'record'"):
        Record(str(tmp_path / "none" / "record.json")).add([instance(1)])


def add_some(path, start):
    for number in range(start, start + 20):
        Record(path).add([instance(number)])


@pytest.mark.slow
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


OLD = {"region_id": "cn-beijing", "before": {"http_endpoint": "enabled", "http_tokens": "optional"}, "recorded_at": "x"}


def old_file(path, *numbers) -> None:
    """Write a file of format 1, as earlier versions did."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"format": 1, "instances": {"i-%d" % number: OLD for number in numbers}}))
    path.chmod(0o600)


def test_a_record_of_an_earlier_version_in_one_file_is_restored_and_converted(record, tmp_path) -> None:
    old_file(tmp_path / "record.json", 1, 2)
    assert record.recorded_options()["i-1"] == ("cn-beijing", Options("enabled", "optional"))
    record.add([instance(1, "required"), instance(3)])
    assert record.recorded_options()["i-1"][1].http_tokens == "optional"
    record.remove(["i-2"])
    content = json.loads((tmp_path / "record.json").read_text())
    assert content["format"] == 2 and sorted(content["instances"]) == ["i-1", "i-3"]


@pytest.fixture
def shared(tmp_path):
    """Yield the directory of an earlier version, in which 'web a' and 'web_a' had one file, with two instances."""
    old_file(tmp_path / "records" / "web_a.json", 1, 2)
    return str(tmp_path / "records")


def restorable(path, only, earlier=None):
    record = RecordDirectory(path, {}, only, earlier)
    return sorted(record.recorded_options()), record.errors()


def test_the_entries_of_an_earlier_version_are_restored_only_for_their_host(shared) -> None:
    ambiguous = {"web%20a": Earlier("web_a", []), "web_a": Earlier("web_a", [])}
    ids, errors = restorable(shared, ["web%20a", "web_a"], ambiguous)
    assert ids == [] and sorted(errors) == ["web%20a", "web_a"]
    assert "has entries of i-1, i-2, which may belong to other hosts with a similar name" in errors["web_a"]
    stated = {"web%20a": Earlier("web_a", ["i-1"]), "web_a": Earlier("web_a", [])}
    ids, errors = restorable(shared, ["web%20a", "web_a"], stated)
    assert ids == ["i-1"] and list(errors) == ["web_a"]
    assert restorable(shared, ["web_a"], {"web_a": Earlier("web_a")}) == (["i-1", "i-2"], {}), "no other host"
    assert restorable(shared, ["web1"], {"web1": Earlier("web1")}) == ([], {})
    assert restorable(shared, ["web_a"], {"web_a": Earlier("web_a", ["i-9"])}) == ([], {}), (
        "nothing was recorded for it"
    )
    assert restorable(shared, None) == (["i-1", "i-2"], {})


def test_an_entry_of_an_earlier_version_becomes_that_of_its_host_when_the_instance_is_changed_again(shared) -> None:
    record = RecordDirectory(shared, {"i-1": "web%20a", "i-3": "web_a"})
    assert record.conflicts([instance(1), instance(3)]) == {}
    record.add([instance(1, "required"), instance(3)])
    assert record.names()["i-1"] == "web%20a" and record.names()["i-3"] == "web_a"
    assert record.recorded_options()["i-1"][1].http_tokens == "optional", "the options before all changes"
    ambiguous = {"web%20a": Earlier("web_a", []), "web_a": Earlier("web_a", [])}
    assert restorable(shared, ["web_a"], ambiguous) == (["i-3"], {})
    assert restorable(shared, ["web%20a"], ambiguous)[0] == ["i-1"]
    only = RecordDirectory(shared, {}, ["web_a"], ambiguous)
    only.remove(["i-1", "i-2", "i-3"])
    assert sorted(RecordDirectory(shared, {}).recorded_options()) == ["i-1", "i-2"], "the entries of others stay"
    RecordDirectory(shared, {}).remove(["i-1", "i-2"])
    assert os.listdir(shared) == [".lock"]


def test_a_restore_of_one_file_leaves_the_others(directory) -> None:
    directory.add([instance(1), instance(2)])
    only = RecordDirectory(directory.path, {}, ["web1"])
    only.remove(["i-1", "i-2"])
    assert sorted(os.listdir(directory.path)) == [".lock", "web2.json"]


def test_an_instance_that_another_host_recorded_is_a_conflict(directory) -> None:
    directory.add([instance(1)])
    evil = RecordDirectory(directory.path, {"i-1": "evil", "i-2": "web2"})
    found = evil.conflicts([instance(1), instance(2)])
    assert (
        list(found) == ["i-1"]
        and "web1.json has the options of this instance already, for another host" in found["i-1"]
    )


@pytest.mark.parametrize("names", [{"i-1": "web", "i-2": "web"}, {"i-1": "Web", "i-2": "web"}])
def test_instances_that_would_share_a_file_are_refused(tmp_path, names) -> None:
    with pytest.raises(ValueError, match="would share a file: i-1, i-2"):
        RecordDirectory(str(tmp_path), names)


def test_an_entry_of_another_endpoint_is_not_restored(tmp_path) -> None:
    emulator = "https://127.0.0.1:1"
    for make in (
        lambda endpoint: Record(str(tmp_path / "one.json"), endpoint),
        lambda endpoint: RecordDirectory(str(tmp_path / "many"), {"i-1": "web1"}, None, None, endpoint),
    ):
        make(emulator).add([instance(1)])
        assert list(make(emulator).recorded_options()) == ["i-1"]
        with pytest.raises(
            RecordError, match="it was recorded through %s, but 'api_endpoint' is an endpoint of" % emulator
        ):
            make(None).recorded_options()
    only = RecordDirectory(str(tmp_path / "many"), {}, ["web1"], None, "https://other")
    assert only.recorded_options() == {} and "recorded through" in only.errors()["web1"]


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        (None, None),
        ("", None),
        ("https://ecs.cn-hangzhou.aliyuncs.com/", None),
        ("https://ecs-vpc.cn-hangzhou.aliyuncs.com", None),
        ("https://aliyuncs.com.example.org", "https://aliyuncs.com.example.org"),
        ("https://127.0.0.1:8443/", "https://127.0.0.1:8443"),
    ],
)
def test_all_endpoints_of_the_vendor_are_one(url, endpoint) -> None:
    assert normalized_endpoint(url) == endpoint


def valid() -> str:
    return json.dumps({"format": 2, "instances": {"i-1": {**OLD, "api_endpoint": None}}})


def planted_link(path) -> None:
    real = path.with_suffix(".real")
    real.write_text(valid())
    path.symlink_to(real)


def planted_hard_link(path) -> None:
    path.write_text(valid())
    os.link(str(path), str(path) + ".other")


def writable_by_others(path) -> None:
    path.write_text(valid())
    path.chmod(0o620)


def belongs_to_another_user(path) -> None:
    path.write_text(valid())
    os.chown(str(path), 12345, 12345)


def deep(path) -> None:
    path.write_text('{"format": 2, "instances": ' + "[" * 100000)


def too_large(path) -> None:
    path.write_text(valid())
    os.truncate(str(path), 32 * 1024 * 1024 + 1)


def with_entry(**changed):
    def write(path) -> None:
        entry = {key: value for key, value in {**OLD, **changed}.items() if key != "id"}
        path.write_text(json.dumps({"format": 2, "instances": {changed.get("id", "i-1"): entry}}))

    return write


HOSTILE = {
    "a link": (planted_link, "it is a link"),
    "a hard link": (planted_hard_link, "it is a link, with 2 names"),
    "a FIFO": (lambda path: os.mkfifo(str(path)), "it is not a regular file"),
    "a directory": (lambda path: path.mkdir(), "it is not a regular file"),
    "a socket": (lambda path: os.mknod(str(path), stat.S_IFSOCK | 0o600), "Cannot read the record"),
    "writable by others": (writable_by_others, "other users can write it"),
    "of another user": (belongs_to_another_user, "it belongs to the user with ID 12345"),
    "too large": (too_large, "it is larger than 32 MiB"),
    "deep JSON": (deep, "is not a record of metadata options"),
    "an invalid instance ID": (with_entry(id="../x"), "is not a record of metadata options"),
    "a region that is another host": (with_entry(region_id="evil.example/x"), "is not a record of metadata options"),
    "an unknown option": (with_entry(before={"http_tokens": "required", "x": "y"}), "is not a record"),
    "an unknown value": (with_entry(before={"http_tokens": "sometimes"}), "is not a record"),
    "a value that is not text": (with_entry(before={"http_tokens": ["optional"]}), "is not a record"),
    "an endpoint that is not text": (with_entry(api_endpoint=1), "is not a record"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_a_reason_and_without_delay(tmp_path, name) -> None:
    if name == "of another user" and os.geteuid() != 0:
        pytest.skip("only root can give a file to another user")
    plant, reason = HOSTILE[name]
    (tmp_path / "records").mkdir()
    for path in (tmp_path / "one.json", tmp_path / "records" / "web1.json"):
        plant(path)
    one = Record(str(tmp_path / "one.json"))
    for use in (one.check, one.recorded_options, lambda: one.add([instance(1)]), lambda: one.remove(["i-1"])):
        with pytest.raises(RecordError, match=reason), gives_up():
            use()
    folder = str(tmp_path / "records")
    with pytest.raises(RecordError, match=reason):
        RecordDirectory(folder, {}).recorded_options()
    only = RecordDirectory(folder, {}, ["web1", "web2"])
    assert only.recorded_options() == {} and list(only.errors()) == ["web1"] and reason in only.errors()["web1"]
    writer = RecordDirectory(folder, {"i-1": "web1", "i-2": "web2"})
    found = writer.conflicts([instance(1), instance(2)])
    assert list(found) == ["i-1"] and reason in found["i-1"], "the other host is not affected"
    writer.add([instance(2)])


def test_a_directory_or_a_lock_of_another_user_is_refused(tmp_path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another user")
    folder = tmp_path / "records"
    folder.mkdir()
    (folder / ".lock").touch()
    os.chown(str(folder / ".lock"), 12345, 12345)
    with pytest.raises(RecordError, match="belongs to the user with ID 12345"):
        RecordDirectory(str(folder), {}).add([instance(1)])
    os.chown(str(folder), 12345, 12345)
    with pytest.raises(RecordError, match="belongs to the user with ID 12345"):
        RecordDirectory(str(folder), {}).check()
    os.chown(str(folder), 0, 0)
    for mode, who in ((0o777, "all users"), (0o770, "the group with ID 0")):
        folder.chmod(mode)
        with pytest.raises(RecordError, match=who + " can write it"):
            RecordDirectory(str(folder), {}).check()
    folder.chmod(0o1777)  # only the owner of a file can rename it
    RecordDirectory(str(folder), {}).check()


def harden_all(path, tokens):
    for number in range(20):
        record = RecordDirectory(path, {f"i-{number}": f"web{number}"})
        record.add([instance(number, tokens)], unverified=True)
        RecordDirectory(path, {}, [f"web{number}"]).confirm()


@pytest.mark.slow
def test_several_controllers_share_a_directory(tmp_path) -> None:
    """The first entry of an instance has its options before all changes; no entry is lost, and no mark comes back."""
    path = str(tmp_path / "shared")
    RecordDirectory(path, {"i-0": "web0"}).add([instance(0, "optional")])
    context = multiprocessing.get_context("fork")
    controllers = [context.Process(target=harden_all, args=(path, "required")) for _number in range(3)]
    for controller in controllers:
        controller.start()
    for controller in controllers:
        controller.join()
    assert [controller.exitcode for controller in controllers] == [0, 0, 0]
    record = RecordDirectory(path, {})
    assert len(record.recorded_options()) == 20 and record.unverified() == {}
    assert record.recorded_options()["i-0"][1].http_tokens == "optional"


def test_a_record_that_cannot_be_written_is_known_before_a_change(tmp_path, monkeypatch) -> None:
    RecordDirectory(str(tmp_path / "deep" / "records"), {}).check_writable()
    Record(str(tmp_path / "record.json")).check_writable()
    assert list(tmp_path.iterdir()) == [], "nothing is created"
    with pytest.raises(RecordError, match="missing is not a directory"):
        Record(str(tmp_path / "missing" / "record.json")).check_writable()
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(RecordError, match="permission denied"):
        RecordDirectory(str(tmp_path), {}).check_writable()
