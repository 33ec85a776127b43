# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs made by Go, tools, agents and ACK nodes: real trees, and ELF files as the linker lays them out."""

from __future__ import annotations

import json
import struct

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._preflight import _go
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._files import Files
from hypothesis import given
from hypothesis import strategies as st

CREDENTIALS, SDK = "github.com/aliyun/credentials-go", "github.com/aliyun/alibaba-cloud-sdk-go"


def varint(number: int) -> bytes:
    return bytes([number & 0x7F | 0x80]) + varint(number >> 7) if number > 0x7F else bytes([number])


def build_info(program: str, *lines: str) -> bytes:
    listed = (
        b"m" * 16 + "\n".join(["path\t" + program, "mod\t%s\t(devel)\t" % program, *lines, ""]).encode() + b"e" * 16
    )
    return b"\xff Go buildinf:\x08\x02" + b"\0" * 16 + varint(8) + b"go1.22.1" + varint(len(listed)) + listed


def elf(section: bytes, wide: bool = True, order: str = "<") -> bytes:
    """An ELF file with the sections .go.buildinfo and .shstrtab."""
    names = b"\0.go.buildinfo\0.shstrtab\0"
    head = 64
    body = b"\0" * head + section + names
    layout = order + ("LLQQQQLLQQ" if wide else "10L")
    rows = [(0, 0, 0), (1, head, len(section)), (15, head + len(section), len(names))]
    table = b"".join(struct.pack(layout, name, 1, 0, 0, offset, length, 0, 0, 1, 0) for name, offset, length in rows)
    magic = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + b"\0" * 9
    numbers = (2, 62, 1, 0, 0, len(body), 0, head, 0, 0, struct.calcsize(layout), len(rows), 2)
    header = magic + struct.pack(order + ("HHLQQQLHHHHHH" if wide else "HHLLLLLHHHHHH"), *numbers)
    return header.ljust(head, b"\0") + body[head:] + table


def dep(module: str, version: str) -> str:
    return "dep\t%s\t%s\th1:abc=" % (module, version)


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_kind_of_elf(host, wide, order) -> None:
    path = host.write(
        "/x", elf(build_info("example.com/a", dep("b", "v1"), "=>\tc\tv2\th1:", dep("d", "v3")), wide, order)
    )
    built = _go.read(Files(str(host.root)), str(path))
    assert built == _go.BuildInfo("example.com/a", "(devel)", {"b": "v2", "d": "v3"})


@given(st.binary(max_size=200), st.integers(0, 400))
def test_any_bytes_are_no_reason_to_fail(tail, cut) -> None:
    whole = build_info("example.com/a", dep("b", "v1"))
    _go.parse(whole[:cut] + tail)
    _go.parse(tail)


@given(st.integers(0, 63), st.binary(min_size=1, max_size=8))
def test_damaged_headers(tmp_path_factory, place, damage) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged"
    content = elf(build_info("a"))
    path.write_bytes(content[:place] + damage + content[place + len(damage) :])
    _go.read(Files(str(path.parent)), str(path))


@pytest.mark.parametrize(
    ("module", "version", "kind"),
    [
        (CREDENTIALS, "v1.3.9", "go_credentials_too_old"),
        (CREDENTIALS, "v1.3.10", None),
        (CREDENTIALS, "v1.4.12", None),
        (CREDENTIALS, "(devel)", "library_version_unknown"),
        (SDK, "v1.63.48", "go_sdk_too_old"),
        (SDK, "v1.63.49", None),
        (SDK, "v1.62.0-0.20240101000000-abcdefabcdef", "go_sdk_too_old"),
        ("github.com/other/credentials-go", "v0.1", None),
    ],
)
def test_what_a_program_was_built_with(host, module, version, kind) -> None:
    host.write("/usr/local/bin/exporter", elf(build_info("example.com/exporter", dep(module, version))))
    host.link("/usr/bin/exporter", "../local/bin/exporter")
    findings = host.run("programs").findings
    assert [(one["id"], one["evidence"]["version"]) for one in findings] == ([(kind, version)] if kind else [])
    assert all(one["evidence"]["program"] == "example.com/exporter" for one in findings)


def test_other_programs_are_nothing(host) -> None:
    for name, content in (("a", b"\x7fELF"), ("b", b"#!/bin/sh\n"), ("c", elf(b"")), ("d", b""), ("e", elf(b"x" * 50))):
        host.write("/usr/bin/" + name, content)
    assert host.found("programs") == []


CLI = "github.com/aliyun/aliyun-cli"


