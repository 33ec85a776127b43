# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names under which others take credentials. This module util is private to the collection.

Source: the options and environment variables of alibaba.alicloud modules, the aliyun CLI and the vendor's SDKs.
"""

from __future__ import annotations

import typing as t

from .._common._utc import format_utc
from ._credentials import Credentials


def under_all_names(credentials: Credentials) -> t.Dict[str, t.Any]:
    """*credentials* for people (``access_key`` ...), for modules (``alicloud_...``) and for commands (``environment``)."""
    key, secret, token = credentials.access_key_id, credentials.access_key_secret, credentials.security_token
    return {
        "access_key": key,
        "access_key_secret": secret,
        "security_token": token,
        "expiration": format_utc(credentials.expires_at),
        "alicloud_access_key": key,
        "alicloud_secret_key": secret,
        "alicloud_security_token": token,
        "environment": {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": key,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": secret,
            "ALIBABA_CLOUD_SECURITY_TOKEN": token,
            "ALICLOUD_ACCESS_KEY": key,
            "ALICLOUD_SECRET_KEY": secret,
            "ALICLOUD_SECURITY_TOKEN": token,
        },
    }
