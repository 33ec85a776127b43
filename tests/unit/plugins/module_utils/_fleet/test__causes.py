# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of many instances as one short message: grouped by cause, with counts."""

from __future__ import annotations

from ansible_collections.alicloud.imds.plugins.module_utils._fleet._causes import grouped


def forbidden(number: int, region: str = "cn-hangzhou") -> tuple[str, str]:
    name = "i-%03d" % number
    where = "ModifyInstanceMetadataOptions in %s at https://ecs.%s.aliyuncs.com" % (region, region)
    return name, "%s: 403 Forbidden: User may not change %s. RequestId: R-%d" % (where, name, number)


def test_errors_with_the_same_cause_are_counted() -> None:
    regions = ["cn-hangzhou", "cn-beijing", "eu-central-1"]
    errors = [forbidden(number, regions[number % 3]) for number in range(60)]
    errors += [
        ("i-%d" % number, "Busy. (gave up after %d tries in %d s)" % (number, number)) for number in range(100, 125)
    ]
    errors += [("i-gone", "It does not exist.")]
    text = grouped(errors, "instances")
    assert text.startswith("60 instances (i-000, i-001, i-002, ...): ModifyInstanceMetadataOptions in cn-hangzhou at ")
    assert " 25 instances (i-100, i-101, i-102, ...): Busy. (gave up after 100 tries in 100 s)" in text
    assert text.endswith(" i-gone: It does not exist.")


def test_many_causes_stay_short() -> None:
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta"]
    text = grouped([("i-%d" % number, words[number % 7]) for number in range(7000)], "instances")
    assert len(text) < 600 and text.endswith("2000 instances with 2 other causes.")


def test_one_error_is_shown_with_its_name_only() -> None:
    assert grouped([("cn-b", "Forbidden.")], "regions") == "cn-b: Forbidden."
    assert grouped([], "regions") == ""
