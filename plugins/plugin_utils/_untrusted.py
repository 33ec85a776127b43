# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mark values that other people may have written, so that no ansible-core evaluates them as templates.

Since 2.19, ansible-core evaluates only text that is marked as trusted, and what plugins return is not. Older versions evaluate
all text that is not marked as unsafe. They mark the results of modules and, unless ``allow_unsafe`` is set, of lookups, but not what
filters return for variables of other hosts.
"""

from __future__ import annotations

import typing as t

try:
    from ansible.template import trust_as_template
except ImportError:
    trust_as_template = None


def untrusted(value: t.Any) -> t.Any:
    """Return *value* (JSON types), with all text in it marked where ansible-core needs a mark."""
    if trust_as_template is not None:
        return value
    from ansible.utils.unsafe_proxy import wrap_var

    return wrap_var(value)
