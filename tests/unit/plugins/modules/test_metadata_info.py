# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module metadata_info: values, missing items, warnings and failures."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._imds._dmi import Platform

from ...addresses import drop_all


def run(run_module, instance, **args):
    return run_module("metadata_info", endpoint=instance.endpoint, **args)


def test_values_are_unchanged(run_module, instance) -> None:
    instance.set(network_interfaces=[{"mac": "00:16:3e:00:00:01", "private_ipv4s": ["10.0.0.1"]}])
    paths = ["instance-id", "network/interfaces/macs/", "network/interfaces/macs/00:16:3e:00:00:01/private-ipv4s"]
    result = run(run_module, instance, paths=paths)
    assert result["metadata"] == {
        "instance-id": instance.id,
        "network/interfaces/macs/": "00:16:3e:00:00:01/",
        "network/interfaces/macs/00:16:3e:00:00:01/private-ipv4s": '["10.0.0.1"]',
    }
    assert result["missing_paths"] == []
    assert result["changed"] is False


def test_check_mode_returns_the_same_values(run_module, instance) -> None:
    result = run(run_module, instance, paths=["instance-id"], _ansible_check_mode=True)
    assert result["metadata"] == {"instance-id": instance.id}


def test_missing_items_fail_or_are_null_or_are_skipped(run_module, instance) -> None:
    paths = ["instance-id", "nonsense"]
    failure = run(run_module, instance, paths=paths)
    assert failure["failed"] is True
    assert failure["msg"].startswith("GET /latest/meta-data/nonsense at %s: 404 Not Found." % instance.endpoint)
    with_null = run(run_module, instance, paths=paths, missing="null")
    assert with_null["metadata"] == {"instance-id": instance.id, "nonsense": None}
    skipped = run(run_module, instance, paths=paths, missing="skip")
    assert skipped["metadata"] == {"instance-id": instance.id}
    assert skipped["missing_paths"] == with_null["missing_paths"] == ["nonsense"]


def test_secrets_cause_a_warning_unless_no_log_is_set(run_module, instance) -> None:
    instance.set(user_data="password=x")
    warned = run(run_module, instance, paths=["user-data"])
    assert warned["metadata"] == {"user-data": "password=x"}
    assert "The result contains secrets (user-data). Set 'no_log: true' on this task." in warned["displayed"]
    quiet = run(run_module, instance, paths=["user-data"], _ansible_no_log=True)
    assert quiet["displayed"] == ""


def test_binary_values_need_base64(run_module, instance) -> None:
    instance.set(user_data=None, user_data_base64="//4A")
    failure = run(run_module, instance, paths=["user-data"], _ansible_no_log=True)
    assert "not UTF-8" in failure["msg"]
    result = run(run_module, instance, paths=["user-data"], encoding="base64", _ansible_no_log=True)
    assert result["metadata"] == {"user-data": "//4A"}


def test_failures_name_the_option_the_path_or_the_request(run_module, instance) -> None:
    assert "must begin with http://" in run_module("metadata_info", paths=["mac"], endpoint="ftp://x")["msg"]
    assert "'..'" in run(run_module, instance, paths=["../x"])["msg"]
    instance.set(http_endpoint="disabled")
    failure = run(run_module, instance, paths=["mac"])
    assert failure["failed"] is True
    assert failure["msg"].startswith("PUT /latest/api/token at %s: 403 Forbidden." % instance.endpoint)


@pytest.mark.parametrize("paths", ["", [], [""], ["instance-id", ""], [" "]])
def test_an_empty_path_is_an_error(run_module, instance, paths) -> None:
    failure = run(run_module, instance, paths=paths)
    assert failure["failed"] is True and "empty" in failure["msg"] and "'instance-id'" in failure["msg"]
    assert instance.journal() == []


@pytest.mark.parametrize(
    ("path", "similar"),
    [
        ("instance_id", "'instance-id'"),
        ("instnce-id", "'instance-id'"),
        ("instance/instance_type", "'instance/instance-type'"),
        ("/latest/meta-data/region_id", "'/latest/meta-data/region-id'"),
        ("dynamic/instance-identity/documents", "'dynamic/instance-identity/document'"),
        ("network/interfaces/mac/", "'network/interfaces/macs'"),
    ],
)
def test_a_near_miss_names_the_path_that_exists(run_module, instance, path, similar) -> None:
    failure = run(run_module, instance, paths=[path])
    assert failure["failed"] is True and "404 Not Found. Did you mean %s?" % similar in failure["msg"]


@pytest.mark.parametrize("path", ["nonsense", "nonsense/instance-id", "user-data"])
def test_without_a_near_miss_nothing_is_suggested(run_module, instance, path) -> None:
    instance.set(user_data=None)
    assert "Did you mean" not in run(run_module, instance, paths=[path])["msg"]


def test_outside_of_alibaba_cloud_the_answer_is_as_fast_as_that_of_facts(run_module, monkeypatch) -> None:
    """The module tries both addresses once, and waits 0.3 s."""
    bounds = drop_all(monkeypatch)
    module = "ansible_collections.alicloud.imds.plugins.modules.metadata_info.read_platform"
    monkeypatch.setattr(module, lambda: Platform(False, "Standard PC"))
    failure = run_module("metadata_info", paths=["instance-id"])
    assert failure["failed"] is True and "not an ECS instance" in failure["msg"]
    assert bounds == pytest.approx([0.3], abs=0.01)
