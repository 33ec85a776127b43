# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The PHP package alibabacloud/credentials in lists of Composer."""

from __future__ import annotations

import json

import pytest


@pytest.mark.parametrize("form", [lambda listed: {"packages": listed, "dev": False}, lambda listed: listed])
@pytest.mark.parametrize(
    ("version", "kind"),
    [("1.1.5", "php_credentials_too_old"), ("v1.2.0", None), ("dev-master", "library_version_unknown")],
)
def test_the_package_is_judged_by_its_version(host, form, version, kind) -> None:
    path = "/var/www/shop/vendor/composer/installed.json"
    listed = [{"name": "a/b", "version": "0"}, {"name": "alibabacloud/credentials", "version": version}, 7]
    host.write(path, json.dumps(form(listed)))
    assert host.found("php") == ([(kind, path, version)] if kind else [])


def test_a_damaged_list_is_not_examined(host) -> None:
    path = "/var/www/vendor/composer/installed.json"
    host.write(path, "{")
    assert host.found("php") == [("not_examined", path, None)]


def test_the_client_is_reported_in_every_version(host) -> None:
    path = "/srv/app/vendor/composer/installed.json"
    host.write(path, '{"packages": [{"name": "alibabacloud/client", "version": "1.5.32"}]}')
    assert host.found("php") == [("php_client_normal_mode", path, "1.5.32")]
