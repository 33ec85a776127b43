# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Emulated instances: network namespaces inside the laboratory of tests/lab/enter, and the emulator that serves them.

The emulator alone also works outside the laboratory, on loopback addresses. Nothing here outlives the Python process
that uses it, even where that is killed inside the laboratory; a detached emulator dies with the laboratory.
"""

from __future__ import annotations

import atexit
import http.client
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from waiting import GIVE_UP_SECONDS, comes_true

CHECKOUT = Path(__file__).resolve().parents[2]
EMULATOR = CHECKOUT / "roles/emulator/files/imds-emulator"
SERVICE = "100.100.100.200"  # the metadata service's address on every ECS instance
GATEWAY = "10.77.0.1"  # the laboratory's end of br0


def in_lab() -> bool:
    """Does this process run inside tests/lab/enter?"""
    return os.environ.get("IMDS_LAB") == "1"


def worker_python() -> str:
    """Return the command that starts Python in a laboratory of its own, for the option ``python=`` of execnet."""
    return shlex.join([str(CHECKOUT / "tests" / "lab" / "enter"), sys.executable])


def add_instance(name: str, ip: str) -> str:
    """Make the network namespace *name* with eth0 = *ip* (10.77.x.y) and a default route, and return its name.

    Its MAC address follows from the address, so that one made anew is reachable at once (see `mac_of`).
    """
    if not in_lab():
        raise RuntimeError("instances can be made only inside tests/lab/enter")
    # A link's name has at most 15 characters; the address makes it unique.
    port = "port" + "-".join(ip.split(".")[2:])
    subprocess.run(["ip", "netns", "add", name], check=True)
    ip_batch(
        f"link add {port} type veth peer name eth0 address {mac_of(ip)} netns {name}",
        f"link set {port} master br0 up",
    )
    ip_batch(
        "link set lo up",
        f"addr add {ip}/16 dev eth0",
        "link set eth0 up",
        f"route add default via {GATEWAY}",
        namespace=name,
    )
    return name


def remove_instance(name: str, ip: str) -> None:
    """Undo `add_instance`. Processes in the namespace must have ended; otherwise it lives on without a name."""
    # By name as well: the kernel removes a namespace's links some time later, and the name would be taken until then.
    ip_batch("link del port" + "-".join(ip.split(".")[2:]))
    subprocess.run(["ip", "netns", "del", name], check=True)


def ip_batch(*commands: str, namespace: str | None = None) -> None:
    """Give commands to `ip`, in this network namespace or another."""
    where = ["-n", namespace] if namespace else []
    subprocess.run(["ip", *where, "-batch", "-"], input="\n".join(commands), text=True, check=True)


def mac_of(ip: str) -> str:
    """The MAC address of the instance with this address; its first half is the one of ECS's network interfaces."""
    return "00:16:3e:" + ":".join(f"{int(part):02x}" for part in ip.split(".")[1:])


def exec_prefix(name: str) -> list[str]:
    """What to put before a command to run it on instance *name*."""
    return ["ip", "netns", "exec", name]


def python_interpreter(name: str, python: str = sys.executable) -> str:
    """The path of a script that runs *python* on instance *name*.

    As ``ansible_python_interpreter`` with ``ansible_connection: local`` it makes modules run there.
    """
    script = Path(scratch("python-")) / name
    # Not `ip netns exec`: that also mounts a new /sys, which costs time and is forbidden in some containers.
    script.write_text(f'#!/bin/sh\nexec nsenter --net=/run/netns/{name} -- {python} "$@"\n')
    script.chmod(0o755)
    return str(script)


