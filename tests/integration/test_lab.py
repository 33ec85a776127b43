# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that the laboratory is isolated, returns the status of its command, and leaves nothing when it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import lab
import pytest
from waiting import PROCESS_SECONDS, wait_until

pytestmark = pytest.mark.lab
ENTER = str(lab.CHECKOUT / "tests" / "lab" / "enter")

# A process in a namespace, one in the background, and one in the foreground: each sleeps for the seconds in $1.
BUSY = 'ip netns add busy && ip netns exec busy sleep "$1" & sleep "$1" & sleep "$1"'


def enter(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ENTER, *command], capture_output=True, text=True, timeout=PROCESS_SECONDS, check=False)


def processes(marker: str) -> list[int]:
    """Return the processes with *marker* as an argument, in this namespace and those below it."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if marker.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def sleepers(marker: str) -> int:
    """Return the number of BUSY's processes that execute `sleep`."""
    names = []
    for process in processes(marker):
        with contextlib.suppress(OSError):  # it has ended
            names.append(Path(f"/proc/{process}/comm").read_text())
    return names.count("sleep\n")


def surroundings() -> tuple[str, str, list[str]]:
    """Return the state that a laboratory must not change: named namespaces, mounts, links."""
    namespaces = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    return namespaces, Path("/proc/self/mountinfo").read_text(), [name for _index, name in socket.if_nameindex()]


def test_exit_status_and_standard_input_pass_through() -> None:
    assert enter("sh", "-c", "exit 5").returncode == 5
    assert enter("no-such-command").returncode == 127
    done = subprocess.run(
        [ENTER, "cat"], input="hello", capture_output=True, text=True, timeout=PROCESS_SECONDS, check=False
    )
    assert (done.returncode, done.stdout) == (0, "hello")


def test_the_addresses_exist_and_no_route_leads_outside() -> None:
    addresses = enter("ip", "-brief", "address").stdout
    assert {lab.SERVICE, lab.SERVICE_IPV6, lab.GATEWAY, lab.GATEWAY_IPV6} <= set(addresses.replace("/", " ").split())
    assert "eth0" not in addresses
    assert enter("ip", "route", "show", "default").stdout == ""
    assert enter("cat", "/etc/resolv.conf").stdout == ""


def test_processes_and_namespaces_outside_are_invisible(new_instance: Callable[[], object]) -> None:
    new_instance()
    assert subprocess.run(["ip", "netns", "list"], capture_output=True, check=True).stdout
    assert enter("ip", "netns", "list").stdout == ""
    assert int(enter("sh", "-c", "ls -d /proc/[0-9]* | wc -l").stdout) <= 5  # init, sh, ls, wc and a shell for the pipe


PROTECTED = ("/etc", "/var", "/usr/local", "/root", "/home", "/opt", "/srv")
# Run outside of this laboratory's overlays, because enter adds none inside another laboratory. Temporary file systems take the
# place of the machine's directories, so that a laboratory that does not protect them changes nothing of the machine.
MACHINE = """
awk '/ - overlay imds-lab /{print $5}' /proc/self/mountinfo | tac | xargs -r umount --lazy || exit
for directory; do
    cp -a /etc /mnt/etc && mount -t tmpfs tmpfs "$directory" || exit
    [ "$directory" != /etc ] || cp -a /mnt/etc/. /etc/
    rm -r /mnt/etc
done
mkdir /var/data && mount -t tmpfs tmpfs /var/data && echo data >/var/data/file || exit
list() { find "$@" -printf '%p %m %u %s %T@\\n' | sort; }
list "$@" >/mnt/before
"$ENTER" sh -c "$CHANGE" sh "$@" || exit
list "$@" | diff /mnt/before -
"""
CHANGE = """
set -e
for directory; do
    echo changed >"$directory/new"
    cat "$directory/new"
done
cat /var/data/file
echo changed >>/etc/passwd
echo changed >/var/data/file
rm -r /etc/network /etc/ssl 2>/dev/null || true
chmod 777 /etc
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting over /etc needs root")
def test_changes_of_the_machine_stay_in_the_laboratory() -> None:
    directories = [directory for directory in PROTECTED if directory not in map(str, Path(ENTER).parents)]
    environment = {**os.environ, "ENTER": ENTER, "CHANGE": CHANGE}
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", MACHINE, "sh", *directories]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.splitlines() == ["changed"] * len(directories) + ["data"]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting over /srv needs root")
def test_the_checkout_can_be_changed() -> None:
    """Results are written there, also if it is in a home directory."""
    script = """
awk '/ - overlay imds-lab /{print $5}' /proc/self/mountinfo | tac | xargs -r umount --lazy || exit
mount -t tmpfs tmpfs /srv && mkdir -p /srv/checkout/tests/lab /srv/tmp && cp "$ENTER" /srv/checkout/tests/lab/ || exit
cd /srv/checkout && TMPDIR=/srv/tmp tests/lab/enter sh -c 'touch kept "$TMPDIR/kept" /srv/lost' && ls /srv . /srv/tmp
"""
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
    environment = {**os.environ, "ENTER": ENTER}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("kept") == 2 and "lost" not in done.stdout


def test_mounts_do_not_spread_where_mounts_are_shared() -> None:
    """With systemd, mounts are shared: a mount in a new namespace would also appear in the old one."""
    script = f"""
mount --make-rshared /
before=$(cat /proc/self/mountinfo)
{ENTER} ip netns add inside || exit
[ "$(cat /proc/self/mountinfo)" = "$before" ]
"""
    done = subprocess.run(["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def end_by_killing_enter(enter_process: subprocess.Popen[str], marker: str) -> None:
    enter_process.kill()


def end_by_terminating_enter(enter_process: subprocess.Popen[str], marker: str) -> None:
    enter_process.terminate()


def end_by_killing_the_command(enter_process: subprocess.Popen[str], marker: str) -> None:
    # The shell that runs BUSY has the marker as an argument, too: kill it and its children.
    for process in processes(marker):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


@pytest.mark.parametrize("end", [end_by_killing_enter, end_by_terminating_enter, end_by_killing_the_command])
def test_the_laboratory_leaves_nothing(end: Callable[[subprocess.Popen[str], str], None]) -> None:
    before = surroundings()
    marker = f"{os.getpid()}.{time.monotonic_ns() % 10**6}"  # a unique number of seconds for sleep
    command = [ENTER, "sh", "-c", BUSY, "busy", marker]
    with subprocess.Popen(command, text=True) as process:
        wait_until(lambda: sleepers(marker) == 3)
        end(process, marker)
        assert process.wait(PROCESS_SECONDS) != 0
    wait_until(lambda: processes(marker) == [])
    assert surroundings() == before
