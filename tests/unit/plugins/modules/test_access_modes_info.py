# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run access_modes_info against emulated instances."""

from __future__ import annotations

from ansible_collections.alicloud.imds.plugins.plugin_utils._identity._signature import verified
from imds_emulator import test_key


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
