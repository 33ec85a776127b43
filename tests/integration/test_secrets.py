# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check that tokens and role keys do not appear in output, logs, callbacks, caches, files or process lists."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any

import lab
import pytest
from waiting import wait_until
from wiretap import Wiretap

HERE = Path(__file__).parent
ROLE = "ram/security-credentials/EcsWebRole"
INSTANCE = {"instance_id": "i-secrets", "default": True, "http_tokens": "required", "role": {"name": "EcsWebRole"}}

PLAYS = [
    {
        "hosts": "all",
        "gather_facts": True,
        "vars": {
            "ansible_facts_modules": ["ansible.builtin.setup", "alicloud.imds.metadata_facts"],
            "ansible_facts_parallel": False,
        },
        "tasks": [
            {"alicloud.imds.metadata_info": {"paths": ["instance-id", "ram/security-credentials/"]}},
            {"alicloud.imds.access_modes_info": {}},
            {"alicloud.imds.metadata_info": {"paths": ["nonsense"]}, "ignore_errors": True},
            {"alicloud.imds.metadata_info": {"paths": [ROLE]}, "register": "keys", "no_log": True},
            {
                "ansible.builtin.assert": {"that": ["keys.metadata['%s'] is search('SecurityToken')" % ROLE]},
                "no_log": True,
            },
            {"ansible.builtin.debug": {"msg": "{{ lookup('alicloud.imds.metadata', 'instance-id', 'region-id') }}"}},
            {
                "ansible.builtin.assert": {
                    "that": ["lookup('alicloud.imds.metadata', '%s', parse_json=True).Code == 'Success'" % ROLE]
                },
                "no_log": True,
            },
        ],
    }
]


class ProcessWatch:
    """A thread that collects the files *names* of all processes repeatedly: their command lines and environments."""

    def __init__(self, *names: str) -> None:
        self.seen: set[bytes] = set()
        self._names = names or ("cmdline", "environ")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> ProcessWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.02):
            for process in Path("/proc").glob("[0-9]*"):
                for name in self._names:
                    with contextlib.suppress(OSError):
                        self.seen.add((process / name).read_bytes())


@pytest.mark.lab
def test_no_secret_outside_of_requests_and_answers(start_emulator, run_playbook, tmp_path) -> None:
    emulator = start_emulator({"instances": [INSTANCE]}, listen="127.0.0.1:0")
    host, _colon, port = emulator.listen[0].partition(":")
    wiretap = Wiretap((lab.SERVICE, 80), (host, int(port)))
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        "HOME": str(home),
        "ANSIBLE_LOG_PATH": str(tmp_path / "ansible.log"),
        "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path / "cache"),
        "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "everything",
        "EVERYTHING_FILE": str(tmp_path / "everything.jsonl"),
        "ANSIBLE_KEEP_REMOTE_FILES": "1",
        "ANSIBLE_REMOTE_TEMP": str(home / ".ansible/tmp"),
    }
    with ProcessWatch() as processes:
        run = run_playbook(PLAYS, {"host": {}}, "-vvv", environment=environment)
    wiretap.close()
    assert run.returncode == 0, run.stdout + run.stderr

    secrets = wiretap.secrets()
    assert len(secrets) >= 6  # a token for each process, and the three values of the credentials
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    looked_at = {path.relative_to(tmp_path).parts[0] for path in files}
    assert {"home", "ansible.log", "cache", "everything.jsonl"} <= looked_at
    (cache,) = (tmp_path / "cache").iterdir()
    assert b"i-secrets" in files[tmp_path / "everything.jsonl"] and b"i-secrets" in files[cache]
    files[emulator.journal_file] = emulator.journal_file.read_bytes()
    files[emulator.log] = emulator.log.read_bytes()
    files[Path("output")] = (run.stdout + run.stderr).encode()
    files[Path("processes")] = b"\n".join(processes.seen)
    assert b"AnsiballZ_metadata_info" in files[Path("processes")]
    leaks = [str(path) for path, content in files.items() for secret in secrets if secret.encode() in content]
    assert leaks == []


