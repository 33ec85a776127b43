# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotation of the credentials of a RAM role."""

from __future__ import annotations

import calendar
import json
import time
from typing import Any, Callable, Dict

import pytest

from .client import Instance

pytestmark = pytest.mark.slow

PATH = "/latest/meta-data/ram/security-credentials/TestRole"


def seconds(text: str) -> int:
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


def keys(instance: Instance) -> Dict[str, Any]:
    document = json.loads(instance.get(PATH).text)
    assert isinstance(document, dict)
    return document


def test_form(instance: Instance) -> None:
    document = keys(instance)
    assert set(document) == {
        "AccessKeyId", "AccessKeySecret", "Expiration", "SecurityToken", "LastUpdated", "Code",
    }  # fmt: skip
    assert document["AccessKeyId"].startswith("STS.")
    assert document["SecurityToken"].startswith("CAIS")
    assert document["Code"] == "Success"
    assert seconds(document["Expiration"]) - seconds(document["LastUpdated"]) == 21600
    assert keys(instance) == document


def test_parsers_of_lines_read_each_member(instance: Instance) -> None:
    """Scripts in the field use awk -F'"', cut and sed; the service prints one member per line, with spaces round the colon."""
    text = instance.get(PATH).text
    assert text.split("\n")[0] == "{" and text.split("\n")[-1] == "}"
    members = {parts[1]: parts[3] for parts in (line.split('"') for line in text.split("\n")) if len(parts) > 3}
    assert members == json.loads(text)
    assert text.count('" : "') == 6 == text.count('\n  "')


def test_new_keys_30_minutes_before_the_old_ones_end(new_instance: Callable[..., Instance]) -> None:
    instance = new_instance()
    old = keys(instance)
    now = instance.emulator.admin("GET", "/clock")["now"]
    instance.emulator.advance(seconds(old["Expiration"]) - 1802 - now)
    assert keys(instance) == old
    instance.emulator.advance(3)
    new = keys(instance)
    assert new["AccessKeyId"] != old["AccessKeyId"] and new["SecurityToken"] != old["SecurityToken"]
    assert seconds(new["LastUpdated"]) == seconds(old["Expiration"]) - 1800
    now = instance.emulator.admin("GET", "/clock")["now"]
    assert now < seconds(old["Expiration"]), "the old keys are still valid"


def test_rotation_can_be_faster_and_keys_can_be_given(new_instance: Callable[..., Instance]) -> None:
    role = {
        "name": "TestRole",
        "rotate_seconds": 10,
        "overlap_seconds": 2,
        "access_key_id": "STS.given",
        "code": "Failed",
    }
    instance = new_instance(role=role)
    document = keys(instance)
    assert seconds(document["Expiration"]) - seconds(document["LastUpdated"]) == 12
    assert (document["AccessKeyId"], document["Code"]) == ("STS.given", "Failed")
    instance.emulator.advance(10)
    assert keys(instance)["AccessKeySecret"] != document["AccessKeySecret"]


def test_instances_have_different_keys(new_instance: Callable[..., Instance]) -> None:
    assert keys(new_instance())["AccessKeySecret"] != keys(new_instance())["AccessKeySecret"]
