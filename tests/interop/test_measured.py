# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure clients of other projects in the three modes of an instance: are the results those of measured.py?"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import HERE, ROLE, ROLE_KEYS, Ecs
from measured import ROWS, Row

MODES = {
    "optional": {"http_tokens": "optional", "http_endpoint": "enabled"},
    "required": {"http_tokens": "required", "http_endpoint": "enabled"},
    "disabled": {"http_tokens": "required", "http_endpoint": "disabled"},
}
Run = Callable[[], "tuple[str, int]"]
NODE = ("node", HERE / "clients/node_clients.js")
# The function of clients/python_clients.py and the environment for each package; by version if there are several.
PYTHON = {
    "alibabacloud-credentials 0.3.5": ("credentials", "python"),
    "alibabacloud-credentials 0.3.6": ("credentials", "other"),
    "alibabacloud-credentials": ("credentials", "sdk"),
    "alibabacloud-credentials (asyncio)": ("credentials_async", "sdk"),
    "aliyun-python-sdk-core": ("core", "python"),
    "aliyun-python-sdk-core-v3": ("core", "other"),
    "footmark": ("footmark", "ecs"),
    "acm-sdk-python": ("acm", "python"),
    "ansible-alicloud": ("ansible_alicloud", "python"),
    "oss2": ("oss2", "python"),
    "alibabacloud-oss-v2": ("oss_v2", "sdk"),
    "opendal": ("opendal", "python"),
    "cloud-detect": ("cloud_detect", "python"),
}
# Clients that import modules of the standard library, or of theirs, that this Python and later ones cannot import.
TOO_OLD = {"aliyun-python-sdk-core-v3": (3, 12)}
SUITES = {"20.4.1": "bullseye", "22.4.2": "bookworm", "25.1.4": "trixie", "26.2": "sid"}
# Programs in a root directory see only its files, and the devices and processes of the laboratory.
CHROOT = 'mount --rbind /dev "$1/dev" && mount --bind /proc "$1/proc" && exec chroot "$@"'


class Site(NamedTuple):
    """Where a client runs."""

    ecs: Ecs
    fetched: Callable[[str], Path]
    scratch: Path

    def commands(self, *words: str | Path, **variables: str) -> Run:
        """Return a function that runs a command, and returns its output and its exit status."""

        def run() -> tuple[str, int]:
            done = self.ecs.run(*words, **variables)
            return done.stdout + done.stderr, done.returncode

        return run

    def chroot(self, root: Path, *words: str, **variables: str) -> Run:
        """Return a function that runs a command in the root directory of a client."""
        for folder in ("dev", "proc", "tmp", "run"):
            (root / folder).mkdir(exist_ok=True)
        return self.commands("sh", "-c", CHROOT, "sh", root, *words, **variables)


def packages(site: Site, environment: str) -> Path:
    """Return the folder with the packages of an environment; that of `sdk` has aliyun-python-sdk-ecs."""
    return next((site.fetched(environment) / "lib").glob("python*/site-packages"))


@contextlib.contextmanager
def python(site: Site, row: Row) -> Iterator[tuple[str, Run]]:
    """Start clients/python_clients.py, which runs the client as often as asked."""
    if sys.version_info >= TOO_OLD.get(row.package, (4,)):
        pytest.skip(
            f"{row.package} {row.version} cannot be imported by Python {sys.version_info[0]}.{sys.version_info[1]}"
        )
    function, environment = PYTHON.get(f"{row.package} {row.version}") or PYTHON[row.package]
    package = row.package.partition(" ")[0]
    variables = {**site.ecs.variables, "HOME": str(site.scratch)}
    interpreter = site.fetched("sdk" if environment == "sdk" else "python") / "bin/python"
    if environment in ("other", "ecs"):
        variables["PYTHONPATH"] = str(site.fetched("other") if environment == "other" else packages(site, "sdk"))
    if package == "ansible-alicloud":  # a part of Ansible, which the environment of the tests has
        variables["MORE"] = str(packages(site, "python"))
        interpreter = Path(sys.executable)
    command = site.ecs.command(interpreter, HERE / "clients/python_clients.py", function, package, ROLE["name"])
    with open(site.scratch / "errors", "w") as errors, subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        env=variables,
        cwd=site.scratch,
    ) as process:
        assert process.stdin and process.stdout
        pipe = process.stdout

        def run() -> tuple[str, int]:
            assert process.stdin
            print(flush=True, file=process.stdin)
            lines = iter(pipe.readline, "")
            output = ""
            for line in lines:
                if line.startswith("status "):
                    return output, int(line.split()[1])
                output += line
            raise AssertionError((site.scratch / "errors").read_text())

        yield pipe.readline().strip(), run
        process.stdin.close()


