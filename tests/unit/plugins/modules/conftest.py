# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a module's main() with the real AnsibleModule, and read what it prints."""

from __future__ import annotations

import importlib
import json

import pytest
from ansible.module_utils.testing import patch_module_args


@pytest.fixture
def run_module(capsys):
    def run(name: str, **args) -> dict:
        module = importlib.import_module("ansible_collections.alicloud.imds.plugins.modules." + name)
        with patch_module_args(args), pytest.raises(SystemExit):
            module.main()
        printed = capsys.readouterr()
        result = json.loads(printed.out)
        # where the controller's code is loaded as well, warnings are displayed at once instead of returned
        shown = " ".join([*printed.err.split(), *(str(warning) for warning in result.get("warnings") or [])])
        return {**result, "displayed": shown}

    return run
