# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The size of the records is bounded, for any number of callers and requests."""

from __future__ import annotations

import json

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._callers._paths import every_class
from ansible_collections.alicloud.imds.plugins.module_utils._watch._records import Caller, Records, Sighting


@pytest.mark.slow
def test_two_hundred_thousand_requests_of_ten_thousand_callers() -> None:
    paths = sorted(every_class())
    records = Records()
    sightings = []
    for number in range(10000):
        names = (
            f"user{number % 50}",
            f"tool-{number}",
            f"/opt/application-{number}/bin/tool-{number}",
            f"job-{number}.service",
        )
        sightings.append(Sighting(Caller(number % 50, *names), "connect", "proc", f"parent{number}"))
    for at in range(200000):
        mode = "normal_mode" if at % 3 else "token_authenticated"
        records.add(sightings[at * 7919 % 10000], mode, paths[at % len(paths)], 1764018387 + at // 100)
    texts = records.as_json(2 * 10**9)
    listed, other = map(json.loads, texts)
    assert sum(row["count"] for caller in [*listed, other] for row in caller["requests"]) == 200000
    assert len("".join(texts)) < 1000000
    print(f"{len(''.join(texts))} bytes, {len(listed)} callers by name")
