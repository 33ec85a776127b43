# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verify from inside a host how the metadata service answers this user, other users and cloud-init."""

import typing as t
from urllib.parse import quote

from .._common._clock import SYSTEM_CLOCK, Clock
from .._common._probe_log import record
from .._imds._access_modes import Modes, probe
from .._imds._client import Client
from .._imds._errors import MetadataError
from .._imds._service import META_DATA, SIGNED_IDENTITY
from . import _cloud_init
from ._as_user import NoResult, as_user, user_id

_PAUSE = 0.5
# In addition to the deadline of the client: time for a busy host to start and end the process.
_GRACE = 30.0
UNKNOWN = "unknown"
_VERDICT_TEXTS = {
    "optional": "The metadata service still answers normal-mode requests",
    "required": "The metadata service requires tokens",
    "disabled": "The metadata service refuses all requests",
    "unreachable": "The metadata service does not answer",
    "unknown": "The answers of the metadata service do not show which access modes it offers",
}
# The verdicts that follow from metadata options
_OPTIONS = ("optional", "required", "disabled")
_PLAYBOOKS = (("required", "harden"), ("optional", "undo"))
_CHANGE = (
    "If the metadata options were just changed, raise 'wait'. Otherwise change them with the playbook alicloud.imds.%s or the module"
    " alicloud.imds.metadata_options."
)

MakeClient = t.Callable[[], Client]


class Desired(t.NamedTuple):
    """The conditions to verify.

    The verdict must be one of *expect* (any, if empty) within *wait* seconds. *allowed* users must get the same verdict as this
    user at each address of the service, *refused* users must reach none of them. *users* are probed without a condition, except
    that the probe ends.
    """

    expect: t.Sequence[str] = ()
    wait: float = 0.0
    users: t.Sequence[str] = ()
    allowed: t.Sequence[str] = ()
    refused: t.Sequence[str] = ()
    cloud_init: bool = False


class Verification(t.NamedTuple):
    """The results for this user, for other users by name, and for cloud-init, and a sentence for each unmet condition."""

    modes: Modes
    users: t.Dict[str, t.Dict[str, t.Any]]
    cloud_init: t.Optional[_cloud_init.Result]
    unmet: t.List[str]


def verify(make_client: MakeClient, desired: Desired, clock: Clock = SYSTEM_CLOCK) -> Verification:
    """Probe the service and compare the results with *desired*.

    If this user's verdict is unexpected, other users and cloud-init are not checked.

    Raises:
        NoSuchUser: The host has no user of a given name.
        OSError: This process may not become another user.
    """
    names = dict.fromkeys([*desired.users, *desired.allowed, *desired.refused])
    for name in names:
        user_id(name)  # an unknown user is an error also if the verdict is unexpected
    modes = _probe_until(make_client, desired, clock)
    if desired.expect and modes.verdict not in desired.expect:
        return Verification(modes, {}, None, [_unexpected_verdict(modes, desired)])
    users = {name: _probe_as(name, make_client) for name in names}
    unmet = _unexpected_for_users(modes, users, desired)
    cloud_init = _cloud_init.find_data_source() if desired.cloud_init else None
    if desired.expect and cloud_init is not None and cloud_init["enabled"] and not cloud_init["found"]:
        unmet.append(cloud_init["problem"])
    return Verification(modes, users, cloud_init, unmet)


def _probe_as(name: str, make_client: MakeClient) -> t.Dict[str, t.Any]:
    """Return the result of a probe as user *name*, with the verdict "unknown" if the user's process returned none.

    Each request that the process may send is recorded first, because that user cannot write the records of the callers watch.
    """
    settings = make_client().settings
    for _attempt in range((settings.retries + 1) * len(settings.endpoints)):
        record(user_id(name))
    seconds = settings.deadline + _GRACE
    try:
        modes: t.Dict[str, t.Any] = as_user(name, lambda: probe(make_client())._asdict(), seconds)
    except NoResult as exc:
        return Modes(UNKNOWN, {}, ["%s." % exc])._asdict()
    return modes


