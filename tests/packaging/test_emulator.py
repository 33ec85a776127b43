# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Install the emulator's wheel in an empty environment, start it, and use its pytest fixture."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import interpreters
import pytest
from conftest import CHECKOUT, run, run_checked
from waiting import GIVE_UP_SECONDS, wait_until

PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet", "install")
PYTEST = ("pytest", "iniconfig", "packaging", "pluggy", "pygments")
TESTS = """
import urllib.error, urllib.request
import pytest

PATH = "/latest/meta-data/instance-id"

def read(emulator, path=PATH, method="GET", **headers):
    request = urllib.request.Request(emulator.url + path, method=method, headers=headers)
    with urllib.request.urlopen(request) as response:
        return response.read().decode()

def test_normal_mode(imds_emulator):
    assert read(imds_emulator) == "i-test"
    imds_emulator.configure(http_tokens="required")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        read(imds_emulator)
    assert [entry["mode"] for entry in imds_emulator.journal()] == ["normal_mode"] * 2

@pytest.mark.imds_emulator(http_tokens="required", instance_id="i-own")
def test_settings(imds_emulator):
    token = read(imds_emulator, "/latest/api/token", "PUT", **{"X-aliyun-ecs-metadata-token-ttl-seconds": "60"})
    assert read(imds_emulator, **{"X-aliyun-ecs-metadata-token": token}) == "i-own"
    imds_emulator.faults({"kind": "status", "status": 503, "times": 1})
    with pytest.raises(urllib.error.HTTPError, match="503"):
        read(imds_emulator)
    address = imds_emulator.url
    imds_emulator.stop()
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(address)
"""


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


def test_the_wheel_needs_nothing_and_starts_with_one_line(venv: Path, tmp_path: Path) -> None:
    run_checked(venv / "bin/python", "-m", "pip", "check", folder=tmp_path)
    assert run_checked(venv / "bin/imds-emulator", "--version", folder=tmp_path) == "0.3.0\n"
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
    (tmp_path / "test_it.py").write_text(TESTS)
    done = run("venv/bin/python", "-m", "pytest", "-q", "--strict-markers", "test_it.py", folder=tmp_path)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_the_command_does_not_import_pytest(venv: Path, tmp_path: Path) -> None:
    script = (
        "import sys, imds_emulator.__main__, imds_emulator.local; print(sorted({'pytest', 'ssl'} & set(sys.modules)))"
    )
    assert run_checked(venv / "bin/python", "-c", script, folder=tmp_path) == "[]\n"


def checksums(archive: Path) -> dict[str, int]:
    with zipfile.ZipFile(archive) as opened:
        return {member.filename: member.CRC for member in opened.infolist()}


def test_the_sdist_builds_the_same_files(wheel: Path, tmp_path: Path) -> None:
    (sdist,) = wheel.parent.glob("imds_emulator-*.tar.gz")
    build = (
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-build-isolation",
        "--no-deps",
        "--no-index",
        "-w",
        tmp_path / "out",
    )
    run_checked(*build, sdist, folder=tmp_path)
    (again,) = (tmp_path / "out").iterdir()
    assert checksums(again) == checksums(wheel)
