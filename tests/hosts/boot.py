# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start and end the first process of a test host, and manage its control group.

A host gets a cgroup v2 tree of its own, or one of version 1 if its kind is el8, regardless of the machine's layout. Control groups
are the only part of a host that the machine sees and that outlives the laboratory, so those of earlier runs are removed here as well.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

# For the programs hosts.py and scenarios.py, which pytest does not start.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lab"))
from waiting import comes_true

STATE = Path("/run/imds-hosts")  # on the laboratory's own file system: vanishes with it
CGROUPS = STATE / "cgroup"
CGROUPS_V1 = STATE / "cgroup-v1"  # the hierarchy name=systemd, in which nspawn creates a group of the same name
PREFIX = "imds-lab-"
NSPAWN = (
    *("systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--console=pipe", "--link-journal=no"),
    *("--resolv-conf=off", "--timezone=off"),
    # For nftables, and bpf(2) for IPAddressDeny= and the callers watch.
    *("--capability=CAP_NET_ADMIN,CAP_BPF,CAP_PERFMON", "--system-call-filter=bpf perf_event_open"),
)
# The lock keeps another run from removing the control group between its creation and the first process in it.
JOIN = """
set -e
exec 9<"$CGROUPS"; flock 9; mkdir -p "$CGROUP"; echo $$ >"$CGROUP/cgroup.procs"; exec 9<&-
"""
# nspawn passes the layout of control groups that it finds on to its host, so show it v2 only.
SYSTEMD = """
umount --recursive /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
exec "$@"
"""
PLAIN = """
hostname "$NAME"
cd "$ROOT"
mount -t proc proc proc; mount -t sysfs sysfs sys; mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 run run; mkdir run/sshd
mount -t tmpfs -o mode=755 dev dev; mkdir dev/pts dev/shm
for node in null zero full random urandom tty; do : >dev/$node; mount --bind /dev/$node dev/$node; done
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts; mount -t tmpfs shm dev/shm
ln -s pts/ptmx dev/ptmx; ln -s /proc/self/fd dev/fd
exec chroot . /usr/sbin/sshd -D -e -o UsePAM=no
"""


def first_process(kind: str, name: str, root: Path, log: Path) -> int:
    """Start a host of this kind on *root*; return the ID of the process whose end ends the host."""
    script: tuple[str, ...]
    if kind != "plain":
        nspawn = [*NSPAWN, f"--machine={name}", f"--directory={root}", f"--network-namespace-path=/run/netns/{name}"]
        namespaces, script = ["--mount"], (JOIN + SYSTEMD, "boot", *nspawn)
    else:
        inner = ["unshare", "--cgroup", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "bash", "-ec"]
        enter = ["nsenter", f"--net=/run/netns/{name}", *inner, PLAIN]
        namespaces, script = ["--mount"], (JOIN + 'exec "$@"', "boot", *enter)
    command = ["unshare", *namespaces, "--propagation", "private", "bash", "-c", *script]
    variables = {"CGROUPS": str(CGROUPS), "CGROUP": str(cgroup(name)), "NAME": name, "ROOT": str(root)}
    variables["SYSTEMD_NSPAWN_API_VFS_WRITABLE"] = "network"  # The host has a /proc/sys/net of its own.
    if kind == "el8":
        variables["SYSTEMD_NSPAWN_UNIFIED_HIERARCHY"] = "0"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return process.pid


def end(pid: int, clean: bool = False) -> None:
    """End a host that `first_process` started, like a shutdown if *clean* is true, else like a power failure."""
    if ended(pid):
        return
    if clean:
        os.kill(pid, signal.SIGTERM)  # nspawn shuts the host down in order.
        if comes_true(lambda: ended(pid)):
            return
    for process in (*children(pid), pid):
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            pass
    if not comes_true(lambda: ended(pid)):
        raise RuntimeError(f"process {pid} of a test host does not end")


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def ended(pid: int) -> bool:
    """Return whether a process ended, and reap it if it is a child. Other processes count as ended when they are zombies."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in ("Z", "X")
    except OSError:
        return True


def cgroup(name: str) -> Path:
    """Return the control group of a host. It contains the laboratory's ID, because host names are unique only inside of it."""
    return CGROUPS / f"{PREFIX}{os.stat('/proc/self/ns/pid').st_ino}-{name}"


def prepare_cgroups() -> None:
    """Mount the control groups in this laboratory, and remove those that crashed runs left."""
    if not CGROUPS.exists():
        CGROUPS.mkdir(parents=True)
        subprocess.run(["mount", "-t", "cgroup2", "cgroup2", str(CGROUPS)], check=True)
    for folder in CGROUPS.glob(PREFIX + "*"):
        if not _has_processes(folder):  # a script for each of 1,000 running hosts would take seconds
            remove_cgroup(folder)
    remove_cgroups_v1()


def _has_processes(folder: Path) -> bool:
    try:
        return "populated 1" in (folder / "cgroup.events").read_text()
    except OSError:
        return False


def remove_cgroup(folder: Path) -> bool:
    """Remove a control group and those below it, unless it has processes; return whether it is gone."""
    script = 'exec 9<"$1"; flock 9; [ ! -e "$2" ] || find "$2" -depth -type d -exec rmdir {} +'
    command = ["bash", "-c", f'grep -qs "populated 1" "$2/cgroup.events" || {{ {script}; }}', "-"]
    subprocess.run([*command, str(CGROUPS), str(folder)], check=False, stderr=subprocess.DEVNULL)
    return not folder.exists()


def remove_cgroups_v1() -> None:
    """Remove the control groups of version 1 of all hosts that ended, which are those without a group of version 2."""
    if "name=systemd" not in Path("/proc/self/cgroup").read_text():
        return  # no host had any
    if not CGROUPS_V1.exists():
        CGROUPS_V1.mkdir()
        subprocess.run(["mount", "-t", "cgroup", "-o", "none,name=systemd", "cgroup", str(CGROUPS_V1)], check=True)
    for folder in CGROUPS_V1.glob(PREFIX + "*"):
        if not (CGROUPS / folder.name).exists():
            command = ["find", str(folder), "-depth", "-type", "d", "-exec", "rmdir", "{}", "+"]
            subprocess.run(command, check=False, stderr=subprocess.DEVNULL)
