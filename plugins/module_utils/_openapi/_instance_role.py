# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the temporary credentials of the instance's RAM role from the metadata service, with a token."""

import typing as t

from .._imds import _client as token_client
from .._imds import _errors as metadata_errors
from .._imds import _role_keys
from . import _errors
from ._credentials import Credentials

_ALTERNATIVES = "Or set 'access_key_id' and 'access_key_secret', their environment variables, or a 'profile'"


def fetch(client: token_client.Client, name: t.Optional[str]) -> Credentials:
    """Return the credentials of the role *name*, or of the role that is bound to this instance if *name* is None.

    Raises:
        ApiError: The metadata service did not return valid credentials.
    """
    client.start_clock()
    try:
        return Credentials(*_role_keys.read(client, name))
    except metadata_errors.MetadataError as exc:
        text = "Cannot read the credentials of the RAM role of this instance: %s" % exc
        raise _errors.credentials(text, _ALTERNATIVES) from None
    except _role_keys.InvalidName as exc:
        raise _errors.credentials(exc.text, "Check 'ram_role'") from None
    except _role_keys.KeysError as exc:
        raise _errors.credentials(exc.text, exc.hint) from None


def parse_credentials(content: t.Mapping[str, t.Any], what: str) -> Credentials:
    """Return the credentials in the four fields that the metadata service and STS have in common.

    Raises:
        ApiError: A field is missing or invalid; *what* names the credentials in the message.
    """
    try:
        return Credentials(*_role_keys.parse(content, what))
    except _role_keys.KeysError as exc:
        raise _errors.credentials(exc.text, exc.hint) from None
