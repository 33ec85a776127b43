# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Results of clients of other projects on emulated instances in three modes. Data only.

test_measured.py measures each row. The unit tests of the catalog compare the rows with its judgments, and page.py of the same
folder writes them to docs/preflight-findings.md and docs/docsite/rst/emulator.rst.
"""

from __future__ import annotations

from typing import NamedTuple

TOKEN, NORMAL = "works: token", "works: normal mode"
REFUSED = "fails: normal mode"
SILENT = "fails without an error: normal mode"
NO_TOKEN = "fails: token"
FALLBACK = "fails: token, then normal mode"


class Row(NamedTuple):
    """A client: the finding about it or an empty string, package, version, language, and what it did in each mode."""

    finding: str
    package: str
    version: str
    language: str
    optional: str
    required: str
    disabled: str


ROWS = (
    Row("cloud_init_too_old", "cloud-init", "20.4.1", "Python", NORMAL, REFUSED, REFUSED),
    Row("cloud_init_too_old", "cloud-init", "22.4.2", "Python", NORMAL, REFUSED, REFUSED),
    Row("cloud_init_too_old", "cloud-init", "25.1.4", "Python", TOKEN, TOKEN, NO_TOKEN),
    Row("cloud_init_too_old", "cloud-init", "26.2", "Python", TOKEN, TOKEN, NO_TOKEN),
    Row("python_credentials_too_old", "alibabacloud-credentials", "0.3.5", "Python", NORMAL, REFUSED, REFUSED),
    Row("python_credentials_too_old", "alibabacloud-credentials", "0.3.6", "Python", TOKEN, TOKEN, FALLBACK),
    Row("python_credentials_too_old", "alibabacloud-credentials", "1.0.12", "Python", TOKEN, TOKEN, FALLBACK),
    Row("", "alibabacloud-credentials (asyncio)", "1.0.12", "Python", TOKEN, TOKEN, FALLBACK),
    Row("python_sdk_core_normal_mode", "aliyun-python-sdk-core", "2.16.1", "Python", NORMAL, REFUSED, REFUSED),
    Row("python_sdk_core_normal_mode", "aliyun-python-sdk-core-v3", "2.13.33", "Python", NORMAL, REFUSED, REFUSED),
    Row("python_sdk_core_normal_mode", "footmark", "1.26.0", "Python", NORMAL, REFUSED, REFUSED),
    Row("python_sdk_core_normal_mode", "acm-sdk-python", "0.4.12", "Python", NORMAL, REFUSED, REFUSED),
    Row("python_sdk_core_normal_mode", "ansible-alicloud", "1.20.0", "Python", NORMAL, REFUSED, REFUSED),
    Row("python_oss2_normal_mode", "oss2", "2.19.1", "Python", NORMAL, REFUSED, REFUSED),
    Row("", "alibabacloud-oss-v2", "1.4.1", "Python", TOKEN, TOKEN, FALLBACK),
    Row("", "opendal", "0.47.12", "Rust", TOKEN, TOKEN, FALLBACK),
    Row("", "cloud-detect", "0.0.15", "Python", SILENT, SILENT, SILENT),
    Row("node_credentials_too_old", "@alicloud/credentials", "2.3.1", "JavaScript", NORMAL, REFUSED, REFUSED),
    Row("node_credentials_too_old", "@alicloud/credentials", "2.4.0", "JavaScript", TOKEN, TOKEN, FALLBACK),
    Row("node_credentials_too_old", "@alicloud/credentials", "2.4.7", "JavaScript", TOKEN, TOKEN, FALLBACK),
    Row(
        "otel_detector_normal_mode",
        "@opentelemetry/resource-detector-alibaba-cloud",
        "0.38.0",
        "JavaScript",
        NORMAL,
        SILENT,
        SILENT,
    ),
    Row("ohai_normal_mode", "ohai", "18.1.3", "Ruby", NORMAL, SILENT, SILENT),
    Row("fence_aliyun_role", "fence-agents-aliyun", "4.16.0", "Python", NORMAL, REFUSED, REFUSED),
    Row("ignition_normal_mode", "ignition", "2.14.0", "Go", NORMAL, REFUSED, REFUSED),
    Row("script_normal_mode", "resource-agents", "4.16.0", "shell", NORMAL, REFUSED, REFUSED),
    Row("go_module_normal_mode", "denverdino/aliyungo", "20180921", "Go", NORMAL, REFUSED, REFUSED),
    Row("", "systemd-imds", "262.1", "C", TOKEN, TOKEN, NO_TOKEN),
)

_NOT_THERE = "The package is not in PyPI, npm or Debian"
# Findings about other software, which is not measured, with the reason.
NOT_MEASURED = {
    "java_credentials_too_old": _NOT_THERE,
    "php_credentials_too_old": _NOT_THERE,
    "go_credentials_too_old": _NOT_THERE,
    "go_sdk_too_old": _NOT_THERE,
    "aliyun_cli_too_old": _NOT_THERE,
    "aliyun_cli_oss_normal_mode": _NOT_THERE,
    "ossutil_normal_mode": _NOT_THERE,
    "ossfs_uncertain": _NOT_THERE,
    "php_client_normal_mode": _NOT_THERE,
    "java_sdk_core_too_old": _NOT_THERE,
    "java_library_normal_mode": _NOT_THERE,
    "nm_cloud_setup_normal_mode": "Debian builds NetworkManager without it",
    "afterburn_normal_mode": _NOT_THERE,
    "cloud_assistant_too_old": _NOT_THERE,
    "terraform_provider_uncertain": _NOT_THERE,
    "ansible_alicloud_normal_mode": "The collection is only on Galaxy; its predecessor, ansible-alicloud of PyPI, is measured",
}
