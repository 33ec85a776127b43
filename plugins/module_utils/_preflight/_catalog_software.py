# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be found of software, how bad is it, and what helps? Pure; private to the collection.

The notes after # name the sources of the facts: D = documentation, C = code of the client, R = tried against the emulator.
"""

from __future__ import annotations

import typing as t

BLOCK, WARN, INFO = "block", "warn", "info"


class Kind(t.NamedTuple):
    """One kind of finding; ``evidence`` says for people what its evidence holds."""

    severity: str
    title: str
    evidence: str
    remedy: str


_VERSION = "`path`, `version`, `first_good`"
_UPGRADE_LIBRARY = "Upgrade it to the version in `first_good` or later and restart what uses it."

SOFTWARE: t.Dict[str, Kind] = {
    # cloud-init: D1 (23.2.2), C1 (23.1; Ubuntu 22.4.2-0ubuntu2)
    "cloud_init_too_old": Kind(
        BLOCK,
        "cloud-init does not know tokens; the instance would not start properly",
        "`path` (or `package`), `version`, `first_good`",
        "Upgrade cloud-init to 23.2.2 or later (Alibaba Cloud's minimum), or at least to the version in `first_good`, "
        "and reboot once before tokens become mandatory.",
    ),
    "cloud_init_below_vendor_minimum": Kind(
        WARN,
        "cloud-init knows tokens, but is older than Alibaba Cloud's minimum of 23.2.2",
        "`path` (or `package`), `version`, `first_good`",
        "Upgrade cloud-init to 23.2.2 or later, or reboot one such host with mandatory tokens before you change the others.",
    ),
    "cloud_init_absent": Kind(
        INFO,
        "cloud-init is not installed",
        "none",
        "Nothing to do, unless other software sets this host up from metadata at boot.",
    ),
    "cloud_init_version_unknown": Kind(
        WARN,
        "cloud-init is installed, but its version cannot be read",
        "`path` (or `package`), `version`",
        "Look at `cloud-init --version`; 23.2.2 or later is needed.",
    ),
    # libraries: D1, C2 - C5, C17; aliyun-python-sdk-core and oss2: R
    "python_credentials_too_old": Kind(
        BLOCK, "The Python package alibabacloud-credentials is too old for tokens", _VERSION, _UPGRADE_LIBRARY
    ),
    "python_sdk_core_plain": Kind(
        BLOCK,
        "The Python package aliyun-python-sdk-core reads the role's keys without a token, in every version",
        "`path`, `version`",
        "Move programs that take the role's keys to alibabacloud-credentials; waive this where they use no instance role.",
    ),
    "python_oss2_plain": Kind(
        BLOCK,
        "The Python package oss2 reads the role's keys without a token, in every version known",
        "`path`, `version`",
        "Give oss2 keys that alibabacloud-credentials obtained; waive this where programs use no instance role.",
    ),
    "node_credentials_too_old": Kind(
        BLOCK, "The Node.js package @alicloud/credentials is too old for tokens", _VERSION, _UPGRADE_LIBRARY
    ),
    "java_credentials_too_old": Kind(
        BLOCK,
        "The Java library credentials-java is too old for tokens",
        "`path`, `version`, `first_good`",
        _UPGRADE_LIBRARY,
    ),
    "php_credentials_too_old": Kind(
        BLOCK, "The PHP package alibabacloud/credentials is too old for tokens", _VERSION, _UPGRADE_LIBRARY
    ),
    "go_credentials_too_old": Kind(
        WARN,
        "A Go program was built with a credentials-go that is too old for tokens",
        "`path`, `version`, `first_good`, `program`",
        "If the program takes the role's keys, upgrade it to a build with the version in `first_good` or later.",
    ),
    "go_sdk_too_old": Kind(
        WARN,
        "A Go program was built with an alibaba-cloud-sdk-go that is too old for tokens",
        "`path`, `version`, `first_good`, `program`",
        "If the program takes the role's keys, upgrade it to a build with the version in `first_good` or later.",
    ),
    "library_version_unknown": Kind(
        WARN,
        "A library that reads metadata is here, but its version cannot be read",
        "`path`, `package`, `version` (if it holds something that is no version), `first_good`",
        "Find out its version; reinstall it if its metadata is damaged.",
    ),
    # programs: C16, C12, C14, C15, C18, C19
    "aliyun_cli_too_old": Kind(
        BLOCK,
        "The aliyun CLI was built with a credentials-go that is too old for tokens",
        "`path`, `version`, `first_good`",
        "Upgrade the aliyun CLI to a release after 2024-10-11.",
    ),
    "aliyun_cli_oss_plain": Kind(
        WARN,
        "`aliyun oss` reads the role's keys without a token, in every version known",
        "`path`",
        "Do not use `aliyun oss` with the instance role; give it other keys.",
    ),
    "aliyun_cli_oss_role": Kind(
        BLOCK,
        "The aliyun CLI is set up to use the instance role, and `aliyun oss` reads its keys without a token",
        "`path` (of the configuration)",
        "Give `aliyun oss` other keys; waive this where only other commands of the CLI are used.",
    ),
    "ossutil_plain": Kind(
        WARN,
        "ossutil 1.x reads the role's keys without a token, in every version",
        "`path`, `version` (if it can be read)",
        "Do not use ossutil 1.x with the instance role; give it other keys.",
    ),
    "ossutil_role": Kind(
        BLOCK,
        "ossutil is set up to take its keys from the metadata, which 1.x does without a token",
        "`path` (of the configuration)",
        "Give ossutil other keys.",
    ),
    "ossfs_uncertain": Kind(
        WARN,
        "ossfs is here; which version was the first to send a token is not known",
        "`package`, `version`",
        "If it mounts with the instance role, upgrade to the newest ossfs 2 and try one host first.",
    ),
    "afterburn_plain": Kind(
        BLOCK,
        "afterburn reads metadata without a token, in every version known",
        "`path` (or `package`, `version`)",
        "Disable the afterburn units, or leave tokens optional on this host.",
    ),
    "ohai_plain": Kind(
        BLOCK,
        "Chef's ohai reads metadata without a token, in every version known",
        "`path` (or `package`), `version`",
        "Disable ohai's Alibaba plugin (then node['alibaba'] is empty), or leave tokens optional on this host.",
    ),
    "cloud_assistant_too_old": Kind(
        BLOCK,
        "The Cloud Assistant agent does not know tokens",
        "`path` (or `package`), `version`",
        "Upgrade the Cloud Assistant agent to the newest version.",
    ),
    "cloud_assistant_noise": Kind(
        INFO,
        "The Cloud Assistant agent first asks without a token, then with one",
        "`path` (or `package`), `version`",
        "Nothing to do; expect its plain requests in the records of callers.",
    ),
    "terraform_provider_uncertain": Kind(
        INFO,
        "A Terraform provider alicloud is here; which version was the first to send a token is not known",
        "`path`, `version`",
        "If it uses `ecs_role_name` on this host, upgrade it to the newest version and try it.",
    ),
    "ansible_alicloud_plain": Kind(
        WARN,
        "The Ansible collection alibaba.alicloud reads the role's keys without a token if `ecs_role_name` is used",
        "`path`, `version`",
        "Hand its modules keys from the lookup `alicloud.imds.ram_credentials` instead of `ecs_role_name`.",
    ),
}
