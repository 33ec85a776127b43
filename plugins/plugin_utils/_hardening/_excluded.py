# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find out whether the role does nothing on a host, because it cannot or must not require tokens there. Pure functions.

Such a host is no failure. The run goes on, and nothing is installed on it.
"""

from __future__ import annotations

import typing as t

Step = t.Mapping[str, t.Any]

EXEMPT, DISABLED, NOT_ECS, UNSUPPORTED = "exempt", "disabled", "not_ecs", "unsupported"
EXCLUDED = (EXEMPT, DISABLED, NOT_ECS, UNSUPPORTED)
_WINDOWS = "Ansible reaches this host as a Windows host. Windows does not support security hardening mode."
_DISABLED = (
    "The metadata service is disabled on this host, so there is nothing to require tokens for. Set hardening_instance_id and"
    " hardening_region_id to require them in case it is enabled again."
)
_NOT_ECS = "By its firmware, this host is not an ECS instance, and it has no metadata service: %s"
_ALLOW = "%s To require tokens anyway, set hardening_allow_ack_nodes=true."


def excluded(run: Step, row: Step) -> t.Optional[t.Dict[str, str]]:
    """Return the outcome (``result``) and the ``reason`` for which nothing is done on a host, or None.

    *row* is the result of the API check for its instance.
    """
    found = _excluded(bool(run.get("windows")), *(_step(run, name) for name in ("settings", "probe")), row)
    return dict(zip(("result", "reason"), found)) if found else None


def _step(run: Step, name: str) -> Step:
    result = run.get(name)
    return result if isinstance(result, t.Mapping) else {}


def _excluded(windows: bool, chosen: Step, probe: Step, row: Step) -> t.Optional[t.Tuple[str, str]]:
    verdict, stated = probe.get("verdict"), chosen.get("instance_id")
    if windows:
        return UNSUPPORTED, _WINDOWS
    if verdict == "unreachable" and probe.get("is_ecs") is False and not stated:
        return NOT_ECS, _NOT_ECS % (" ".join(probe.get("problems") or ()) or "it is unreachable.")
    if verdict == "disabled" and chosen.get("enforce") and chosen.get("access") == "required" and not stated:
        return DISABLED, _DISABLED
    exemption = row.get("exemption")
    if not exemption:
        return None
    return (UNSUPPORTED, exemption) if row.get("os_type") == "windows" else (EXEMPT, _ALLOW % exemption)
