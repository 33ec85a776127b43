# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start, messages and end of the command imds-emulator."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from waiting import GIVE_UP_SECONDS, wait_until

from .client import LAUNCHER, TOKEN, TOKEN_PATH, TTL, Emulator, ask, connect

pytestmark = pytest.mark.slow

DATA = "/latest/meta-data/instance-id"
META = "/latest/meta-data/"


def run(*arguments: str, cwd: Any = None, launcher: Path = LAUNCHER) -> "subprocess.CompletedProcess[str]":
    environment = dict(os.environ, PYTHON=sys.executable)
    command = [str(launcher), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=GIVE_UP_SECONDS, cwd=cwd, env=environment, check=False
    )


def test_without_configuration_an_example_answers_everyone(tmp_path: Path) -> None:
    silence = str(10 * GIVE_UP_SECONDS)
    running = Emulator(tmp_path, "--listen", "127.0.0.1:0", "--listen", "[::1]:0", "--timeout", silence)
    (instance_id,) = running.ready["instances"]
    assert running.ready["pid"] == running.process.pid
    for address in running.listen:
        token = ask(address, TOKEN_PATH, {TTL: "60"}, "PUT").text
        assert ask(address, DATA, {TOKEN: token}).text == instance_id
    lines = running.stderr.read_text().splitlines()
    assert lines == ["metadata service on http://" + a for a in running.listen] + [
        "admin on http://" + running.admin_address
    ]
    with connect(running.listen[0]):  # the end does not wait for an open connection: stop() would give up before
        assert running.stop() == 0
    assert not running.ready_file.exists()


def test_an_instance_has_the_same_tokens_at_both_addresses(tmp_path: Path) -> None:
    arguments = ["--listen", "127.0.0.1:0", "--listen", "[::1]:0"]
    config = {
        "instances": [
            {"instance_id": "i-both", "clients": ["127.0.0.1", "0:0:0:0:0:0:0:1"], "http_tokens": "required"},
            {"instance_id": "i-other", "default": True},
        ]
    }
    running = Emulator(tmp_path, *arguments, config=config)
    ipv4, ipv6 = running.listen
    token = ask(ipv4, TOKEN_PATH, {TTL: "60"}, "PUT").text
    assert [ask(address, DATA, {TOKEN: token}).text for address in (ipv4, ipv6)] == ["i-both"] * 2
    assert [ask(address, DATA).status for address in (ipv4, ipv6)] == [403] * 2
    assert {entry["client"] for entry in running.admin("GET", "/journal?after=0")["entries"]} == {"127.0.0.1", "::1"}
    assert running.stop() == 0


def test_an_ipv4_client_of_an_ipv6_socket_has_its_ipv4_address(tmp_path: Path) -> None:
    config = {
        "instances": [{"instance_id": "i-ipv4", "clients": ["127.0.0.1"]}, {"instance_id": "i-other", "default": True}]
    }
    running = Emulator(tmp_path, "--listen", "[::]:0", config=config)
    port = running.listen[0].rpartition(":")[2]
    assert ask("127.0.0.1:" + port, DATA).text == "i-ipv4"
    assert ask("[::1]:" + port, DATA).text == "i-other"
    assert running.stop() == 0


def test_what_admin_changed_survives_a_restart(tmp_path: Path) -> None:
    arguments = ["--listen", "127.0.0.1:0", "--state", str(tmp_path / "state")]
    config = {"instances": [{"instance_id": "i-1", "default": True}, {"instance_id": "i-2", "clients": ["127.0.0.2"]}]}
    running = Emulator(tmp_path, *arguments, config=config)
    running.admin("PATCH", "/instances/i-1", {"hostname": "changed", "http_tokens": "required"})
    running.admin("POST", "/instances", {"instance_id": "i-3", "clients": ["127.0.0.3"]})
    running.admin("DELETE", "/instances/i-2")
    running.admin("PATCH", "/switches", {"foreign_token_status": 403})
    running.advance(5000)
    token = ask(running.listen[0], TOKEN_PATH, {TTL: "60"}, "PUT").text
    assert running.stop() == 0
    assert token not in (tmp_path / "state").read_text()
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o600

    running = Emulator(tmp_path, *arguments, config=config)
    assert ask(running.listen[0], DATA).status == 403
    assert running.admin("GET", "/instances/i-1")["hostname"] == "changed"
    assert list(running.admin("GET", "/health")["instances"]) == ["i-1", "i-3"]
    assert running.admin("GET", "/switches")["foreign_token_status"] == 403
    assert running.admin("GET", "/clock")["advanced"] == 5000
    assert running.stop() == 0

    config["instances"][0]["zone_id"] = "cn-new"  # type: ignore[index]
    running = Emulator(tmp_path, *arguments, config=config)
    assert ask(running.listen[0], META + "zone-id").text == "cn-new", "a changed configuration starts afresh"
    assert running.admin("GET", "/clock")["advanced"] == 0
    assert running.stop() == 0


