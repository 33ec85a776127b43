# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create, start, stop and use one test host inside the laboratory of tests/lab/enter.

A host of kind ``systemd`` has systemd as first process, and control groups v2, nftables and bpf(2) of its own. One of kind ``el8``
is similar to an EL8 system: it has control groups v1, and the Pythons that `el8` describes. A host of kind ``plain`` is an SSH server
in namespaces, for tests with many hosts. All are reached by SSH. The state of a host is in its folder in `boot.STATE`, so that several
processes can use the same host. It ends with the laboratory.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boot
import el8
import lab
from containers import Container
from waiting import PROCESS_SECONDS, comes_true

KINDS = ("systemd", "plain", "el8")
KEY = boot.STATE / "key"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class Host:
    """A test host; create it with `Host.create`, or use `Host.load` for a host of another process."""

    name: str
    ip: str
    kind: str
    lower: str  # the root file system below its overlay
    pid: int = 0  # ID of the process whose end ends the host; 0 if it is stopped
    containers: int = 0
    more_variables: dict[str, str] = field(default_factory=dict)  # for Ansible's inventory

    @classmethod
    def create(cls, name: str, kind: str, lower: Path) -> Host:
        """Create a host and its file system, without starting it."""
        if kind not in KINDS:
            raise ValueError(f"unknown kind of host '{kind}'; known kinds: {', '.join(KINDS)}")
        _prepare()
        (boot.STATE / name).mkdir()  # fails if the name is taken
        host = cls(name, _free_address(name), kind, str(lower))
        for part in ("upper", "work", "root"):
            (host.folder / part).mkdir()
        layers = f"lowerdir={lower},upperdir={host.folder}/upper,workdir={host.folder}/work"
        subprocess.run(["mount", "-t", "overlay", "-o", layers, "overlay", str(host.root)], check=True)
        host._furnish()
        host._save()
        return host

    @classmethod
    def load(cls, name: str) -> Host:
        """Return the host of this name, which another process may have created."""
        try:
            return cls(**json.loads((boot.STATE / name / "host.json").read_text()))
        except FileNotFoundError:
            raise ValueError(f"there is no host '{name}'") from None

    @property
    def folder(self) -> Path:
        return boot.STATE / self.name

    @property
    def root(self) -> Path:
        """The host's file system as the laboratory sees it, without the host's own mounts (/run, /tmp)."""
        return self.folder / "root"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def _save(self) -> None:
        (self.folder / "host.json").write_text(json.dumps(vars(self)))

    def _furnish(self) -> None:
        """Write the files that an installer writes: names and keys.

        resolv.conf is empty, because a resolver that does not answer would delay each gathering of facts by 10 s.
        """
        files = {
            "etc/hostname": f"{self.name}\n",
            "etc/hosts": f"127.0.0.1 localhost\n{self.ip} {self.name}\n",
            "etc/resolv.conf": "",
            "etc/machine-id": hashlib.md5(self.name.encode()).hexdigest() + "\n",
            "root/.ssh/authorized_keys": KEY.with_suffix(".pub").read_text(),
        }
        if self.kind == "el8":
            el8.furnish(self.root)
            self.more_variables["ansible_python_interpreter"] = el8.NEWER_PYTHON
        (self.root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
        for name, content in files.items():
            (self.root / name).unlink(missing_ok=True)
            (self.root / name).write_text(content)

    def start(self) -> None:
        """Start the host, and return when its SSH server answers and all units are started, if it has systemd."""
        lab.add_instance(self.name, self.ip, ipv6=True)
        self.pid = boot.first_process(self.kind, self.name, self.root, self.log)
        self._save()
        if not comes_true(self._is_up):
            raise RuntimeError(f"host {self.name} did not start: {self.log.read_text(errors='replace')[-4000:]}")
        for number in range(self.containers):
            Container(self, number).attach()

    def start_living_unit(self) -> None:
        """Start a unit after the callers watch.

        The kernel reports a new control group with its path in the whole hierarchy, and this host has a part of it. The group of a unit
        that lives shows the watch which part; then it knows the units that have ended as well.
        """
        self.output("systemd-run", "--quiet", "--unit=lives", "sleep", "3600")

    def _is_up(self) -> bool:
        if boot.ended(self.pid):
            raise RuntimeError(f"host {self.name} ended at its start: {self.log.read_text(errors='replace')[-4000:]}")
        try:
            with socket.create_connection((self.ip, 22), timeout=2) as connection:
                if not connection.recv(4).startswith(b"SSH"):
                    return False
        except OSError:
            return False
        if self.kind == "plain":
            return True
        return self.run("systemctl", "is-system-running", "--wait").stdout.strip() in ("running", "degraded")

    def stop(self, clean: bool = False) -> None:
        """End processes and network, like a shutdown if *clean* is true, else like a power failure. Files stay."""
        self._close_ssh()
        if self.pid:
            for number in range(self.containers):
                Container(self, number).detach()
            boot.end(self.pid, clean=clean and self.kind != "plain")
            self.pid = 0
            self._save()
            lab.remove_instance(self.name, self.ip)
        if not comes_true(lambda: boot.remove_cgroup(boot.cgroup(self.name))):
            raise RuntimeError(f"the control group of host {self.name} cannot be removed")
        boot.remove_cgroups_v1()

    def reboot(self, clean: bool = True) -> None:
        """Stop and start the host. Only its files survive; rules, addresses and control groups are created again."""
        self.stop(clean)
        self.start()

    def destroy(self) -> None:
        """Stop the host and remove everything that belongs to it."""
        self.stop()
        subprocess.run(["umount", "--recursive", str(self.root)], check=True)
        shutil.rmtree(self.folder)
        _address_file(self.ip).unlink()

    def _close_ssh(self) -> None:
        """End persistent SSH connections, because they do not survive a restart."""
        for control in self.folder.glob("ssh-*"):
            command = ["ssh", "-o", f"ControlPath={control}", "-O", "exit", self.ip]
            subprocess.run(command, check=False, capture_output=True)

    def leader(self) -> int:
        """Return the ID, in the laboratory, of the host's first process."""
        # It is the first child of nspawn or of unshare --fork.
        for child in boot.children(self.pid):
            if os.readlink(f"/proc/{child}/ns/pid") != os.readlink("/proc/self/ns/pid"):
                return child
        raise RuntimeError(f"host {self.name} is not running")

    def run(
        self,
        *command: str | Path,
        user: str | None = None,
        input: str | None = None,
        timeout: float = PROCESS_SECONDS,
        network: str = "",
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in all namespaces and the control group of the host, without SSH; output is text.

        *network* is the path of a network namespace to use instead of the host's.
        """
        leader = self.leader()
        own = Path(f"/proc/{leader}/cgroup").read_text().rpartition("0::/")[2].strip()
        top = boot.CGROUPS / own.removesuffix("/init.scope")
        join = 'mkdir -p "$0" && echo $$ >"$0/cgroup.procs" && exec "$@"'
        enter = ["sh", "-c", join, str(top / "imds-run"), "nsenter", f"--target={leader}", "--mount", "--uts", "--ipc"]
        enter += ["--pid", "--cgroup", f"--net={network}" if network else "--net", "--root", "--wd"]
        environment = {"PATH": PATH, "LANG": "C.UTF-8", "HOME": "/root" if user in (None, "root") else "/"}
        return subprocess.run(
            [*enter, *self._as_user(user), *map(str, command)],
            env=environment,
            stdin=subprocess.DEVNULL if input is None else None,
            input=input,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def _as_user(self, user: str | None) -> list[str]:
        """Return the words to put before a command. *user* is a name on the host, or a number."""
        if user is None:
            return []
        for line in (self.root / "etc/passwd").read_text().splitlines():
            name, _password, uid, gid, *_rest = line.split(":")
            if user in (name, uid):
                return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--init-groups"]
        return ["setpriv", f"--reuid={int(user)}", f"--regid={int(user)}", "--clear-groups"]

    def container(self) -> Container:
        """Start a container on the host. A reboot of the host starts it again."""
        container = Container(self, self.containers)
        container.attach()
        self.containers += 1
        self._save()
        return container

    def output(self, *command: str | Path, **options: Any) -> str:
        """Return the output of a command; raise RuntimeError if it fails."""
        done = self.run(*command, **options)
        if done.returncode:
            raise RuntimeError(f"{self.name}: {' '.join(map(str, command))}: {done.stdout}{done.stderr}")
        return done.stdout

    def ansible_variables(self) -> dict[str, Any]:
        """Return the host's variables for Ansible's inventory."""
        options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ControlMaster=auto"
        return {
            "ansible_host": self.ip,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(KEY),
            "ansible_ssh_args": f"{options} -o ControlPersist=300",
            "ansible_control_path": f"{self.folder}/ssh-%%r",  # Ansible turns %% into %.
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_remote_tmp": "~/.ansible/tmp",
            **self.more_variables,
        }


def _prepare() -> None:
    """Create what all hosts of a laboratory share, if this is the first."""
    if not lab.in_lab():
        raise RuntimeError("test hosts can be created only inside tests/lab/enter")
    boot.STATE.mkdir(exist_ok=True)
    boot.prepare_cgroups()
    if not KEY.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test hosts", "-f", str(KEY)], check=True)


def _address_file(ip: str) -> Path:
    return boot.STATE / f"address-{ip}"


def _free_address(name: str) -> str:
    for number in range(250 * 100):
        ip = f"10.77.{100 + number // 250}.{number % 250 + 1}"
        try:
            with _address_file(ip).open("x") as file:
                file.write(name)
            return ip
        except FileExistsError:
            continue
    raise RuntimeError("all addresses of the laboratory are taken")
