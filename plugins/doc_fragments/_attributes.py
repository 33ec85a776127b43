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
    description: Can run in C(check_mode) and returns the same result, because nothing is changed.
  diff_mode:
    support: none
    description: Returns details on what has changed, or would change, in diff mode. This module changes nothing.
  platform:
    support: full
    platforms: posix
    description: The managed node needs Python 3.6 or later and no other software.
"""

    ACTION_GROUP = r"""
options: {}
attributes:
  action_group:
    support: full
    membership:
      - alicloud.imds.imds
    description: Use C(group/alicloud.imds.imds) in C(module_defaults) to set defaults for all modules of the group.
"""

    ACTION_GROUP_API = r"""
options: {}
attributes:
  action_group:
    support: full
    membership:
      - alicloud.imds.api
    description: Use C(group/alicloud.imds.api) in C(module_defaults) to set defaults for all modules of the group.
"""

    FACTS = r"""
options: {}
attributes:
  facts:
    support: full
    description: Returns only C(ansible_facts).
"""
