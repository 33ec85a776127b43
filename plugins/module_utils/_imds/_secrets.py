# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell ansible-core which strings must never be printed. This module util is private to the collection.

ansible-core has a registry for that since 2.22; before it, and outside Ansible, this does nothing.
"""

from __future__ import annotations

import typing as t

try:
    from ansible.module_utils import secrets as _registry
except ImportError:
    _registry = None

# ansible-core masks a registered string wherever it occurs, also inside other words: never register short ones.
SHORTEST = 12


def register_secret(value: t.Optional[str]) -> None:
    """Have *value* masked in all output from now on, where ansible-core can do that."""
    if _registry is not None and value is not None and len(value) >= SHORTEST:
        _registry.register_secret(value)
