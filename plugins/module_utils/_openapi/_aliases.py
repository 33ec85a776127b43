# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Return credentials under the names that other content accepts.

Source: the options of alibaba.alicloud modules.
"""

import typing as t

from .._common._utc import format_utc
from ._credentials import Credentials


def with_aliases(credentials: Credentials) -> t.Dict[str, t.Any]:
    """Return *credentials* under the names of this lookup (``access_key`` ...) and of modules (``alicloud_...``)."""
    key, secret, token = credentials.access_key_id, credentials.access_key_secret, credentials.security_token
    return {
        "access_key": key,
        "access_key_secret": secret,
        "security_token": token,
        "expiration": format_utc(credentials.expires_at),
        "alicloud_access_key": key,
        "alicloud_secret_key": secret,
        "alicloud_security_token": token,
    }
