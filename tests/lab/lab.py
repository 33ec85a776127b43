# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create emulated instances, which are network namespaces inside the laboratory of tests/lab/enter, and start the emulator.

The emulator also works outside the laboratory, on loopback addresses. Instances and emulators end with the Python process that
created them, even if it is killed inside the laboratory. A detached emulator ends with the laboratory.
"""

from __future__ import annotations

import atexit
import contextlib
import http.client
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from waiting import GIVE_UP_SECONDS, PROCESS_SECONDS, comes_true

CHECKOUT = Path(__file__).resolve().parents[2]
EMULATOR = CHECKOUT / "roles/emulator/files/imds-emulator"
SERVICE = "100.100.100.200"  # the metadata service's address on every ECS instance
SERVICE_IPV6 = "fd00:100::100:200"  # the same service over IPv6
BOTH = [f"{SERVICE}:80", f"[{SERVICE_IPV6}]:80"]
GATEWAY, GATEWAY_IPV6 = "10.77.0.1", "fd00:77::1"  # the laboratory's end of br0


def in_lab() -> bool:
    """Return whether this process runs inside tests/lab/enter."""
    return os.environ.get("IMDS_LAB") == "1"


def reason_not(*targets: str) -> str | None:
    """Return why tests that need the laboratory are skipped, or None inside of it; *targets* of make run them there."""
    if in_lab():
        return None
    commands = " or ".join(f"`make {target}`" for target in targets)
    return os.environ.get("IMDS_NO_LAB") or f"not inside the network laboratory; run {commands}"


def isolate_workers(specs: list[Any]) -> None:
    """Start each worker of pytest-xdist in a laboratory of its own; call it from the hook `pytest_xdist_setupnodes`."""
    if in_lab():
        for spec in specs:
            spec.python = shlex.join([str(CHECKOUT / "tests" / "lab" / "enter"), sys.executable])


def add_instance(name: str, ip: str, ipv4: bool = True, ipv6: bool = False) -> str:
    """Create the network namespace *name* with eth0 = *ip* (10.77.x.y) and a default route, and return its name.

    With *ipv6*, eth0 also has the address `ipv6_of(ip)`; without *ipv4*, it has no IPv4 address and route.
    The MAC address is derived from *ip* (see `mac_of`), so that a namespace that is created again is reachable at once.
    """
    if not in_lab():
        raise RuntimeError("instances can be created only inside tests/lab/enter")
    # The name of a link has at most 15 characters. The address makes it unique.
    port = "port" + "-".join(ip.split(".")[2:])
    subprocess.run(["ip", "netns", "add", name], check=True)
    ip_batch(
        f"link add {port} type veth peer name eth0 address {mac_of(ip)} netns {name}",
        f"link set {port} master br0 up",
    )
    commands = ["link set lo up", "link set eth0 up"]
    if ipv4:
        commands += [f"addr add {ip}/16 dev eth0", f"route add default via {GATEWAY}"]
    if ipv6:
        commands += [f"addr add {ipv6_of(ip)}/64 dev eth0 nodad", f"route add default via {GATEWAY_IPV6}"]
    ip_batch(*commands, namespace=name)
    return name


def ipv6_of(ip: str) -> str:
    """Return the IPv6 address of the instance with the IPv4 address 10.77.x.y."""
    return "fd00:77::" + ":".join(f"{int(part):x}" for part in ip.split(".")[2:])


def remove_instance(name: str, ip: str) -> None:
    """Undo `add_instance`. End the processes in the namespace first; otherwise it persists without a name."""
    # Remove the link by name: the kernel removes the links of a namespace later, and the name would stay taken until then.
    ip_batch("link del port" + "-".join(ip.split(".")[2:]))
    subprocess.run(["ip", "netns", "del", name], check=True)


def ip_batch(*commands: str, namespace: str | None = None) -> None:
    """Run `ip` commands in this network namespace or in *namespace*."""
    where = ["-n", namespace] if namespace else []
    subprocess.run(["ip", *where, "-batch", "-"], input="\n".join(commands), text=True, check=True)


def mac_of(ip: str) -> str:
    """Return the MAC address of the instance with this address, with the prefix of ECS's network interfaces."""
    return "00:16:3e:" + ":".join(f"{int(part):02x}" for part in ip.split(".")[1:])


def exec_prefix(name: str) -> list[str]:
    """Return the words to put before a command to run it on instance *name*."""
    return ["ip", "netns", "exec", name]


def python_interpreter(name: str, python: str = sys.executable) -> str:
    """Return the path of a script that runs *python* on instance *name*.

    Use it as ``ansible_python_interpreter`` with ``ansible_connection: local`` to run modules on the instance.
    """
    script = Path(scratch("python-")) / name
    # `ip netns exec` would also mount a new /sys, which takes time and is forbidden in some containers.
    script.write_text(f'#!/bin/sh\nexec nsenter --net=/run/netns/{name} -- {python} "$@"\n')
    script.chmod(0o755)
    return str(script)