def test_the_cli(host) -> None:
    path = "/usr/local/bin/aliyun"
    host.write(path, elf(build_info(CLI, dep(CREDENTIALS, "v1.4.7"))))
    assert host.found("programs") == [("aliyun_cli_oss_normal_mode", path, None)]
    host.write(path, elf(build_info(CLI, dep(CREDENTIALS, "v1.3.5"))))
    assert host.found("programs") == [("aliyun_cli_too_old", path, "v1.3.5"), ("aliyun_cli_oss_normal_mode", path, None)]
    host.write(path, b"\x7fELF packed")
    assert ("library_version_unknown", path, None) in host.found("programs")


def test_the_cli_with_the_role(host) -> None:
    config = {"current": "x", "profiles": [{"name": "x", "mode": "EcsRamRole", "access_key_secret": "hush-hush"}]}
    host.write("/home/ops/.aliyun/config.json", json.dumps(config))
    assert host.found("programs") == []
    host.write("/opt/aliyun-cli/aliyun", elf(build_info(CLI, dep(CREDENTIALS, "v1.4.7"))))
    report = host.run("programs")
    assert [one["id"] for one in report.findings] == ["aliyun_cli_oss_role", "aliyun_cli_oss_normal_mode"]
    assert "hush" not in repr(report)
    host.write("/home/ops/.aliyun/config.json", json.dumps({"profiles": [{"mode": "AK"}, 3]}))
    host.write("/root/.aliyun/config.json", "{")
    assert [kind for kind, _path, _version in host.found("programs")] == ["aliyun_cli_oss_normal_mode", "not_examined"]


def test_ossutil(host) -> None:
    host.write("/usr/local/bin/ossutil64", b"\x7fELF packed")
    assert host.found("programs") == [("ossutil_normal_mode", "/usr/local/bin/ossutil64", None)]
    host.write(
        "/root/.ossutilconfig",
        "[AkService]\necsAk=http://100.100.100.200/latest/meta-data/Ram/security-credentials/x\n",
    )
    assert host.found("programs")[0] == ("ossutil_role", "/root/.ossutilconfig", None)


def test_a_program_of_the_same_name_is_another_one(host) -> None:
    host.write("/usr/local/bin/aliyun", elf(build_info("example.com/mine")))
    assert host.found("programs") == []


def test_terraform(host) -> None:
    folder = "/root/.terraform.d/plugins/registry.terraform.io/aliyun/alicloud/1.200.0/linux_amd64/"
    path = folder + "terraform-provider-alicloud_v1.200.0"
    host.write(path, elf(build_info("github.com/aliyun/terraform-provider-alicloud", dep(CREDENTIALS, "v1.2.6"))))
    assert host.found("programs") == [
        ("go_credentials_too_old", path, "v1.2.6"),
        ("terraform_provider_uncertain", path, "1.200.0"),
    ]


def status(host, *packages: tuple[str, str]) -> None:
    text = "".join("Package: %s\nStatus: install ok installed\nVersion: %s\n\n" % package for package in packages)
    host.write("/var/lib/dpkg/status", text)


def test_agents_by_the_database(host) -> None:
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
def test_cloud_assistant(host, versions, kind, newest) -> None:
    base = "/usr/local/share/aliyun-assist/"
    for version in versions:
        host.write(base + version + "/aliyun-service")
    assert host.found("agents") == ([(kind, base + newest, newest)] if kind else [])


def test_agents_by_their_files(host) -> None:
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


@pytest.mark.parametrize(
    ("path", "content", "sign"),
    [
        ("/etc/systemd/system/kubelet.service.d/10-kubeadm.conf", "--node-labels=ack.aliyun.com=c1", True),
        ("/etc/default/kubelet", "ARGS=--node-labels=alibabacloud.com/nodepool-id=np1", True),
        ("/var/lib/kubelet/kubeadm-flags.env", 'X="--cloud-provider=alicloud"', True),
        ("/etc/kubernetes/pki/x.conf", "ack.aliyun.com", False),
        ("/etc/kubernetes/x.key", "ack.aliyun.com", False),
        ("/etc/default/kubelet", "--cloud-provider=external", False),
    ],
)
def test_nodes(host, path, content, sign) -> None:
    host.write(path, content)
    assert host.found("ack") == []
    host.write("/usr/bin/kubelet")
    expected = ("ack_node", path, None) if sign else ("kubernetes_node", "/usr/bin/kubelet", None)
    assert expected in host.found("ack") and len(host.found("ack")) <= 2
