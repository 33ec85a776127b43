# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""oss_keys.py ROLE: print the RAM role's keys as oss2 returns them."""

from __future__ import annotations

import sys

from oss2.credentials import EcsRamRoleCredentialsProvider

address = "http://100.100.100.200/latest/meta-data/ram/security-credentials/" + sys.argv[1]
keys = EcsRamRoleCredentialsProvider(address).get_credentials()
print(keys.get_access_key_id(), keys.get_access_key_secret(), keys.get_security_token())
