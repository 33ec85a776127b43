# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module metadata_info: values, missing items, warnings and failures."""

from __future__ import annotations


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
