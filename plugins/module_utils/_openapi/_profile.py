# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials from the profiles of the aliyun command line tool. This module util is private to the collection.

The file is JSON: ``{"current": "default", "profiles": [{"name": "default", "mode": "AK", ...}]}``.
"""

from __future__ import annotations

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
    """One profile of the file at *path*. ``label`` names both, for people."""

    def __init__(self, fields: t.Mapping[str, t.Any], name: str, path: str) -> None:
        self._fields = fields
        self.label = "the profile '%s' of %s" % (name, path)
        self.mode = self.text("mode") or ""
        if self.mode not in MODES:
            shown = "its mode is '%s'" % self.mode if self.mode.isalnum() else "it has no usable mode"
            raise self.wrong("%s, but only %s are supported" % (shown, ", ".join(MODES)))

    def wrong(self, what: str, hint: str = "") -> _errors.ApiError:
        """An error about this profile."""
        return _errors.credentials("In %s: %s" % (self.label, what), hint)

    def text(self, field: str) -> t.Optional[str]:
        """A field's value; None where it is absent or empty."""
        value = self._fields.get(field)
        if value is not None and not isinstance(value, str):
            raise _errors.credentials("In %s: %s is not a text" % (self.label, field))
        return value or None

    def blank(self) -> bool:
        """Has nobody filled it in? The command line tool makes such profiles."""
        return self.mode == "AK" and not self.text("access_key_id") and not self.text("access_key_secret")

    def keys(self) -> Credentials:
        """The keys in the profile itself; for RamRoleArn those that assume the role."""
        needed = ["access_key_id", "access_key_secret"] + (["sts_token"] if self.mode == "StsToken" else [])
        missing = [field for field in needed if not self.text(field)]
        if missing:
            raise self.wrong("%s is missing" % " and ".join(missing), "Run 'aliyun configure' again")
        token = self.text("sts_token") if self.mode != "AK" else None
        return Credentials(self.text("access_key_id") or "", self.text("access_key_secret") or "", token)

    def role(self) -> Role:
        """The role of a RamRoleArn profile."""
        arn = self.text("ram_role_arn")
        if not arn:
            raise self.wrong("ram_role_arn is missing", "Run 'aliyun configure --mode RamRoleArn' again")
        seconds = self._fields.get("expired_seconds") or Role._field_defaults["seconds"]
        if not isinstance(seconds, int):
            raise self.wrong("expired_seconds is not a number")
        session_name = self.text("ram_session_name") or Role._field_defaults["session_name"]
        return Role(arn, session_name, seconds, self.text("policy"), self.text("external_id"), self.text("sts_region"))


def load(path: str, name: t.Optional[str]) -> t.Tuple[t.Optional[Profile], t.List[str]]:
    """The profile *name*, or the current one, of the file at *path*; and warnings.

    Without *name*: None where the file does not exist, names no current profile, or nobody filled that one in.
    Raise ApiError.
    """
    if name is None and not os.path.exists(path):
        return None, []
    content, warnings = _read(path, name)
    chosen = name or content.get("current")
    if chosen is not None and not isinstance(chosen, str):
        raise _errors.credentials("In %s 'current' is not the name of a profile" % path)
    profiles = content.get("profiles")
    if not isinstance(profiles, list) or not all(isinstance(fields, dict) for fields in profiles):
        raise _errors.credentials("%s has no list of profiles; looked for '%s'" % (path, chosen or "current"))
    if not chosen:
        return None, warnings
    fields = next((fields for fields in profiles if fields.get("name") == chosen), None)
    if fields is None:
        raise _errors.credentials("There is no profile '%s' in %s" % (chosen, path), "See 'aliyun configure list'")
    profile = Profile(fields, chosen, path)
    return (None if name is None and profile.blank() else profile), warnings


def _read(path: str, name: t.Optional[str]) -> t.Tuple[t.Dict[str, t.Any], t.List[str]]:
    wanted = " (looked for the profile '%s')" % name if name else ""
    try:
        with open(path, "rb") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            content = json.loads(opened.read().decode("utf-8-sig"))
    except OSError as exc:
        raise _errors.credentials("Cannot read %s%s: %s" % (path, wanted, exc.strerror)) from None
    except ValueError:
        # its text would hold a piece of the file
        raise _errors.credentials("%s is not valid JSON%s" % (path, wanted)) from None
    if not isinstance(content, dict):
        raise _errors.credentials("%s is no JSON object%s" % (path, wanted))
    warnings = []
    if mode & 0o077:
        warnings.append(
            "%s holds credentials, and others than its owner may read or change it (mode %04o): chmod 600"
            % (path, mode)
        )
    return content, warnings
