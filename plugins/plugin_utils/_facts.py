# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find facts that override variables of the inventory. No I/O."""

from __future__ import annotations

import typing as t


def override(names: t.Iterable[str], facts: t.Any) -> str | None:
    """Return an error if one of the *facts* of a host has the name of a variable, else None.

    The results of all modules may contain facts, and Ansible prefers a fact to a variable of the inventory. So root on a host could
    choose, for example, which instance the inventory states for it, or the endpoint that a lookup sends requests to.
    """
    found = [name for name in names if isinstance(facts, t.Mapping) and name in facts]
    if not found:
        return None
    return (
        "%s is a fact of this host, so the host may have chosen its value. Examine who set it, and run with --flush-cache. Set the"
        " variable in the inventory, or by set_fact without cacheable." % ", ".join(found)
    )
