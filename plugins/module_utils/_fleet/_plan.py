# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From present and desired options to the one API call that is needed, or none, or a refusal. No I/O; private to the collection."""

from __future__ import annotations

import typing as t

from ._instance import Instance, Options
from ._verdict import why_not_required


class Change(t.NamedTuple):
    """What one instance needs: ``after`` is what to send, None if nothing; ``refusal`` why nothing may be sent."""

    instance: Instance
    after: t.Optional[Options] = None
    refusal: t.Optional[str] = None


class Permissions(t.NamedTuple):
    """What is only done when it was asked for by name."""

    windows: bool = False
    ack_nodes: bool = False


def plan(instance: Instance, desired: Options, permissions: Permissions) -> Change:
    """The change that takes *instance* to *desired*; an option that *desired* leaves out keeps its present value.

    The API insists on HttpEndpoint with each call, so the present one is sent back unless *desired* has another: a
    disabled endpoint is never enabled as a side effect.
    """
    present = instance.options
    if present is None:
        return Change(
            instance,
            refusal="The API did not return its metadata options, so changing one could change others."
            " Set 'empty_options: default' if these instances have never been changed.",
        )
    after = desired.over(present)
    if after == present:
        return Change(instance)
    if after.http_tokens == "required" and present.http_tokens != "required":
        refusal = _refusal(instance, permissions)
        if refusal:
            return Change(instance, refusal=refusal)
    return Change(instance, after=after)


def _refusal(instance: Instance, permissions: Permissions) -> t.Optional[str]:
    reason = why_not_required(instance)
    if reason is None:
        return None
    if instance.is_windows:
        return None if permissions.windows else reason + " Set 'allow_windows: true' to do it all the same."
    return None if permissions.ack_nodes else reason + " Set 'allow_ack_nodes: true' to do it all the same."
