# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs are started by absolute path, in /, with a minimal environment, and killed after their time limit."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._common import _programs
from ansible_collections.alicloud.imds.plugins.module_utils._common._programs import ProgramError, find, isolated, run
from waiting import gives_up, wait_until

# Each test starts programs.
pytestmark = pytest.mark.slow

PROGRAM = """\
import json, os, sys
descriptors = []
for name in os.listdir("/proc/self/fd"):
    try:
        os.fstat(int(name))
        descriptors.append(int(name))
    except OSError:
        pass
print(json.dumps([sys.argv, os.getcwd(), dict(os.environ), sorted(descriptors), os.getsid(0) == os.getpid(), sys.stdin.read()]))
"""


def test_surroundings_of_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret")
    inherited = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(inherited, True)
    try:
        done = run(sys.executable, "-I", "-c", PROGRAM, "word", text="input")
    finally:
        os.close(inherited)
    assert (done.status, done.errors) == (0, "")
    words, directory, environment, descriptors, leads, text = json.loads(done.output)
    assert (words, directory, text) == (["-c", "word"], "/", "input")
    environment.pop("LC_CTYPE", None)  # Python's own
    assert environment == {"PATH": _programs._PATH, "LC_ALL": "C", "LANGUAGE": "C"}
    assert (descriptors, leads) == ([0, 1, 2], True)


def test_a_name_is_never_searched_in_the_working_directory_or_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = tmp_path / "id"
    trap.write_text("#!/bin/sh\necho trapped\n")
    trap.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "%s:." % tmp_path)
    assert run("id", "-u").output == "%d\n" % os.geteuid()
    assert find("id") in ("/usr/bin/id", "/bin/id")
    trap.rename(tmp_path / "only-here")
    with pytest.raises(ProgramError, match="Cannot run only-here: it is not installed"):
        run("only-here")


@pytest.mark.parametrize(("name", "isolation"), [("python3", "1"), ("python", "0")])
@pytest.mark.parametrize("module", ["logging", "sitecustomize", "usercustomize"])
def test_an_isolated_interpreter_imports_nothing_from_the_directory_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, name: str, isolation: str
) -> None:
    (tmp_path / (module + ".py")).write_text("print('trapped')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    interpreter = str(Path(sys.executable).with_name(name))
    program = "import logging, sys; print(sys.flags.isolated)"
    assert run(*isolated(interpreter), "-c", program).output == isolation + "\n"


def test_python_2_gets_the_options_that_it_knows() -> None:
    assert isolated("/usr/bin/python2.7") == ["/usr/bin/python2.7", "-Es"]
    assert isolated("/usr/libexec/platform-python3.6") == ["/usr/libexec/platform-python3.6", "-I"]


def test_a_program_has_half_a_minute_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host with many busy processes needs seconds to start nft or systemctl; that must not fail the verification or the fence."""
    limits: list[float] = []

    class Process:
        returncode, stdin, stdout, stderr = 0, None, None, None

        def communicate(self, _text: str, timeout: float) -> tuple[str, str]:
            limits.append(timeout)
            return "", ""

    monkeypatch.setattr(_programs, "_start", lambda _command, _environment: Process())
    run("nft", "list", "tables")
    assert limits == [30.0]


# The shell stops itself; a child of it holds the output open.
STOPS = 'echo $$ >"$1"; sleep 1000 & kill -STOP $$'


def gone(number: int) -> bool:
    """Return whether the process is gone, or a zombie that nobody reaped yet."""
    try:
        return Path("/proc/%d/stat" % number).read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_stopped_program_and_its_children_are_killed_after_the_time_limit(tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    with pytest.raises(ProgramError, match="did not end within 2 s"), gives_up():
        run("/bin/sh", "-c", STOPS, "sh", str(marker), timeout=2.0)
    group = int(marker.read_text())
    wait_until(lambda: gone(group))
    with pytest.raises(ProcessLookupError):
        wait_until(lambda: os.killpg(group, 0))


def test_a_child_that_keeps_the_output_open_is_killed_too(tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    with pytest.raises(ProgramError, match="did not end within 2 s"), gives_up():
        run("/bin/sh", "-c", 'sleep 1000 & echo $! >"$1"', "sh", str(marker), timeout=2.0)
    wait_until(lambda: gone(int(marker.read_text())))
