# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Call a function as another user of the host, and look up users and groups."""

import grp
import json
import os
import pwd
import re
import select
import signal
import time
import typing as t

_SECONDS = 60.0
_LARGEST_RESULT = 1 << 20
# After SIGKILL only a process in an uninterruptible system call stays; it is not waited for.
_REAP_SECONDS = 5.0


class NoSuchUser(ValueError):
    """The host has no user or group of this name; the message names it."""


class NoResult(OSError):
    """The process of the other user ended, failed or was killed without a result, so nothing is known about that user."""

    def __init__(self, message: str) -> None:
        super().__init__(0, message)

    def __str__(self) -> str:
        return str(self.strerror)


def as_user(name: str, function: t.Callable[[], t.Any], seconds: float = _SECONDS) -> t.Any:
    """Call *function* in a child process that runs as user *name*, with all groups of that user, and return its result.

    The result must be serializable as JSON. The child process drops root for good, has no open files and runs in the directory /.
    The user can stop or kill it, so it is killed if it does not end within *seconds*.

    Raises:
        NoSuchUser: The host has no such user.
        NoResult: The child process did not return a result in time.
        OSError: This process may not become that user, or the function raised OSError.
    """
    user, groups = _account(name)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _child(writing, user, groups, function)
    os.close(writing)
    try:
        answer = _read(reading, seconds)
    finally:
        os.close(reading)
        _kill(child)
    if answer is None:
        raise NoResult("the process of user %s did not end within %g s and was killed" % (name, seconds))
    return _result(answer, name)


def _result(answer: bytes, name: str) -> t.Any:
    try:
        result = json.loads(answer.decode("ascii"))
    except ValueError:
        raise NoResult("the process of user %s ended without a result" % name) from None
    if "failure" in result:
        raise NoResult(result["failure"])
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


def _read(descriptor: int, seconds: float) -> t.Optional[bytes]:
    """Read a pipe to its end; return None if that takes longer than *seconds*, or the content is too large."""
    ends_at = time.monotonic() + seconds
    content = b""
    while len(content) <= _LARGEST_RESULT:
        ready, _writable, _failed = select.select([descriptor], [], [], max(0.0, ends_at - time.monotonic()))
        if not ready:
            return None
        part = os.read(descriptor, 65536)
        if not part:
            return content
        content += part
    return None


def _kill(child: int) -> None:
    """Kill the session of *child*, also if it is stopped, and reap it; until it is reaped, its ID names no other process."""
    for kill in (os.killpg, os.kill):  # it may not lead a group yet
        try:
            kill(child, signal.SIGKILL)
        except ProcessLookupError:
            pass
    ends_at = time.monotonic() + _REAP_SECONDS
    while os.waitpid(child, os.WNOHANG)[0] == 0 and time.monotonic() < ends_at:
        time.sleep(0.005)


def _child(
    writing: int, user: pwd.struct_passwd, groups: t.Sequence[int], function: t.Callable[[], t.Any]
) -> t.NoReturn:
    try:
        try:
            _detach(writing)
            if os.geteuid() != user.pw_uid or os.geteuid() == 0:
                os.setgroups(groups)
                os.setgid(user.pw_gid)
                os.setuid(user.pw_uid)
            result: t.Dict[str, t.Any] = {"answer": function()}
        except OSError as exc:
            result = {"error": [exc.errno, "%s (as user %s)" % (exc.strerror, user.pw_name)]}
        except Exception as exc:  # pylint: disable=broad-exception-caught  # the parent reports it
            result = {"failure": "%s: %s (as user %s)" % (type(exc).__name__, exc, user.pw_name)}
        content = json.dumps(result).encode()
        while content:
            content = content[os.write(writing, content) :]
    finally:
        os._exit(0)  # skips the clean-up handlers and buffers inherited from the parent


def _detach(keep: int) -> None:
    """Leave the session, directory and open files of the parent, except *keep*."""
    os.setsid()
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) != keep:
            try:
                os.close(int(name))
            except OSError:  # the descriptor of the listing itself
                pass


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
