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


def test_cloud_assistant_in_the_package_database_has_the_name_of_its_package(host) -> None:
    status(host, ("aliyun_assist", "2.2.3.529-1"))
    (found,) = host.run("agents").findings
    assert found["evidence"] == {"path": "/var/lib/dpkg/status", "package": "aliyun_assist", "version": "2.2.3.529"}
    host.write("/usr/local/share/aliyun-assist/2.2.3.529/aliyun-service")
    (found,) = host.run("agents").findings
    assert found["evidence"] == {"path": "/usr/local/share/aliyun-assist/2.2.3.529", "version": "2.2.3.529"}


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


def test_a_cloud_assistant_whose_version_is_unknown_is_not_passed_over(host) -> None:
    status(host, ("aliyun-assist", "unknown"))
    assert host.found("agents") == [("cloud_assistant_noise", "/var/lib/dpkg/status", "unknown")]


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


@pytest.mark.parametrize(("version", "judged"), [("16.13.0", False), ("16.14.1", True), ("17.0.3", True)])
def test_ohai_is_reported_since_it_has_the_plugin(host, version, judged) -> None:
    gem = "/opt/chef/embedded/lib/ruby/gems/3.1.0/specifications/ohai-%s.gemspec" % version
    host.write(gem)
    assert host.found("agents") == ([("ohai_normal_mode", gem, version)] if judged else [])


def test_the_running_cloud_assistant_is_the_one_that_the_link_names(host) -> None:
    base = "/usr/local/share/aliyun-assist/"
    for version in ("2.2.3.515", "2.2.3.1012"):
        host.write(base + version + "/aliyun-service")
    host.link(base + "aliyun-service.symlink", base + "2.2.3.515/aliyun-service")
    assert host.found("agents") == [("cloud_assistant_too_old", base + "2.2.3.515", "2.2.3.515")]


def test_a_fence_agent_with_a_role_and_other_configured_programs_are_found(host) -> None:
    cib = "/var/lib/pacemaker/cib/cib.xml"
    host.write(cib, '<primitive type="fence_aliyun"><nvpair name="access_key" value="x"/></primitive>')
    assert host.found("agents") == []
    host.write(cib, '<primitive type="fence_aliyun"><nvpair name="ram_role" value="r"/></primitive>')
    host.write("/usr/bin/ignition")
    unit = "/usr/lib/systemd/system/nm-cloud-setup.service"
    host.write(unit, "[Service]\n#Environment=NM_CLOUD_SETUP_ALIYUN=yes\n")
    expected = [("fence_aliyun_role", cib, None), ("ignition_normal_mode", "/usr/bin/ignition", None)]
    assert host.found("agents") == expected
    host.write(unit, "[Service]\nEnvironment=NM_CLOUD_SETUP_ALIYUN=yes\n")
    assert host.found("agents") == [*expected, ("nm_cloud_setup_normal_mode", unit, None)]
    host.write(unit, "[Service]\nEnvironment=NM_CLOUD_SETUP_ALIYUN=no\n")
    override = "/run/systemd/system/nm-cloud-setup.service.d/x.conf"
    host.write(override, '[Service]\nEnvironment="NM_CLOUD_SETUP_ALIYUN=On"\n')
    assert host.found("agents") == [*expected, ("nm_cloud_setup_normal_mode", override, None)]
