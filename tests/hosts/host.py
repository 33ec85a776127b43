# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One test host inside the laboratory of tests/lab/enter: its network, its file system, what can be done with it.

Of kind ``systemd`` it is a machine with systemd as first process, control groups v2, nftables and bpf(2) of its own; of
kind ``plain`` it is an SSH server in namespaces, for large numbers. Both are reached by real SSH. A host is known by its
folder in `boot.STATE`, so that several processes may work with the same one. It dies with the laboratory.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boot
import lab
from containers import Container
from waiting import comes_true

KINDS = ("systemd", "plain")
KEY = boot.STATE / "key"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class Host:
    """A test host that `Host.create` or `Host.load` gives."""

    name: str
    ip: str
    kind: str
    lower: str  # the root that it is an overlay of
    pid: int = 0  # what has to be killed to end it; 0: it is down
    containers: int = 0

    @classmethod
    def create(cls, name: str, kind: str, lower: Path) -> Host:
        """Make a host and its file system; `start` starts it."""
        if kind not in KINDS:
            raise ValueError(f"there is no kind '{kind}' of host; there are: {', '.join(KINDS)}")
        _prepare()
        (boot.STATE / name).mkdir()  # fails when there is one of this name
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
        """The host of this name, perhaps made by another process."""
        try:
            return cls(**json.loads((boot.STATE / name / "host.json").read_text()))
        except FileNotFoundError:
            raise ValueError(f"there is no host '{name}'") from None

    @property
    def folder(self) -> Path:
        return boot.STATE / self.name

    @property
    def root(self) -> Path:
        """Its file system as seen from the laboratory, without what it has mounted itself (/run, /tmp)."""
        return self.folder / "root"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def _save(self) -> None:
        (self.folder / "host.json").write_text(json.dumps(vars(self)))

    def _furnish(self) -> None:
        """What an installer leaves: names, keys. A resolver that never answers would cost 10 s at each gathering of facts."""
        files = {
            "etc/hostname": f"{self.name}\n",
            "etc/hosts": f"127.0.0.1 localhost\n{self.ip} {self.name}\n",
            "etc/resolv.conf": "",
            "etc/machine-id": hashlib.md5(self.name.encode()).hexdigest() + "\n",
            "root/.ssh/authorized_keys": KEY.with_suffix(".pub").read_text(),
        }
        (self.root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
        for name, content in files.items():
            (self.root / name).unlink(missing_ok=True)
            (self.root / name).write_text(content)

    def start(self) -> None:
        """Start it, and return when its SSH server answers and, of kind systemd, all has been started."""
        lab.add_instance(self.name, self.ip)
        self.pid = boot.first_process(self.kind, self.name, self.root, self.log)
        self._save()
        if not comes_true(self._is_up):
            raise RuntimeError(f"host {self.name} did not start: {self.log.read_text(errors='replace')[-4000:]}")
        for number in range(self.containers):
            Container(self, number).attach()

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
        """End its processes and its network; its files stay. *clean*: as by a shutdown, else as by a power failure."""
        self._close_ssh()
        if self.pid:
            for number in range(self.containers):
                Container(self, number).detach()
            boot.end(self.pid, clean=clean and self.kind == "systemd")
            self.pid = 0
            self._save()
            lab.remove_instance(self.name, self.ip)
        if not comes_true(lambda: boot.remove_cgroup(boot.cgroup(self.name))):
            raise RuntimeError(f"the control group of host {self.name} cannot be removed")

    def reboot(self, clean: bool = True) -> None:
        """Stop it and start it again. Only its files survive: rules, addresses and control groups are made anew."""
        self.stop(clean)
        self.start()

    def destroy(self) -> None:
        """Stop it and remove all of it."""
        self.stop()
        subprocess.run(["umount", "--recursive", str(self.root)], check=True)
        shutil.rmtree(self.folder)
        _address_file(self.ip).unlink()

    def _close_ssh(self) -> None:
        """End kept SSH connections: after the next start they would lead nowhere."""
        for control in self.folder.glob("ssh-*"):
            command = ["ssh", "-o", f"ControlPath={control}", "-O", "exit", self.ip]
            subprocess.run(command, check=False, capture_output=True)

    def leader(self) -> int:
        """The process id, in the laboratory, of the host's first process."""
        # nspawn's first child, or that of unshare --fork
        for child in boot.children(self.pid):
            if os.readlink(f"/proc/{child}/ns/pid") != os.readlink("/proc/self/ns/pid"):
                return child
        raise RuntimeError(f"host {self.name} is not running")

    def run(
        self,
        *command: str | Path,
        user: str | None = None,
        input: str | None = None,
        timeout: float = 60,
        network: str = "",
    ) -> subprocess.CompletedProcess[str]:
        """Run a command there, in all namespaces and the control group of the host, not through SSH; output is text.

        *network*: the path of another network namespace than the host's.
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
        """What to put before a command; *user* is a name of the host's own, or a number."""
        if user is None:
            return []
        for line in (self.root / "etc/passwd").read_text().splitlines():
            name, _password, uid, gid, *_rest = line.split(":")
            if user in (name, uid):
                return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--init-groups"]
        return ["setpriv", f"--reuid={int(user)}", f"--regid={int(user)}", "--clear-groups"]

    def container(self) -> Container:
        """Start a container on it; it is there again after a reboot."""
        container = Container(self, self.containers)
        container.attach()
        self.containers += 1
        self._save()
        return container

    def output(self, *command: str | Path, **options: Any) -> str:
        """The output of a command that must succeed."""
        done = self.run(*command, **options)
        if done.returncode:
            raise RuntimeError(f"{self.name}: {' '.join(map(str, command))}: {done.stdout}{done.stderr}")
        return done.stdout

    def ansible_variables(self) -> dict[str, Any]:
        """What Ansible's inventory has to say about it."""
        options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ControlMaster=auto"
        return {
            "ansible_host": self.ip,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(KEY),
            "ansible_ssh_args": f"{options} -o ControlPersist=300",
            "ansible_control_path": f"{self.folder}/ssh-%%r",  # Ansible halves the percent sign
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_remote_tmp": "~/.ansible/tmp",
        }


def _prepare() -> None:
    """What all hosts of a laboratory share; made by the first."""
    if not lab.in_lab():
        raise RuntimeError("test hosts can be made only inside tests/lab/enter")
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
