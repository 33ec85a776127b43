# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An emulated instance with control groups like those of systemd, a container behind it, and a watch.

Its control groups are created below the host's own cgroup2 mount, and removed with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lab
from waiting import GIVE_UP_SECONDS, comes_true

CHECKOUT = Path(__file__).resolve().parents[2]
KEPT = CHECKOUT / "tests/watch/clients/kept.py"
CONTAINER = "0123456789abcdef" * 4
POD_ADDRESS = "172.30.0.2"


def hierarchy() -> Path | None:
    """Return the mount point of cgroup2, or None if there is no writable one."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _device, place, kind, options, *_rest = line.split()
        if kind == "cgroup2" and "rw" in options.split(",") and os.access(place, os.W_OK):
            return Path(place)
    return None


class Machine:
    """An instance: a network namespace, control groups, and an entry in the emulator."""

    def __init__(self, emulator: lab.Emulator, number: int) -> None:
        self.emulator = emulator
        self.name, self.ip = f"watched{number}", f"10.77.90.{number}"
        self.pod = f"pod{number}"
        self.instance_id = f"i-watched{number}"
        root = hierarchy()
        # Each laboratory has its own PID namespace, and several may run at the same time.
        unique = f"{os.stat('/proc/self/ns/pid').st_ino}-{os.getpid()}-{number}"
        self.cgroups = root / f"imds-watch-{unique}" if root else None
        lab.add_instance(self.name, self.ip, ipv6=True)
        clients = [self.ip, lab.ipv6_of(self.ip)]
        settings = {"instance_id": self.instance_id, "clients": clients, "http_tokens": "optional"}
        emulator.admin("POST", "/instances", {**settings, "role": {"name": "WatchedRole"}})
        if self.cgroups:
            self.cgroups.mkdir()

    def remove(self) -> None:
        """Remove the instance, its control groups and its container."""
        self.emulator.admin("DELETE", f"/instances/{self.instance_id}")
        with contextlib.suppress(FileNotFoundError):
            subprocess.run(["ip", "netns", "del", self.pod], check=False, stderr=subprocess.DEVNULL)
        lab.remove_instance(self.name, self.ip)
        if self.cgroups:
            for folder, _folders, _files in sorted(os.walk(self.cgroups), reverse=True):
                _remove_cgroup(Path(folder))

    def add_pod(self, translated: str = "") -> None:
        """Add a network namespace whose addresses and ports the instance translates; *translated* limits that."""

        def run(*command: str) -> None:
            subprocess.run(command, check=True)

        run("ip", "netns", "add", self.pod)
        inside, outside = ["ip", "-n", self.pod], ["ip", "-n", self.name]
        run(*outside, "link", "add", "pods", "type", "bridge")
        run(*outside, "link", "add", "veth0", "type", "veth", "peer", "name", "eth0", "netns", self.pod)
        run(*outside, "link", "set", "veth0", "master", "pods", "up")
        run(*outside, "addr", "add", "172.30.0.1/24", "dev", "pods")
        run(*outside, "link", "set", "pods", "up")
        run(*inside, "addr", "add", POD_ADDRESS + "/24", "dev", "eth0")
        run(*inside, "link", "set", "eth0", "up")
        run(*inside, "route", "add", "default", "via", "172.30.0.1")
        rules = (
            "table ip nat { chain post { type nat hook postrouting priority 100; oifname eth0 %s masquerade random; }; }"
            % translated
        )
        forward = "echo 1 > /proc/sys/net/ipv4/ip_forward"
        run("nsenter", f"--net=/run/netns/{self.name}", "sh", "-c", f"{forward}; nft '{rules}'")

    def command(self, *words: str | Path, uid: int = 0, cgroup: str = "", pod: bool = False) -> list[str]:
        """Return the command line that runs *words* as a user, in a control group, or in the container's network."""
        script = 'exec "$@"'
        if cgroup and self.cgroups:
            (self.cgroups / cgroup).mkdir(parents=True, exist_ok=True)
            script = f'echo 0 > {self.cgroups / cgroup}/cgroup.procs; exec "$@"'
        user = ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups"] if uid else []
        namespace = f"--net=/run/netns/{self.pod if pod else self.name}"
        return ["nsenter", namespace, "--", "sh", "-c", script, "sh", *user, *map(str, words)]

    def run(self, *words: str | Path, **where: Any) -> str:
        """Run a command that must succeed; return its output."""
        done = subprocess.run(self.command(*words, **where), check=False, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(
        self, *words: str | Path, stdout: int | None = None, stderr: int | None = None, **where: Any
    ) -> subprocess.Popen[bytes]:
        options = {"stdin": subprocess.DEVNULL, "stdout": stdout, "stderr": stderr}
        return subprocess.Popen(self.command(*words, **where), **options)

    @contextlib.contextmanager
    def kept(self, times: int, *options: str, before: Callable[[], Any] = lambda: None, **where: Any) -> Iterator[None]:
        """Connect, call *before*, and send *times* requests; the process lives until the block ends.

        A process that has ended may be inspected too late, so tests of its names stop the watch in the block.
        """
        command = self.command(os.path.realpath(sys.executable), KEPT, *options, **where)
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin and process.stdout
            assert process.stdout.readline() == "connected\n"
            before()
            for _time in range(times):
                print(file=process.stdin, flush=True)
                assert process.stdout.readline() == "200\n"
            yield
            process.stdin.close()
            assert process.wait(GIVE_UP_SECONDS) == 0

    def journal(self) -> list[dict[str, Any]]:
        return [
            json.loads(line) for line in self.emulator.journal_file.read_text().splitlines() if self.instance_id in line
        ]

    def received(self, agent: str | None = None) -> Counter[str]:
        """Return the number of requests that the emulator received for each mode, of all clients or of one."""
        return Counter(entry["mode"] for entry in self.journal() if agent in (None, entry["user_agent"]))


class Watch:
    """A running ``ecs-metadata watch``."""

    def __init__(
        self, machine: Machine, state: Path, log: Path, before: tuple[str, ...] = (), python: str = sys.executable
    ) -> None:
        self.state = state
        self.log = log
        notify = log.with_suffix(".notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications, log.open("ab") as stream:
            notify.unlink(missing_ok=True)
            notifications.bind(str(notify))
            notifications.settimeout(GIVE_UP_SECONDS)
            command = machine.command(*before, launcher(log.parent, python), "watch", "--state-dir", state)
            environment = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "NOTIFY_SOCKET": str(notify)}
            # In a session of its own, as systemd starts it: the kernel may share processor time among sessions.
            self.process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stderr=stream, start_new_session=True
            )
            try:
                self.ready = notifications.recv(4096).decode()
            except TimeoutError:
                self.process.kill()
                raise AssertionError("the watch was not ready: " + log.read_text()) from None

    def content(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads((self.state / "callers.json").read_text())
        return answer

    def stop(self) -> dict[str, Any]:
        """Stop the watch; return the content of its file."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(GIVE_UP_SECONDS) == 0, self.log.read_text()
        assert "Traceback" not in self.log.read_text()
        return self.content()


def launcher(folder: Path, python: str = sys.executable) -> str:
    """Return a script that runs the command with this Python, not with a slow shim."""
    script = folder / "ecs-metadata-here"
    (folder / "python").mkdir(exist_ok=True)
    link = folder / "python" / "python3"
    link.unlink(missing_ok=True)
    link.symlink_to(os.path.realpath(python))
    script.write_text(f'#!/bin/sh\nPATH={link.parent}:$PATH exec {CHECKOUT}/command/ecs-metadata "$@"\n')
    script.chmod(0o755)
    return str(script)


def totals(content: dict[str, Any], wanted: Callable[[dict[str, Any]], bool] = lambda caller: True) -> Counter[str]:
    """Return the number of requests for each mode, of all callers or of the *wanted* ones."""
    found: Counter[str] = Counter()
    for caller in [*content["callers"], *([content["other"]] if wanted(content["other"]) else [])]:
        for row in caller["requests"] if wanted(caller) else ():
            found[row["mode"]] += row["count"]
    return found


@contextlib.contextmanager
def together(processes: list[subprocess.Popen[bytes]]) -> Iterator[None]:
    """Wait for the processes when the block ends; all must have succeeded."""
    yield
    assert [process.wait(300) for process in processes] == [0] * len(processes)


def _remove_cgroup(folder: Path) -> None:
    """Remove a control group; a process that has just ended may keep it busy for a moment."""

    def removed() -> bool:
        with contextlib.suppress(OSError):
            folder.rmdir()
        return not folder.exists()

    comes_true(removed)
