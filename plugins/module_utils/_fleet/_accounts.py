# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options ``assume_role`` and ``own_account``: the accounts of a task or an inventory. No I/O.

An account is identified by the ARN of the role that is assumed, or by None for the account of the credentials.
"""

import difflib
import re
import typing as t

from .._openapi._assume_role import Role

_ROLE = ("duration_seconds", "external_id", "role_arn", "session_name")
_ARN = re.compile(r"acs:ram::([0-9]+):role/[0-9A-Za-z._-]+\Z")
OWN_ACCOUNT = "the account of the credentials"


class Place(t.NamedTuple):
    """A region of an account. The region None stands for the account as a whole."""

    role_arn: t.Optional[str]
    region_id: t.Optional[str]

    def __str__(self) -> str:
        if self.role_arn is None:
            return self.region_id or OWN_ACCOUNT
        return self.role_arn if self.region_id is None else "%s, %s" % (self.role_arn, self.region_id)


def is_role_arn(text: t.Any) -> bool:
    """Return whether *text* has the form of the ARN of a RAM role."""
    return isinstance(text, str) and bool(_ARN.match(text))


def account_id(role_arn: t.Optional[str]) -> t.Optional[str]:
    """Return the ID of the account in the ARN of a role, or None."""
    match = _ARN.match(role_arn or "")
    return match.group(1) if match else None


def role_for(recorded: t.Optional[str], known: t.Iterable[t.Optional[str]]) -> t.Optional[str]:
    """Return the role to use for an item that was *recorded* with a role: the same one, or another one of its account.

    Raises:
        ValueError: *known* has no role of the account.
    """
    arns = list(known)
    if recorded in arns:
        return recorded
    others = [it for it in arns if it is not None and account_id(it) == account_id(recorded)]
    if others:
        return others[0]
    if recorded is None:
        raise ValueError("It is in %s. Set 'own_account: true'." % OWN_ACCOUNT)
    raise ValueError("It was recorded with the role %s. Add this role to 'assume_role'." % recorded)


def roles(value: t.Any, own_account: t.Optional[bool]) -> t.List[t.Optional[Role]]:
    """Return the roles to assume, where None stands for the account of the credentials; raise ValueError for an invalid option."""
    given: t.List[t.Optional[Role]] = [_role(item) for item in value or []]
    arns = [role.arn for role in given if role is not None]
    repeated = sorted({arn for arn in arns if arns.count(arn) > 1})
    if repeated:
        raise ValueError("'assume_role' has the role %s twice." % repeated[0])
    if own_account or (own_account is None and not given):
        return [None, *given]
    if not given:
        raise ValueError("'own_account: false' needs 'assume_role'.")
    return given


def _role(item: t.Any) -> Role:
    fields = {"role_arn": item} if isinstance(item, str) else dictionary(item, "assume_role")
    check_keys(_ROLE, fields, "'assume_role'")
    arn = text(fields.get("role_arn"), "assume_role.role_arn")
    if arn is None or not is_role_arn(arn):
        raise ValueError(
            "'assume_role.role_arn' must be the ARN of a role, such as acs:ram::1234567890123456:role/audit."
        )
    seconds = fields.get("duration_seconds", 3600)
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 900 <= seconds <= 43200:
        raise ValueError("'assume_role.duration_seconds' must be 900 to 43200.")
    return Role(
        arn=arn,
        session_name=text(fields.get("session_name"), "assume_role.session_name") or Role(arn).session_name,
        seconds=seconds,
        external_id=text(fields.get("external_id"), "assume_role.external_id"),
    )


def check_keys(known: t.Sequence[str], given: t.Iterable[t.Any], what: str) -> None:
    """Raise ValueError for a key that is not known. *what* has the keys."""
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            hint = "Did you mean '%s'?" % near[0] if near else "The options are %s." % ", ".join(known)
            raise ValueError("%s has no option '%s'. %s" % (what, key, hint))


def dictionary(value: t.Any, option: str) -> t.Dict[str, t.Any]:
    """Return a dictionary, empty for None; raise ValueError naming *option* for other types."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError("'%s' must be a dictionary." % option)
    return value


def text(value: t.Any, option: str) -> t.Optional[str]:
    """Return text, None if it is empty; raise ValueError naming *option* for other types."""
    if value is not None and not isinstance(value, str):
        raise ValueError("'%s' must be text." % option)
    return str(value) if value else None
