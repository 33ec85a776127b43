# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the image of the emulator from its Containerfile, and read metadata from a container.

No registry of images is needed: the root file system of a test host (tests/hosts/roots.py) with pip takes the place of the image
that the Containerfile names. Nothing is downloaded in the containers, which have no network but loopback.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pip
import pytest
from conftest import CHECKOUT, collection, run, run_checked
from imds_emulator import __version__, flags, help_text

# Where root has no CAP_SYS_RESOURCE, the default limits of podman are refused.
LIMITS = ("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096")
# pip installs as root in the system's Python, and finds the build backend only in this folder.
PIP = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels", "PIP_BREAK_SYSTEM_PACKAGES": "1"}
BASE = """FROM localhost/root
COPY pip /usr/local/lib/pip-only/pip
COPY wheels /wheels
RUN printf '#!/bin/sh\\nPYTHONPATH=/usr/local/lib/pip-only exec python3 -m pip "$@"\\n' >/usr/local/bin/pip && chmod +x /usr/local/bin/pip
"""
# A client in the container: read a token, then the instance ID.
CLIENT = """
from urllib.request import Request, urlopen
base = "http://127.0.0.1:8100/latest/"
wish = Request(base + "api/token", method="PUT", headers={"X-aliyun-ecs-metadata-token-ttl-seconds": "60"})
token = urlopen(wish).read().decode()
print(urlopen(Request(base + "meta-data/instance-id", headers={"X-aliyun-ecs-metadata-token": token})).read().decode())
"""


def unavailable(reason: str) -> None:
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def root_file_system() -> Path:
    """Return the root file system of Debian 12; create it if it is missing."""
    done = run(sys.executable, CHECKOUT / "tests/hosts/roots.py", "bookworm", folder=CHECKOUT)
    if done.returncode:
        unavailable(done.stderr.strip())
    return CHECKOUT / ".cache/roots/bookworm"


Podman = Callable[..., str]


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """Return a function that runs podman with storage of its own, and returns the output; all is removed in the end."""
    if not shutil.which("podman"):
        unavailable("podman is not installed")
    if os.geteuid() != 0:
        unavailable("the root file system of the test hosts can only be read by root")
    folder = tmp_path_factory.mktemp("podman")
    places = ("--root", folder / "storage", "--runroot", folder / "run", "--tmpdir", folder / "tmp")
    command = ["podman", *places, "--cgroup-manager", "cgroupfs", "--events-backend", "none"]
    if shutil.which("runc"):  # crun does not work with hybrid cgroups
        command += ["--runtime", "runc"]
    try:
        yield lambda *words: run_checked(*command, *words, folder=folder)
    finally:
        run_checked(*command, "rm", "--all", "--force", "--time", "0", folder=folder)
        run_checked(*command, "system", "reset", "--force", folder=folder)
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def image(podman: Podman, installed: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the image that the documented command builds from the installed collection, but on another base image."""
    context = tmp_path_factory.mktemp("base")
    shutil.copytree(Path(pip.__file__).parent, context / "pip", ignore=shutil.ignore_patterns("__pycache__"))
    (pin,) = re.findall(r"(?m)^flit-core==.*(?:\n .*)*", (CHECKOUT / "constraints.txt").read_text())
    (context / "pins.txt").write_text(pin)
    download = ("-m", "pip", "download", "--quiet", "--require-hashes", "--requirement", "pins.txt", "--dest", "wheels")
    run_checked(sys.executable, *download, folder=context)
    (context / "Containerfile").write_text(BASE)
    tar = ("tar", "--directory", root_file_system(), "--create", "--file", context / "root.tar", ".")
    run_checked(*tar, folder=context)
    changes = [word for name, value in PIP.items() for word in ("--change", f"ENV {name}={value}")]
    podman("import", *changes, context / "root.tar", "localhost/root")
    (context / "root.tar").unlink()
    build = ("build", "--network", "none", *LIMITS)
    podman(*build, "--tag", "localhost/python", context)
    folder = collection(installed) / "roles/emulator/files"
    podman(*build, "--from", "localhost/python", "--tag", "localhost/imds-emulator", folder)
    return "localhost/imds-emulator"


def test_the_instructions() -> None:
    text = (CHECKOUT / "roles/emulator/files/Containerfile").read_text()
    instructions = [line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#")]
    assert [word for word, _rest in instructions] == "FROM COPY RUN ENV EXPOSE USER ENTRYPOINT CMD".split()
    values = dict(instructions)
    assert re.fullmatch(r"docker\.io/library/python:3\.\d+-slim", values["FROM"])
    _whole, serve = help_text.parser()
    known = {flags.variable(option) for action in serve._actions for option in action.option_strings}
    variables = dict(word.split("=") for word in values["ENV"].split())
    assert set(variables) <= known and variables["IMDS_EMULATOR_LISTEN"] == "0.0.0.0:" + values["EXPOSE"]


def test_metadata_is_read_in_a_container(podman: Podman, image: str) -> None:
    start = ("run", "--detach", "--name", "imds", "--network", "none", *LIMITS)
    variables = ("--env", "IMDS_EMULATOR_INSTANCE=i-test", "--env", "IMDS_EMULATOR_TOKENS=required")
    podman(*start, *variables, image)

    def inside(*words: str) -> str:
        return podman("exec", "imds", *words)

    inside("sh", "-c", "until imds-emulator-ctl health; do sleep 0.1; done")
    assert inside("imds-emulator", "--version") == f"{__version__}\n"
    assert inside("python3", "-c", CLIENT) == "i-test\n"
    entries = [json.loads(line) for line in inside("imds-emulator-ctl", "journal").splitlines()]
    assert [(it["method"], it["mode"], it["status"]) for it in entries] == [
        ("PUT", "token_request", 200),
        ("GET", "token_authenticated", 200),
    ]
    assert [inside("id", "-u"), inside("id", "-g")] == ["65534\n", "65534\n"]
    podman("stop", "--time", "60", "imds")
    assert podman("inspect", "--format", "{{.State.ExitCode}}", "imds") == "0\n"
