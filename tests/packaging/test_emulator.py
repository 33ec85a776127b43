# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Install the emulator's wheel in an empty environment, start it, and use its pytest fixture."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import interpreters
import pytest
from conftest import CHECKOUT, collection, run, run_checked
from imds_emulator import __version__
from waiting import GIVE_UP_SECONDS, wait_until

PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet", "install")
PYTEST = ("pytest", "iniconfig", "packaging", "pluggy", "pygments")
README = CHECKOUT / "roles/emulator/files/README.md"


def examples(language: str) -> list[str]:
    """Return the examples of the package's README in a language."""
    found = re.findall(rf"(?ms)^```{language}\n(.*?)^```", README.read_text())
    assert found
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(scope="session")
def wheel(tarball: Path) -> Path:
    (found,) = tarball.parent.glob("imds_emulator-*.whl")
    return found


@pytest.fixture(scope="session")
def venv(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an environment of the oldest supported Python here, with nothing but the wheel."""
    folder = tmp_path_factory.mktemp("emulator") / "venv"
    python = next(path for version, path in interpreters.find().items() if version not in ("3.6", "3.7"))
    run_checked(python, "-m", "venv", folder, folder=folder.parent)
    run_checked(folder / "bin/python", *PIP, "--no-index", wheel, folder=folder.parent)
    return folder


def test_the_package_index_accepts_both_distributions(judges: Path, wheel: Path, tmp_path: Path) -> None:
    (sdist,) = wheel.parent.glob("imds_emulator-*.tar.gz")
    said = run_checked(judges / "twine", "--no-color", "check", "--strict", wheel, sdist, folder=tmp_path)
    assert said.count("PASSED") == 2 and "warning" not in said.lower(), said


def test_the_wheel_needs_nothing_and_starts_with_one_line(venv: Path, tmp_path: Path) -> None:
    run_checked(venv / "bin/python", "-m", "pip", "check", folder=tmp_path)
    assert run_checked(venv / "bin/imds-emulator", "--version", folder=tmp_path) == f"{__version__}\n"
    ready = tmp_path / "ready.json"
    command = [venv / "bin/imds-emulator", "serve", "--instance", "i-test", "--tokens", "required"]
    command += ["--listen", "127.0.0.1:0", "--ready-file", ready]
    environment = dict(os.environ, IMDS_EMULATOR_ADMIN="127.0.0.1:0", IMDS_EMULATOR_TAG="env=test")
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: ready.exists() or process.poll() is not None, "the emulator")
        where = json.loads(ready.read_text())
        assert list(where["instances"]) == ["i-test"]
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen("http://%s/latest/meta-data/" % where["listen"][0])
        ctl = (venv / "bin/imds-emulator-ctl", "--admin", where["admin"])
        (entry,) = map(json.loads, run_checked(*ctl, "journal", folder=tmp_path).splitlines())
        assert (entry["instance"], entry["mode"], entry["status"]) == ("i-test", "normal_mode", 403)
        changed = json.loads(run_checked(*ctl, "set", "i-test", "http_tokens=optional", folder=tmp_path))
        assert (changed["http_tokens"], changed["tags"]) == ("optional", {"env": "test"})
    finally:
        process.terminate()
        assert process.wait(GIVE_UP_SECONDS) == 0


def test_the_pytest_fixture(wheel: Path, tmp_path: Path) -> None:
    run_checked(sys.executable, "-m", "venv", "venv", folder=tmp_path)
    blocks = re.findall(r"(?m)^[a-z].*(?:\n .*)*", (CHECKOUT / "constraints.txt").read_text())
    pins = [block for block in blocks if block.split("==")[0] in PYTEST]
    assert len(pins) == len(PYTEST)
    (tmp_path / "pins.txt").write_text("\n".join(pins) + "\n")
    run_checked("venv/bin/python", *PIP, "--require-hashes", "--requirement", "pins.txt", folder=tmp_path)
    run_checked("venv/bin/python", *PIP, "--no-index", wheel, folder=tmp_path)
    (tmp_path / "test_it.py").write_text("".join(examples("python")))
    done = run("venv/bin/python", "-m", "pytest", "-q", "--strict-markers", "test_it.py", folder=tmp_path)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_the_commands_of_the_readme_print_the_shown_output(venv: Path, tmp_path: Path) -> None:
    """The commands run as shown, but on free ports, and the emulator ends with the test."""
    text = "".join(examples("console")).replace(":8100", f":{free_port()}").replace(":8101", admin := f":{free_port()}")
    lines = text.splitlines()
    commands = [line[2:] for line in lines if line.startswith("$ ")]
    (serve,) = [command for command in commands if " serve " in command]
    listen = re.findall(r"http://([0-9.:]+)/", text)[0]
    ready = tmp_path / "ready.json"
    script = "\n".join(commands).replace(serve, f"{serve} --listen {listen} --ready-file {ready}")
    path = f"{venv / 'bin'}:{os.environ['PATH']}"
    try:
        shown = run_checked("bash", "-ec", script, folder=tmp_path, PATH=path, IMDS_EMULATOR_ADMIN=f"127.0.0.1{admin}")
    finally:
        if ready.exists():
            os.kill(json.loads(ready.read_text())["pid"], signal.SIGTERM)
    assert shown.splitlines() == [line for line in lines if not line.startswith("$ ")]


def test_the_command_does_not_import_pytest(venv: Path, tmp_path: Path) -> None:
    script = (
        "import sys, imds_emulator.__main__, imds_emulator.local; print(sorted({'pytest', 'ssl'} & set(sys.modules)))"
    )
    assert run_checked(venv / "bin/python", "-c", script, folder=tmp_path) == "[]\n"


def checksums(archive: Path) -> dict[str, int]:
    with zipfile.ZipFile(archive) as opened:
        return {member.filename: member.CRC for member in opened.infolist()}


def build(source: Path, target: Path) -> Path:
    """Return the wheel that pip builds from a sdist or a folder."""
    options = ("--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", target)
    run_checked(sys.executable, "-m", "pip", "wheel", *options, source, folder=target.parent)
    (made,) = target.iterdir()
    return made


def test_the_sdist_builds_the_same_files(wheel: Path, tmp_path: Path) -> None:
    (sdist,) = wheel.parent.glob("imds_emulator-*.tar.gz")
    assert checksums(build(sdist, tmp_path / "out")) == checksums(wheel)


def test_the_folder_of_the_collection_builds_the_same_files(wheel: Path, installed: Path, tmp_path: Path) -> None:
    folder = collection(installed) / "roles/emulator/files"
    assert checksums(build(folder, tmp_path / "out")) == checksums(wheel)
