# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command as a process, started by its launcher, against the emulator as another process."""

from __future__ import annotations

import itertools
import os
import pty
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Iterator, NamedTuple, Sequence

import lab
import pytest
from waiting import GIVE_UP_SECONDS

CHECKOUT = Path(__file__).resolve().parents[5]
LAUNCHER = CHECKOUT / "command/ecs-metadata"

# Nothing answers here: no test may ask a real service by accident.
NOWHERE = "http://127.0.0.1:9"

# What somebody who may set tags, or a service gone bad, could send.
HOSTILE = {
    "color": "\x1b]0;owned\x07\x1b[31mred",
    "lines": "a\r\nregion-id\nforged",
    "bidi": "\u202egnp.exe",
    "nul": "a\0b",
}

USER_DATA = b"\x1f\x8b\x00\xff\r\n\x00end"


class Done(NamedTuple):
    status: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        return self.stdout.decode("utf-8")


class Command:
    """Runs ``ecs-metadata`` with an environment of its own."""

    def __init__(self, python: str, folder: Path, endpoint: str = NOWHERE) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "python3").symlink_to(python)
        self.environment = {
            "PATH": "%s:/usr/bin:/bin" % folder,
            "HOME": "/nonexistent",
            "ALICLOUD_IMDS_ENDPOINT": endpoint,
        }
        self.launcher = str(LAUNCHER)

    def __call__(self, *words: str, **environment: str) -> Done:
        done = subprocess.run(
            [self.launcher, *words],
            check=False,
            capture_output=True,
            env=dict(self.environment, **environment),
            stdin=subprocess.DEVNULL,
            timeout=GIVE_UP_SECONDS,
        )
        return self.checked(Done(done.returncode, done.stdout, done.stderr.decode("utf-8")))

    def each(self, *lines: Sequence[str]) -> list[Done]:
        """Run several command lines at once; the results are in their order."""
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(lambda words: self(*words), lines))

    def on_terminal(self, *words: str) -> Done:
        """As a person would run it: standard output is a terminal."""
        ours, theirs = pty.openpty()
        with self.start(*words, stdout=theirs) as process:
            os.close(theirs)
            output = b""
            while True:
                try:
                    more = os.read(ours, 65536)
                except OSError:  # the other end is closed
                    break
                output += more
            stderr = process.communicate(timeout=GIVE_UP_SECONDS)[1]
        os.close(ours)
        return self.checked(Done(process.returncode, output.replace(b"\r\n", b"\n"), stderr.decode("utf-8")))

    def shell(self, script: str) -> Done:
        """Run *script* in bash, where $command is the launcher."""
        environment = dict(self.environment, command=self.launcher)
        done = subprocess.run(
            ["bash", "-c", script],
            check=False,
            capture_output=True,
            env=environment,
            stdin=subprocess.DEVNULL,
            timeout=GIVE_UP_SECONDS,
        )
        return self.checked(Done(done.returncode, done.stdout, done.stderr.decode("utf-8")))

    def start(self, *words: str, **options: Any) -> subprocess.Popen[bytes]:
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": self.environment, **options}
        return subprocess.Popen([self.launcher, *words], stdin=subprocess.DEVNULL, **options)

    @staticmethod
    def checked(done: Done) -> Done:
        """What holds for every run: no traceback, and nothing on standard error but lines of ours."""
        assert "Traceback" not in done.stderr
        assert all(line.startswith("ecs-metadata: ") for line in done.stderr.splitlines()), done.stderr
        return done


class Instance:
    """One emulated instance with a listening address of its own."""

    def __init__(self, emulator: lab.Emulator, instance_id: str, endpoint: str) -> None:
        self.emulator = emulator
        self.id = instance_id
        self.endpoint = endpoint

    def set(self, **config: Any) -> None:
        self.emulator.admin("PATCH", "/instances/" + self.id, config)

    def fault(self, kind: str, **more: Any) -> None:
        self.emulator.admin("PUT", "/instances/%s/faults" % self.id, [{"kind": kind, **more}])

    def journal(self) -> list[dict[str, Any]]:
        return self.emulator.journal(self.id)


_numbers = itertools.count(1)


@pytest.fixture
def instance(running_emulator: lab.Emulator) -> Iterator[Instance]:
    """Token-only, with a role, user data, and a few ordinary tags."""
    instance_id = "i-command%d" % next(_numbers)
    config = {
        "instance_id": instance_id,
        "listen": "127.0.0.1:0",
        "http_tokens": "required",
        "region_id": "cn-hangzhou",
    }
    config.update(instance_metadata_tags="enabled", tags={"stage": "test", "number": "123"}, role={"name": "AppRole"})
    config.update(user_data_base64="H4sA/w0KAGVuZA==")
    made = running_emulator.admin("POST", "/instances", config)
    yield Instance(running_emulator, instance_id, "http://" + made["listening"])
    running_emulator.admin("DELETE", "/instances/" + instance_id)


@pytest.fixture
def command(instance: Instance, tmp_path: Path) -> Command:
    """The command with ``instance`` as its endpoint, from the environment."""
    made = Command(os.path.realpath(sys.executable), tmp_path / "bin", instance.endpoint)
    made.environment.update(ALICLOUD_IMDS_TIMEOUT="30", ALICLOUD_IMDS_DEADLINE="120")  # not reached by a busy machine
    return made


@pytest.fixture
def lonely_command(tmp_path: Path) -> Command:
    """The command where no service answers."""
    return Command(os.path.realpath(sys.executable), tmp_path / "bin")
