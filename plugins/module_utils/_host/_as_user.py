# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Call a function as another user of the host, and look up users and groups."""

import grp
import json
import os
import pwd
import re
import typing as t


class NoSuchUser(ValueError):
    """The host has no user or group of this name; the message names it."""


def as_user(name: str, function: t.Callable[[], t.Any]) -> t.Any:
    """Call *function* in a child process that runs as user *name*, with all groups of that user, and return its result.

    The result must be serializable as JSON. The child process drops root for good.

    Raises:
        NoSuchUser: The host has no such user.
        OSError: This process may not become that user, the function raised OSError, or the child process died.
    """
    user, groups = _account(name)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _child(writing, user, groups, function)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        answer = stream.read()
    os.waitpid(child, 0)
    result = json.loads(answer) if answer else {"error": [0, "the process of user %s ended without a result" % name]}
    if "error" in result:
        raise OSError(*result["error"])
    return result["answer"]


def _account(name: str) -> t.Tuple[pwd.struct_passwd, t.List[int]]:
    """Return the entry and the group IDs of user *name*, which may be a number without an entry; raise NoSuchUser."""
    uid = user_id(name)
    try:
        user = pwd.getpwnam(name) if _number(name) is None else pwd.getpwuid(uid)
    except KeyError:
        return pwd.struct_passwd((name, "x", uid, uid, "", "/", "")), [uid]
    return user, os.getgrouplist(user.pw_name, user.pw_gid)


def _child(
    writing: int, user: pwd.struct_passwd, groups: t.Sequence[int], function: t.Callable[[], t.Any]
) -> t.NoReturn:
    try:
        try:
            if os.geteuid() != user.pw_uid or os.geteuid() == 0:
                os.setgroups(groups)
                os.setgid(user.pw_gid)
                os.setuid(user.pw_uid)
            result: t.Dict[str, t.Any] = {"answer": function()}
        except OSError as exc:
            result = {"error": [exc.errno, "%s (as user %s)" % (exc.strerror, user.pw_name)]}
        os.write(writing, json.dumps(result).encode())
    finally:
        os._exit(0)  # skips the clean-up handlers and buffers inherited from the parent


def member_ids(group: str) -> t.Tuple[int, t.List[int]]:
    """Return the ID of *group* and the user IDs of the members that the group database lists; raise NoSuchUser.

    Users whose primary group it is are not listed there, but their processes run with the group's ID.
    """
    try:
        entry = grp.getgrnam(group)
    except KeyError:
        number = _number(group)
        if number is None:
            raise NoSuchUser("There is no group %r on this host." % group) from None
        try:
            entry = grp.getgrgid(number)
        except KeyError:
            return number, []
    return entry.gr_gid, [user_id(name) for name in entry.gr_mem]


def user_id(name: str) -> int:
    """Return the ID of user *name*, which may be a number; raise NoSuchUser.

    A number needs no entry in the user database: the users of containers often have none.
    """
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        number = _number(name)
        if number is None:
            raise NoSuchUser("There is no user %r on this host." % name) from None
        return number


def _number(name: str) -> t.Optional[int]:
    """Return *name* as a user or group ID, or None. The largest number of 32 bits is no ID: system calls ignore it."""
    return int(name) if re.match(r"[0-9]{1,10}\Z", name) and int(name) < 0xFFFFFFFF else None


def user_name(uid: int) -> str:
    """Return the name of a user ID, or the number as text if the host has no name for it."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
