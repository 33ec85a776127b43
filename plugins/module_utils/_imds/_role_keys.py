# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the temporary keys of the instance's RAM role with a token, and name the environment variables for them."""

import json
import re
import typing as t

from .._common._text import one_line
from .._common._utc import parse_utc
from ._client import Client
from ._service import ROLES_PATH

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")


class RoleKeys(t.NamedTuple):
    """Temporary keys; ``expires_at`` is in Unix time."""

    access_key_id: str
    access_key_secret: str
    security_token: str
    expires_at: float

    def environment(self) -> t.Dict[str, str]:
        """Return the environment variables from which the vendor's SDKs and the aliyun CLI take keys, and those of older tools.

        Pass them to execve. On a command line, all users of the host can read them.
        """
        return {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": self.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": self.access_key_secret,
            "ALIBABA_CLOUD_SECURITY_TOKEN": self.security_token,
            "ALICLOUD_ACCESS_KEY": self.access_key_id,
            "ALICLOUD_SECRET_KEY": self.access_key_secret,
            "ALICLOUD_SECURITY_TOKEN": self.security_token,
        }

    def __repr__(self) -> str:
        return "RoleKeys(%s...)" % self.access_key_id[:4]


class KeysError(Exception):
    """There are no valid keys: ``text`` has no value of a reply except the role's name and code; ``hint`` is the next step."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(". ".join([part for part in (text, hint) if part]) + ".")
        self.text = text
        self.hint = hint


class InvalidName(KeysError):
    """The name of a role contains characters that would change the request."""


def read(client: Client, name: t.Optional[str] = None) -> RoleKeys:
    """Return the keys of the role *name*, or of the role that is bound to this instance.

    Raises:
        KeysError: The service did not return valid keys.
        MetadataError: As for `Client.get`; it is NotFound if no role is bound to the instance.
    """
    role = name or client.get(ROLES_PATH).decode("utf-8", "replace").strip()
    if not _NAME.match(role) or role in (".", ".."):
        raise InvalidName("'%s' is an invalid role name" % one_line(role, 64))
    return _parsed(client.get(ROLES_PATH + role), role)


def _parsed(document: bytes, role: str) -> RoleKeys:
    try:
        content = json.loads(document.decode("utf-8"))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise KeysError("The metadata service returned no JSON object for the RAM role '%s'" % role)
    if content.get("Code") != "Success":
        hint = "Check that the role exists and that its trust policy permits the service ecs.aliyuncs.com"
        code = "".join([char for char in str(content.get("Code")) if char.isalnum() or char in "._-"])[:64]
        raise KeysError("The metadata service returned no credentials for the RAM role '%s': %s" % (role, code), hint)
    return parse(content, "the credentials of the RAM role '%s'" % role)


def parse(content: t.Mapping[str, t.Any], what: str) -> RoleKeys:
    """Return the keys in the four fields that the metadata service and STS have in common.

    Raises:
        KeysError: A field is missing or invalid; *what* names the keys in the message.
    """
    fields = [content.get(name) for name in ("AccessKeyId", "AccessKeySecret", "SecurityToken", "Expiration")]
    if not all(isinstance(value, str) and value for value in fields):
        raise KeysError("Cannot use %s: a field is missing" % what)
    if not all("!" <= char <= "~" for value in fields[:3] for char in str(value)):
        raise KeysError("Cannot use %s: they contain invalid characters" % what)
    try:
        expires_at = parse_expiration(str(fields[3]))
    except ValueError:
        raise KeysError("Cannot use %s: they have an invalid expiration time" % what) from None
    return RoleKeys(str(fields[0]), str(fields[1]), str(fields[2]), expires_at)


def parse_expiration(text: str) -> float:
    """Return the UTC time *text*, such as ``2026-01-01T00:00:00Z``, as Unix time; raise ValueError if it is invalid."""
    if not text.endswith("Z"):
        raise ValueError("not a time in UTC: %.40r" % text)
    return parse_utc(text)
