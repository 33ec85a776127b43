# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that test hosts have the properties that the tests of the role rely on."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import boot
import el8
import lab
import pytest
import roots
from host import Host
from hosts import Site
from snapshots import differences, snapshot
from waiting import PROCESS_SECONDS

HERE = Path(__file__).resolve().parent
ROOTS = ("bookworm", "trixie")
BOTH = pytest.mark.parametrize(("kind", "root"), [(kind, root) for kind in ("systemd", "plain") for root in ROOTS])
CONNECT = """
import errno, socket, sys, time
began = time.monotonic()
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5).close()
    result = "connected"
except OSError as problem:
    result = errno.errorcode.get(problem.errno, type(problem).__name__)
print(result, time.monotonic() - began)
"""
NewHost = Callable[..., Host]


def ssh(host: Host, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command through SSH with the options that Ansible uses."""
    said = host.ansible_variables()
    options = [*shlex.split(said["ansible_ssh_args"]), "-o", f"ControlPath={said['ansible_control_path'] % {}}"]
    words = ["ssh", *options, "-i", said["ansible_ssh_private_key_file"], f"root@{host.ip}", command]
    return subprocess.run(words, capture_output=True, text=True, timeout=PROCESS_SECONDS, check=False)


def token_and_id(run: Callable[..., subprocess.CompletedProcess[str]]) -> str:
    """Request a token, and return the instance ID that is read with it."""
    url, header = f"http://{lab.SERVICE}/latest", "X-aliyun-ecs-metadata-token"
    ask = f"token=$(curl -sSfm 5 -X PUT -H '{header}-ttl-seconds: 60' {url}/api/token) && "
    ask += f'curl -sSfm 5 -H "{header}: $token" {url}/meta-data/instance-id'
    done = run("sh", "-c", ask)
    assert done.returncode == 0, done.stderr
    return done.stdout


@BOTH
def test_a_host_is_reached_by_ssh(new_host: NewHost, kind: str, root: str) -> None:
    host = new_host(kind, root)
    done = ssh(
        host, "hostname; cat /etc/hostname; id -un; python3 -c 'print(1)'; . /etc/os-release; echo $VERSION_CODENAME"
    )
    assert done.stdout.split() == [host.name, host.name, "root", "1", root], done.stderr


@pytest.mark.parametrize("root", ROOTS)
def test_systemd_runs_the_host(new_host: NewHost, root: str) -> None:
    host = new_host("systemd", root)
    assert ssh(host, "systemctl is-system-running; cat /proc/1/comm").stdout.split() == ["running", "systemd"]
    assert host.output("systemctl", "--failed", "--no-legend") == ""
    assert host.output("stat", "--file-system", "--format=%T", "/sys/fs/cgroup").strip() == "cgroup2fs"
    assert ssh(host, "systemd-run --quiet --wait --pipe -p User=www-data id -un").stdout == "www-data\n"


@pytest.mark.skipif(el8.reason_not() is not None, reason=str(el8.reason_not()))
def test_a_host_like_those_of_el8(site: Site) -> None:
    host = site.add("old", "el8", "el8")
    assert ssh(
        host, "systemctl is-system-running; python3 -c 'import ssl'; /usr/libexec/platform-python -V"
    ).stdout.split() == [*("running", "Python", host.output("python3.6", "-V").split()[1])]
    kinds = {line.split()[2] for line in host.output("cat", "/proc/mounts").splitlines() if "/sys/fs/cgroup/" in line}
    assert kinds == {"cgroup"}
    packages = host.output("rpm", "--dbpath", "/var/lib/rpm", "-qa", "--qf", r"%{NAME} %{VERSION}-%{RELEASE}\n")
    assert dict(line.split() for line in packages.splitlines()) == roots.RPM_PACKAGES
    assert host.run("sh", "-c", "command -v nft").returncode != 0
    group = boot.CGROUPS_V1 / boot.cgroup(host.name).name
    site.remove(host)
    assert boot.CGROUPS_V1.exists() and not group.exists()


@BOTH
def test_commands_run_as_the_users_of_the_host(new_host: NewHost, kind: str, root: str) -> None:
    host = new_host(kind, root)
    host.output("useradd", "--create-home", "app")
    assert host.output("id", "-un", user="app") == "app\n"
    assert host.output("id", "-u", user="4711") == "4711\n"
    assert host.output("cat", input="text") == "text"
    assert host.run("false").returncode == 1


@BOTH
def test_only_files_survive_a_reboot(new_host: NewHost, kind: str, root: str) -> None:
    host = new_host(kind, root)
    host.output("sh", "-c", "echo kept >/etc/kept; echo lost >/run/lost; nft add table inet lost; sleep 300 >&- 2>&- &")
    before = host.output("cat", "/etc/machine-id")
    ssh(host, "true")  # leaves a persistent connection, which must not disturb the next one
    host.reboot()
    assert ssh(host, "cat /etc/kept").stdout == "kept\n"
    assert host.run("test", "-e", "/run/lost").returncode == 1
    assert host.output("nft", "list", "ruleset") == ""
    assert host.run("pgrep", "sleep").returncode == 1
    assert host.output("cat", "/etc/machine-id") == before


def test_units_start_at_boot(new_host: NewHost) -> None:
    host = new_host()
    unit = "[Service]\nType=oneshot\nExecStart=/usr/sbin/nft add table inet mine\n[Install]\nWantedBy=sysinit.target\n"
    host.output("tee", "/etc/systemd/system/mine.service", input=unit)
    host.output("systemctl", "enable", "mine.service")
    host.reboot()
    assert host.output("nft", "list", "ruleset").split() == ["table", "inet", "mine", "{", "}"]
    host.reboot(clean=False)
    assert "mine" in host.output("nft", "list", "ruleset")


@BOTH
def test_snapshots_of_an_unchanged_host_are_equal(new_host: NewHost, kind: str, root: str) -> None:
    host = new_host(kind, root)
    before = snapshot(host)
    assert "/root/.ssh/authorized_keys" in before["files"]
    ssh(host, "python3 -c 'import http.client'; sudo -n true")
    assert differences(before, snapshot(host)) == []
    host.reboot()
    assert differences(before, snapshot(host)) == []


CHANGES = {
    "content": ("echo '# more' >>/etc/crontab", "files: /etc/crontab"),
    "mode": ("chmod 600 /etc/profile", "files: /etc/profile"),
    "owner": ("chown nobody /etc/shells", "files: /etc/shells"),
    "new file": ("mkdir -p /opt/x; echo x >/opt/x/y", "files: /opt/x/y"),
    "removed file": ("rm /etc/issue", "files: /etc/issue: - -> removed"),
    "removed folder": ("rm -r /etc/nginx", "files: /etc/nginx: - -> removed"),
    "folder made anew": ("rm -r /etc/cron.daily; mkdir /etc/cron.daily", "files: /etc/cron.daily/dpkg: - -> removed"),
    "link": ("ln -sf /dev/null /etc/localtime", "files: /etc/localtime"),
    "rule": ("nft add table inet new", "ruleset: 000 table inet new"),
    "enabled": ("systemctl enable nftables", "units: nftables.service: disabled -> enabled"),
    "stopped": ("systemctl stop cron", "running: "),
}


def test_a_snapshot_shows_every_change(new_host: NewHost) -> None:
    host = new_host()
    after = snapshot(host)
    for name, (command, shown) in CHANGES.items():
        before = after
        host.output("sh", "-ec", command)
        after = snapshot(host)
        lines = differences(before, after)
        assert any(line.startswith(shown) for line in lines), (name, lines)


def test_a_snapshot_does_not_show_restored_files_and_rules(new_host: NewHost) -> None:
    host = new_host()
    before = snapshot(host)
    host.output(
        "sh", "-ec", "cd /etc; cp -a crontab was; echo more >>crontab; rm crontab; mv was crontab; chmod 700 cron.d"
    )
    host.output(
        "sh", "-ec", "chmod 755 /etc/cron.d; nft add table inet x; nft delete table inet x; systemctl restart cron"
    )
    assert differences(before, snapshot(host)) == []


def test_ip_address_deny_has_an_effect(new_host: NewHost, start_emulator: Callable[..., lab.Emulator]) -> None:
    host = new_host()
    start_emulator()
    service = ["systemd-run", "--quiet", "--wait", "--pipe"]
    ask = ["python3", "-c", CONNECT, lab.SERVICE, "80"]
    assert host.output(*service, *ask).split()[0] == "connected"
    result, seconds = host.output(*service, "-p", f"IPAddressDeny={lab.SERVICE}", *ask).split()
    print("IPAddressDeny=", result, seconds)
    assert result != "connected"


@BOTH
def test_metadata_is_read_over_the_network(
    new_host: NewHost, start_emulator: Callable[..., lab.Emulator], kind: str, root: str
) -> None:
    host = new_host(kind, root)
    emulator = start_emulator({"instances": [{"host": host.name, "http_tokens": "required"}]})
    assert token_and_id(host.run) == f"i-{host.name}"
    assert [entry["mode"] for entry in emulator.journal()] == ["token_request", "token_authenticated"]


def test_a_container_reaches_the_service_through_its_host(
    new_host: NewHost, start_emulator: Callable[..., lab.Emulator]
) -> None:
    host = new_host()
    start_emulator()
    container = host.container()
    assert token_and_id(container.run) == f"i-{host.name}"
    host.reboot()
    assert token_and_id(container.run) == f"i-{host.name}"
    host.output(
        "nft", "add table inet stop; add chain inet stop f { type filter hook forward priority 0; policy drop; }"
    )
    assert container.run("curl", "-sm1", f"http://{lab.SERVICE}/").returncode == 28
    assert host.run("curl", "-sm5", f"http://{lab.SERVICE}/").returncode == 0


def command_line(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HERE / "hosts.py"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PROCESS_SECONDS, check=False)


def test_hosts_of_the_command_line_persist_between_calls(tmp_path: Path) -> None:
    inventory, first, second = (tmp_path / name for name in ("inventory.json", "first.json", "second.json"))
    (tmp_path / "config.json").write_text('{"instances": [{"host": "one", "region_id": "eu-central-1"}]}')
    try:
        assert command_line("up", "one", "two:plain:trixie", "--inventory", inventory).returncode == 0
        started = command_line("emulator", tmp_path / "config.json", "--inventory", inventory)
        assert started.returncode == 0, started.stderr
        told = json.loads(inventory.read_text())["all"]
        assert list(told["hosts"]) == ["one", "two"]
        assert told["vars"]["test_emulator"]["control_endpoint"].startswith("http://127.0.0.1:")
        assert command_line("snapshot", "one", first).returncode == 0
        assert command_line("run", "--user", "root", "one", "touch", "/etc/new").returncode == 0
        assert command_line("run", "two", "sh", "-c", "echo said; exit 3").returncode == 3
        assert command_line("reboot", "one").returncode == 0
        assert command_line("snapshot", "one", second).returncode == 0
        compared = command_line("compare", first, second)
        assert (compared.returncode, len(compared.stdout.splitlines())) == (1, 1)
        assert compared.stdout.startswith("files: /etc/new: - -> -rw-r--r-- 0:0 sha256:")
        assert token_and_id(Host.load("one").run) == "i-one"
        assert "there is no host 'three'" in command_line("reboot", "three").stderr
    finally:
        assert command_line("down").returncode == 0
    assert not list(boot.STATE.glob("*/host.json"))
    assert subprocess.run(["ss", "-Hltn", "sport = 80"], capture_output=True, check=True).stdout == b""
