# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All checks on one host."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._preflight import _run

GOOD, STOCK = "25.1.4-0ubuntu0~24.04.1", "22.4.2-1+deb12u4"
SDK = "/opt/report/venv/lib/python3.11/site-packages/alibabacloud_credentials-0.3.5.dist-info/METADATA"


@pytest.mark.parametrize(
    ("cloud_init", "files", "expected"),
    [
        (GOOD, {}, []),
        (STOCK, {}, ["cloud_init_too_old"]),
        (GOOD, {SDK: "Name: alibabacloud-credentials\nVersion: 0.3.5\n"}, ["python_credentials_too_old"]),
        (
            GOOD,
            {"/etc/cron.d/tag": "* * * * * root curl -s http://100.100.100.200/latest/user-data\n"},
            ["script_normal_mode"],
        ),
    ],
    ids=["clean", "stock cloud-init", "old library", "normal-mode cron job"],
)
def test_all_checks_report_exactly_the_faults_of_a_host(host, cloud_init, files, expected) -> None:
    host.write("/var/lib/dpkg/status", "Package: cloud-init\nStatus: install ok installed\nVersion: %s\n" % cloud_init)
    host.write("/sys/class/dmi/id/product_name", "Alibaba Cloud ECS\n")
    host.write("/usr/local/bin/backup", "#!/bin/sh\necs-metadata get instance-id\n")
    for path, content in files.items():
        host.write(path, content)
    report = host.run(*_run.CHECKS, callers=[])
    assert [one["id"] for one in report.findings] == expected
    assert (report.verdict, report.complete) == ("block" if expected else "clear", True)