@pytest.mark.lab
def test_failures_contain_no_secret(start_emulator, run_playbook) -> None:
    emulator = start_emulator({"instances": [INSTANCE]}, listen="127.0.0.1:0")
    host, _colon, port = emulator.listen[0].partition(":")
    wiretap = Wiretap((lab.SERVICE, 80), (host, int(port)))
    fault = [{"kind": "status", "status": 500, "on": "data", "path": "*" + ROLE}]
    emulator.admin("PUT", "/instances/i-secrets/faults", fault)
    task = {"alicloud.imds.metadata_info": {"paths": ["instance-id", ROLE], "retries": 1}}
    run = run_playbook([{"hosts": "all", "gather_facts": False, "tasks": [task]}], {"host": {}}, "-vvv")
    wiretap.close()
    assert run.returncode == 2
    assert "500 Internal Server Error" in run.stdout
    asked = [entry["status"] for entry in emulator.journal() if entry["path"].endswith(ROLE)]
    assert asked == [500, 500], "one retry, as the task says, and then it gives up"
    secrets = wiretap.secrets()
    assert secrets
    assert not [secret for secret in secrets if secret in run.stdout + run.stderr]


# Ends when the file in its first argument exists.
PROGRAM = 'test -n "$ALIBABA_CLOUD_SECURITY_TOKEN" && until test -e "$1"; do sleep 0.1; done; echo "has $ALIBABA_CLOUD_REGION_ID"'
REGION = "cn-hangzhou"


def recipes(endpoint: str, released: Path) -> list[dict[str, Any]]:
    """Return plays with the documented ways to use the keys: a command, the options of modules, and the role."""
    keys = {
        name: "{{ lookup('alicloud.imds.ram_credentials').%s }}" % name
        for name in ("access_key", "access_key_secret", "security_token")
    }
    keys["access_key_id"] = keys.pop("access_key")
    common = {"api_endpoint": endpoint, "regions": [REGION]}
    command = [str(lab.CHECKOUT / "command/ecs-metadata"), "exec", "--", "sh", "-c", PROGRAM, "sh", str(released)]
    task = {"alicloud.imds.metadata_options_info": {}}
    return [
        {
            "hosts": "all",
            "gather_facts": False,
            "tasks": [
                {
                    "ansible.builtin.command": {"argv": command, "expand_argument_vars": False},
                    "environment": {"ALIBABA_CLOUD_REGION_ID": REGION},
                }
            ],
        },
        *(
            {
                "hosts": "all",
                "gather_facts": False,
                "module_defaults": {"alicloud.imds.metadata_options_info": {**common, **defaults}},
                "tasks": [{**task, "no_log": no_log}],
            }
            for defaults, no_log in ((keys, True), ({"ram_role": "EcsWebRole"}, False))
        ),
    ]


@pytest.mark.lab
@pytest.mark.parametrize("pipelining", ["0", "1"])
def test_the_documented_recipes_put_no_key_on_a_command_line(
    start_emulator, run_playbook, tmp_path, pipelining: str
) -> None:
    """The process list is read while the command runs, and the output is that of -vvv."""
    role = {"name": "EcsWebRole", "actions": ["ecs:*"]}
    config = {"instances": [{**INSTANCE, "role": role, "region_id": REGION}]}
    emulator = start_emulator(config, listen="127.0.0.1:0", control=True)
    host, _colon, port = emulator.listen[0].partition(":")
    wiretap = Wiretap((lab.SERVICE, 80), (host, int(port)))
    released = tmp_path / "released"
    environment = {"ANSIBLE_PIPELINING": pipelining, "ANSIBLE_LOG_PATH": str(tmp_path / "ansible.log")}
    with ProcessWatch("cmdline") as processes:

        def release() -> None:
            wait_until(lambda: any(line.startswith(b"sleep\x000.1") for line in set(processes.seen)))
            released.touch()

        thread = threading.Thread(target=release)
        thread.start()
        run = run_playbook(
            recipes(str(emulator.control_endpoint), released), {"host": {}}, "-vvv", environment=environment
        )
        released.touch()
        thread.join()
    wiretap.close()
    assert run.returncode == 0, run.stdout + run.stderr
    assert "has %s" % REGION in run.stdout
    assert [call["status"] for call in emulator.calls("DescribeInstances")] == [200, 200]
    secrets = wiretap.secrets()
    assert len(secrets) >= 6
    lines = b"\n".join(processes.seen)
    assert b"ALIBABA_CLOUD_REGION_ID=" in lines, "the keyword environment is what puts values on a command line"
    assert PROGRAM.encode() in lines
    shown = lines + (run.stdout + run.stderr + (tmp_path / "ansible.log").read_text()).encode()
    assert [secret for secret in secrets if secret.encode() in shown] == []
