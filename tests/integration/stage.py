# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Provide the environment of the guides: three hosts, an account with an API, and a controller.

Each host is a network namespace with a copy of this machine's files in memory, so no change remains afterwards. The files of a
guide are used unchanged: the connection variables and the API's loopback address are in ``group_vars`` and ``host_vars``
beside them, and in the ``module_defaults`` of its plays.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import lab
import yaml
from imds_emulator import test_key

KEY, SECRET = "LTAI5tGuides00000001", "secret-of-the-guides"
MODULES = ("alicloud.imds.metadata_options", "alicloud.imds.metadata_options_info")
HOSTS = {"web1": "10.77.3.11", "web2": "10.77.3.12", "db1": "10.77.3.13"}
# The system's Python, as on a managed node, without a developer's own versions.
PYTHON = "/usr/bin/python3"
# What no guide needs, and would take long to search.
EMPTIED = ("home", "opt", "root", "srv", "usr/include", "usr/share", "usr/lib/google-cloud-sdk")
ACTIONS = ["ecs:DescribeInstances", "ecs:ModifyInstanceMetadataOptions", "ecs:DescribeRegions"]


def instances() -> list[dict[str, Any]]:
    """Return the emulated instances: one for each host, and the controller's."""
    found: list[dict[str, Any]] = []
    for number, (host, address) in enumerate(HOSTS.items(), 1):
        tags = {"app": host.rstrip("0123456789"), "stage": "production"}
        own: dict[str, Any] = {"instance_id": f"i-bp1fleet{number:09}", "instance_name": host, "hostname": host}
        own |= {"tags": tags, "instance_metadata_tags": "enabled", "role": {"name": "WebRole"}}
        found.append({**own, "region_id": "cn-hangzhou", "clients": [address]})
    role = {"name": "ControllerRole", "actions": ["*"]}
    controller = {"instance_id": "i-bp1controller00000", "instance_name": "controller", "region_id": "cn-hangzhou"}
    node = {"instance_id": "i-bp1acknode00000000", "region_id": "cn-hangzhou", "ack_cluster": "c1234"}
    return [*found, {**controller, "http_tokens": "required", "default": True, "role": role}, node]


CONFIG = {"instances": instances(), "control": {"access_keys": {KEY: {"secret": SECRET, "actions": ACTIONS}}}}


class Stage:
    """A folder for the files of a guide, and the commands that run in it."""

    def __init__(self, folder: Path, api: str) -> None:
        self.folder = folder
        self.api = api
        self._roots: list[Path] = []
        (folder / "host_vars").mkdir()
        (folder / "group_vars").mkdir()
        everywhere = {"ansible_connection": "local", "ansible_become": False, "hardening_api_endpoint": api}
        (folder / "certificate.pem").write_text(test_key.CERTIFICATE)
        everywhere["hardening_identity_certificate"] = str(folder / "certificate.pem")
        # The files of a host are in a folder that both the host and the controller see.
        everywhere["ansible_remote_tmp"] = str(folder / "remote")
        (folder / "group_vars/all.json").write_text(json.dumps(everywhere))
        for host, address in HOSTS.items():
            lab.add_instance(host, address)
            python = {"ansible_python_interpreter": str(self._python(host))}
            (folder / "host_vars" / f"{host}.json").write_text(json.dumps(python))

    def _python(self, host: str) -> Path:
        """Return the path of a Python that runs on *host*; with pipelining, it reads modules from standard input."""
        root = Path(lab.scratch(f"{host}-"))
        self._roots.append(root)
        _run("mount", "-t", "tmpfs", "tmpfs", root)
        upper, work, merged = (root / name for name in ("upper", "work", "merged"))
        for folder in (upper, work, merged):
            folder.mkdir()
        _run("mount", "-t", "overlay", "-o", f"lowerdir=/,upperdir={upper},workdir={work}", "overlay", merged)
        _run("mount", "-t", "proc", "proc", merged / "proc")
        _run("mount", "--bind", "/dev", merged / "dev")
        for emptied in EMPTIED:
            if (merged / emptied).is_dir():
                _run("mount", "-t", "tmpfs", "tmpfs", merged / emptied)
        shared = merged / self.folder.relative_to("/")
        shared.mkdir(parents=True, exist_ok=True)
        _run("mount", "--bind", self.folder, shared)
        script = root / "python"
        enter = f"exec nsenter --net=/run/netns/{host} -- chroot {merged}"
        script.write_text(f'#!/bin/sh\n{enter} {PYTHON} "$@"\n')
        script.chmod(0o755)
        return script

    def save(self, name: str, text: str) -> None:
        """Save a file of the guide; add the API's address to plays."""
        (self.folder / name).write_text(self._with_api(yaml.safe_load(text)) if name.endswith(".yml") else text)

    def save_recipe(self, name: str, text: str) -> None:
        """Save tasks that the guide shows without a play as a playbook."""
        entries = yaml.safe_load(text)
        if not any("hosts" in entry for entry in entries):
            entries = [{"name": "Recipe", "hosts": "web1", "gather_facts": False, "tasks": entries}]
        (self.folder / name).write_text(self._with_api(entries))

    def _with_api(self, content: Any) -> str:
        if isinstance(content, dict) and content.get("plugin") == "alicloud.imds.ecs":
            return json.dumps({"api_endpoint": self.api, **content})
        plays = [entry for entry in content if isinstance(entry, dict) and "hosts" in entry]
        for play in plays:
            own = play.setdefault("module_defaults", {})
            for module in MODULES:
                own[module] = {"api_endpoint": self.api, **own.get(module, {})}
        return json.dumps(content, indent=1)

    def close(self) -> None:
        for host, address in HOSTS.items():
            lab.remove_instance(host, address)
        for root in self._roots:
            _run("umount", "--recursive", "--lazy", root)


def _run(*command: str | Path) -> None:
    subprocess.run([str(word) for word in command], check=True)
