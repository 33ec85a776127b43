# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Try to steal the instance role's keys through deliberately vulnerable web programs: in normal mode, with tokens, with the fence.

The table in docs/ssrf.md contains these results.
"""

from __future__ import annotations

import re
import shlex
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import lab
import pytest
from host import Host
from hosts import Site
from playing import CHECKOUT, CONTROLLER, Player, instance
from waiting import wait_until

pytestmark = pytest.mark.lab

FILES = Path(__file__).with_name("ssrf")
METADATA = (lab.SERVICE, f"[{lab.SERVICE_IPV6}]")  # in the notation of URLs
KEYS = "/latest/meta-data/ram/security-credentials/WebRole"
TTL, TOKEN = "X-aliyun-ecs-metadata-token-ttl-seconds", "X-aliyun-ecs-metadata-token"
PAGE = CHECKOUT / "docs/ssrf.md"
FETCHER = 8081


def ask(url: str, method: str = "GET", headers: dict[str, str] | None = None) -> str:
    """Return the answer to an attacker who can only send requests to the host."""
    request = urllib.request.Request(url, method=method, headers=headers or {})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as exc:
        return exc.read().decode()


def through_the_fetcher(host: Host, service: str) -> str:
    return ask(f"http://{host.ip}:{FETCHER}/?url=" + urllib.parse.quote(f"http://{service}{KEYS}"))


def through_a_proxy(host: Host, service: str, port: int) -> str:
    """Request a token first, because a proxy passes method and headers on."""
    proxy = f"http://{host.ip}:{port}"
    token = ask(proxy + "/latest/api/token", "PUT", {"X-Target": service, TTL: "60"})
    headers = {"X-Target": service}
    if re.fullmatch(r"[!-~]{10,}", token):
        headers[TOKEN] = token
    return ask(proxy + KEYS, headers=headers)


def by_a_command(host: Host, service: str, user: str) -> str:
    """Run commands as this user, as through a vulnerability in a web application."""
    base = f"http://{service}"
    script = (
        f"token=$(curl -sgfX PUT -H '{TTL}: 60' {base}/latest/api/token);"
        f'curl -sgf ${{token:+-H "{TOKEN}: $token"}} {base}{KEYS}'
    )
    return host.run("sh", "-c", script, user=user).stdout


ATTACKS: dict[str, Callable[[Host, str], str]] = {
    "a page fetcher that takes any URL": through_the_fetcher,
    "an open reverse proxy that adds X-Forwarded-For": lambda host, service: through_a_proxy(host, service, 8082),
    "an open reverse proxy that does not": lambda host, service: through_a_proxy(host, service, 8083),
    "commands run as the web server's user": lambda host, service: by_a_command(host, service, "www-data"),
    "commands run as root": lambda host, service: by_a_command(host, service, "root"),
}
LEVELS = ("before", "tokens required", "and the fence")


def result(attack: str, host: Host) -> str:
    """Try the attack at both addresses of the service, which must give the same result."""
    leaks = {service: "AccessKeySecret" in ATTACKS[attack](host, service) for service in METADATA}
    assert len(set(leaks.values())) == 1, (attack, leaks)
    return "**leaks**" if any(leaks.values()) else "safe"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[Host, Player]]:
    with Site() as site:
        host = site.add("web")
        for name, path in {
            "fetcher.py": "srv/fetcher.py",
            "fetcher.service": "etc/systemd/system/fetcher.service",
            "nginx.conf": "etc/nginx/nginx.conf",
        }.items():
            (host.root / path).write_text((FILES / name).read_text())
        host.output("systemctl", "daemon-reload")
        host.output(*shlex.split("systemctl start fetcher.service nginx.service"))
        wait_until(lambda: listens(host, FETCHER), "the fetcher")
        with lab.start_emulator({"instances": [instance(host), CONTROLLER]}, control=True) as emulator:
            yield host, Player([host], emulator, tmp_path)


def listens(host: Host, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host.ip, port)) == 0


def rows(measured: dict[str, list[str]]) -> list[str]:
    return ["| %s |" % " | ".join([attack, *cells]) for attack, cells in measured.items()]


@pytest.mark.long
def test_before_and_after(web: tuple[Host, Player]) -> None:
    host, player = web
    measured: dict[str, list[str]] = {attack: [] for attack in ATTACKS}

    def measure() -> None:
        for attack in ATTACKS:
            measured[attack].append(result(attack, host))

    measure()
    player.play(hardening_fence="audit").check()
    measure()
    player.play(hardening_fence="enforce").check()
    measure()
    table = "\n".join(["| attack | %s |" % " | ".join(LEVELS), "|---|---|---|---|", *rows(measured)])
    print(table)
    assert table in PAGE.read_text(), f"docs/ssrf.md should have this table:\n{table}"

    player.play(hardening_state="absent").check()
    assert {result(attack, host) for attack in ATTACKS} == {"**leaks**"}, "after the undo, all attacks succeed again"
