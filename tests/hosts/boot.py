# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the processes of a test host are started and ended: its first process, and the control group it lives in.

Both kinds of host get a cgroup v2 tree of their own, whatever the machine has. Control groups are the one thing of a
host that the machine sees and that outlives the laboratory, so what an earlier run left is removed here as well.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lab"))  # for all files here that import lab
from waiting import comes_true

STATE = Path("/run/imds-hosts")  # on the laboratory's own file system: vanishes with it
CGROUPS = STATE / "cgroup"
PREFIX = "imds-lab-"
NSPAWN = (
    *("systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--console=pipe", "--link-journal=no"),
    *("--resolv-conf=off", "--timezone=off"),
    # nftables; and bpf(2) for IPAddressDeny= and for watching connects
    *("--capability=CAP_NET_ADMIN,CAP_BPF,CAP_PERFMON", "--system-call-filter=bpf perf_event_open"),
)
# Whoever joins a control group while another run tidies up would find it gone: so one after the other.
JOIN = """
set -e
exec 9<"$CGROUPS"; flock 9; mkdir -p "$CGROUP"; echo $$ >"$CGROUP/cgroup.procs"; exec 9<&-
"""
# nspawn gives its host the layout of control groups that it finds: let it find v2 alone.
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
    """Start a host of this kind on *root*; return the process id of what has to be killed to end it."""
    script: tuple[str, ...]
    if kind == "systemd":
        nspawn = [*NSPAWN, f"--machine={name}", f"--directory={root}", f"--network-namespace-path=/run/netns/{name}"]
        namespaces, script = ["--mount"], (JOIN + SYSTEMD, "boot", *nspawn)
    else:
        inner = ["unshare", "--cgroup", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "bash", "-ec"]
        enter = ["nsenter", f"--net=/run/netns/{name}", *inner, PLAIN]
        namespaces, script = ["--mount"], (JOIN + 'exec "$@"', "boot", *enter)
    command = ["unshare", *namespaces, "--propagation", "private", "bash", "-c", *script]
    variables = {"CGROUPS": str(CGROUPS), "CGROUP": str(cgroup(name)), "NAME": name, "ROOT": str(root)}
    variables["SYSTEMD_NSPAWN_API_VFS_WRITABLE"] = "network"  # /proc/sys/net is the host's own
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
    """End a host that `first_process` has started: as by a shutdown when *clean*, else as by a power failure."""
    if ended(pid):
        return
    if clean:
        os.kill(pid, signal.SIGTERM)  # nspawn makes an orderly shutdown of it
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
    """Has this process ended? Our own child is reaped; somebody else's may stay a zombie for a while."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in ("Z", "X")
    except OSError:
        return True


def cgroup(name: str) -> Path:
    """The control group of a host of this laboratory; other laboratories may have a host of the same name."""
    return CGROUPS / f"{PREFIX}{os.stat('/proc/self/ns/pid').st_ino}-{name}"


def prepare_cgroups() -> None:
    """Make control groups reachable in this laboratory, and remove those that a crashed run has left."""
    if not CGROUPS.exists():
        CGROUPS.mkdir(parents=True)
        subprocess.run(["mount", "-t", "cgroup2", "cgroup2", str(CGROUPS)], check=True)
    for folder in CGROUPS.glob(PREFIX + "*"):
        remove_cgroup(folder)


def remove_cgroup(folder: Path) -> bool:
    """Remove a control group and those in it, unless a process still lives there."""
    script = 'exec 9<"$1"; flock 9; [ ! -e "$2" ] || find "$2" -depth -type d -exec rmdir {} +'
    command = ["bash", "-c", f'grep -qs "populated 1" "$2/cgroup.events" || {{ {script}; }}', "-"]
    subprocess.run([*command, str(CGROUPS), str(folder)], check=False, stderr=subprocess.DEVNULL)
    return not folder.exists()
