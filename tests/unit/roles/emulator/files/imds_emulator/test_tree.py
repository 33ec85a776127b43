# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Listings of directories."""

from __future__ import annotations

from typing import Callable

import pytest

from .client import Instance

pytestmark = pytest.mark.slow

#: What a real instance listed in June 2021, as published; `all`, `disks/` and `tags/` were not there.
#: Listings of later years have no launch-index.
TOP_LEVEL = """dns-conf/
eipv4
hibernation/
hostname
image-id
instance-id
instance/
mac
network-type
network/
ntp-conf/
owner-account-id
private-ipv4
public-keys/
ram/
region-id
serial-number
source-address
sub-private-ipv4-list
vpc-cidr-block
vpc-id
vswitch-cidr-block
vswitch-id
zone-id"""


@pytest.mark.parametrize("version", ["latest", "2016-01-01"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_top_level_is_that_of_a_real_instance(instance: Instance, version: str, slash: str) -> None:
    reply = instance.get("/%s/meta-data%s" % (version, slash))
    assert reply.text == TOP_LEVEL
    assert reply.headers["content-type"] == "text/plain"
    assert reply.headers["content-length"] == str(len(reply.body))


def test_windows_has_its_own_items(new_instance: Callable[..., Instance]) -> None:
    windows = new_instance(os_type="windows")
    names = set(windows.get("/latest/meta-data/").text.split("\n"))
    assert names ^ set(TOP_LEVEL.split("\n")) == {"kms-server", "wsus-server/", "source-address"}
    assert windows.get("/latest/meta-data/wsus-server/").text == "wu-server\nwu-status-server"
    assert windows.get("/latest/meta-data/kms-server").text == "kms.cloud.aliyuncs.com"
    assert windows.get("/latest/meta-data/source-address").status == 404


@pytest.mark.parametrize(
    ("path", "listing"),
    [
        ("/", "2016-01-01\nlatest"),
        ("/latest", "dynamic\nglobal-config\nmaintenance\nmeta-data\nuser-data"),
        ("/latest/dynamic", "instance-identity"),
        ("/latest/dynamic/instance-identity", "document\npkcs7"),
        ("/latest/maintenance", "active-system-events"),
        ("/latest/meta-data/dns-conf", "nameservers"),
        ("/latest/meta-data/network", "interfaces/"),
        ("/latest/meta-data/network/interfaces", "macs/"),
        ("/latest/meta-data/public-keys", "skp-bp1test/"),
        ("/latest/meta-data/ram", "security-credentials/"),
        ("/latest/meta-data/Ram/security-credentials", "TestRole"),
        ("/latest/meta-data/hibernation", "configured"),
    ],
)
def test_a_directory_with_and_without_its_slash(instance: Instance, path: str, listing: str) -> None:
    assert instance.get(path).text == listing
    assert instance.get(path.rstrip("/") + "/").text == listing


def test_there_is_nothing_to_list_in_global_config(new_instance: Callable[..., Instance]) -> None:
    instance = new_instance(global_config={"aliyun-assist-server-url": "https://example.com"})
    assert instance.get("/latest/global-config/").status == 404
    assert instance.get("/latest/global-config/aliyun-assist-server-url").text == "https://example.com"


def test_the_slash_counts_in_the_order(new_instance: Callable[..., Instance]) -> None:
    instance = new_instance(metadata={"a-b": "1", "a/c": "2", "a.b": "3", "a0": "4"})
    names = instance.get("/latest/meta-data/").text.split("\n")
    assert names[:4] == ["a-b", "a.b", "a/", "a0"]
    assert names == sorted(names, key=str.encode)


def test_interfaces_are_listed_by_mac(new_instance: Callable[..., Instance]) -> None:
    macs = ["00:16:3e:00:00:02", "00:16:3e:00:00:01"]
    instance = new_instance(network_interfaces=[{"mac": mac} for mac in macs])
    assert instance.get("/latest/meta-data/network/interfaces/macs/").text == "%s/\n%s/" % (macs[1], macs[0])
    assert instance.get("/latest/meta-data/mac").text == macs[0]
