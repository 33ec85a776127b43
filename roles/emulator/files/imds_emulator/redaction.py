# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hide secrets in the settings of an instance for the admin API."""

from __future__ import annotations

import typing as t

HIDDEN = "(hidden)"
_KEYS = ("access_key_id", "access_key_secret", "security_token")


def without_secrets(settings: t.Dict[str, t.Any]) -> t.Dict[str, t.Any]:
    """Return the settings with the credentials of the role, and metadata below `ram/`, hidden."""
    result = dict(settings)
    if result["role"]:
        result["role"] = {key: HIDDEN if key in _KEYS else value for key, value in result["role"].items()}
    result["metadata"] = {
        path: HIDDEN if value is not None and path.strip("/").lower().startswith("ram/") else value
        for path, value in result["metadata"].items()
    }
    result["metadata_all"] = {key: HIDDEN if key == "ram" else value for key, value in result["metadata_all"].items()}
    return result
