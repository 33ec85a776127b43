# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Register secrets with ansible-core, which then masks them in its output.

ansible-core has a registry of secrets since version 2.22. With older versions, and outside Ansible, this does nothing.
"""

import typing as t

try:
    from ansible.module_utils import secrets as _registry
except ImportError:
    _registry = None

# ansible-core masks a registered string wherever it occurs, even inside words, so short strings must not be registered.
SHORTEST = 12


def register_secret(value: t.Optional[str]) -> None:
    """Make ansible-core mask *value* in all further output; do nothing if ansible-core cannot, or *value* is too short."""
    if _registry is not None and value is not None and len(value) >= SHORTEST:
        _registry.register_secret(value)
