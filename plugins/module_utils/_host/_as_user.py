# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask something as another user of this host, in a process of its own. This module util is private to the collection."""

from __future__ import annotations

import grp
import json
import os
import pwd
import typing as t


class NoSuchUser(ValueError):
    """There is no user of this name; the message names it."""


def as_user(name: str, question: t.Callable[[], t.Any]) -> t.Any:
    """What *question* returns (anything JSON can hold) where it is asked by user *name*, with all groups of that user.

    The process that asks has no way back. Raise NoSuchUser, or OSError where this process may not become that user.
    """
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        raise NoSuchUser("There is no user %r on this host." % name) from None
    groups = os.getgrouplist(user.pw_name, user.pw_gid)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _child(writing, user, groups, question)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        answer = stream.read()
    os.waitpid(child, 0)
    result = json.loads(answer) if answer else {"error": [0, "the process of user %s ended without an answer" % name]}
    if "error" in result:
        raise OSError(*result["error"])
    return result["answer"]


def _child(
    writing: int, user: pwd.struct_passwd, groups: t.Sequence[int], question: t.Callable[[], t.Any]
) -> t.NoReturn:
    try:
        try:
            if os.geteuid() != user.pw_uid or os.geteuid() == 0:
                os.setgroups(groups)
                os.setgid(user.pw_gid)
                os.setuid(user.pw_uid)
            result: t.Dict[str, t.Any] = {"answer": question()}
        except OSError as exc:
            result = {"error": [exc.errno, "%s (as user %s)" % (exc.strerror, user.pw_name)]}
        os.write(writing, json.dumps(result).encode())
    finally:
        os._exit(0)  # nothing that belongs to the parent is flushed, closed or cleaned up here


def member_ids(group: str) -> t.Tuple[int, t.List[int]]:
    """The ID of *group*, and the user IDs of its members; raise NoSuchUser where there is no such group.

    Only those listed in the group: whose primary group it is runs with its ID anyway.
    """
    try:
        entry = grp.getgrnam(group)
    except KeyError:
        raise NoSuchUser("There is no group %r on this host." % group) from None
    return entry.gr_gid, [user_id(name) for name in entry.gr_mem]


def user_id(name: str) -> int:
    """The ID of user *name*; raise NoSuchUser."""
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise NoSuchUser("There is no user %r on this host." % name) from None


def user_name(uid: int) -> str:
    """The name of a user ID; the number as text where it has none on this host."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