class Emulator:
    """A running emulator, a context manager; ``listen`` and ``instances`` are as in its ready file."""

    def __init__(self, process: subprocess.Popen[bytes], ready: dict[str, Any], journal_file: Path, log: Path) -> None:
        self.process = process
        self.listen: list[str] = ready["listen"]
        self.instances: dict[str, dict[str, Any]] = ready["instances"]
        self.admin_address: str = ready["admin"]
        self.control_endpoint: str | None = "http://" + ready["control"] if ready.get("control") else None
        self.journal_file = journal_file
        self.log = log

    def endpoint(self, instance_id: str | None = None) -> str:
        """The URL for the option ``endpoint``: the instance's own listening address, if it has one."""
        own = self.instances[instance_id]["listen"] if instance_id else None
        return "http://" + (own or self.listen[0]).removesuffix(":80")

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the admin interface and return the decoded answer; raise RuntimeError for an error status."""
        connection = http.client.HTTPConnection(self.admin_address, timeout=GIVE_UP_SECONDS)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status >= 400:
            raise RuntimeError(f"{method} {path}: {response.status} {answer.decode(errors='replace')}")
        return json.loads(answer) if answer else None

    def journal(self, instance_id: str | None = None) -> list[dict[str, Any]]:
        """The requests so far, oldest first, of one instance or of all."""
        entries: list[dict[str, Any]] = self.admin("GET", "/journal?after=0")["entries"]
        return [entry for entry in entries if instance_id in (None, entry["instance"])]

    def calls(self, action: str | None = None) -> list[dict[str, Any]]:
        """The calls of the control plane's API so far, oldest first, of one operation or of all."""
        entries: list[dict[str, Any]] = self.admin("GET", "/calls?after=0")["entries"]
        return [entry for entry in entries if action in (None, entry["action"])]

    def stats(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.admin("GET", "/stats")
        return answer

    def stop(self) -> int:
        """End it and return its exit status, which is 0 when all went well."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(GIVE_UP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def __enter__(self) -> Emulator:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def shared_emulator() -> Emulator:
    """One for many tests, to which each adds an instance of its own."""
    nobody = {"instance_id": "i-nobody", "clients": ["10.77.255.254"]}  # one instance at least must be there
    return start_emulator({"instances": [nobody]})


def start_emulator(
    config: dict[str, Any],
    listen: str | list[str] | None = None,
    control: bool | str = False,
    detached: bool = False,
    **options: str,
) -> Emulator:
    """Start the emulator and return when it answers.

    By default it listens at the service's own address inside the laboratory, else at a free loopback port. *control*:
    the control plane answers as well, at this address or (True) at a free loopback port: ``control_endpoint``. A *detached*
    one, possible only in the laboratory, lives on when this process ends. *options* are further long options of
    ``imds-emulator serve`` with their values, for example ``state="/path"``.
    """
    if detached and not in_lab():
        raise RuntimeError("an emulator can be detached only inside tests/lab/enter, which ends it in the end")
    folder = Path(tempfile.mkdtemp(prefix="imds-emulator-", dir="/run") if detached else scratch("emulator-"))
    listen = listen or (f"{SERVICE}:80" if in_lab() else "127.0.0.1:0")
    (folder / "config.json").write_text(json.dumps(config))
    settings = {"config": folder / "config.json", "admin": "127.0.0.1:0"}
    settings |= {"ready-file": folder / "ready.json", "journal": folder / "journal", **options}
    if control:
        settings["control"] = "127.0.0.1:0" if control is True else control
    # Where this process is killed, or ends without clean-up (a forked test), the kernel ends the emulator.
    command = [] if detached else ["setpriv", "--pdeathsig", "TERM", "--"]
    command += [str(EMULATOR), "serve"]
    command += [part for address in ([listen] if isinstance(listen, str) else listen) for part in ("--listen", address)]
    command += [part for name, value in settings.items() for part in ("--" + name, str(value))]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=detached
        )
    if not detached:
        atexit.register(_end, process)
    ready = _wait_ready(process, Path(str(settings["ready-file"])), folder / "log")
    return Emulator(process, ready, Path(str(settings["journal"])), folder / "log")


def _wait_ready(process: subprocess.Popen[bytes], ready_file: Path, log: Path) -> dict[str, Any]:
    if not comes_true(lambda: ready_file.exists() or process.poll() is not None):
        process.kill()
        raise RuntimeError(f"the emulator was not ready after {GIVE_UP_SECONDS:.0f} s: {log.read_text()}")
    if process.poll() is not None:
        raise RuntimeError(f"the emulator ended with status {process.returncode}: {log.read_text()}")
    ready: dict[str, Any] = json.loads(ready_file.read_text())
    return ready


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()


def scratch(prefix: str) -> str:
    """A folder that is removed when this Python process ends, in the laboratory even when it is killed."""
    folder = tempfile.mkdtemp(prefix=f"imds-{prefix}", dir="/run" if in_lab() else None)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