class Instance:
    """An emulated instance: the network namespace *name* with the address *ip*, see `add_instance`."""

    def __init__(self, name: str, ip: str) -> None:
        self.name = name
        self.ip = ip
        self.ipv6 = ipv6_of(ip)  # if it was added with IPv6
        self.mac = mac_of(ip)

    def command(self, *words: str | Path) -> list[str]:
        """Return the command line that runs *words* on the instance."""
        return [*exec_prefix(self.name), *map(str, words)]

    def run(self, *words: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command on the instance; its output is captured as text. *options* are those of `subprocess.run`."""
        options = {"capture_output": True, "text": True, "timeout": PROCESS_SECONDS, **options}
        return subprocess.run(self.command(*words), check=False, **options)


class Emulator:
    """A running emulator and a context manager that ends it; ``listen`` and ``instances`` are those of its ready file."""

    def __init__(self, process: subprocess.Popen[bytes], ready: dict[str, Any], journal_file: Path, log: Path) -> None:
        self.process = process
        self.listen: list[str] = ready["listen"]
        self.instances: dict[str, dict[str, Any]] = ready["instances"]
        self.admin_address: str = ready["admin"]
        self.control_endpoint: str | None = "http://" + ready["control"] if ready.get("control") else None
        self.journal_file = journal_file
        self.log = log

    def endpoint(self, instance_id: str | None = None) -> str:
        """Return the URL for the option ``endpoint``, with the instance's own listening address if it has one."""
        own = self.instances[instance_id]["listen"] if instance_id else None
        return "http://" + (own or self.listen[0]).removesuffix(":80")

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request to the admin interface and return the decoded answer; raise RuntimeError for an error status."""
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
        """Return the requests so far to one instance or to all, oldest first."""
        entries: list[dict[str, Any]] = self.admin("GET", "/journal?after=0")["entries"]
        return [entry for entry in entries if instance_id in (None, entry["instance"])]

    def calls(self, action: str | None = None) -> list[dict[str, Any]]:
        """Return the API calls so far of one operation or of all, oldest first."""
        entries: list[dict[str, Any]] = self.admin("GET", "/calls?after=0")["entries"]
        return [entry for entry in entries if action in (None, entry["action"])]

    def stats(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.admin("GET", "/stats")
        return answer

    def stop(self) -> int:
        """End the emulator and return its exit status, which is 0 without errors."""
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


@contextlib.contextmanager
def emulators() -> Iterator[Callable[..., Emulator]]:
    """Yield a function like `start_emulator`, and stop its emulators in the end.

    Raises AssertionError with the logs if one of them ended with an error.
    """
    started: list[Emulator] = []

    def start(config: dict[str, Any], *arguments: Any, **options: Any) -> Emulator:
        started.append(start_emulator(config, *arguments, **options))
        return started[-1]

    try:
        yield start
    finally:
        statuses = [emulator.stop() for emulator in started]
    assert statuses == [0] * len(started), [emulator.log.read_text() for emulator in started]


@contextlib.contextmanager
def shared_emulator() -> Iterator[Emulator]:
    """Yield an emulator for many tests, each of which adds an instance of its own; see `emulators` for its end."""
    nobody = {"instance_id": "i-nobody", "clients": ["10.77.255.254"]}  # the emulator needs at least one instance
    with emulators() as start:
        yield start({"instances": [nobody]})


def start_emulator(
    config: dict[str, Any],
    listen: str | list[str] | None = None,
    control: bool | str = False,
    detached: bool = False,
    **options: str,
) -> Emulator:
    """Start the emulator and return when it answers.

    By default it listens at both addresses of the service inside the laboratory, else at a free loopback port. With *control* it
    also emulates the control plane, at this address or (True) at a free loopback port; see ``control_endpoint``. A *detached*
    emulator, possible only in the laboratory, keeps running when this process ends. *options* are further long options of
    ``imds-emulator serve`` with their values, for example ``state="/path"``.
    """
    if detached and not in_lab():
        raise RuntimeError("an emulator can be detached only inside tests/lab/enter, because its end ends the emulator")
    folder = Path(tempfile.mkdtemp(prefix="imds-emulator-", dir="/run") if detached else scratch("emulator-"))
    listen = listen or (BOTH if in_lab() else "127.0.0.1:0")
    (folder / "config.json").write_text(json.dumps(config))
    settings = {"config": folder / "config.json", "admin": "127.0.0.1:0"}
    settings |= {"ready-file": folder / "ready.json", "journal": folder / "journal", **options}
    if control:
        settings["control"] = "127.0.0.1:0" if control is True else control
    # The kernel ends the emulator if this process is killed or ends without clean-up (a forked test).
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
    """Create a folder that is removed when this Python process ends, in the laboratory also if the process is killed."""
    folder = tempfile.mkdtemp(prefix=f"imds-{prefix}", dir="/run" if in_lab() else None)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
