# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the OpenAPI description of the admin API."""

from __future__ import annotations

import os

FILE = os.path.join(os.path.dirname(__file__), "openapi.json")


def text() -> str:
    """Return the description, a JSON text.

    Raises: OSError.
    """
    with open(FILE, encoding="utf-8") as stream:
        return stream.read()
