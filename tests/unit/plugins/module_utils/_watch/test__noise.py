# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Normal-mode requests that token-aware software is expected to send."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._common._probe_log import Excuses, record
from ansible_collections.alicloud.imds.plugins.module_utils._watch._http_stream import Request
from ansible_collections.alicloud.imds.plugins.module_utils._watch._noise import (
    RETRY_SECONDS,
    Noise,
    is_cloud_assistant,
)
from ansible_collections.alicloud.imds.plugins.module_utils._watch._records import Caller

APP = Caller(33, "www-data", "app", "/usr/bin/app", "app.service")
TOKEN, NORMAL, OTHER = (
    Request("token_authenticated", "ram/*", 5),
    Request("normal_mode", "ram/*", 5),
    Request("normal_mode", "mac", 6),
)


def test_the_same_request_again_in_normal_mode_is_a_retry() -> None:
    noise = Noise(Excuses("/nonexistent").use)
    assert [noise.kind(APP, 7, request, 100.0, 2000.0) for request in (TOKEN, NORMAL, NORMAL)] == ["", "retry", ""]


@pytest.mark.parametrize(
    ("request_", "pid", "when"), [(OTHER, 7, 100.0), (NORMAL, 8, 100.0), (NORMAL, 7, 101 + RETRY_SECONDS)]
)
def test_another_path_process_or_time_is_not_a_retry(request_: Request, pid: int, when: float) -> None:
    noise = Noise(Excuses("/nonexistent").use)
    noise.kind(APP, 7, TOKEN, 100.0, 2000.0)
    assert noise.kind(APP, pid, request_, when, 2000.0) == ""


def test_a_recorded_probe_is_noise(tmp_path: Path) -> None:
    probe = Request("normal_mode", "instance-id", 3, probe=True)
    record(33, str(tmp_path))
    now = time.time()

    def kind(caller: Caller, request: Request = probe) -> str:
        return noise.kind(caller, 7, request, 1.0, now)

    noise = Noise(Excuses(str(tmp_path)).use)
    assert kind(APP, probe._replace(probe=False)) == ""
    assert kind(APP._replace(uid=34)) == kind(APP._replace(uid=None)) == ""
    assert kind(APP._replace(container="docker:0123456789ab")) == kind(APP._replace(source="172.17.0.2")) == ""
    assert kind(APP) == "probe"
    assert kind(APP) == ""  # one record excuses one request


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        (Caller(0, "root", "aliyun-service", "/usr/local/share/aliyun-assist/2/aliyun-service", None), True),
        (Caller(0, "root", "x", None, "aliyun.service"), True),
        (Caller(1000, "me", "aliyun-service", "/home/me/aliyun-service", None), False),
        (Caller(0, None, "aliyun-service", "/aliyun-service", None, "docker:0123456789ab"), False),
        (APP, False),
    ],
)
def test_cloud_assistant_is_recognized(caller: Caller, expected: bool) -> None:
    assert is_cloud_assistant(caller) is expected
    assert Noise(Excuses("/nonexistent").use).kind(caller, 7, NORMAL, 1.0, 2000.0) == (
        "cloud_assistant" if expected else ""
    )
    assert Noise(Excuses("/nonexistent").use).kind(caller, 7, TOKEN, 1.0, 2000.0) == ""


def test_the_memory_is_bounded() -> None:
    noise = Noise(Excuses("/nonexistent").use)
    for pid in range(1, 20000):
        noise.kind(APP, pid, TOKEN, 1.0, 2000.0)
    assert len(noise._latest) <= 4096
