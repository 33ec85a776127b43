# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""10,000 changes with ansible-playbook, of which one percent fails for three reasons: progress, short output, and the right causes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import lab
import pytest
from fleets import KEY, MODIFY, REGIONS, SECRET, configuration

CHECKOUT = Path(__file__).resolve().parents[2]
SIZE = 10_000
PER_SECOND = 80  # in each region, so that the changes take more than three intervals of the progress
CODES = {"IncorrectInstanceStatus": 6, "Forbidden.RAM": 3, "InvalidInstanceId.NotFound": 1}
STATUS = {"IncorrectInstanceStatus": 403, "Forbidden.RAM": 403, "InvalidInstanceId.NotFound": 404}


def faults() -> list[dict]:
    """Return faults for the instances whose numbers end in 17: 100 of 10,000, in the ratio of CODES."""
    codes = [code for code, number in CODES.items() for _time in range(number)]
    common = {"kind": "error", "action": MODIFY, "times": None}
    return [
        {**common, "code": code, "status": STATUS[code], "instance": f"i-fleet??{digit}17"}
        for digit, code in enumerate(codes)
    ]


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return what ansible-playbook prints."""
    folder = tmp_path_factory.mktemp("progress")
    config = configuration(SIZE, PER_SECOND)
    for instance in config["instances"]:
        instance["http_tokens"] = "optional"
    with lab.start_emulator(config, "127.0.0.1:0", control=True) as emulator:
        emulator.admin("PATCH", "/control", {"faults": faults()})
        options = {
            "access_key_id": KEY,
            "access_key_secret": SECRET,
            "api_endpoint": emulator.control_endpoint,
            "api_deadline": 3600,
            "wait_timeout": 3600,
            "regions": list(REGIONS),
            "all_instances": True,
            "http_tokens": "required",
        }
        play = {"hosts": "localhost", "gather_facts": False, "tasks": [{"alicloud.imds.metadata_options": options}]}
        (folder / "play.json").write_text(json.dumps([play]))
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "ANSIBLE_HOME": str(folder / "ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".cache/collections"),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_LOCALHOST_WARNING": "false",
        }
        command = [str(Path(sys.executable).parent / "ansible-playbook"), str(folder / "play.json")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 2, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout + done.stderr


def test_the_output_is_short(output: str) -> None:
    assert len(output.splitlines()) < 100 and len(output) < 200_000


def test_a_line_every_ten_seconds_has_the_progress(output: str) -> None:
    lines = re.findall(
        r"^metadata_options: ([\d,]+) of 10,000 instances done(?:, \d+ failed)?, [\d.e+]+ per second, about \d+ (?:s|min) left$",
        output,
        re.MULTILINE,
    )
    done = [int(number.replace(",", "")) for number in lines]
    assert len(done) >= 2 and done == sorted(set(done)) and done[0] < SIZE and done[-1] <= SIZE


def test_the_causes_are_counted_and_named(output: str) -> None:
    assert "Cannot set the metadata options of 100 of 10000 instances. " in output
    for code, share in CODES.items():
        number = share * 10
        assert re.search(
            rf"{number} instances \(i-fleet\d+17, i-fleet\d+17, i-fleet\d+17, \.\.\.\): [^;]{{0,200}}{code}", output
        ), code


def test_the_result_has_the_failed_instances(output: str) -> None:
    (text,) = re.findall(r"FAILED! => (\{.*\})$", output, re.MULTILINE)
    result = json.loads(text)
    assert result["totals"] == {"changed": SIZE - 100, "unchanged": 0, "refused": 0, "failed": 100}
    assert len(result["instances"]) == 100 and result["omitted"] == SIZE - 100
    for row in result["instances"]:
        digit = int(row["instance_id"][-3])
        expected = [code for code, number in CODES.items() for _time in range(number)][digit]
        assert expected in row["error"]