def test_the_example_configuration_starts_and_every_key_is_explained(tmp_path: Path) -> None:
    example = json.loads(run("example-config").stdout)
    (instance,) = example["instances"]
    for section in (instance, example["switches"]):
        keys = [key for key in section if not key.startswith("#")]
        assert keys and all(section["#" + key] for key in keys)
    running = Emulator(tmp_path, "--listen", "127.0.0.1:0", config=example)
    assert ask(running.listen[0], DATA).text == instance["instance_id"]
    assert running.stop() == 0


@pytest.mark.parametrize(
    ("arguments", "config", "message"),
    [
        (["--listen", "192.0.2.1:80"], None, "cannot listen on 192.0.2.1:80: Cannot assign requested address"),
        (["--listen", "192.0.2.1:80", "--background"], None, "cannot listen on 192.0.2.1:80: Cannot assign"),
        (["--listen", "nonsense"], None, "'nonsense' is not an IP address and port"),
        (["--admin", "0.0.0.0:0"], None, "--admin 0.0.0.0:0: not a loopback address"),
        ([], '{\n "instances": [,', "config:2:16: invalid JSON: Expecting value"),
        ([], "[" * 100000, "config:1: invalid JSON: nested too deeply"),
        ([], '{"instances": [\n\n{"instance_id": "i-1", "hostname": "\udcff"}]}', "config:3: not text in UTF-8"),
        ([], "[]", "config:1: the configuration must be a JSON object"),
        ([], '{"instances": []}', "must be a list with at least one instance"),
        ([], '{"instances": [{}]}', "instances[0]: the required key instance_id is missing"),
        ([], '{"instances": [\n{"instance_id": "i-1",\n"tokens": 1}]}', "config:3: instances[0].tokens: unknown key"),
        (
            [],
            '{"instances": [{"instance_id": "i"},\n{"instance_id": "i"}]}',
            "config:2: instances[1].instance_id: i is used by",
        ),
        (
            [],
            '{"instances": [{"instance_id": "i-1"}, {"instance_id": "i-2",\n"tags": {"a": "1",\n"b": "2",\n"a": "3"}}]}',
            "config:4: instances[1].tags.a: the key is repeated; it is also on line 2",
        ),
        (
            [],
            '{"instances": [{"instance_id": "i-1",\n"faults": [{"kind": "reset"},\n{"kind": "reset", "time": 1}]}]}',
            "config:3: instances[0].faults[1].time: unknown key (did you mean times?)",
        ),
        (["--tag", "env"], None, "--tag env: must have the form KEY=VALUE"),
        (["--instance", "i-2"], '{"instances": [{"instance_id": "i-1"}]}', "--instance i-2: not in "),
        ([], '{"instances": [{"instance_id": "i-1"}], "switches": {"all": 2}}', "switches.all: invalid value 2"),
        (["--config", "/nonexistent"], None, "/nonexistent: No such file or directory"),
    ],
)
def test_a_bad_start_is_one_clear_line(tmp_path: Path, arguments: Any, config: Any, message: str) -> None:
    if config is not None:
        (tmp_path / "config").write_bytes(config.encode("utf-8", "surrogateescape"))
        arguments = ["--config", str(tmp_path / "config"), *arguments]
    result = run("serve", *arguments)
    assert result.returncode == 1
    assert message in result.stderr and result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("text", ["{", "[]", "{}", "\x80"])
