# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""run_module.py NAME FILE: run a module of the installed collection in its own process, as on a managed node.

Read the arguments as JSON from stdin, print the result, and write the peak memory in MiB and the CPU time in seconds to FILE as JSON.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import runpy
import sys
from pathlib import Path

from ansible.module_utils.testing import patch_module_args

CHECKOUT = Path(__file__).resolve().parents[2]


def measure(path: str) -> None:
    # Not ru_maxrss, which includes the memory of the parent process before exec.
    (peak,) = re.findall(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    used = os.times()
    Path(path).write_text(json.dumps({"memory": int(peak) / 1024, "cpu": used.user + used.system}))


sys.path.insert(0, str(CHECKOUT / ".cache/collections"))
atexit.register(measure, sys.argv[2])
with patch_module_args(json.load(sys.stdin)):
    runpy.run_module("ansible_collections.alicloud.imds.plugins.modules." + sys.argv[1], run_name="__main__")
