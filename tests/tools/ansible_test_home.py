# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A $HOME in which ansible-test works with nothing but the package registry that pip uses.

ansible-test downloads a script called get-pip from a server of its own to put pip into virtual environments. Where that
server cannot be reached (many CI networks) every test with a requirement fails. But it looks into a cache first, and the
same pip can be had from the package registry as a wheel, which can install itself.
"""

from __future__ import annotations

import ast
import configparser
import os
import re
import subprocess
import sys
from pathlib import Path

import ansible_test._internal.python_requirements as requirements
from interpreters import real_path

GET_PIP = '''\
"""Install pip from the wheel beside this file. Written by tests/tools/ansible_test_home.py."""
import os
import sys

WHEEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pip-{version}-py3-none-any.whl")
sys.path.insert(0, WHEEL)
# ansible-test speaks to get-pip: its two options for other packages mean nothing to pip.
arguments = [WHEEL if argument == "pip=={version}" else argument for argument in sys.argv[1:]]
arguments = [argument for argument in arguments if argument not in ("--no-setuptools", "--no-wheel")]

from pip._internal.cli.main import main

sys.exit(main(["install", "--upgrade", "--force-reinstall"] + arguments))
'''


def pip_version() -> str:
    """The version that this ansible-test asks for; it stands only in its source."""
    source = Path(requirements.__file__).read_text()
    match = re.search(r"def get_venv_packages\b.*?\bpip='([\d.]+)'", source, re.DOTALL)
    if match is None:
        raise SystemExit("ansible-test has changed: it no longer says which pip it wants (get_venv_packages)")
    return match[1]


def prepare(home: Path) -> None:
    """Make *home* ready; what is there already is kept."""
    _write_pip_settings(home / ".config" / "pip" / "pip.conf")
    version = pip_version()
    cache = home / ".ansible" / "test" / "cache"
    script = cache / f"get_pip_{version.replace('.', '_')}.py"
    if not script.exists():
        cache.mkdir(parents=True, exist_ok=True)
        download = [
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--dest",
            str(cache),
            f"pip=={version}",
        ]
        subprocess.run([sys.executable, "-m", "pip", *download], check=True)
        script.write_text(GET_PIP.format(version=version))


def _write_pip_settings(file: Path) -> None:
    """ansible-test hides the environment, and this home the user's files: carry pip's settings over from both."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    )
    settings = configparser.RawConfigParser()
    for line in listing.stdout.splitlines():
        name, value = line.split("=", 1)
        section, key = name.rsplit(".", 1)
        section = "global" if section == ":env:" else section
        if not settings.has_section(section):
            settings.add_section(section)
        settings.set(section, key, ast.literal_eval(value))
    if not settings.has_section("global"):
        settings.add_section("global")
    settings.set("global", "quiet", "1")
    # Packages that pip has already fetched for this user need not be fetched again for a new checkout.
    cache = subprocess.run([sys.executable, "-m", "pip", "cache", "dir"], check=True, capture_output=True, text=True)
    settings.set("global", "cache-dir", cache.stdout.strip())
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as stream:
        settings.write(stream)


def environment(home: Path, first_on_path: list[Path]) -> dict[str, str]:
    """The environment to start ansible-test with."""
    path = [*map(str, first_on_path), *real_path()]
    # ansible-test finds collections by where it runs.
    keep = {key: value for key, value in os.environ.items() if key not in ("ANSIBLE_COLLECTIONS_PATH", "ANSIBLE_HOME")}
    return {**keep, "HOME": str(home), "PATH": ":".join(path)}
