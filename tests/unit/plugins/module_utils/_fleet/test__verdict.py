# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict on an instance."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._verdict import judge

from .instances import ACK, WINDOWS, instance


@pytest.mark.parametrize(
    ("it", "verdict", "reason"),
    [
        (instance(tokens="required"), "compliant", None),
        (instance(), "optional", None),
        (instance(endpoint="disabled"), "endpoint_disabled", None),
        (instance(endpoint="disabled", tokens="required"), "endpoint_disabled", None),
        (instance(**WINDOWS), "exempt", "Windows"),
        (instance(tokens="required", **WINDOWS), "compliant", None),
        (instance(**ACK), "exempt", "c123"),
        (instance(MetadataOptions=None), "unknown", "did not return"),
        (instance(endpoint="", tokens="", tags=""), "unknown", "did not return"),
        (instance(endpoint="", tokens="required"), "unknown", "did not return"),
        (instance(endpoint="", tokens="", tags="", empty_means_default=True), "optional", None),
        (instance(endpoint="", tokens="required", empty_means_default=True), "compliant", None),
        (instance(MetadataOptions=None, empty_means_default=True), "unknown", "did not return"),
    ],
)
def test_the_verdict_follows_from_options_and_kind(it, verdict, reason) -> None:
    judged = judge(it, {})
    assert judged.verdict == verdict
    assert (judged.reason is None) == (reason is None)
    assert reason is None or reason in judged.reason


def test_an_exempt_id_has_its_reason() -> None:
    assert judge(instance(), {"i-1": "until March"}) == ("exempt", "until March")
    assert judge(instance(tokens="required"), {"i-1": "until March"}).verdict == "compliant"
