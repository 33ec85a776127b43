# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Payloads of the collection's modules, as ansible-core builds them (AnsiballZ)."""

from __future__ import annotations

import base64
import re
import sys
from functools import lru_cache
from pathlib import Path

from ansible.executor.module_common import modify_module
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

CHECKOUT = Path(__file__).resolve().parents[2]


@lru_cache(maxsize=None)
def payload(module: str) -> bytes:
    """The archive that ansible-core would send to a host to run *module*."""
    built = modify_module(
        module_name="alicloud.imds." + module,
        module_path=str(CHECKOUT / "plugins/modules" / (module + ".py")),
        module_args={},
        templar=Templar(loader=DataLoader(), variables={}),
        task_vars={"ansible_python_interpreter": sys.executable},
    )
    source = built[0] if isinstance(built, tuple) else built.b_module_data  # a tuple before ansible-core 2.19
    (encoded,) = re.findall(rb"[A-Za-z0-9+/]{1000,}=*", source)
    return base64.b64decode(encoded)
