# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The classes of request targets."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._callers._paths import every_class, path_class
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.slow
@given(st.text(max_size=60), st.sampled_from(["", "/latest/", "/2016-01-01/meta-data/", "/latest/meta-data/tags/"]))
def test_every_target_has_one_of_the_classes(text: str, start: str) -> None:
    assert path_class(start + text) in every_class()


CLASSES = {
    "/": "/",
    "/latest": "/",
    "/latest/meta-data": "meta-data/",
    "/2016-01-01/meta-data/": "meta-data/",
    "/latest/meta-data/all": "all",
    "/latest/meta-data/Ram/security-credentials/": "ram/security-credentials/",
    "/latest/meta-data/ram/security-credentials/Name?x=y": "ram/security-credentials/*",
    "/latest/meta-data/ram/security%2Dcredentials/Name": "ram/security-credentials/*",
    "/latest/meta-data/tags/instance/password": "tags/*",
    "/latest/meta-data/network/interfaces/macs/00:16:3e:01:02:03/vpc-id": "network/*",
    "/latest/dynamic/instance-identity/pkcs7?audience=1": "dynamic/*",
    "/latest/user-data": "user-data",
    "http://100.100.100.200/latest/meta-data/mac": "mac",
    "/latest/meta-data/instance-id/x": "other",
    "/1.0/meta-data/": "other",
    "*": "other",
    "//latest/meta-data/instance-id": "instance-id",
    "/latest//meta-data///instance-id": "instance-id",
    "/latest/./meta-data/././ram/security-credentials/./Name": "ram/security-credentials/*",
    "/latest/meta-data/tags/../mac": "mac",
    "/../latest/meta-data/x/..": "meta-data/",
    "/%2e/latest/%2E%2e/latest/user-data": "user-data",
    "//": "/",
    "http://100.100.100.200//latest/meta-data/mac": "mac",
}


def test_classes_of_targets() -> None:
    assert {target: path_class(target) for target in CLASSES} == CLASSES
