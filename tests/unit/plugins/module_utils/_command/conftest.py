# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the command as a process, started by its launcher, against the emulator."""

from __future__ import annotations

import base64
import os
import pty
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Sequence

import pytest
from waiting import GIVE_UP_SECONDS

from ...conftest import Emulators, Instance

CHECKOUT = Path(__file__).resolve().parents[5]
LAUNCHER = CHECKOUT / "command/ecs-metadata"

# Nothing listens here, so that no test sends a request to a real service by accident.
NOWHERE = "http://127.0.0.1:9"

# Values that a user who can set tags, or a hostile service, could send.
HOSTILE = {
    "color": "\x1b]0;owned\x07\x1b[31mred",
    "lines": "a\r\nregion-id\nforged",
    "bidi": "\u202egnp.exe",
    "nul": "a\0b",
}

USER_DATA = b"\x1f\x8b\x00\xff\r\n\x00end"


class Done(NamedTuple):
    """The result of a command; ``status`` is negative if a signal ended it."""

    status: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        return self.stdout.decode("utf-8")


class Command:
    """Runs ``ecs-metadata`` with its own environment."""

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
        """Run several command lines at once and return the results in the same order."""
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(lambda words: self(*words), lines))

    def on_terminal(self, *words: str) -> Done:
        """Run the command with a terminal as standard output."""
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
        """Start the command and return its process; *options* are those of Popen."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": self.environment, **options}
        return subprocess.Popen([self.launcher, *words], stdin=subprocess.DEVNULL, **options)

    @staticmethod
    def checked(done: Done) -> Done:
        """Assert that standard error has no traceback and only lines of the command; return *done*."""
        assert "Traceback" not in done.stderr
        assert all(line.startswith("ecs-metadata: ") for line in done.stderr.splitlines()), done.stderr
        return done


@pytest.fixture
def instance(emulator: Emulators) -> Instance:
    """Return an instance that requires tokens, with a role, user data and two tags."""
    return emulator.add_instance(
        region_id="cn-hangzhou",
        instance_metadata_tags="enabled",
        tags={"stage": "test", "number": "123"},
        role={"name": "AppRole"},
        user_data_base64=base64.b64encode(USER_DATA).decode(),
    )


@pytest.fixture
def command(instance: Instance, tmp_path: Path) -> Command:
    """Return the command with the endpoint of ``instance``, and limits that are not reached on a busy machine."""
    made = Command(os.path.realpath(sys.executable), tmp_path / "bin", instance.endpoint)
    made.environment.update(ALICLOUD_IMDS_TIMEOUT="30", ALICLOUD_IMDS_DEADLINE="120")
    return made


def without_service(folder: Path) -> Command:
    """Return the command, started from *folder*, with an endpoint that nothing listens on."""
    return Command(os.path.realpath(sys.executable), folder / "bin")


@pytest.fixture
def lonely_command(tmp_path: Path) -> Command:
    """Return the command with an endpoint that nothing listens on."""
    return without_service(tmp_path)
