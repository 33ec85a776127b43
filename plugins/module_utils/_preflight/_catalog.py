# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalog of findings: severity, title, evidence and remedy of each. Pure data.

A finding blocks if the software found cannot read metadata once tokens are required, and nothing on the host shows that it
does not read any. It is a warning where it breaks only if it is set up to read metadata, and this host does not say so.

The notes after # name the sources of the facts: D = documentation, C = code of the client, R = tried against the emulator.
"""

from __future__ import annotations

import typing as t

BLOCK, WARN, INFO = "block", "warn", "info"
SEVERITIES = (BLOCK, WARN, INFO)


class Kind(t.NamedTuple):
    """One kind of finding; ``evidence`` says for people what its evidence holds."""

    severity: str
    title: str
    evidence: str
    remedy: str


_VERSION = "`path`, `version`, `first_good`"
_UPGRADE_LIBRARY = "Upgrade it to the version in `first_good` or later and restart what uses it."

CATALOG: t.Dict[str, Kind] = {
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
    # Kubernetes: D10, C20
    "ack_node": Kind(
        BLOCK,
        "This is a node of an ACK cluster",
        "`path`",
        "Make a new node pool with mandatory tokens (cluster 1.28 or later, with the component and image versions that ACK's "
        "documentation asks for) and move the workload; they cannot be changed on a node.",
    ),
    "kubernetes_node": Kind(
        WARN,
        "A kubelet is installed, of a cluster that does not look like ACK",
        "`path`",
        "If this is an ACK node after all, see `ack_node`; else check what the pods use to read metadata.",
    ),
    "containers_not_examined": Kind(
        INFO,
        "There is a store of containers; the software in their images was not examined",
        "`path`",
        "Rely on the records of callers for what runs in containers.",
    ),
    # processes
    "process_runs_deleted_file": Kind(
        BLOCK,
        "A process still runs an old library or program whose file was replaced or deleted",
        "`pid`, `path`",
        "Restart the process.",
    ),
    "process_older_than_package": Kind(
        WARN,
        "A Python process is older than the package in its installation, so it may still use the one before",
        "`pid`, `path` (of the package's metadata), `version`",
        "Restart the process.",
    ),
    "processes_not_examined": Kind(
        INFO,
        "Some processes could not be looked at",
        "`count`",
        "Run the module as root.",
    ),
    # scripts and callers: section 4 of the documentation on finding who still uses the normal mode (D1)
    "script_reads_plain": Kind(
        BLOCK,
        "A script reads metadata without a token",
        "`path`, `line`, `reads` (class of what is read)",
        "Let it ask for a token first, or use the command `ecs-metadata`.",
    ),
    "caller_plain": Kind(
        BLOCK,
        "A program read metadata without a token within the quiet period",
        "`exe`, `unit`, `container`, `uid`, `last_seen`, `count`, as far as the record has them",
        "Upgrade or change the program; then wait for the quiet period.",
    ),
    # C11, C3 - C5
    "caller_noise": Kind(
        WARN,
        "A program that is known to also ask without a token did so within the quiet period",
        "as for `caller_plain`, and `noise` (why it is taken for noise)",
        "Nothing to do if the program is up to date.",
    ),
    "callers_unknown": Kind(
        INFO,
        "There are no records of who called the metadata service",
        "none",
        "Run the callers watch for at least the quiet period before you make tokens mandatory.",
    ),
    "callers_watched_too_briefly": Kind(
        WARN,
        "The records of callers are younger than the quiet period",
        "`since`, `quiet_period`",
        "Wait until the watch has run for the quiet period.",
    ),
    "not_ecs": Kind(
        INFO,
        "The firmware does not say that this host is an ECS instance",
        "`product_name`",
        "Nothing to do if this is meant; the findings hold for an ECS instance with the same software.",
    ),
    # what limits all of the above
    "not_examined": Kind(
        INFO,
        "Something could not be examined",
        "`path`, `check`, `reason`",
        "Look at it yourself if it may hold software that reads metadata.",
    ),
    "search_cut_short": Kind(
        WARN,
        "A check ended early, so there may be more to find",
        "`check`, `reason`",
        "Raise `deadline`, or name fewer directories.",
    ),
    "more_of_the_same": Kind(
        WARN,
        "There are more findings of one kind than are listed",
        "`finding`, `count` (of those left out)",
        "Deal with the listed ones and run the check again.",
    ),
    "waiver_expired": Kind(
        WARN,
        "A waiver has expired and counts no longer",
        "`finding`, `host`, `reason`, `expires`",
        "Remove the waiver, or renew it with a new date.",
    ),
    "waiver_unused": Kind(
        INFO,
        "A waiver for this host matches no finding",
        "`finding`, `host`, `reason`, `expires`",
        "Remove the waiver.",
    ),
}
# What a waiver must not hide: that something was not seen, and the state of the waivers.
NOT_WAIVABLE = frozenset(["waiver_expired", "waiver_unused"])
