# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Does this host see of the metadata service what it should? Asked as root, as other users, and by cloud-init.

Private to the collection.
"""

from __future__ import annotations

import typing as t

from .._common._clock import SYSTEM_CLOCK, Clock
from .._imds._access_modes import Modes, probe
from .._imds._client import Client
from .._imds._errors import MetadataError
from .._imds._service import META_DATA
from . import _cloud_init
from ._as_user import as_user

_PAUSE = 0.5
_SAYS = {
    "optional": "Metadata is still given without a token",
    "required": "Metadata is given for tokens only",
    "disabled": "Metadata is given to nobody",
    "unreachable": "The metadata service does not answer",
}

MakeClient = t.Callable[[], Client]


class Desired(t.NamedTuple):
    """What should be seen: one of the verdicts *expect* (any, if empty), within *wait* seconds.

    *allowed* users must see the same as this one, *refused* ones must not reach the service at all, *users* are only asked.
    """

    expect: t.Sequence[str] = ()
    wait: float = 0.0
    users: t.Sequence[str] = ()
    allowed: t.Sequence[str] = ()
    refused: t.Sequence[str] = ()
    cloud_init: bool = False


class Proof(t.NamedTuple):
    """What was seen, by this user and by others (by name), and a sentence for each thing that is not as it should be."""

    modes: Modes
    users: t.Dict[str, t.Dict[str, t.Any]]
    cloud_init: t.Optional[_cloud_init.Answer]
    unmet: t.List[str]


def prove(make_client: MakeClient, desired: Desired, clock: Clock = SYSTEM_CLOCK) -> Proof:
    """Ask. Where the verdict is another than expected, nobody else is asked.

    Raise NoSuchUser for a user who is none, and OSError where this process may not become another one.
    """
    modes = _probe_until(make_client, desired, clock)
    if desired.expect and modes.verdict not in desired.expect:
        return Proof(modes, {}, None, [_unexpected_verdict(modes, desired)])
    names = dict.fromkeys([*desired.users, *desired.allowed, *desired.refused])
    users = {name: as_user(name, lambda: probe(make_client())._asdict()) for name in names}
    unmet = _wrongly_treated(modes.verdict, users, desired)
    cloud_init = _cloud_init.ask() if desired.cloud_init else None
    if desired.expect and cloud_init is not None and cloud_init["found"] is False:
        unmet.append(cloud_init["problem"])
    return Proof(modes, users, cloud_init, unmet)


def identity(client: Client) -> t.Optional[t.Dict[str, str]]:
    """Which instance this is, ``instance_id`` and ``region_id``; None where that cannot be read with a token."""
    try:
        found = {name.replace("-", "_"): client.get(META_DATA + name) for name in ("instance-id", "region-id")}
    except MetadataError:
        return None
    return {name: value.decode("ascii", "replace").strip() for name, value in found.items()}


def _probe_until(make_client: MakeClient, desired: Desired, clock: Clock) -> Modes:
    """A change of the metadata options takes a while to arrive, how long is not documented."""
    ends_at = clock.now() + desired.wait
    while True:
        modes = probe(make_client())
        if not desired.expect or modes.verdict in desired.expect or clock.now() + _PAUSE > ends_at:
            return modes
        clock.sleep(_PAUSE)


def _unexpected_verdict(modes: Modes, desired: Desired) -> str:
    after = " after %g s" % desired.wait if desired.wait else ""
    text = "%s%s, where '%s' was expected." % (_SAYS[modes.verdict], after, "' or '".join(desired.expect))
    return " ".join([text, *modes.problems])


def _wrongly_treated(verdict: str, users: t.Mapping[str, t.Mapping[str, t.Any]], desired: Desired) -> t.List[str]:
    """A sentence for each user who cannot reach the service although allowed, or can although refused."""
    sentences = []
    for name, wanted in [(name, verdict) for name in desired.allowed] + [
        (name, "unreachable") for name in desired.refused
    ]:
        seen = users[name]
        if seen["verdict"] != wanted:
            text = "For user %s the metadata service should be %s, but it is %s." % (name, wanted, seen["verdict"])
            sentences.append(" ".join([text, *seen["problems"]]))
    return sentences
