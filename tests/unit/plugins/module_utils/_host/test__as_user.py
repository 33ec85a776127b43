# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Call functions as another user, and look up users and groups."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._host._as_user import (
    NoResult,
    NoSuchUser,
    as_user,
    member_ids,
    user_id,
)
from waiting import gives_up

# Each test starts a process of another user.
pytestmark = pytest.mark.slow

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")


@needs_root
def test_the_function_runs_as_that_user_without_root() -> None:
    answer = as_user("nobody", lambda: [os.getresuid(), os.getgroups(), os.access("/etc/shadow", os.R_OK)])
    uid = user_id("nobody")
    assert answer == [[uid, uid, uid], [65534], False]
    assert os.geteuid() == 0


@needs_root
def test_an_os_error_of_the_function_is_raised() -> None:
    with pytest.raises(PermissionError, match="as user nobody"):
        as_user("nobody", lambda: open("/etc/shadow").read())


@needs_root
def test_a_child_process_that_dies_gives_no_result() -> None:
    with pytest.raises(NoResult, match="^the process of user nobody ended without a result$"):
        as_user("nobody", lambda: os.kill(os.getpid(), signal.SIGKILL))


@needs_root
def test_another_exception_of_the_function_is_no_result() -> None:
    with pytest.raises(NoResult, match=r"^ValueError: invalid literal .* \(as user nobody\)$"):
        as_user("nobody", lambda: int("x"))


@needs_root
def test_a_stopped_child_process_is_killed_after_the_time_limit(tmp_path: Path) -> None:
    """Every process of that user may stop it."""
    tmp_path.chmod(0o777)
    for parent in list(tmp_path.parents)[:-2]:  # all below the directory for temporary files
        parent.chmod(0o755)
    marker = tmp_path / "pid"

    def stop() -> None:
        marker.write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGSTOP)

    killed = "^the process of user nobody did not end within 2 s and was killed$"
    with pytest.raises(NoResult, match=killed), gives_up():
        as_user("nobody", stop, seconds=2.0)
    assert not Path("/proc", marker.read_text()).exists(), "it is killed and reaped"


@needs_root
def test_an_endless_result_is_no_result() -> None:
    with pytest.raises(NoResult, match="was killed"):
        as_user("nobody", lambda: "x" * (1 << 21), seconds=60.0)


@needs_root
def test_the_child_process_keeps_no_file_directory_or_session_of_the_parent() -> None:
    opened = os.open("/etc/shadow", os.O_RDONLY)
    try:
        directory, files, session = as_user(
            "nobody",
            lambda: [
                os.getcwd(),
                sorted(os.readlink("/proc/self/fd/" + name) for name in os.listdir("/proc/self/fd") if name != "3"),
                os.getsid(0) == os.getpid(),
            ],
        )
    finally:
        os.close(opened)
    assert (directory, session) == ("/", True)
    assert files[:3] == ["/dev/null"] * 3 and "/etc/shadow" not in files and len(files) <= 4


def test_unknown_names_are_errors() -> None:
    with pytest.raises(NoSuchUser, match="no user 'no-such-user'"):
        as_user("no-such-user", lambda: None)
    with pytest.raises(NoSuchUser, match="no group 'no-such-group'"):
        member_ids("no-such-group")


def test_a_number_is_a_user_or_group_without_a_name() -> None:
    assert user_id("4294960000") == 4294960000 and member_ids("4294960000") == (4294960000, [])
    assert user_id("0") == 0 and member_ids("0")[0] == 0
    for invalid in ("4294967295", "-1", "1e3", "٣", "1 "):
        with pytest.raises(NoSuchUser):
            user_id(invalid)
        with pytest.raises(NoSuchUser):
            member_ids(invalid)


@needs_root
def test_the_function_runs_as_a_number_without_a_name() -> None:
    assert as_user("1337133", lambda: [os.getuid(), os.getgid(), os.getgroups()]) == [1337133, 1337133, [1337133]]
