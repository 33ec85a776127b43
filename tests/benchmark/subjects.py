# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Define the subjects of the measurements: a task (``ansible localhost -m …``), and the module's payload without Ansible."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import lab
import peer

CHECKOUT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
OURS = "alicloud.imds.metadata_facts"
PEER = "amazon.aws.ec2_metadata_facts"
SECRETS = "identity_signature,ram_credentials,user_data,vendor_data"


@dataclass(frozen=True)
class Subject:
    """A module with arguments; ``all_served`` is true if the ECS service has ``meta-data/all`` in its measurements."""

    name: str
    module: str
    arguments: str = ""
    all_served: bool = True

    def whole_run(self) -> list[str]:
        return [str(BIN / "ansible"), "localhost", "-m", self.module, "-a", self.arguments]


PING = Subject("ansible.builtin.ping", "ansible.builtin.ping")
ALL = Subject("metadata_facts, meta-data/all", OURS)
WALK = Subject("metadata_facts, walking", OURS, all_served=False)
ALL_SECRETS = Subject("metadata_facts, meta-data/all, secrets too", OURS, f"gather_subset=all,{SECRETS}")
WALK_SECRETS = Subject("metadata_facts, walking, secrets too", OURS, f"gather_subset=all,{SECRETS}", all_served=False)
EC2 = Subject("ec2_metadata_facts", PEER)


def environment(**more: str) -> dict[str, str]:
    """Return the environment of measured processes, without the user's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    collections = f"{CHECKOUT / '.cache/collections'}:{peer.CACHE}"
    settings = {
        "ANSIBLE_CONFIG": str(Path(__file__).with_name("ansible.cfg")),
        "ANSIBLE_COLLECTIONS_PATH": collections,
        "ANSIBLE_HOME": str(CHECKOUT / ".cache/benchmark/home"),
    }
    return {**kept, **settings, **more}


class Payloads:
    """The files that Ansible would copy to a host, one for each subject."""

    def __init__(self) -> None:
        self._folder = Path(lab.scratch("payloads-"))

    def command(self, subject: Subject) -> list[str]:
        file = self._folder / f"{subject.module}{'-arguments' if subject.arguments else ''}.py"
        if not file.exists():
            self._make(subject, file)
        return [sys.executable, str(file)]

    def _make(self, subject: Subject, file: Path) -> None:
        with tempfile.TemporaryDirectory(dir=self._folder) as remote:
            settings = environment(ANSIBLE_KEEP_REMOTE_FILES="true", ANSIBLE_REMOTE_TEMP=remote)
            output(subject.whole_run(), settings)
            (made,) = Path(remote).rglob("AnsiballZ_*.py")
            shutil.copyfile(made, file)


def output(command: Sequence[str], settings: dict[str, str]) -> str:
    """Return the output of *command*; raise RuntimeError with it if the command fails."""
    done = subprocess.run(command, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def values_returned(subject: Subject) -> int:
    """Return the number of values that a run of *subject* returns as facts."""

    def count(node: object) -> int:
        if isinstance(node, dict):
            return sum(map(count, node.values()))
        return sum(map(count, node)) if isinstance(node, list) else node is not None

    text = output(subject.whole_run(), environment())
    return count(json.loads(text.partition("=>")[2])["ansible_facts"])


def most_connections() -> int:
    """Return the maximum number of parallel connections from the collection's settings."""
    sys.path.insert(0, str(CHECKOUT / ".cache/collections"))
    client = importlib.import_module("ansible_collections.alicloud.imds.plugins.module_utils._imds._client")
    return int(client.Settings().connections)