@contextlib.contextmanager
def node(site: Site, row: Row) -> Iterator[tuple[str, Run]]:
    modules = site.fetched("node") / "node_modules"
    old = modules / f"credentials-{row.version}"
    folder = old if old.exists() else modules / row.package
    version = str(json.loads((folder / "package.json").read_text())["version"])
    yield version, site.commands(*NODE, folder, ROLE["name"], NODE_PATH=str(modules))


@contextlib.contextmanager
def cloud_init(site: Site, row: Row) -> Iterator[tuple[str, Run]]:
    package = site.fetched("cloud-init/" + SUITES[row.version])
    modules = str(package / "usr/lib/python3/dist-packages")
    boots = (site.scratch / str(number) for number in range(len(MODES)))

    def run() -> tuple[str, int]:
        folder = next(boots)
        folder.mkdir()
        script = HERE / "clients/cloud_init.py"
        done = site.ecs.run(site.fetched("python") / "bin/python", script, folder, "1", PYTHONPATH=modules)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        return str(found.get("instance_id")), 0 if found["found"] else 1

    yield debian_version(package, "cloud-init"), run


def debian_version(folder: Path, package: str) -> str:
    """Return the upstream part of the version of a Debian package."""
    version = str(json.loads((folder / "versions.json").read_text())[package])
    return re.sub(r"\A\d+:|\A0[.]0~git|\.[0-9a-f]{7}-.*|[+]ds.*|-[^-]*\Z", "", version)


@contextlib.contextmanager
def ohai(site: Site, row: Row) -> Iterator[tuple[str, Run]]:
    """Ohai recognizes an instance by a hint file, or by the firmware."""
    root = site.fetched("debian/root")
    hints = root / "etc/chef/ohai/hints"
    hints.mkdir(parents=True, exist_ok=True)
    (hints / "alibaba.json").touch()
    site.ecs.set(user_data=None)  # its lines would be read as names of items
    yield debian_version(root, "ohai"), site.chroot(root, "/usr/bin/ohai", "alibaba")


@contextlib.contextmanager
def ignition(site: Site, row: Row) -> Iterator[tuple[str, Run]]:
    root = site.fetched("debian/root")
    site.ecs.set(
        user_data='{"ignition": {"version": "3.3.0"}, "storage": {"files": [{"path": "/%s"}]}}' % site.ecs.instance_id
    )
    program = "/usr/lib/dracut/modules.d/30ignition/ignition"
    line = f"rm -f /run/i.json; {program} --platform aliyun --stage fetch --config-cache /run/i.json --log-to-stdout && cat /run/i.json"
    yield debian_version(root, "ignition"), site.chroot(root, "/bin/sh", "-c", line)


@contextlib.contextmanager
def fence(site: Site, row: Row) -> Iterator[tuple[str, Run]]:
    """Fence_aliyun uses aliyun-python-sdk-core from PyPI, as its documentation says."""
    agents = site.fetched("debian/agents")
    words = ("--ram-role", ROLE["name"], "--region", "cn-hangzhou", "--action", "list")
    script = site.scratch / "fence_aliyun"
    script.write_text((agents / "usr/sbin/fence_aliyun").read_text())
    path = f"{agents}/usr/share/fence:{packages(site, 'sdk')}"
    yield (
        debian_version(agents, "fence-agents-aliyun"),
        site.commands(site.fetched("python") / "bin/python", script, *words, "-v", PYTHONPATH=path),
    )


