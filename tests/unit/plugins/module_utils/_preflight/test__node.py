# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Node.js package @alicloud/credentials on disk."""

from __future__ import annotations

import json

import pytest


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("2.3.0", "node_credentials_too_old"),
        ("2.3.1", "node_credentials_too_old"),
        ("2.4.0-beta", "node_credentials_too_old"),
        ("2.4.0", None),
        ("2.4.7", None),
        ({"x": 1}, "library_version_unknown"),
    ],
)
def test_the_package_is_judged_by_its_version(host, version, kind) -> None:
    path = "/srv/web/node_modules/a/node_modules/@alicloud/credentials/package.json"
    host.write(path, json.dumps({"name": "@alicloud/credentials", "version": version}))
    host.write("/srv/web/node_modules/credentials/package.json", '{"version": "0.0.1"}')
    assert [one[:2] for one in host.found("node")] == ([(kind, path)] if kind else [])


@pytest.mark.parametrize("content", ["", "[" * 100000, "{}", "[1]", "null", "\xff"])
def test_a_damaged_package_json_has_an_unknown_version(host, content) -> None:
    path = "/srv/node_modules/@alicloud/credentials/package.json"
    host.write(path, content)
    assert host.found("node") == [("library_version_unknown", path, None)]
