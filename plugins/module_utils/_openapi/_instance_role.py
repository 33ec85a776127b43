# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the temporary credentials of the instance's RAM role from the metadata service, with a token."""

import json
import re
import typing as t

from .._common._text import one_line
from .._imds import _client as token_client
from .._imds import _errors as metadata_errors
from .._imds._service import ROLES_PATH
from . import _errors
from ._credentials import Credentials, parse_expiration

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_ALTERNATIVES = "Or set 'access_key_id' and 'access_key_secret', their environment variables, or a 'profile'"


def fetch(client: token_client.Client, name: t.Optional[str]) -> Credentials:
    """Return the credentials of the role *name*, or of the role that is bound to this instance if *name* is None.

    Raises:
        ApiError: The metadata service did not return valid credentials.
    """
    client.start_clock()
    try:
        role = _checked(name or client.get(ROLES_PATH).decode("utf-8", "replace").strip())
        document = client.get(ROLES_PATH + role)
    except metadata_errors.MetadataError as exc:
        text = "Cannot read the credentials of the RAM role of this instance: %s" % exc
        raise _errors.credentials(text, _ALTERNATIVES) from None
    return _parsed(document, role)


def _checked(name: str) -> str:
    if not _NAME.match(name) or name in (".", ".."):
        raise _errors.credentials("'%s' is an invalid role name" % one_line(name, 64), "Check 'ram_role'")
    return name


def _parsed(document: bytes, role: str) -> Credentials:
    try:
        content = json.loads(document)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise _errors.credentials("The metadata service returned no JSON object for the RAM role '%s'" % role)
    if content.get("Code") != "Success":
        hint = "Check that the role exists and that its trust policy permits the service ecs.aliyuncs.com"
        code = "".join([char for char in str(content.get("Code")) if char.isalnum() or char in "._-"])[:64]
        raise _errors.credentials(
            "The metadata service returned no credentials for the RAM role '%s': %s" % (role, code), hint
        )
    return parse_credentials(content, "the credentials of the RAM role '%s'" % role)


def parse_credentials(content: t.Mapping[str, t.Any], what: str) -> Credentials:
    """Return the credentials in the four fields that the metadata service and STS have in common.

    Raises:
        ApiError: A field is missing or invalid; *what* names the credentials in the message.
    """
    fields = [content.get(name) for name in ("AccessKeyId", "AccessKeySecret", "SecurityToken", "Expiration")]
    if not all(isinstance(value, str) and value for value in fields):
        raise _errors.credentials("Cannot use %s: a field is missing" % what)
    try:
        expires_at = parse_expiration(str(fields[3]))
    except ValueError:
        raise _errors.credentials("Cannot use %s: they have an invalid expiration time" % what) from None
    credentials = Credentials(str(fields[0]), str(fields[1]), str(fields[2]), expires_at)
    if credentials.invalid_field():
        raise _errors.credentials("Cannot use %s: they contain invalid characters" % what)
    return credentials