@contextlib.contextmanager
def move_ip(site: Site, row: Row) -> Iterator[tuple[str, Run]]:
    """The agent of a cluster; stand-ins for other programs say that the address is routed here and answers."""
    agents = site.fetched("debian/agents")
    stubs = {"aliyuncli": f"echo 'ROUTEENTRY {site.ecs.ip}/32 {site.ecs.instance_id}'", "ping": "exit 0"}
    for name, line in stubs.items():
        (site.scratch / name).write_text(f"#!/bin/sh\n{line}\n")
        (site.scratch / name).chmod(0o755)
    ocf = agents / "usr/lib/ocf"
    agent = ocf / "resource.d/heartbeat/aliyun-vpc-move-ip"
    variables = {
        "address": site.ecs.ip,
        "routing_table": "vtb-x",
        "interface": "eth0",
        "aliyuncli": str(site.scratch / "aliyuncli"),
    }
    variables = {"OCF_RESKEY_" + name: value for name, value in variables.items()}
    line = f'"$0" monitor && echo {site.ecs.instance_id}'
    variables["PATH"] = f"{site.scratch}:{os.environ['PATH']}"
    run = site.commands("sh", "-c", line, agent, OCF_ROOT=str(ocf), HA_RSCTMP=str(site.scratch), **variables)
    yield debian_version(agents, "resource-agents"), run


@contextlib.contextmanager
def aliyungo(site: Site, row: Row) -> Iterator[tuple[str, Run]]:
    """The program is compiled here, and contains the library of Debian."""
    folder = site.fetched("debian/aliyungo")
    yield debian_version(folder, "golang-github-denverdino-aliyungo-dev"), site.commands(folder / "instance_id")


@contextlib.contextmanager
def imds(site: Site, row: Row) -> Iterator[tuple[str, Run]]:
    """The values are those of the package's /usr/lib/udev/hwdb.d/40-imds.hwdb, where udev looks them up by the firmware's vendor."""
    root = site.fetched("debian/imds")
    database = (root / "usr/lib/udev/hwdb.d/40-imds.hwdb").read_text()
    section = next(part for part in database.split("\n\n") if "IMDS_VENDOR=alibaba-ecs" in part)
    values = re.findall(r"(?m)^ IMDS_(VENDOR|(?:TOKEN|DATA)_URL|\w+_NAME|ADDRESS_IPV4)=(.*)", section)
    options = [f"--{name.lower().replace('_', '-')}={value}" for name, value in values]
    options += ["--cache=no", "--wait=no", "--interface=eth0", "/meta-data/instance-id"]
    run = site.chroot(root, "/usr/lib/systemd/systemd-imdsd", *options)
    yield debian_version(root, "systemd-imds"), run


OTHERS = {
    "cloud-init": cloud_init,
    "ohai": ohai,
    "ignition": ignition,
    "fence-agents-aliyun": fence,
    "resource-agents": move_ip,
    "denverdino/aliyungo": aliyungo,
    "systemd-imds": imds,
}


def judge(journal: list[dict[str, object]], worked: bool, status: int) -> str:
    """Return what a client did, in the words of measured.py."""
    kinds = {"normal_mode": "normal mode", "token_request": "token", "token_authenticated": "token"}
    asked = list(dict.fromkeys(kinds[str(entry["mode"])] for entry in journal))
    outcome = "works" if worked else "fails" if status else "fails without an error"
    return f"{outcome}: {', then '.join(asked)}" if asked else "no request"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.package}-{row.version}")
def test_the_measured_results_are_those_of_the_table(
    row: Row, ecs: Ecs, fetched: Callable[[str], Path], tmp_path: Path
) -> None:
    start = OTHERS.get(row.package) or (node if row.language == "JavaScript" else python)
    results = {}
    with start(Site(ecs, fetched, tmp_path), row) as (version, run):
        if (
            row.package in ("cloud-init", "systemd-imds")
            and row.version in ("26.2", "262.1")
            and version != row.version
        ):
            pytest.skip(f"Debian sid now has {row.package} {version}; the table has {row.version}")
        for mode, settings in MODES.items():
            ecs.set(**settings)
            before = len(ecs.journal())
            output, status = run()
            worked = ecs.instance_id in output or ROLE_KEYS["access_key_id"] in output
            results[mode] = judge(ecs.journal()[before:], worked, status)
    assert (version, results) == (row.version, {mode: getattr(row, mode) for mode in MODES})
