# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare the present options with the desired ones, and plan one API call, no call, or a refusal. No I/O."""

import typing as t

from ._instance import Instance, Options
from ._verdict import exemption


class Change(t.NamedTuple):
    """The planned change of an instance: ``after`` are the options to send, or None; ``refusal`` is the reason for sending none.

    ``exemption`` is why tokens cannot be required on the instance, if that is the refusal. ``excluded`` is the rule that excludes the
    instance, if any: then nothing else is set.
    """

    instance: Instance
    after: t.Optional[Options] = None
    refusal: t.Optional[str] = None
    exemption: t.Optional[str] = None
    excluded: t.Optional[str] = None


class Permissions(t.NamedTuple):
    """Changes that are refused unless the user permits them."""

    windows: bool = False
    ack_nodes: bool = False


def plan(instance: Instance, desired: Options, permissions: Permissions) -> Change:
    """Return the change of *instance* to *desired*. Options that *desired* leaves unset keep their present values.

    The API requires HttpEndpoint in each call. It gets the present value unless *desired* has another one, so a disabled endpoint is
    never enabled as a side effect.
    """
    present = instance.options
    if present is None:
        return Change(
            instance,
            refusal="The API did not return the metadata options, so changing one could change others."
            " Set 'empty_options: default' if nobody ever set the options of this instance.",
        )
    after = desired.merged_into(present)
    if after == present:
        return Change(instance)
    if after.http_tokens == "required" and present.http_tokens != "required":
        refusal = _refusal(instance, permissions)
        if refusal:
            return Change(instance, refusal=refusal, exemption=exemption(instance))
    return Change(instance, after=after)


def refuse(change: Change, reason: t.Optional[str]) -> Change:
    """Return *change*, or a refusal if there is a reason for it and the instance was to be changed."""
    return change if reason is None else change._replace(after=None, refusal=reason)


def address_problem(instance: Instance, wanted: t.Sequence[str]) -> t.Optional[str]:
    """Return why *instance* is not the host with one of the addresses *wanted* (any, if empty), or None."""
    if not wanted or instance.addresses.intersection(wanted):
        return None
    return (
        "The API returned other private addresses for this instance: %s; expected: %s. The host may have claimed an instance that"
        " it is not." % (", ".join(sorted(instance.addresses)) or "none", " or ".join(wanted))
    )


def _refusal(instance: Instance, permissions: Permissions) -> t.Optional[str]:
    reason = exemption(instance)
    if reason is None:
        return None
    if instance.is_windows:
        return None if permissions.windows else reason + " Set 'allow_windows: true' to require tokens anyway."
    return None if permissions.ack_nodes else reason + " Set 'allow_ack_nodes: true' to require tokens anyway."
