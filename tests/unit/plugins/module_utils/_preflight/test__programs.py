# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Go programs, the command line tools of Alibaba Cloud and Terraform providers, in real directory trees."""

from __future__ import annotations

import json

import pytest

from .go_programs import CREDENTIALS, SDK, build_info, dep, elf


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
def test_programs_are_judged_by_the_modules_in_them(host, module, version, kind) -> None:
    host.write("/usr/local/bin/exporter", elf(build_info("example.com/exporter", dep(module, version))))
    host.link("/usr/bin/exporter", "../local/bin/exporter")
    findings = host.run("programs").findings
    assert [(one["id"], one["evidence"]["version"]) for one in findings] == ([(kind, version)] if kind else [])
    assert all(one["evidence"]["program"] == "example.com/exporter" for one in findings)


def test_programs_without_build_information_are_ignored(host) -> None:
    for name, content in (("a", b"\x7fELF"), ("b", b"#!/bin/sh\n"), ("c", elf(b"")), ("d", b""), ("e", elf(b"x" * 50))):
        host.write("/usr/bin/" + name, content)
    assert host.found("programs") == []


CLI = "github.com/aliyun/aliyun-cli"


def test_the_aliyun_cli_is_judged_by_its_credentials_module(host) -> None:
    path = "/usr/local/bin/aliyun"
    host.write(path, elf(build_info(CLI, dep(CREDENTIALS, "v1.4.7"))))
    assert host.found("programs") == [("aliyun_cli_oss_normal_mode", path, None)]
    host.write(path, elf(build_info(CLI, dep(CREDENTIALS, "v1.3.5"))))
    assert host.found("programs") == [
        ("aliyun_cli_too_old", path, "v1.3.5"),
        ("aliyun_cli_oss_normal_mode", path, None),
    ]
    host.write(path, b"\x7fELF packed")
    assert ("library_version_unknown", path, None) in host.found("programs")


def test_a_cli_profile_with_the_instance_role_blocks(host) -> None:
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


def test_ossutil_blocks_if_its_configuration_names_the_service(host) -> None:
    host.write("/usr/local/bin/ossutil64", b"\x7fELF packed")
    assert host.found("programs") == [("ossutil_normal_mode", "/usr/local/bin/ossutil64", None)]
    host.write(
        "/root/.ossutilconfig",
        "[AkService]\necsAk=http://100.100.100.200/latest/meta-data/Ram/security-credentials/x\n",
    )
    assert host.found("programs")[0] == ("ossutil_role", "/root/.ossutilconfig", None)


def test_another_program_named_aliyun_is_ignored(host) -> None:
    host.write("/usr/local/bin/aliyun", elf(build_info("example.com/mine")))
    assert host.found("programs") == []


def test_a_terraform_provider_is_judged_by_its_modules(host) -> None:
    folder = "/root/.terraform.d/plugins/registry.terraform.io/aliyun/alicloud/1.200.0/linux_amd64/"
    path = folder + "terraform-provider-alicloud_v1.200.0"
    host.write(path, elf(build_info("github.com/aliyun/terraform-provider-alicloud", dep(CREDENTIALS, "v1.2.6"))))
    assert host.found("programs") == [
        ("go_credentials_too_old", path, "v1.2.6"),
        ("terraform_provider_uncertain", path, "1.200.0"),
    ]
