# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""URLs that are accepted as endpoints."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._openapi import _endpoints


@pytest.mark.parametrize(
    "url",
    [
        "http://ecs.example.com",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "https://",
        "https://u:pw@h",
        "https://h/path",
        "h",
    ],
)
def test_an_invalid_endpoint_is_an_error_without_its_password(url) -> None:
    with pytest.raises(ValueError, match="endpoint") as caught:
        _endpoints.check_endpoint(url, "api_endpoint")
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080",
        "http://[::1]:80",
        "http://localhost",
        "https://ecs-vpc.{region}.aliyuncs.com",
        "https://h:8443/",
    ],
)
def test_valid_endpoints(url) -> None:
    assert _endpoints.check_endpoint(url, "api_endpoint") == url.rstrip("/")
