# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Catalog of findings: severity, title, evidence, impact and remedy of each. Data only.

A finding blocks if the software found cannot read metadata once tokens are required, and nothing on the host shows that it
does not read any. It is a warning if the software fails only where it is configured to read metadata, and the host does not
show whether it is.

The comment before each group names the sources of its facts:

* D1: Alibaba Cloud, "View instance metadata", https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata/
* D10: Alibaba Cloud, "Secure access to ECS instance metadata" (ACK),
  https://www.alibabacloud.com/help/en/ack/ack-managed-and-ack-dedicated/security-and-compliance/secure-access-to-ecs-instance-metadata
* R: the client was run against the emulator with tokens required
* anything else is a repository on GitHub and the file that was read
"""

import typing as t

BLOCK, WARN, INFO = "block", "warn", "info"
SEVERITIES = (BLOCK, WARN, INFO)


class Kind(t.NamedTuple):
    """One kind of finding.

    ``title`` says what is wrong, ``evidence`` lists the keys of the evidence, ``impact`` says what breaks when tokens are
    required, and ``remedy`` is one command or one link, where there is one.
    """

    severity: str
    title: str
    evidence: str
    impact: str
    remedy: str


_VERSION = "`path`, `version`, `first_good`"
_PACKAGED = "`path` (of the package database or of the file), `version`"
_RECORD = "`exe`, `comm`, `unit`, `container`, `uid`, `last_seen`, `count`, as far as they are recorded"
_WAIVER = "`finding`, `host`, `reason`, `expires`"
_NO_CREDENTIALS = (
    "Programs that use the library with the instance RAM role get no credentials, and their API calls fail."
)
_NO_OSS_CREDENTIALS = "With the instance RAM role it gets no credentials, and its access to OSS fails."
_NOT_SEEN = "Unknown: software that fails when tokens are required may have been missed."

CATALOG: t.Dict[str, Kind] = {
    # D1: 23.2.2 is the vendor's minimum; an instance with an older one does not start properly.
    # canonical/cloud-init cloudinit/sources/DataSourceAliYun.py: tokens since 23.1; Ubuntu since 22.4.2-0ubuntu2.
    "cloud_init_too_old": Kind(
        BLOCK,
        "cloud-init does not support tokens",
        _VERSION,
        "The instance does not start properly: at the next boot cloud-init gets no metadata and no user data.",
        "Upgrade cloud-init to 23.2.2 or later, with `apt-get install --only-upgrade cloud-init` or `dnf upgrade cloud-init`, "
        "and reboot once before you require tokens.",
    ),
    "cloud_init_below_vendor_minimum": Kind(
        WARN,
        "cloud-init supports tokens, but is older than Alibaba Cloud's minimum of 23.2.2",
        _VERSION,
        "Probably none; but Alibaba Cloud requires 23.2.2, and says that an instance with an older version does not start properly.",
        "Upgrade cloud-init to 23.2.2 or later, with `apt-get install --only-upgrade cloud-init` or `dnf upgrade cloud-init`; "
        "or require tokens on one such host, reboot it, and check it before you change the others.",
    ),
    "cloud_init_absent": Kind(
        INFO,
        "cloud-init is not installed",
        "none",
        "None from cloud-init. Other software that configures this host from metadata at boot was not examined.",
        "No action is needed, unless other software configures this host from metadata at boot.",
    ),
    "cloud_init_version_unknown": Kind(
        WARN,
        "cloud-init is installed, but its version cannot be determined",
        _PACKAGED,
        "Unknown: if cloud-init is older than 23.1, the instance does not start properly.",
        "Run `cloud-init --version` on the host; 23.2.2 or later is required.",
    ),
    # D1. aliyun/credentials-python alibabacloud_credentials/provider/ecs_ram_role.py, ChangeLog.md.
    "python_credentials_too_old": Kind(
        BLOCK,
        "The Python package alibabacloud-credentials is too old for tokens",
        _VERSION,
        _NO_CREDENTIALS,
        "Run `pip install --upgrade 'alibabacloud-credentials>=0.3.6'` in its environment, and restart the programs that use it.",
    ),
    # R: aliyun-python-sdk-core 2.16.1, then the newest.
    "python_sdk_core_normal_mode": Kind(
        BLOCK,
        "A Python package (aliyun-python-sdk-core, aliyun-python-sdk-core-v3, footmark, acm-sdk-python, ansible-alicloud) sends "
        "normal-mode requests for credentials, in every version",
        "`path`, `package`, `version`",
        _NO_CREDENTIALS,
        "Use alibabacloud-credentials for credentials of the instance RAM role; add a waiver if no program here uses the role.",
    ),
    # R: oss2 2.19.1, then the newest.
    "python_oss2_normal_mode": Kind(
        BLOCK,
        "The Python package oss2 sends normal-mode requests for credentials, in every known version",
        "`path`, `version`",
        "Programs that use oss2 with the instance RAM role get no credentials, and their access to OSS fails.",
        "Pass oss2 credentials from alibabacloud-credentials; add a waiver if no program here uses the instance RAM role.",
    ),
    # D1 names 2.3.1, but npm's 2.3.1 has no token request (R: it sends normal-mode requests, its opt-in gets status 405).
    # 2.4.0 is the first with one: dist/src/providers/ecs_ram_role.js.
    "node_credentials_too_old": Kind(
        BLOCK,
        "The Node.js package @alicloud/credentials is too old for tokens",
        _VERSION,
        _NO_CREDENTIALS,
        "Run `npm install '@alicloud/credentials@^2.4.0'` in its project, and restart the programs that use it.",
    ),
    # D1 requires 0.3.10. aliyun/credentials-java ChangeLog.txt: tokens on request since 0.3.1, by default since 0.3.8;
    # src/main/java/com/aliyun/credentials/provider/ECSMetadataServiceCredentialsFetcher.java.
    "java_credentials_too_old": Kind(
        BLOCK,
        "The Java library credentials-java is too old for tokens",
        _VERSION,
        _NO_CREDENTIALS,
        "Build the application with com.aliyun:credentials-java in the version in `first_good` or later, and restart it.",
    ),
    # D1 requires 1.2.0. aliyun/credentials-php src/Providers/EcsRamRoleProvider.php: no tag up to 1.1.5 requests a token, 1.1.6 does.
    "php_credentials_too_old": Kind(
        BLOCK,
        "The PHP package alibabacloud/credentials is too old for tokens",
        _VERSION,
        _NO_CREDENTIALS,
        "Run `composer require 'alibabacloud/credentials:^1.2'` in its project.",
    ),
    # D1. aliyun/credentials-go credentials/providers/ecs_ram_role.go: the tags v1.3.4 to v1.3.9 request a token only if the program
    # enables it, v1.3.10 always does.
    "go_credentials_too_old": Kind(
        WARN,
        "A Go program was built with a version of credentials-go that is too old for tokens",
        "`path`, `version`, `first_good`, `program`",
        "If the program uses the instance RAM role, it gets no credentials, and its API calls fail.",
        "Install a build of the program with the module in the version in `first_good` or later.",
    ),
    # aliyun/alibaba-cloud-sdk-go sdk/auth/credentials/credentials.go: tokens since the tag v1.63.49. Deprecated parts
    # (sdk/auth/signers/signer_ecs_ram_role.go, sdk/auth/credentials/provider) send normal-mode requests in every tag up to v1.63.107.
    "go_sdk_too_old": Kind(
        WARN,
        "A Go program was built with a version of alibaba-cloud-sdk-go that is too old for tokens",
        "`path`, `version`, `first_good`, `program`",
        "If the program uses the instance RAM role, it gets no credentials, and its API calls fail.",
        "Install a build of the program with the module in the version in `first_good` or later.",
    ),
    "library_version_unknown": Kind(
        WARN,
        "The version of a library that reads metadata cannot be determined",
        "`path`, `package`, `version` (if it holds an invalid version), `first_good`",
        "Unknown: if the library is older than the version in `first_good`, programs that use it with the instance RAM role "
        "get no credentials.",
        "Determine the version; reinstall the library if its package metadata is damaged.",
    ),
    # aliyun/aliyun-cli go.mod: the releases after 2024-10-11 have credentials-go 1.3.10.
    "aliyun_cli_too_old": Kind(
        BLOCK,
        "The aliyun CLI was built with a version of credentials-go that is too old for tokens",
        _VERSION,
        "In profiles with the mode EcsRamRole the CLI gets no credentials, and its commands fail.",
        "Install a release after 2024-10-11: https://github.com/aliyun/aliyun-cli/releases",
    ),
    # aliyun/aliyun-cli oss/lib/ecs_role.go and oss/lib/command.go, read on 2026-07-30; also for ossutil 1.x.
    "aliyun_cli_oss_normal_mode": Kind(
        WARN,
        "`aliyun oss` sends normal-mode requests for credentials, in every known version",
        "`path`",
        _NO_OSS_CREDENTIALS,
        "Configure credentials other than the instance RAM role for `aliyun oss`.",
    ),
    "aliyun_cli_oss_role": Kind(
        BLOCK,
        "The aliyun CLI is configured for the instance RAM role, and `aliyun oss` sends normal-mode requests for its credentials",
        "`path` (of the configuration)",
        "`aliyun oss` gets no credentials, and its access to OSS fails. Other commands of a recent CLI work.",
        "Configure other credentials for `aliyun oss`; add a waiver if only other commands of the CLI are used.",
    ),
    "ossutil_normal_mode": Kind(
        WARN,
        "ossutil 1.x sends normal-mode requests for credentials, in every version",
        "`path`, `version` (if it can be determined)",
        _NO_OSS_CREDENTIALS,
        "Configure credentials other than the instance RAM role for ossutil 1.x.",
    ),
    "ossutil_role": Kind(
        BLOCK,
        "ossutil is configured to get credentials from the metadata service, for which 1.x sends normal-mode requests",
        "`path` (of the configuration)",
        "ossutil 1.x gets no credentials, and its access to OSS fails.",
        "Configure other credentials in the file in `path`.",
    ),
    # aliyun/ossfs src/credentials/ram_role_creds.cpp, read on 2026-04-02: ossfs 2 sends a token.
    "ossfs_uncertain": Kind(
        WARN,
        "ossfs is installed; the first version that supports tokens is not known",
        _PACKAGED,
        "If the version does not support tokens, mounts that use the instance RAM role fail.",
        "Upgrade to the newest ossfs 2 where mounts use the instance RAM role, and test one host first.",
    ),
    # elastic/beats libbeat/processors/add_cloud_metadata/provider_alibaba_cloud.go; DataDog/datadog-agent
    # pkg/util/cloudproviders/alibaba/alibaba.go; denverdino/aliyungo metadata/client.go. None of them names the token header.
    "go_module_normal_mode": Kind(
        WARN,
        "A Go program contains a module that sends normal-mode requests, in every known version",
        "`path`, `version`, `program`",
        "If the program uses that part of the module, it gets no metadata, and no credentials of the instance RAM role.",
        "Check with the callers watch whether the program sends requests; upgrade it or disable that part.",
    ),
    "program_normal_mode": Kind(
        WARN,
        "A compiled or packed program contains the address and a path of the metadata service, but not the token header",
        "`path`",
        "If the program reads metadata, its requests fail with status 403.",
        "Check with the callers watch whether the program sends requests, and upgrade it.",
    ),
    # aliyun/openapi-sdk-php-client src/Credentials/Providers/EcsRamRoleProvider.php, up to the newest tag 1.5.32.
    "php_client_normal_mode": Kind(
        BLOCK,
        "The PHP package alibabacloud/client sends normal-mode requests for credentials, in every known version",
        "`path`, `version`",
        _NO_CREDENTIALS,
        "Use alibabacloud/credentials 1.2.0 or later; add a waiver if no program here uses the instance RAM role.",
    ),
    # aliyun/aliyun-openapi-java-sdk aliyun-java-sdk-core/ChangeLog.txt: ALIBABA_CLOUD_IMDSV1_DISABLED, and with it tokens by default,
    # since 4.7.3; src/main/java/com/aliyuncs/auth/ECSMetadataServiceCredentialsFetcher.java of 4.7.8.
    "java_sdk_core_too_old": Kind(
        WARN,
        "The Java library aliyun-java-sdk-core is too old for tokens",
        _VERSION,
        "If a program uses the library with the instance RAM role, it gets no credentials, and its API calls fail.",
        "Build the application with com.aliyun:aliyun-java-sdk-core in the version in `first_good` or later, and restart it.",
    ),
    # aliyun/aliyun-oss-java-sdk src/main/java/com/aliyun/oss/common/auth/InstanceProfileCredentialsFetcher.java, up to the newest
    # tag 3.18.4; alipay/alipay-sdk-java-all src/main/java/com/alipay/api/kms/aliyun/credentials/provider/
    # ECSMetadataServiceCredentialFetcher.java. Both have a fetcher of their own, without tokens.
    "java_library_normal_mode": Kind(
        WARN,
        "A Java library sends normal-mode requests for credentials, in every known version",
        "`path`, `package`, `version`",
        _NO_CREDENTIALS,
        "Pass credentials from com.aliyun:credentials-java; add a waiver if no program here uses the instance RAM role.",
    ),
    # R: @opentelemetry/resource-detector-alibaba-cloud 0.38.0.
    "otel_detector_normal_mode": Kind(
        WARN,
        "The OpenTelemetry detector for Alibaba Cloud sends normal-mode requests, in every known version",
        "`path`, `version`",
        "Traces and metrics lose the attributes of the instance, without an error.",
        "Set the attributes in OTEL_RESOURCE_ATTRIBUTES instead.",
    ),
    # R: fence_aliyun of fence-agents 4.17 with --ram-role.
    "fence_aliyun_role": Kind(
        BLOCK,
        "The fence agent fence_aliyun is configured with a RAM role, for which it sends normal-mode requests",
        "`path`",
        "The cluster cannot fence a node of this instance.",
        "Configure access keys for fence_aliyun, or leave tokens optional on this host.",
    ),
    # R: ignition 2.14.
    "ignition_normal_mode": Kind(
        WARN,
        "ignition sends normal-mode requests when an instance is provisioned",
        "`path`",
        "None on a provisioned host. New instances from its image that require tokens are not configured.",
        "Leave tokens optional while an instance is provisioned with ignition.",
    ),
    # NetworkManager src/nm-cloud-setup/nmcs-provider-aliyun.c (sends no header) and nmcs-provider.c (values of the variable).
    "nm_cloud_setup_normal_mode": Kind(
        WARN,
        "nm-cloud-setup is enabled for Alibaba Cloud, and sends normal-mode requests",
        "`path`",
        "Secondary IP addresses of the instance are not configured.",
        "Configure the addresses in NetworkManager, and unset NM_CLOUD_SETUP_ALIYUN.",
    ),
    # coreos/afterburn src/providers/aliyun/mod.rs, read on 2026-07-30.
    "afterburn_normal_mode": Kind(
        BLOCK,
        "afterburn sends normal-mode requests, in every known version",
        "`path`, `version` (if a package is installed)",
        "afterburn gets no metadata: its units fail at the next boot, and what they set, such as SSH keys, is not set.",
        "Disable the afterburn units, or leave tokens optional on this host.",
    ),
    # chef/ohai lib/ohai/mixin/alibaba_metadata.rb: its only header is User-Agent.
    "ohai_normal_mode": Kind(
        BLOCK,
        "Chef's ohai sends normal-mode requests, in every known version",
        "`path`, `version`",
        "ohai gets no metadata: recipes that read `node['alibaba']` get no values.",
        "Disable ohai's Alibaba plugin if no recipe reads `node['alibaba']`, or leave tokens optional on this host.",
    ),
    # aliyun/aliyun_assist_client common/metaserver/request.go: v2.x.3.529 of 2024-02-01 sends normal-mode requests only.
    # Commit 429e9f6458, later, sends a normal-mode request first, and after a 403 a token request.
    "cloud_assistant_too_old": Kind(
        BLOCK,
        "The Cloud Assistant agent does not support tokens",
        _PACKAGED + ", `package` (if the package database has it)",
        "The agent gets no metadata: commands sent through Cloud Assistant may no longer reach the instance.",
        "Upgrade the agent: https://www.alibabacloud.com/help/en/ecs/user-guide/overview-10",
    ),
    "cloud_assistant_noise": Kind(
        INFO,
        "The Cloud Assistant agent sends a normal-mode request before it uses a token",
        _PACKAGED + ", `package` (if the package database has it)",
        "None: after the refused request the agent gets a token. Its normal-mode requests appear among the recorded callers.",
        "No action is needed.",
    ),
    # aliyun/terraform-provider-alicloud go.mod: credentials-go 1.4.12 on 2026-08-21; older ones send normal-mode requests.
    "terraform_provider_uncertain": Kind(
        INFO,
        "A Terraform provider alicloud is installed; the first version that supports tokens is not known",
        "`path`, `version`",
        "If the version does not support tokens, configurations with `ecs_role_name` get no credentials on this host.",
        "Run `terraform init -upgrade` where `ecs_role_name` is used, and test it.",
    ),
    # alibaba/alibaba.alicloud plugins/module_utils/alicloud_ecs.py, read on 2025-07-08.
    "ansible_alicloud_normal_mode": Kind(
        WARN,
        "The Ansible collection alibaba.alicloud sends normal-mode requests for credentials if `ecs_role_name` is set",
        "`path`, `version`",
        "Tasks with `ecs_role_name` that run on this host fail.",
        "Pass credentials from the lookup `alicloud.imds.ram_credentials` instead of `ecs_role_name`.",
    ),
    # D10; aliyun/infraguard policies/aliyun/rules/ros/ecs-instance-meta-data-mode-check.rego treats ACK nodes as exempt.
    "ack_node": Kind(
        BLOCK,
        "This host is a node of an ACK cluster",
        "`path`",
        "ACK sets the metadata options of a node pool when it is created. Changing them on one node is not supported, and "
        "cluster components that do not support tokens fail.",
        "Create a node pool that requires tokens and move the workload to it: https://www.alibabacloud.com/help/en/ack/"
        "ack-managed-and-ack-dedicated/security-and-compliance/secure-access-to-ecs-instance-metadata",
    ),
    "kubernetes_node": Kind(
        WARN,
        "A kubelet is installed, and nothing shows that its cluster is an ACK cluster",
        "`path`",
        "Unknown: pods that send normal-mode requests fail.",
        "Check how the pods read metadata, for example with the callers watch. If this is an ACK node, see `ack_node`.",
    ),
    "containers_not_examined": Kind(
        INFO,
        "Software in container images was not examined",
        "`path` (of the container store)",
        "Unknown: containers that send normal-mode requests fail.",
        "Run the callers watch for the quiet period; it also records requests from containers.",
    ),
    # What the kernel shows in /proc; see _processes.py.
    "process_runs_deleted_file": Kind(
        BLOCK,
        "A process still uses an old library or program whose file was replaced or deleted",
        "`pid`, `path`",
        "The process still sends normal-mode requests for credentials, although the installed version supports tokens.",
        "Restart the process.",
    ),
    "process_older_than_package": Kind(
        WARN,
        "A Python process started before the package in its environment was upgraded, and may still use the old version",
        "`pid`, `path` (of the package metadata), `version`",
        "If the process loaded the old version, it still sends normal-mode requests for credentials.",
        "Restart the process.",
    ),
    "processes_not_examined": Kind(
        INFO,
        "Some processes could not be examined",
        "`count`",
        _NOT_SEEN,
        "Run the module as root (`become: true`).",
    ),
    # D1: with tokens required, a normal-mode request gets status 403.
    "script_normal_mode": Kind(
        BLOCK,
        "A script sends normal-mode requests",
        "`path`, `line`, `reads` (class of what is read)",
        "The request fails with status 403, and the script gets an error page instead of the value.",
        "Replace the request by `ecs-metadata get PATH`, or send a token with it.",
    ),
    "script_unsure": Kind(
        WARN,
        "A script or configuration may send normal-mode requests",
        "`path`, `line`, `reads` (class of what is read)",
        "Unknown: the file does not show whether a token is sent. Without one, the request fails with status 403.",
        "Read the line; add a waiver if what it runs sends a token.",
    ),
    "caller_normal_mode": Kind(
        BLOCK,
        "A program sent normal-mode requests within the quiet period",
        _RECORD,
        "The program's requests fail with status 403.",
        "Upgrade or change the program, and run the check again after the quiet period.",
    ),
    # aliyun_assist_client (above); the newest credentials libraries for Python, Java and Node.js repeat a failed read without
    # a token: aliyun/credentials-python 1.0.12, credentials-java 1.0.6, credentials-nodejs 2.4.7.
    "caller_noise": Kind(
        WARN,
        "A program that supports tokens also sent normal-mode requests within the quiet period",
        _RECORD + ", and `noise` (the kind of known noise)",
        "None if the program is up to date: it also sends token-authenticated requests.",
        "Upgrade the program; no action is needed if it is up to date.",
    ),
    "caller_unparsable": Kind(
        WARN,
        "A program sent requests within the quiet period whose mode is unknown, because they cannot be parsed",
        _RECORD,
        "Unknown: if the service answers such requests without a token today, they fail.",
        "Find the program by the evidence, and check how it reads metadata.",
    ),
    # The watch without events of the kernel, or with losses: see _watch/_attribution.py and _watch/_loop.py.
    "callers_incomplete": Kind(
        WARN,
        "The records of callers are incomplete",
        "`reason`",
        "Unknown: callers that send normal-mode requests may be missing or unnamed in the records, and fail.",
        "Run `ecs-metadata watch --status`. Remove the cause, and run the check again after the quiet period.",
    ),
    "callers_unknown": Kind(
        INFO,
        "There are no records of callers of the metadata service",
        "none",
        "Unknown: programs that send normal-mode requests fail, and only the callers watch shows them all.",
        "Run the callers watch for the quiet period before you require tokens (`hardening_enforce: false`, `hardening_watch: observe`).",
    ),
    "callers_watched_too_briefly": Kind(
        WARN,
        "The records of callers cover less than the quiet period",
        "`since`, `quiet_period`",
        "Unknown: programs that send normal-mode requests less often, such as weekly jobs, are not recorded yet and fail.",
        "Run the check again when the watch has run for the quiet period.",
    ),
    # The system manufacturer and product name in /sys/class/dmi/id.
    "not_ecs": Kind(
        INFO,
        "The firmware does not identify this host as an ECS instance",
        "`product_name`",
        "None on this host. The other findings hold for an ECS instance with the same software.",
        "No action is needed if the host is not meant to be an ECS instance.",
    ),
    # Limits of this check.
    "not_examined": Kind(
        INFO,
        "A file, directory or database could not be examined",
        "`path`, `check`, `reason`",
        _NOT_SEEN,
        "Examine it by hand if it may hold software that reads metadata.",
    ),
    "search_incomplete": Kind(
        WARN,
        "A check stopped early",
        "`check`, `reason`, `not_reached` (directories that were not examined to the end, if they are known)",
        _NOT_SEEN,
        "Raise `deadline`, or leave out directories with `excluded_directories`.",
    ),
    "findings_truncated": Kind(
        WARN,
        "More findings of one kind exist than are listed",
        "`finding`, `count` (of those omitted)",
        "As for the finding in `finding`.",
        "Resolve the listed findings and run the check again.",
    ),
    "waiver_expired": Kind(
        WARN,
        "A waiver has expired",
        _WAIVER,
        "The findings that it covered count again.",
        "Remove the waiver, or renew it with a new date.",
    ),
    "waiver_unused": Kind(
        INFO,
        "A waiver for this host matches no finding",
        _WAIVER,
        "None.",
        "Remove the waiver.",
    ),
}
# Waivers cannot hide the state of waivers.
NOT_WAIVABLE = frozenset(["waiver_expired", "waiver_unused"])
