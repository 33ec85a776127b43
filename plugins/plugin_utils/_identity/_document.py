# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parse the content of a verified identity document. Pure functions."""

from __future__ import annotations

import json
import typing as t

AUDIENCE = "audience"
INSTANCE_ID = "instance-id"


class IdentityError(ValueError):
    """The document does not identify an instance; the message has the reason."""


def parse(content: str, audience: str) -> t.Dict[str, str]:
    """Return the members of a document whose signature was verified, without the audience.

    Members that occur twice are refused: the service appends the audience, which the host chooses, to the document. If the service did
    not escape it, the host could add a second ``instance-id``.

    Raises:
        IdentityError: The content is no identity document, or is for another audience.
    """
    try:
        members = json.loads(content, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as exc:
        detail = str(exc) if isinstance(exc, IdentityError) else "it is not valid JSON"
        raise IdentityError("The signed content is not an identity document: %s." % detail) from None
    if not isinstance(members, dict) or not all(isinstance(value, str) for value in members.values()):
        raise IdentityError("The signed content is not an identity document: it is not an object with text values.")
    if AUDIENCE not in members:
        raise IdentityError("The document was not requested for an audience, so it may have been recorded earlier.")
    if members.pop(AUDIENCE) != audience:
        raise IdentityError("The document was requested for another audience: by another run, or for another host.")
    if not members.get(INSTANCE_ID):
        raise IdentityError("The signed content is not an identity document: it has no instance-id.")
    return members


def _unique(pairs: t.Sequence[t.Tuple[str, t.Any]]) -> t.Dict[str, t.Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise IdentityError("a member occurs twice")
    return members
