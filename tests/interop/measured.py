# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Results of clients against the emulator while tokens are required, by the finding of the preflight check that judges them.

test_measured.py measures each row; the unit tests of the catalog compare the rows with its judgments, and page.py of the same
folder writes them to docs/preflight-findings.md. Data only.
"""

from __future__ import annotations

from typing import NamedTuple

TOKEN, REFUSED = "reads with a token", "refused with status 403"


class Row(NamedTuple):
    """A client: finding, package, version, and what it did."""

    finding: str
    package: str
    version: str
    result: str


ROWS = (
    Row("cloud_init_too_old", "cloud-init", "25.1.4", TOKEN),
    Row("python_credentials_too_old", "alibabacloud-credentials", "0.3.5", REFUSED),
    Row("python_credentials_too_old", "alibabacloud-credentials", "1.0.12", TOKEN),
    Row("python_sdk_core_normal_mode", "aliyun-python-sdk-core", "2.16.1", REFUSED),
    Row("python_oss2_normal_mode", "oss2", "2.19.1", REFUSED),
    Row("node_credentials_too_old", "@alicloud/credentials", "2.4.7", TOKEN),
)
# Findings about other software, which is not measured.
NOT_MEASURED = (
    "java_credentials_too_old php_credentials_too_old go_credentials_too_old go_sdk_too_old aliyun_cli_too_old "
    "aliyun_cli_oss_normal_mode ossutil_normal_mode ossfs_uncertain go_module_normal_mode php_client_normal_mode "
    "java_sdk_core_too_old java_library_normal_mode otel_detector_normal_mode fence_aliyun_role ignition_normal_mode "
    "nm_cloud_setup_normal_mode afterburn_normal_mode ohai_normal_mode cloud_assistant_too_old terraform_provider_uncertain "
    "ansible_alicloud_normal_mode"
).split()
