# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""role_keys.py [--v2] [ROLE]: print the keys of the RAM role as alibabacloud_credentials returns them (both its old and its new release).

--v2 enables tokens in the old release.
"""

from __future__ import annotations

import json
import sys
import warnings

from alibabacloud_credentials.client import Client
from alibabacloud_credentials.models import Config

warnings.simplefilter("ignore")  # The new release deprecates the names that both releases have.
options = {"enable_imds_v2": True} if "--v2" in sys.argv else {}
roles = [word for word in sys.argv[1:] if word != "--v2"]
client = Client(Config(type="ecs_ram_role", role_name="".join(roles), **options))
keys = {
    "access_key_id": client.get_access_key_id(),
    "access_key_secret": client.get_access_key_secret(),
    "security_token": client.get_security_token(),
}
json.dump(keys, sys.stdout)
