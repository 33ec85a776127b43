# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents and the collection alibaba.alicloud, found by the package database and by their files."""

from __future__ import annotations

import pytest


def status(host, *packages: tuple[str, str]) -> None:
    text = "".join("Package: %s\nStatus: install ok installed\nVersion: %s\n\n" % package for package in packages)
    host.write("/var/lib/dpkg/status", text)


def test_agents_in_the_package_database_are_found(host) -> None:
    status(host, ("afterburn", "5.4"), ("ossfs", "1.91.1"), ("aliyun-assist", "2.2.3.529-1"), ("other", "1"))
    path = "/var/lib/dpkg/status"
    assert host.found("agents") == [
        ("afterburn_normal_mode", path, "5.4"),
        ("cloud_assistant_too_old", path, "2.2.3.529"),
        ("ossfs_uncertain", path, "1.91.1"),
    ]


@pytest.mark.parametrize(
    ("versions", "kind", "newest"),
    [
        (["2.2.3.529"], "cloud_assistant_too_old", "2.2.3.529"),
        (["1.0.2.458", "2.2.3.247"], "cloud_assistant_too_old", "2.2.3.247"),
        (["2.2.3.1012", "2.2.3.529", "cache"], "cloud_assistant_noise", "2.2.3.1012"),
        (["2.3.4.1"], "cloud_assistant_noise", "2.3.4.1"),
        (["plugin"], None, None),
    ],
)
def test_the_newest_cloud_assistant_is_judged(host, versions, kind, newest) -> None:
    base = "/usr/local/share/aliyun-assist/"
    for version in versions:
        host.write(base + version + "/aliyun-service")
    assert host.found("agents") == ([(kind, base + newest, newest)] if kind else [])


def test_agents_are_found_by_their_files(host) -> None:
    host.write("/usr/bin/afterburn")
    gem = "/opt/chef/embedded/lib/ruby/gems/3.1.0/specifications/ohai-18.1.3.gemspec"
    host.write(gem)
    manifest = "/usr/share/ansible/collections/ansible_collections/alibaba/alicloud/MANIFEST.json"
    host.write(manifest, '{"collection_info": {"version": "1.2.0"}}')
    expected = [
        ("afterburn_normal_mode", "/usr/bin/afterburn", None),
        ("ohai_normal_mode", gem, "18.1.3"),
        ("ansible_alicloud_normal_mode", manifest, "1.2.0"),
    ]
    assert host.found("agents") == expected
    host.write(manifest, "[]")
    assert host.found("agents")[-1] == ("ansible_alicloud_normal_mode", manifest, None)
