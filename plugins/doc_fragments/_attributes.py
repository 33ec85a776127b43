# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode) and returns the same, since nothing is ever changed.
  diff_mode:
    support: none
    description: Returns details on what has changed, or would change, in diff mode. Nothing is ever changed.
  platform:
    support: full
    platforms: posix
    description: The managed node needs Python 3.8 or later and nothing else.
"""

    ACTION_GROUP = r"""
options: {}
attributes:
  action_group:
    support: full
    membership:
      - alicloud.imds.imds
    description: Use C(group/alicloud.imds.imds) in C(module_defaults) to set defaults for this module.
"""

    FACTS = r"""
options: {}
attributes:
  facts:
    support: full
    description: Returns C(ansible_facts) and nothing else.
"""
