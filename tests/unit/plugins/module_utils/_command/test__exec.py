# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command ``exec``: the environment, the process and the exit status of what it starts, and who can read the keys."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._command._exec import execute
from ansible_collections.alicloud.imds.plugins.module_utils._imds._client import Client, Settings
from waiting import PROCESS_SECONDS, wait_until

from ...conftest import Instance
from .conftest import Command

# Each test starts the command.
pytestmark = pytest.mark.slow

NAMES = (
    *("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"),
    *("ALICLOUD_ACCESS_KEY", "ALICLOUD_SECRET_KEY", "ALICLOUD_SECURITY_TOKEN"),
)
DUMP = """
import json, os, signal, sys
print(json.dumps([os.getpid(), sys.argv[1:], os.getcwd(), dict(os.environ), sorted(os.listdir("/proc/self/fd"))]))
"""


@pytest.fixture
def keys(command: Command) -> dict[str, str]:
    """Return the keys that the service has for the role."""
    served: dict[str, str] = json.loads(command("get", "--show-secrets", "ram/security-credentials/AppRole").text)
    return served


def test_the_command_gets_the_keys_in_its_environment(command: Command, keys: dict[str, str], tmp_path: Path) -> None:
    with command.start(
        "exec", "--", sys.executable, "-c", DUMP, "--", "--json", "a b", "$HOME", cwd=tmp_path
    ) as process:
        output, errors = process.communicate(timeout=PROCESS_SECONDS)
    assert (process.returncode, errors) == (0, b"")
    number, words, directory, environment, descriptors = json.loads(output)
    values = [keys["AccessKeyId"], keys["AccessKeySecret"], keys["SecurityToken"]]
    assert [environment.pop(name) for name in NAMES] == values * 2
    environment.pop("LC_CTYPE", None)  # Python's own
    expected = {**command.environment, "PWD": os.fspath(tmp_path)}  # set by the shell of the launcher
    assert {name: value for name, value in environment.items() if name not in ("OLDPWD", "_")} == expected
    assert (number, words) == (process.pid, ["--", "--json", "a b", "$HOME"])
    assert (directory, len(descriptors)) == (os.fspath(tmp_path), 4)  # the fourth is that of the listing


def test_keys_in_the_environment_are_replaced(command: Command, keys: dict[str, str]) -> None:
    done = command("exec", "--", "env", **dict.fromkeys(NAMES, "stale"))
    assert "stale" not in done.text and done.text.count(keys["AccessKeySecret"]) == 2


def test_one_token_and_no_normal_mode_request_is_sent(command: Command, instance: Instance) -> None:
    assert command("exec", "--", "true") == (0, b"", "")
    assert [entry["mode"] for entry in instance.journal()] == [
        "token_request",
        "token_authenticated",
        "token_authenticated",
    ]


def test_no_key_is_on_a_command_line(command: Command, keys: dict[str, str], tmp_path: Path) -> None:
    """While the command runs, its environment can be read by the same user and root only."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with command.start("exec", "--", "sh", "-c", "echo ready; read -r _word <%s; true" % fifo) as process:
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        lines = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, check=True).stdout
        environment = Path("/proc/%d/environ" % process.pid)
        held, mode = environment.read_bytes(), environment.stat().st_mode & 0o777
        fifo.write_text("end\n")
        assert process.wait(PROCESS_SECONDS) == 0
    assert ("read -r _word <%s" % fifo).encode() in lines
    for name in ("AccessKeySecret", "SecurityToken", "AccessKeyId"):
        assert keys[name].encode() in held
        assert keys[name].encode() not in lines
    assert mode == 0o400


def test_no_other_program_is_started_with_the_keys(
    instance: Instance, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even for a moment, as with ``env NAME=KEY COMMAND``."""
    executed: list[tuple[str, list[str], dict[str, str]]] = []
    monkeypatch.setattr(os, "execvpe", lambda *arguments: executed.append(arguments))
    monkeypatch.setattr(signal, "signal", lambda *_arguments: None)
    execute(Client(Settings(endpoint=instance.endpoint, timeout=60.0)), ["sh", "-c", "true"])
    ((program, words, environment),) = executed
    assert (program, words) == ("sh", ["sh", "-c", "true"])
    assert environment["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] == keys["AccessKeySecret"]


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 5", 5), ("kill -TERM $$", -signal.SIGTERM)])
def test_the_exit_status_is_that_of_the_command(command: Command, script: str, status: int) -> None:
    assert command("exec", "--", "sh", "-c", script).status == status


def test_signals_that_python_ignores_work_in_the_command(command: Command) -> None:
    done = command("exec", "--", "grep", "-h", "^Sig[BI]", "/proc/self/status")
    masks = dict(line.split() for line in done.text.splitlines())
    ignored = sum(1 << (number - 1) for number in (signal.SIGPIPE, signal.SIGXFSZ))
    assert masks.keys() == {"SigBlk:", "SigIgn:"} and all(int(mask, 16) & ignored == 0 for mask in masks.values())


def test_a_command_that_cannot_be_executed_has_a_status(command: Command, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("text")
    (tmp_path / "unknown").write_text("text")
    (tmp_path / "unknown").chmod(0o755)
    for word, status in (
        ("no-such-command", 127),
        (str(tmp_path / "plain/x"), 127),
        (str(tmp_path / "plain"), 126),
        (str(tmp_path / "unknown"), 126),
        (str(tmp_path), 126),
    ):
        done = command("exec", "--", word)
        assert (done.status, done.stdout, done.stderr.count("\n")) == (status, b"", 1), word
        assert word in done.stderr
        assert ("Check its name and the PATH." in done.stderr) == (status == 127)


def test_an_instance_without_valid_keys_has_a_status(command: Command, instance: Instance) -> None:
    instance.set(role={"name": "AppRole", "code": "Failed"})
    done = command("exec", "--", "touch", "/nonexistent/never")
    assert (done.status, done.stdout) == (6, b"") and "trust policy" in done.stderr
    instance.set(role=None)
    done = command("exec", "--", "touch", "/nonexistent/never")
    assert (done.status, done.stdout) == (3, b"") and "No RAM role is bound" in done.stderr


def test_the_command_is_separated_from_the_options(lonely_command: Command) -> None:
    for words in (
        ("exec",),
        ("exec", "--"),
        ("exec", "true"),
        ("exec", "true", "--", "true"),
        ("exec", "--timeout", "1"),
    ):
        done = lonely_command(*words)
        assert (done.status, done.stdout) == (2, b"") and "exec needs '--' and a command" in done.stderr, words
    assert "Connection refused" in lonely_command("exec", "--retries", "0", "--", "ls", "--retries", "x").stderr
    assert lonely_command("exec", "--nonsense", "--", "true").status == 2
    assert lonely_command("get", "exec", "--retries", "0", "--", "mac").status == 5, "a path that is named exec"


def test_a_stopped_command_can_be_ended(command: Command) -> None:
    def receive() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # it is ignored if the tests run in the background of a script

    with command.start("exec", "--", "sleep", "1000", preexec_fn=receive) as process:
        try:
            wait_until(lambda: Path("/proc/%d/comm" % process.pid).read_text() == "sleep\n")
            process.send_signal(signal.SIGINT)
            assert process.wait(PROCESS_SECONDS) == -signal.SIGINT
        finally:
            process.kill()
