# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The launcher: which Python it starts, from which files, in which environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._command._launcher import launcher

from ...conftest import Instance
from .conftest import CHECKOUT, LAUNCHER, Command

pytestmark = pytest.mark.slow
VERSIONS = ("3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
# Code that makes the launcher's program believe that it runs in an older Python
OLDER = "import sys; sys.version_info = (3, 5, 9)\n"


def interpreter(version: str) -> str | None:
    """Return the path of this version of Python, from the system's packages or from pyenv, or None."""
    found = shutil.which("python" + version, path="/usr/local/bin:/usr/bin")
    root = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    candidates = [found or "", *map(str, sorted(Path(root).glob("versions/%s.*/bin/python3" % version)))]
    return next((path for path in candidates if path and os.access(path, os.X_OK)), None)


@pytest.fixture
def installed(command: Command, tmp_path: Path) -> Command:
    """Return the command, installed below a prefix by copying its files."""
    prefix = tmp_path / "usr local"
    (prefix / "bin").mkdir(parents=True)
    shutil.copy(LAUNCHER, prefix / "bin")
    utils = CHECKOUT / "plugins/module_utils"
    shutil.copytree(utils, prefix / "lib/ecs-metadata/alicloud_imds")
    command.launcher = str(prefix / "bin/ecs-metadata")
    return command


def test_it_is_executable_and_begins_as_a_shell_script() -> None:
    assert LAUNCHER.read_text().startswith("#!/bin/sh\n")
    assert os.access(LAUNCHER, os.X_OK)


@pytest.mark.parametrize("version", VERSIONS)
def test_it_runs_with_every_supported_python(tmp_path: Path, instance: Instance, version: str) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip("there is no Python %s here" % version)
    command = Command(python, tmp_path / "bin", instance.endpoint)
    tree, token, *others = command.each(
        ("tree", "dns-conf"),
        ("token", "--file", str(tmp_path / "token")),
        ("get", "--json", "instance-id"),
        ("ls", "meta-data/"),
        ("facts",),
        ("facts", "--help"),
        ("modes",),
        ("completion", "bash"),
        ("completion", "zsh"),
        ("completion", "fish"),
        ("--version",),
        ("callers", "--state-dir", str(tmp_path)),
        ("watch", "--status", "--state-dir", str(tmp_path)),
        ("get", "nonsense"),
        (),
    )
    assert tree == (0, b'nameservers: ["100.100.2.136", "100.100.2.138"]\n', "")
    assert (token.status, len((tmp_path / "token").read_text()) > 20) == (0, True)
    assert [done.status for done in others] == [0] * 10 + [1, 3, 2], others
    assert not any("Internal error" in done.stderr for done in others)


def test_an_older_python_is_an_error_that_names_its_version(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text('#!/bin/sh\nshift 2; code=$1; shift\nexec %s -IS -c "%s$code" "$@"\n' % (sys.executable, OLDER))
    old.chmod(0o755)
    done = Command(str(old), tmp_path / "bin")("get", "mac")
    assert (done.status, done.stdout) == (1, b"")
    assert done.stderr == "ecs-metadata: %s is Python 3.5. Install Python 3.6 or later.\n" % sys.executable


def test_the_locale_and_the_home_do_not_matter(tmp_path: Path, instance: Instance) -> None:
    """Python 3.6 has no UTF-8 mode: in locale C, its files and streams are ASCII unless the code says otherwise."""
    instance.set(tags={"stage": "생산"})
    for version in ("3.6", "3.7", "3.13"):
        if interpreter(version):
            command = Command(str(interpreter(version)), tmp_path / version, instance.endpoint)
            del command.environment["HOME"]
            done = command("get", "tags/instance/stage", LC_ALL="C")
            assert done == (0, "생산".encode(), "")
            facts = command("facts", "--subset", "tags", LC_ALL="C")
            assert (json.loads(facts.stdout)["tags"], facts.status) == ({"stage": "생산"}, 0)


@pytest.fixture
def installed_with(tmp_path: Path, instance: Instance):
    """Return a function that installs the command for an interpreter, below a path with a blank."""

    def install(python: str) -> Command:
        prefix = tmp_path / "usr local"
        (prefix / "bin").mkdir(parents=True)
        (prefix / "bin/ecs-metadata").write_text(launcher(python))
        (prefix / "bin/ecs-metadata").chmod(0o755)
        shutil.copytree(CHECKOUT / "plugins/module_utils", prefix / "lib/ecs-metadata/alicloud_imds")
        made = Command("/bin/false", tmp_path / "path", instance.endpoint)  # python3 on the PATH is useless
        made.launcher = str(prefix / "bin/ecs-metadata")
        return made

    return install


def test_the_interpreter_of_the_installation_is_used(installed_with, instance: Instance, tmp_path: Path) -> None:
    python = tmp_path / "it's my python"
    python.symlink_to(os.path.realpath(sys.executable))
    command = installed_with(str(python))
    assert command("get", "instance-id") == (0, instance.id.encode(), "")
    assert command("get", "instance-id", PATH="/nonexistent") == (0, instance.id.encode(), "")


@pytest.mark.skipif(not os.path.exists("/usr/bin/python3"), reason="there is no /usr/bin/python3 here")
def test_an_interpreter_of_the_system_replaces_one_that_was_removed(installed_with, instance: Instance) -> None:
    assert installed_with("/opt/removed/bin/python3.6")("get", "instance-id") == (0, instance.id.encode(), "")


def test_no_python_is_an_error(lonely_command: Command, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    done = lonely_command("get", "mac", PATH=str(tmp_path / "none"))
    assert (done.status, done.stdout) == (1, b"")
    assert "there is no Python interpreter" in done.stderr


def test_the_installed_layout_works_through_a_link(installed: Command, instance: Instance, tmp_path: Path) -> None:
    assert installed("get", "instance-id") == (0, instance.id.encode(), "")
    link = tmp_path / "link"
    link.symlink_to(installed.launcher)
    installed.launcher = str(link)
    assert installed("get", "instance-id") == (0, instance.id.encode(), "")


def test_an_incomplete_installation_is_an_error(installed: Command) -> None:
    shutil.rmtree(Path(installed.launcher).parents[1] / "lib")
    done = installed("get", "mac")
    assert (done.status, done.stdout) == (1, b"")
    assert "Install it again" in done.stderr


def test_no_code_of_the_environment_or_the_working_directory_runs(
    command: Command, instance: Instance, tmp_path: Path
) -> None:
    trap = tmp_path / "trap"
    trap.mkdir()
    for name in ("json", "http", "argparse", "alicloud_imds", "sitecustomize", "usercustomize"):
        (trap / (name + ".py")).write_text("raise SystemExit('a file of the working directory was run')")
    environment = dict(
        command.environment, PYTHONPATH=str(trap), PYTHONHOME="/nonexistent", PYTHONSTARTUP=str(trap / "json.py")
    )
    environment.update(PYTHONUSERBASE=str(trap), ENV=str(trap), BASH_ENV=str(trap))
    done = subprocess.run(
        [command.launcher, "get", "--json", "instance-id"], cwd=trap, env=environment, check=False, capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert instance.id.encode() in done.stdout


def test_only_the_standard_library_is_loaded_and_little_of_it(command: Command, tmp_path: Path) -> None:
    """Limit the start-up time, because a script may start the command many times."""
    wrapper = tmp_path / "bin/python3"
    wrapper.unlink()
    wrapper.write_text('#!/bin/sh\nexec "%s" -X importtime "$@"\n' % os.path.realpath(sys.executable))
    wrapper.chmod(0o755)
    done = subprocess.run(
        [command.launcher, "get", "mac"], check=False, capture_output=True, text=True, env=command.environment
    )
    modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "alicloud_imds._imds._client" in modules
    unwanted = set("_ssl asyncio concurrent dataclasses inspect logging shutil subprocess tempfile".split())
    assert modules & unwanted == set()
    assert [name for name in modules if name.startswith("ansible.module_utils.")] == []
    ours = {name.partition(".")[2] for name in modules if name.startswith("alicloud_imds.")}
    on_demand = {
        "_command." + name
        for name in ("_bash", "_completion", "_exec", "_fish", "_token_file", "_tree", "_words", "_zsh")
    }
    assert ours & (on_demand | {"_imds._access_modes", "_imds._gather", "_imds._role_keys"}) == set()
    assert {name for name in ours if name.startswith(("_watch", "_host"))} == set()
