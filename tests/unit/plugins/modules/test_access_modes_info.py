# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run access_modes_info against emulated instances."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._imds._dmi import Platform
from ansible_collections.alicloud.imds.plugins.plugin_utils._identity._signature import verified
from imds_emulator import test_key

from ...addresses import drop_all


def test_required(run_module, instance) -> None:
    result = run_module("access_modes_info", endpoint=instance.endpoint)
    assert (result["verdict"], result["problems"], result["changed"]) == ("required", [], False)
    assert result["checks"]["normal_mode_read"] == {"status": 403, "answered": False}


def test_an_unreachable_service_is_a_result(run_module, free_port) -> None:
    result = run_module("access_modes_info", endpoint="http://127.0.0.1:%d" % free_port, retries=0)
    assert result["verdict"] == "unreachable" and "failed" not in result


def test_invalid_options_fail(run_module) -> None:
    assert run_module("access_modes_info", endpoint="x")["failed"] is True


def test_the_signed_identity_is_for_the_given_audience(run_module, instance, tmp_path, free_port) -> None:
    (tmp_path / "emulator.pem").write_text(test_key.CERTIFICATE)
    for audience in ("alicloud-imds-1", 'a "b"&c=d'):
        result = run_module("access_modes_info", endpoint=instance.endpoint, identity=True, audience=audience)
        document = verified(result["signed_identity"], audience, str(tmp_path / "emulator.pem"))
        assert document["instance-id"] == result["instance"]["instance_id"]
    assert "signed_identity" not in run_module("access_modes_info", endpoint=instance.endpoint)
    gone = "http://127.0.0.1:%d" % free_port
    assert run_module("access_modes_info", endpoint=gone, retries=0, audience="x")["signed_identity"] is None


@pytest.fixture
def off_cloud(monkeypatch) -> list[float]:
    """Simulate a host outside of Alibaba Cloud and return the timeouts of its connections."""
    bounds = drop_all(monkeypatch)
    module = "ansible_collections.alicloud.imds.plugins.modules.access_modes_info.read_platform"
    monkeypatch.setattr(module, lambda: Platform(False, "Standard PC"))
    return bounds


def test_outside_of_alibaba_cloud_the_answer_is_as_fast_as_that_of_facts(run_module, off_cloud) -> None:
    """The probe of this process and of each user tries both addresses once, for 0.3 s."""
    result = run_module("access_modes_info", identity=True, allowed_users=["nobody"])
    assert (result["verdict"], result["instance"]) == ("unreachable", None)
    assert result["users"]["nobody"]["verdict"] == "unreachable" and "failed" not in result
    assert off_cloud == pytest.approx([0.3], abs=0.01)


def test_outside_of_alibaba_cloud_an_expected_mode_is_not_met(run_module, off_cloud) -> None:
    result = run_module("access_modes_info", expect=["required"])
    assert result["failed"] is True and "expected: required" in result["msg"] and len(off_cloud) == 1


def test_a_server_that_is_no_metadata_service_is_not_a_disabled_one(run_module, instance) -> None:
    for status in (404, 405, 500):
        instance.fault("status", status=status)
        result = run_module("access_modes_info", endpoint=instance.endpoint, retries=0)
        assert result["verdict"] not in ("disabled", "required", "optional"), status
        assert result["problems"]


def test_a_service_that_closes_connections_is_not_absent(run_module, instance, monkeypatch) -> None:
    """Also on a host that is not known to be an ECS instance: something answers, so the mode is unknown."""
    package = "ansible_collections.alicloud.imds.plugins."
    monkeypatch.setattr(package + "modules.access_modes_info.read_platform", lambda: Platform(None, None))
    monkeypatch.setattr(package + "module_utils._imds._client.ENDPOINTS", (instance.endpoint,))
    instance.fault("reset")
    result = run_module("access_modes_info", retries=0)
    assert result["verdict"] == "unknown" and result["endpoints"]
