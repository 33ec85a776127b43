# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Does an instance give its metadata for tokens only? No I/O; private to the collection."""

from __future__ import annotations

import typing as t

from ._instance import Instance

COMPLIANT = "compliant"
OPTIONAL = "optional"
ENDPOINT_DISABLED = "endpoint_disabled"
EXEMPT = "exempt"
UNKNOWN = "unknown"
VERDICTS = (COMPLIANT, OPTIONAL, ENDPOINT_DISABLED, EXEMPT, UNKNOWN)

WINDOWS = "Windows does not support token-only access: initialisation, host name and activation would fail."
ACK = "It is a node of the ACK cluster %s, whose options are set with its node pool and cannot be changed afterwards."


class Verdict(t.NamedTuple):
    """One of ``VERDICTS``, and the reason for ``exempt`` and ``unknown``, else None."""

    verdict: str
    reason: t.Optional[str] = None


def judge(instance: Instance, exempt: t.Mapping[str, str]) -> Verdict:
    """The verdict on *instance*; *exempt* maps instance IDs to the reason why they need not comply."""
    if instance.options is None:
        return Verdict(UNKNOWN, "The API did not return its metadata options.")
    if instance.options.http_endpoint == "disabled":
        return Verdict(ENDPOINT_DISABLED)
    if instance.options.http_tokens == "required":
        return Verdict(COMPLIANT)
    reason = exempt.get(instance.instance_id) or why_not_required(instance)
    return Verdict(EXEMPT, reason) if reason else Verdict(OPTIONAL)


def why_not_required(instance: Instance) -> t.Optional[str]:
    """Why tokens must not be made mandatory for *instance*, None if they may."""
    if instance.is_windows:
        return WINDOWS
    return ACK % instance.ack_cluster if instance.ack_cluster is not None else None
