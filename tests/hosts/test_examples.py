# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the published examples that change hosts: those of the modules, of the role's README and of README.md."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import lab
import pytest
import yaml
from hosts import Site
from playing import BIN, CHECKOUT, CONTROLLER, Player, instance
from waiting import PROCESS_SECONDS

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    with Site() as site:
        host = site.add("web")
        host.output("groupadd", "--system", "imds")
        with lab.start_emulator({"instances": [instance(host), CONTROLLER]}, control=True) as emulator:
            yield Player([host], emulator, tmp_path_factory.mktemp("examples"))


def run(player: Player, plays: list[dict[str, Any]]) -> str:
    command = player.command()
    for play in plays:
        play["gather_facts"] = False
        play["hosts"] = "all"
        # Only the API's address, the folder of the record and the preflight differ from the example.
        common = {"hardening_api_endpoint": player.emulator.control_endpoint}
        play["vars"] = {**common, "hardening_record_dir": str(player.record), "hardening_preflight": "report"}
    (player.folder / "play.json").write_text(yaml.safe_dump(plays))  # YAML keeps dates
    done = subprocess.run(
        command, env=player.environment(), capture_output=True, text=True, timeout=PROCESS_SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["fence", "tooling"])
def test_examples_of_a_module(player: Player, name: str) -> None:
    command = [str(BIN / "ansible-doc"), "--json", f"alicloud.imds.{name}"]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".cache/collections")}
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    tasks = yaml.safe_load(json.loads(shown)[f"alicloud.imds.{name}"]["examples"])
    output = run(player, [{"tasks": tasks}])
    assert all(f"TASK [{task['name']}]" in output for task in tasks)


@pytest.mark.parametrize(("page", "number"), [("README.md", 1), ("roles/hardening/README.md", 4)])
def test_examples_of_the_role(player: Player, page: str, number: int) -> None:
    text = (CHECKOUT / page).read_text()
    blocks = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)]
    blocks = [plays for plays in blocks if any("roles" in play for play in plays)]
    assert len(blocks) == number
    for plays in blocks:
        run(player, plays)
    assert player.play(hardening_state="absent").status == 0
    assert player.options(player.hosts[0]) == ("enabled", "optional", "disabled")
