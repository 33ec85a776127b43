# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decide whether an instance complies: tokens are required for its metadata. No I/O."""

import typing as t

from ._instance import Instance

COMPLIANT = "compliant"
OPTIONAL = "optional"
ENDPOINT_DISABLED = "endpoint_disabled"
EXEMPT = "exempt"
UNKNOWN = "unknown"
VERDICTS = (COMPLIANT, OPTIONAL, ENDPOINT_DISABLED, EXEMPT, UNKNOWN)

WINDOWS = "Windows does not support security hardening mode: initialization, host name and activation would fail."
ACK = "It is a node of the ACK cluster %s; its options belong to the node pool and cannot be changed on the instance."


class Verdict(t.NamedTuple):
    """A verdict, and its reason, if there is one to state."""

    verdict: str
    reason: t.Optional[str] = None


def unwanted(totals: t.Mapping[str, int], fail_on: t.Iterable[str], what: str) -> t.Optional[str]:
    """Return an error if there are items with a verdict in *fail_on*, else None. *what* is their name in the result."""
    counted = ["%d %s" % (totals[verdict], verdict) for verdict in dict.fromkeys(fail_on) if totals[verdict]]
    if not counted:
        return None
    return "Found %s with a verdict in 'fail_on': %s. See '%s' in the result." % (what, ", ".join(counted), what)


def judge(instance: Instance, exempt: t.Mapping[str, str]) -> Verdict:
    """Return the verdict on *instance*; *exempt* maps the IDs of exempt instances to the reason."""
    if instance.options is None:
        return Verdict(UNKNOWN, "The API did not return the metadata options.")
    if instance.options.http_endpoint == "disabled":
        return Verdict(ENDPOINT_DISABLED)
    if instance.options.http_tokens == "required":
        return Verdict(COMPLIANT)
    reason = exempt.get(instance.instance_id) or exemption(instance)
    return Verdict(EXEMPT, reason) if reason else Verdict(OPTIONAL)


def exemption(instance: Instance) -> t.Optional[str]:
    """Return why tokens cannot be required on *instance*, or None if they can."""
    if instance.is_windows:
        return WINDOWS
    return ACK % instance.ack_cluster if instance.ack_cluster is not None else None
