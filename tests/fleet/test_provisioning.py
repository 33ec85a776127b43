# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""1,000 launch templates and 1,000 scaling configurations: changed by a run that is killed half way and by the next one.

Counted are the calls that the emulator accepted.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import lab
import pytest
from fleets import ACCOUNT, HERE, KEY, SECRET, Fleet, Run, instance

SIZE, HALF, WORKERS = 1_000, 500, 16
PAGES = SIZE // 50
REGION, IMAGE = "cn-hangzhou", "m-new"
COMMON = {"regions": [REGION], "http_tokens": "required", "max_concurrency": WORKERS}
RESTORE = {"state": "restored", "max_concurrency": WORKERS}


class Account:
    """Create and read resources with the client of the collection."""

    def __init__(self, endpoint: str) -> None:
        sys.path.insert(0, str(HERE.parents[1] / ".cache/collections"))
        from ansible_collections.alicloud.imds.plugins.module_utils._openapi import _options, _scaling, _templates
        from ansible_collections.alicloud.imds.plugins.module_utils._openapi._transport import Service

        defaults = {name: option.get("default") for name, option in _options.argument_spec().items()}
        keys = {"access_key_id": KEY, "access_key_secret": SECRET, "api_endpoint": endpoint}
        self.ecs = _options.make_api({**defaults, **keys}.__getitem__, WORKERS)
        self.templates = _templates.LaunchTemplates(self.ecs)
        self.scaling = _scaling.AutoScaling(self.ecs, endpoint)
        self._ess = Service("ess", _scaling.VERSION, endpoint)

    def create_templates(self) -> None:
        fixed = {"RegionId": REGION, "ImageId": IMAGE, "HttpTokens": "optional", "HttpEndpoint": "enabled"}
        with ThreadPoolExecutor(WORKERS) as pool:
            names = ["template-%d" % number for number in range(SIZE)]
            created = pool.map(
                lambda it: self.ecs.call("CreateLaunchTemplate", REGION, {**fixed, "LaunchTemplateName": it}), names
            )
            assert len(list(created)) == SIZE

    def create_configurations(self) -> None:
        group = self._scale("CreateScalingGroup", RegionId=REGION, MinSize=0, MaxSize=1)["ScalingGroupId"]
        fixed = {"ScalingGroupId": group, "ImageId": IMAGE}
        with ThreadPoolExecutor(WORKERS) as pool:
            names = ["configuration-%d" % number for number in range(SIZE)]
            created = pool.map(
                lambda it: self._scale("CreateScalingConfiguration", **fixed, ScalingConfigurationName=it), names
            )
            assert len(list(created)) == SIZE

    def _scale(self, action: str, **parameters: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.ecs.transport.call(self._ess, action, REGION, parameters)
        return found

    def template_state(self) -> dict[str, tuple[int, str]]:
        """Return the number of versions and the tokens of the default version by launch template."""

        def state(name: str) -> tuple[int, str]:
            versions = self.templates.versions(REGION, name)
            (default,) = [it for it in versions if it["DefaultVersion"]]
            return len(versions), default["LaunchTemplateData"]["HttpTokens"]

        names = [row["LaunchTemplateId"] for row in self.templates.templates(REGION)]
        with ThreadPoolExecutor(WORKERS) as pool:
            return dict(zip(names, pool.map(state, names)))

    def configuration_state(self) -> dict[str, str]:
        """Return the tokens by scaling configuration."""
        rows = self.scaling.configurations(REGION)
        return {row["ScalingConfigurationId"]: str(row.get("HttpTokens") or "optional") for row in rows}


@pytest.fixture
def emulator() -> Iterator[lab.Emulator]:
    control = {
        "access_keys": {KEY: {"secret": SECRET, "account": ACCOUNT, "actions": ["ecs:*", "ess:*"]}},
        "account_id": ACCOUNT,
        "images": {IMAGE: {"region_id": REGION, "imds_support": "v2"}},
    }
    with lab.start_emulator({"instances": [instance(0)], "control": control}, "127.0.0.1:0", control=True) as process:
        yield process


def fleet(emulator: lab.Emulator, folder: Path, module: str, modify: str) -> Fleet:
    made = Fleet(emulator, folder, module, modify)
    made.record = folder / "records"
    made.measured()
    return made


def accepted(run: Run) -> Counter[str]:
    return Counter(call["action"] for call in run.calls if call["status"] == 200)


def outcomes(made: Fleet) -> dict[str, set[str]]:
    """Return the IDs in the log of changes by outcome. The run that was killed can have left one incomplete line."""
    found: dict[str, set[str]] = {}
    torn = []
    for line in (made.record / "changes.jsonl").read_text().splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            torn.append(line)
            continue
        found.setdefault(entry["outcome"], set()).add(entry["id"])
    assert len(torn) <= 1, torn
    return found


def test_launch_templates(emulator: lab.Emulator, tmp_path: Path) -> None:
    create, default = "CreateLaunchTemplateVersion", "ModifyLaunchTemplateDefaultVersion"
    listing, versions = "DescribeLaunchTemplates", "DescribeLaunchTemplateVersions"
    account = Account(emulator.control_endpoint)
    account.create_templates()
    made = fleet(emulator, tmp_path, "launch_template_metadata_options", default)
    wanted = {**COMMON, "all_launch_templates": True}
    killed, resumed, again = made.run_and_kill(HALF, **wanted), made.run(**wanted), made.run(**wanted)
    hardened = account.template_state()
    assert set(hardened.values()) == {(2, "required")} and len(hardened) == SIZE  # no template has a third version
    assert resumed.result["totals"] == {"changed": HALF, "unchanged": HALF, "refused": 0, "failed": 0}

    first, second, third = map(accepted, (killed, resumed, again))
    assert first[create] + second[create] == SIZE and (first[default], second[default]) == (HALF, SIZE - HALF)
    # Pages, the versions of each template, the image; and for each change a version, its reading, and the default
    reads = {listing: PAGES, versions: SIZE, "DescribeImages": 1}
    assert second == {**reads, versions: SIZE + second[create], create: second[create], default: HALF}
    assert third == reads and again.result["changed"] is False

    found = outcomes(made)
    assert found["sending"] == set(hardened) and set(found) == {"sending", "accepted"}
    assert len(found["accepted"]) >= SIZE - WORKERS


def test_scaling_configurations(emulator: lab.Emulator, tmp_path: Path) -> None:
    modify, listing = "ModifyScalingConfiguration", "DescribeScalingConfigurations"
    account = Account(emulator.control_endpoint)
    account.create_configurations()
    made = fleet(emulator, tmp_path, "scaling_configuration_metadata_options", modify)
    wanted = {**COMMON, "all_scaling_configurations": True}
    killed, resumed, again = made.run_and_kill(HALF, **wanted), made.run(**wanted), made.run(**wanted)
    hardened = account.configuration_state()
    assert set(hardened.values()) == {"required"} and len(hardened) == SIZE
    assert resumed.result["totals"] == {"changed": HALF, "unchanged": HALF, "refused": 0, "failed": 0}

    first, second, third = map(accepted, (killed, resumed, again))
    assert first == {listing: PAGES, "DescribeImages": 1, modify: HALF}
    assert second == {listing: 2 * PAGES, "DescribeImages": 1, modify: SIZE - HALF}  # read again to confirm the changes
    assert third == {listing: PAGES, "DescribeImages": 1} and again.result["changed"] is False

    found = outcomes(made)
    assert found["sending"] == set(hardened) and set(found) == {"sending", "accepted"}
    assert len(found["accepted"]) >= SIZE - WORKERS
    assert made.run(**RESTORE).result["totals"]["changed"] == SIZE
    assert set(account.configuration_state().values()) == {"optional"}
