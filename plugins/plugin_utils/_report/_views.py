# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Do the API and the host itself say the same of a host? No I/O; private to the collection."""

from __future__ import annotations

import typing as t

OPTIONAL, REQUIRED, DISABLED, UNKNOWN = "optional", "required", "disabled", "unknown"

DISAGREE = "views_disagree"
_FROM_VERDICT = {"compliant": REQUIRED, "optional": OPTIONAL, "exempt": OPTIONAL, "endpoint_disabled": DISABLED}
_SAYS = {
    OPTIONAL: "answers without a token",
    REQUIRED: "answers with a token only",
    DISABLED: "does not answer at all",
}
_REMEDY = (
    "A change through the API takes a moment: look again. If they still disagree, make sure that the instance ID belongs to"
    " this host, set the options once more with alicloud.imds.metadata_options, and look for a rule, proxy or emulator on"
    " the host that answers in place of the service."
)

View = t.Optional[t.Mapping[str, t.Any]]


def control_mode(view: View) -> t.Optional[str]:
    """What the API says, None if it does not."""
    if not view:
        return None
    if view.get("http_endpoint") == DISABLED:
        return DISABLED
    tokens: t.Optional[str] = view.get("http_tokens")
    return tokens or _FROM_VERDICT.get(view.get("verdict") or "")


def guest_mode(view: View) -> t.Optional[str]:
    """What was seen on the host, None if nothing was."""
    verdict: t.Optional[str] = view["verdict"] if view else None
    return None if verdict == "unreachable" else verdict


def mode(control: t.Optional[str], guest: t.Optional[str]) -> str:
    """Both in one word. One view that says ``optional`` is enough; otherwise what was seen on the host counts more."""
    if OPTIONAL in (control, guest):
        return OPTIONAL
    return guest or control or UNKNOWN


def disagreement(control: t.Optional[str], guest: t.Optional[str]) -> t.Optional[t.Dict[str, t.Any]]:
    """The finding that the two views make, None if they agree or one of them is missing."""
    if control is None or guest is None or control == guest:
        return None
    return {
        "id": DISAGREE,
        "severity": "block" if guest == OPTIONAL else "warn",
        "title": "The API and the host disagree",
        "evidence": "By the API the service %s; on the host it %s." % (_SAYS[control], _SAYS[guest]),
        "remedy": _REMEDY,
        "waived": None,
    }
