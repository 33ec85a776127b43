# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Try the admin API of the emulator with Schemathesis (PyPI, 4.32.5), which makes requests from the API's description.

It sends the examples, values at each limit of the schemas, random valid and invalid requests, and sequences of requests. Its
checks: valid requests are accepted, invalid ones are refused, and each response has a documented status, content type and
schema; methods that a path does not accept have the status 405 with the header Allow; no response is a server error.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import lab
from conftest import HERE

# One worker and a seed: the same requests in each run.
OPTIONS = ("--seed", "1", "--workers", "1", "--max-examples", "20", "--no-color", "--request-timeout", "30")
# A busy machine is not a failure.
PATIENCE = ("--suppress-health-check", "too_slow")


def test_the_admin_api_conforms_to_its_description(fetched: Callable[[str], Path], tmp_path: Path) -> None:
    program = fetched("openapi") / "bin/schemathesis"
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment |= {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(HERE / "clients")}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1"}
    with lab.emulators() as start:
        emulator = start({"instances": [{"instance_id": "i-test"}]}, listen="127.0.0.1:0")
        command = [program, "run", f"http://{emulator.admin_address}/openapi.json", *OPTIONS, *PATIENCE]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert re.search(r"Operations:\s+(\d+) selected / \1 total", done.stdout), done.stdout
        assert "No issues found" in done.stdout
        assert emulator.admin("GET", "/health")["status"] == "ok"
