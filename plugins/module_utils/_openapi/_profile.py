# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read credentials from the profiles of the aliyun CLI.

The file is JSON: ``{"current": "default", "profiles": [{"name": "default", "mode": "AK", ...}]}``.
"""

import errno
import json
import os
import stat
import typing as t

from . import _errors
from ._assume_role import Role
from ._credentials import Credentials

DEFAULT_FILE = "~/.aliyun/config.json"
MODES = ("AK", "StsToken", "RamRoleArn", "EcsRamRole")


class Profile:
    """A profile of the file at *path*. ``label`` names both in messages."""

    def __init__(self, fields: t.Mapping[str, t.Any], name: str, path: str) -> None:
        self._fields = fields
        self.label = "the profile '%s' of %s" % (name, path)
        self.mode = self.text("mode") or ""
        if self.mode not in MODES:
            shown = (
                "the mode '%s' is not supported" % self.mode
                if self.mode.isalnum()
                else "the mode is missing or invalid"
            )
            raise self.error("%s; supported modes are %s" % (shown, ", ".join(MODES)))

    def error(self, what: str, hint: str = "") -> _errors.ApiError:
        """Return an error about this profile."""
        return _errors.credentials("In %s: %s" % (self.label, what), hint)

    def text(self, field: str) -> t.Optional[str]:
        """Return the value of a field, or None if it is missing or empty."""
        value = self._fields.get(field)
        if value is not None and not isinstance(value, str):
            raise _errors.credentials("In %s: %s is not a string" % (self.label, field))
        return value or None

    def is_blank(self) -> bool:
        """Return whether the profile has no keys; the aliyun CLI creates such profiles."""
        return self.mode == "AK" and not self.text("access_key_id") and not self.text("access_key_secret")

    def keys(self) -> Credentials:
        """Return the keys in the profile; for the mode RamRoleArn, they are those that assume the role."""
        needed = ["access_key_id", "access_key_secret"] + (["sts_token"] if self.mode == "StsToken" else [])
        missing = [field for field in needed if not self.text(field)]
        if missing:
            raise self.error("%s is missing" % " and ".join(missing), "Run 'aliyun configure' again")
        token = self.text("sts_token") if self.mode != "AK" else None
        return Credentials(self.text("access_key_id") or "", self.text("access_key_secret") or "", token)

    def role(self) -> Role:
        """Return the role of a profile of the mode RamRoleArn."""
        arn = self.text("ram_role_arn")
        if not arn:
            raise self.error("ram_role_arn is missing", "Run 'aliyun configure --mode RamRoleArn' again")
        seconds = self._fields.get("expired_seconds") or Role._field_defaults["seconds"]
        if not isinstance(seconds, int):
            raise self.error("expired_seconds is not an integer")
        session_name = self.text("ram_session_name") or Role._field_defaults["session_name"]
        return Role(arn, session_name, seconds, self.text("policy"), self.text("external_id"), self.text("sts_region"))


def load(path: str, name: t.Optional[str]) -> t.Tuple[t.Optional[Profile], t.List[str]]:
    """Return the profile *name* of the file at *path*, or its current profile, and warnings.

    Without *name*, the profile is None if the file does not exist, has no current profile, or that profile has no keys.

    Raises:
        ApiError: The file or the profile is missing or invalid.
    """
    if name is None and not os.path.exists(path):
        return None, []
    content, warnings = _read(path, name)
    chosen = name or content.get("current")
    if chosen is not None and not isinstance(chosen, str):
        raise _errors.credentials("In %s: 'current' is not the name of a profile" % path)
    profiles = content.get("profiles")
    if not isinstance(profiles, list) or not all(isinstance(fields, dict) for fields in profiles):
        raise _errors.credentials("%s has no list of profiles; cannot look up '%s'" % (path, chosen or "current"))
    if not chosen:
        return None, warnings
    fields = next((fields for fields in profiles if fields.get("name") == chosen), None)
    if fields is None:
        raise _errors.credentials(
            "Cannot find the profile '%s' in %s" % (chosen, path), "List the profiles with 'aliyun configure list'"
        )
    profile = Profile(fields, chosen, path)
    return (None if name is None and profile.is_blank() else profile), warnings


def _read(path: str, name: t.Optional[str]) -> t.Tuple[t.Dict[str, t.Any], t.List[str]]:
    wanted = " (to look up the profile '%s')" % name if name else ""
    try:
        with open(path, "rb") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            content = json.loads(opened.read().decode("utf-8-sig"))
    except OSError as exc:
        hint = "Check its owner and mode"
        if exc.errno == errno.ENOENT:
            hint = "Create it with 'aliyun configure', or remove the name of the profile"
        raise _errors.credentials("Cannot read %s%s: %s" % (path, wanted, exc.strerror), hint) from None
    except ValueError:
        # The text of the exception contains a part of the file.
        raise _errors.credentials("%s is not valid JSON%s" % (path, wanted)) from None
    if not isinstance(content, dict):
        raise _errors.credentials("%s is not a JSON object%s" % (path, wanted))
    warnings = []
    if mode & 0o077:
        warnings.append(
            "%s contains credentials, but other users can read or change it (mode %04o); run chmod 600 on it"
            % (path, mode)
        )
    return content, warnings
