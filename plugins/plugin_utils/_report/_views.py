# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two views of a host's metadata mode, from the API and from the host itself. No I/O."""

from __future__ import annotations

import typing as t

OPTIONAL, REQUIRED, DISABLED, UNKNOWN = "optional", "required", "disabled", "unknown"

DISAGREE = "views_disagree"
_FROM_VERDICT = {"compliant": REQUIRED, "optional": OPTIONAL, "exempt": OPTIONAL, "endpoint_disabled": DISABLED}
_BEHAVIOR = {
    OPTIONAL: "accepts normal-mode requests",
    REQUIRED: "requires tokens",
    DISABLED: "is disabled",
}
_IMPACT = "One of the two views is wrong, so neither shows whether the host requires tokens."
_REMEDY = (
    "A change through the API takes effect after a moment: run the audit again. If the views still disagree, verify that the"
    " instance ID belongs to this host, set the options again with `alicloud.imds.metadata_options`, and check the host for a"
    " firewall rule, proxy or emulator that responds in place of the metadata service."
)
DISAGREE_KIND = {
    "id": DISAGREE,
    "severity": "block",
    "title": "The API and the host disagree",
    "impact": _IMPACT,
    "remedy": _REMEDY,
}

View = t.Optional[t.Mapping[str, t.Any]]


def control_mode(view: View) -> t.Optional[str]:
    """Return the mode that the API reports, None if it reports none."""
    if not view:
        return None
    if view.get("http_endpoint") == DISABLED:
        return DISABLED
    tokens: t.Optional[str] = view.get("http_tokens")
    return tokens or _FROM_VERDICT.get(view.get("verdict") or "")


def guest_mode(view: View) -> t.Optional[str]:
    """Return the mode that was observed on the host, None if none was."""
    verdict: t.Optional[str] = view["verdict"] if view else None
    return None if verdict == "unreachable" else verdict


def mode(control: t.Optional[str], guest: t.Optional[str]) -> str:
    """Combine both views. ``optional`` in one of them is enough; otherwise the host's own view takes precedence."""
    if OPTIONAL in (control, guest):
        return OPTIONAL
    return guest or control or UNKNOWN


def disagreement(control: t.Optional[str], guest: t.Optional[str]) -> t.Optional[t.Dict[str, t.Any]]:
    """Return the finding for views that disagree, None if they agree or one is missing."""
    if control is None or guest in (None, UNKNOWN) or control == guest:
        return None
    return {
        **DISAGREE_KIND,
        "severity": "block" if guest == OPTIONAL else "warn",
        "evidence": "According to the API the service %s; on the host it %s." % (_BEHAVIOR[control], _BEHAVIOR[guest]),
        "waived": None,
    }
