# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real processes that still use replaced files."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._preflight import _go, _processes
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._files import Files
from waiting import wait_until

from .go_programs import CREDENTIALS, build_info, dep

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no /proc on this system"),
]
GO = shutil.which("go") or next(iter(sorted(glob.glob("/usr/lib/go-*/bin/go"))), None)


@contextlib.contextmanager
def running(*command, **options) -> Iterator[int]:
    """Yield the PID of a process that executes *command*."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, **options) as process:
        try:
            if "-c" in command:
                process.stdout.readline()
            program = Path("/proc/%d/exe" % process.pid)
            wait_until(lambda: program.resolve() == Path(command[0]).resolve(), "the start of the program")
            yield process.pid
        finally:
            process.kill()


def found(pid: int, *metadata: Path) -> list[dict]:
    examined = _processes.check(Files(), [str(path) for path in metadata])
    assert examined.processes > 1
    return [one for one in examined.findings if one["evidence"].get("pid") == pid]


def program(host, *lines: str) -> Path:
    """Return the path of a copy of sleep with build information of Go."""
    if not shutil.which("objcopy"):
        pytest.skip("objcopy (binutils) is not installed")
    section, made = host.write("/info", build_info("example.com/x", *lines)), host.root / "x"
    command = ["objcopy", "--add-section", ".go.buildinfo=%s" % section, shutil.which("sleep"), made]
    subprocess.run(command, check=True)
    os.chmod(made, 0o755)
    return made


def test_a_replaced_program_that_is_too_old_blocks(host) -> None:
    path = program(host, dep(CREDENTIALS, "v1.3.5"))
    with running(path, "60") as pid:
        assert found(pid) == []
        path.unlink()
        path.write_text("the new one")
        [one] = found(pid)
    assert one["id"] == "process_runs_deleted_file" and one["severity"] == "block"
    assert one["evidence"] == {"pid": pid, "path": str(path)}
    assert "credentials-go that is too old" in one["detail"] and "v1.3.5" in one["detail"]


def test_a_replaced_program_that_supports_tokens_is_no_finding(host) -> None:
    path = program(host, dep(CREDENTIALS, "v1.4.7"))
    with running(path, "60") as pid:
        path.unlink()
        assert found(pid) == []


@pytest.mark.parametrize(("name", "old"), [("credentials-java-0.3.5.jar", True), ("credentials-java-1.0.6.jar", False)])
def test_a_deleted_archive_that_is_open_is_judged_by_its_version(host, name, old) -> None:
    path = host.write("/lib/" + name, "x")
    code = "import sys, time; held = open(sys.argv[1]); print(1, flush=True); time.sleep(60)"
    with running(sys.executable, "-c", code, path) as pid:
        assert found(pid) == []
        path.unlink()
        result = found(pid)
    assert [(one["id"], one["evidence"]["path"]) for one in result] == (
        [("process_runs_deleted_file", str(path))] if old else []
    )


def environment(host) -> tuple[Path, Path]:
    """Return the Python of a virtual environment, reduced to its links, and the metadata path of a package in it."""
    host.write("/venv/pyvenv.cfg", "home = %s\n" % os.path.dirname(os.path.realpath(sys.executable)))
    host.link("/venv/bin/python", os.path.realpath(sys.executable))
    metadata = "/venv/lib/python3/site-packages/alibabacloud_credentials-1.0.12.dist-info/METADATA"
    return host.root / "venv/bin/python", host.root / metadata[1:]


def install(host, metadata: Path, version: str) -> None:
    """Write the metadata of the package; its ctime is the current time and cannot be set."""
    host.write(str(metadata.relative_to(host.root)), "Name: alibabacloud-credentials\nVersion: %s\n" % version)


def test_a_python_process_older_than_its_package_is_a_warning(host, monkeypatch) -> None:
    monkeypatch.setattr(_processes, "_TOLERANCE", 0.05)
    python, metadata = environment(host)
    sleep = "import time; print(1, flush=True); time.sleep(60)"
    with running(python, "-c", sleep) as pid, running(sys.executable, "-c", sleep) as other:
        time.sleep(0.3)  # at least: a busy machine makes it longer
        install(host, metadata, "1.0.12")
        [one] = found(pid, metadata)
        assert one["id"] == "process_older_than_package" and one["severity"] == "warn"
        assert one["evidence"] == {"pid": pid, "path": str(metadata), "version": "1.0.12"}
        assert found(other, metadata) == []
        # An old package is another finding, of the check python.
        install(host, metadata, "0.3.5")
        assert found(pid, metadata) == []


def test_a_python_process_younger_than_its_package_is_no_finding(host, monkeypatch) -> None:
    monkeypatch.setattr(_processes, "_TOLERANCE", 0.05)
    python, metadata = environment(host)
    install(host, metadata, "1.0.12")
    time.sleep(0.3)  # at least
    with running(python, "-c", "import time; print(1, flush=True); time.sleep(60)") as pid:
        assert found(pid, metadata) == []


def test_hostile_process_names_do_not_shift_the_fields_of_stat(host) -> None:
    code = "import time; open('/proc/self/comm', 'w').write(') R 1 (\\n'); print(1, flush=True); time.sleep(60)"
    with running(sys.executable, "-c", code) as pid:
        process = _processes._read_process(Files(), pid)
        assert abs(process.start - time.time()) < 3600 and process.exe == os.path.realpath(sys.executable)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to run as another user")
def test_processes_of_other_users_are_counted() -> None:
    program = (
        "import os, sys; sys.path.insert(0, %r)\nfrom module_utils._preflight import _files, _processes\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "print([(one['id'], one['evidence']['count'] > 0) for one in _processes.check(_files.Files(), []).findings])"
    ) % str(Path(__file__).resolve().parents[5] / "plugins")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[('processes_not_examined', True)]", done.stderr


@pytest.mark.skipif(GO is None, reason="Go is not installed")
@pytest.mark.parametrize("flags", ["", "-s -w"])
def test_build_information_of_the_real_linker_is_read(host, flags) -> None:
    """The library is a vendored module of the same name, so that nothing is downloaded."""
    host.write("/go.mod", "module example.com/reader\n\ngo 1.17\n\nrequire %s v1.3.9\n" % CREDENTIALS)
    host.write(
        "/main.go", 'package main\n\nimport "%s/credentials"\n\nfunc main() { credentials.Do() }\n' % CREDENTIALS
    )
    host.write("/vendor/%s/credentials/x.go" % CREDENTIALS, "package credentials\n\nfunc Do() {}\n")
    host.write("/vendor/modules.txt", "# {0} v1.3.9\n## explicit\n{0}/credentials\n".format(CREDENTIALS))
    settings = {
        "GOFLAGS": "-mod=vendor",
        "GOCACHE": str(host.root / "cache"),
        "HOME": str(host.root),
        "CGO_ENABLED": "0",
    }
    command = [GO, "build", "-p", "1", "-ldflags", flags, "-o", "usr/bin/reader", "."]
    subprocess.run(command, cwd=host.root, env={**os.environ, **settings}, check=True, capture_output=True)
    built = _go.read(Files(), str(host.root / "usr/bin/reader"))
    assert built == _go.BuildInfo("example.com/reader", "(devel)", {CREDENTIALS: "v1.3.9"})
    assert host.found("programs") == [("go_credentials_too_old", "/usr/bin/reader", "v1.3.9")]