def absent(problem: str, desired: Desired) -> Verification:
    """Return the verification on a host that has no metadata service, because of *problem*: it is unreachable for all users."""
    modes = Modes("unreachable", {}, [problem])
    if desired.expect and modes.verdict not in desired.expect:
        return Verification(modes, {}, None, [_unexpected_verdict(modes, desired)])
    users = {name: modes._asdict() for name in [*desired.users, *desired.allowed, *desired.refused]}
    return Verification(modes, users, None, [])


def identity(client: Client) -> t.Optional[t.Dict[str, str]]:
    """Return ``instance_id`` and ``region_id`` of this instance, or None if they cannot be read with a token."""
    try:
        found = {name.replace("-", "_"): client.get(META_DATA + name) for name in ("instance-id", "region-id")}
    except MetadataError:
        return None
    return {name: value.decode("ascii", "replace").strip() for name, value in found.items()}


def signed_identity(client: Client, audience: str) -> t.Optional[str]:
    """Return the identity document signed for *audience* (PKCS#7 in Base64), or None if the service does not return one."""
    try:
        body = client.get("%s?audience=%s" % (SIGNED_IDENTITY, quote(audience, safe="")))
    except MetadataError:
        return None
    return body.decode("ascii", "replace")


def _probe_until(make_client: MakeClient, desired: Desired, clock: Clock) -> Modes:
    """Probe until the verdict is as expected or the wait is over, and return the last result.

    A change of the metadata options takes effect on the instance after an undocumented delay.
    """
    ends_at = clock.now() + desired.wait
    while True:
        modes = probe(make_client())
        if not desired.expect or modes.verdict in desired.expect or clock.now() + _PAUSE > ends_at:
            return modes
        clock.sleep(_PAUSE)


def _unexpected_verdict(modes: Modes, desired: Desired) -> str:
    at = [url for url, found in modes.endpoints.items() if found["verdict"] == modes.verdict]
    where = " at " + " and ".join(at) if len(at) < len(modes.endpoints) else ""
    after = " after %g s" % desired.wait if desired.wait else ""
    text = "%s%s%s; expected: %s." % (_VERDICT_TEXTS[modes.verdict], where, after, " or ".join(desired.expect))
    return " ".join([text, *modes.problems, *_next_step(modes.verdict, desired.expect)])


def _next_step(verdict: str, expect: t.Sequence[str]) -> t.Iterator[str]:
    """Yield what to do about an unexpected verdict if the metadata options of the instance decide it."""
    playbooks = [name for wanted, name in _PLAYBOOKS if wanted in expect]
    if verdict in _OPTIONS and playbooks:
        yield _CHANGE % playbooks[0]


def _unexpected_for_users(modes: Modes, users: t.Mapping[str, t.Mapping[str, t.Any]], desired: Desired) -> t.List[str]:
    """Return a sentence for each user for whom the result is unknown.

    For the others, return one for each address with another verdict for an allowed user, or that a refused user reaches.
    """
    sentences = [
        " ".join(["For user %s the metadata service could not be verified:" % name, *seen["problems"]])
        for name, seen in users.items()
        if seen["verdict"] == UNKNOWN
    ]
    same = {url: found["verdict"] for url, found in modes.endpoints.items()}
    wanted_by_user = [(name, same) for name in desired.allowed]
    wanted_by_user += [(name, dict.fromkeys(same, "unreachable")) for name in desired.refused]
    for name, wanted in wanted_by_user:
        for url, seen in users[name]["endpoints"].items() if users[name]["verdict"] != UNKNOWN else ():
            if seen["verdict"] != wanted[url]:
                text = "For user %s the metadata service at %s is %s; expected: %s."
                sentences.append(" ".join([text % (name, url, seen["verdict"], wanted[url]), *seen["problems"]]))
    return sentences