def test_an_invalid_state_file_is_one_clear_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "state").write_text(text, encoding="latin-1")
    result = run("serve", "--listen", "127.0.0.1:0", "--state", str(tmp_path / "state"))
    assert result.returncode == 1
    assert "state: not a state file of the emulator" in result.stderr and result.stderr.count("\n") == 1


def test_a_damaged_state_file_is_one_clear_line(tmp_path: Path) -> None:
    path, arguments = tmp_path / "state", ["--listen", "127.0.0.1:0", "--state", str(tmp_path / "state")]
    running = Emulator(tmp_path, *arguments)
    running.advance(1)
    assert running.stop() == 0
    path.write_text(json.dumps({**json.loads(path.read_text()), "instances": [1]}))
    result = run("serve", *arguments)
    assert result.returncode == 1 and "instance: must be an object" in result.stderr


def test_background(tmp_path: Path) -> None:
    """It returns when the service answers, and leaves no open output behind; paths are meant from here."""
    ready = tmp_path / "ready"
    arguments = ["--listen", "127.0.0.1:0", "--ready-file", "ready", "--log", "log"]
    result = run("serve", "--background", "--admin", "127.0.0.1:0", *arguments, cwd=str(tmp_path))
    assert result.returncode == 0
    where = json.loads(ready.read_text())
    try:
        assert ask(where["listen"][0], "/").status == 200
        assert os.getsid(where["pid"]) not in (0, os.getsid(0))
        shown = re.fullmatch(r"process ID (\d+); stop the emulator with: (.*)", result.stderr.splitlines()[-1])
        assert shown and int(shown[1]) == where["pid"]
        assert json.loads(run("ctl", "--admin", where["admin"], "health").stdout)["pid"] == where["pid"]
        subprocess.run(shown[2], shell=True, check=True)
    except BaseException:
        os.kill(where["pid"], 15)
        raise
    wait_until(lambda: not ready.exists(), "the end of the emulator")


def test_it_runs_from_anywhere_and_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(LAUNCHER)
    result = run("certificate", cwd="/", launcher=tmp_path / "link")
    assert result.stdout.startswith("-----BEGIN CERTIFICATE-----\n")


def test_ctl(tmp_path: Path) -> None:
    running = Emulator(tmp_path, "--listen", "127.0.0.1:0", config={"instances": [{"instance_id": "i-1"}]})

    def ctl(*words: str) -> "subprocess.CompletedProcess[str]":
        return run("ctl", "--admin", running.admin_address, *words)

    try:
        assert json.loads(ctl("set", "i-1", "http_tokens=required", 'tags={"a": "b"}', "hostname=h").stdout)[
            "tags"
        ] == {"a": "b"}
        assert ask(running.listen[0], DATA).status == 403
        assert ctl("fault", "i-1", '{"kind": "status", "status": 500}').returncode == 0
        assert ask(running.listen[0], DATA).status == 500
        assert ctl("clear", "i-1").returncode == 0
        assert [json.loads(line)["status"] for line in ctl("journal").stdout.splitlines()] == [403, 500]
        bad = ctl("set", "i-1", "http_tokens=maybe")
        assert (bad.returncode, bad.stdout) == (1, "") and "optional or required" in bad.stderr
        assert ctl("nonsense").returncode == 1
        other = run("ctl", "--admin", running.listen[0], "instances")
        assert other.returncode == 1 and running.listen[0] + ": not the admin API of the emulator" in other.stderr
    finally:
        assert running.stop() == 0
    gone = ctl("instances")
    assert gone.returncode == 1 and gone.stderr.count("\n") == 1
    assert running.admin_address + ": no emulator answers: Connection refused. Start one" in gone.stderr


def test_help_explains_everything_a_stranger_needs() -> None:
    text = run("serve", "--help").stdout
    assert max(len(line) for line in text.splitlines()) < 120
    for word in ("--ready-file", "curl", "disabled_answer", "slow_drip", "/journal?after=N", "imds-emulator ctl"):
        assert word in text
