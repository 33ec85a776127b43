# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Request a token and two items with the HTTP clients of languages and shells, as scripts do.

The clients differ in header case, in Content-Length and Connection headers, in the HTTP version that they offer, and in the
number of connections.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from conftest import HERE, Ecs

TOKEN = "PUT /latest/api/token token_request 200"
ITEMS = [
    "GET /latest/meta-data/instance-id token_authenticated 200",
    "GET /latest/meta-data/mac token_authenticated 200",
]

URLLIB = """
from urllib.request import Request, urlopen
def ask(method, path, header, value):
    request = Request("http://100.100.100.200/latest/" + path, headers={header: value}, method=method)
    return urlopen(request).read().decode()
token = ask("PUT", "api/token", "X-aliyun-ecs-metadata-token-ttl-seconds", "60")
for item in ("instance-id", "mac"):
    print(ask("GET", "meta-data/" + item, "X-aliyun-ecs-metadata-token", token))
"""
HTTP_CLIENT = """
from http.client import HTTPConnection
connection = HTTPConnection("100.100.100.200")
def ask(method, path, header, value):
    connection.request(method, "/latest/" + path, headers={header: value})
    return connection.getresponse().read().decode()
token = ask("PUT", "api/token", "X-aliyun-ecs-metadata-token-ttl-seconds", "60")
for item in ("instance-id", "mac"):
    print(ask("GET", "meta-data/" + item, "X-aliyun-ecs-metadata-token", token))
"""
REQUESTS = """
import requests
service = "http://100.100.100.200/latest/"
with requests.Session() as session:
    token = session.put(service + "api/token", headers={"X-aliyun-ecs-metadata-token-ttl-seconds": "60"}).text
    for item in ("instance-id", "mac"):
        print(session.get(service + "meta-data/" + item, headers={"X-aliyun-ecs-metadata-token": token}).text)
"""
AIOHTTP = """
import aiohttp, asyncio
async def main():
    async with aiohttp.ClientSession("http://100.100.100.200") as session:
        async with session.put("/latest/api/token", headers={"X-aliyun-ecs-metadata-token-ttl-seconds": "60"}) as got:
            token = await got.text()
        for item in ("instance-id", "mac"):
            address = "/latest/meta-data/" + item
            async with session.get(address, headers={"X-aliyun-ecs-metadata-token": token}) as got:
                print(await got.text())
asyncio.run(main())
"""
NODE_FETCH = """
const service = 'http://100.100.100.200/latest/';
const ask = async (method, path, headers) => (await fetch(service + path, { method, headers })).text();
(async () => {
  const token = await ask('PUT', 'api/token', { 'X-aliyun-ecs-metadata-token-ttl-seconds': '60' });
  for (const item of ['instance-id', 'mac'])
    console.log(await ask('GET', 'meta-data/' + item, { 'X-aliyun-ecs-metadata-token': token }));
})();
"""
NODE_HTTP = """
const agent = new (require('http').Agent)({ keepAlive: true });
const ask = (method, path, headers) => new Promise((done) => {
  const request = require('http').request({ agent, method, host: '100.100.100.200', path: '/latest/' + path, headers });
  request.on('response', (answer) => {
    let body = '';
    answer.on('data', (part) => body += part).on('end', () => setImmediate(done, body));
  }).end();
});
(async () => {
  const token = await ask('PUT', 'api/token', { 'X-aliyun-ecs-metadata-token-ttl-seconds': '60' });
  for (const item of ['instance-id', 'mac'])
    console.log(await ask('GET', 'meta-data/' + item, { 'X-aliyun-ecs-metadata-token': token }));
  agent.destroy();
})();
"""
PERL = """
use HTTP::Tiny;
my ($http, $service) = (HTTP::Tiny->new, 'http://100.100.100.200/latest/');
sub ask { my $got = $http->request(@_); die "$got->{status}" unless $got->{success}; $got->{content} }
my $token = ask('PUT', $service . 'api/token', {headers => {'X-aliyun-ecs-metadata-token-ttl-seconds' => 60}});
print ask('GET', $service . "meta-data/$_", {headers => {'X-aliyun-ecs-metadata-token' => $token}}), "\\n"
    for 'instance-id', 'mac';
"""
BASH = r"""
ask() {
    exec 3<>/dev/tcp/100.100.100.200/80
    printf '%s HTTP/1.0\r\n%s\r\n\r\n' "$1" "$2" >&3
    while IFS= read -r line <&3 && [[ $line != $'\r' ]]; do :; done
    cat <&3
}
token=$(ask 'PUT /latest/api/token' 'X-aliyun-ecs-metadata-token-ttl-seconds: 60')
for item in instance-id mac; do
    ask "GET /latest/meta-data/$item" "X-aliyun-ecs-metadata-token: $token"; echo
done
"""
WGET = """
service=http://100.100.100.200/latest
token=$(wget -qO- --method=PUT --header='X-aliyun-ecs-metadata-token-ttl-seconds: 60' $service/api/token)
for item in instance-id mac; do
    wget -qO- --header="X-aliyun-ecs-metadata-token: $token" $service/meta-data/$item; echo
done
"""
# Without the file for performance data in /tmp, which Java prints a warning about if another process namespace has the same process ID.
JAVA = ["java", "-XX:-UsePerfData", str(HERE / "clients/JavaClient.java")]

# name: (required program, command, permitted numbers of connections)
CLIENTS = {
    "urllib": (sys.executable, [sys.executable, "-c", URLLIB], (3,)),
    "http.client": (sys.executable, [sys.executable, "-c", HTTP_CLIENT], (1,)),
    "requests": (sys.executable, [sys.executable, "-c", REQUESTS], (1,)),
    "aiohttp": (sys.executable, [sys.executable, "-c", AIOHTTP], (1,)),
    "node-http": ("node", ["node", "-e", NODE_HTTP], (1,)),
    # It opens another connection if the last one is not back in its pool yet.
    "node-fetch": ("node", ["node", "-e", NODE_FETCH], (1, 2, 3)),
    "java-HttpClient": ("javac", [*JAVA, "new"], (1,)),
    "java-HttpURLConnection": ("javac", [*JAVA, "old"], (1,)),
    "perl-HTTP::Tiny": ("perl", ["perl", "-e", PERL], (1,)),
    "bash": ("bash", ["bash", "-c", BASH], (3,)),
    "wget": ("wget", ["sh", "-c", WGET], (3,)),
}


@pytest.mark.parametrize("name", CLIENTS)
def test_token_and_two_items(ecs: Ecs, name: str) -> None:
    program, command, connections = CLIENTS[name]
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    if program == "perl" and ecs.run("perl", "-MHTTP::Tiny", "-e", "1").returncode:
        pytest.skip("the Perl here has no HTTP::Tiny")
    assert ecs.output(*command).split() == [ecs.instance_id, ecs.mac]
    assert ecs.requests() == [TOKEN, *ITEMS]
    assert ecs.connections() in connections


CONCURRENT = """
import concurrent.futures, requests
service = "http://100.100.100.200/latest/"
session = requests.Session()
session.mount("http://", requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=8, pool_block=True))
token = session.put(service + "api/token", headers={"X-aliyun-ecs-metadata-token-ttl-seconds": "60"}).text
def read(number):
    return session.get(service + "meta-data/instance-id", headers={"X-aliyun-ecs-metadata-token": token}).text
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    print(len(list(pool.map(read, range(200)))), *set(pool.map(read, range(200))))
"""


def test_connection_pool(ecs: Ecs) -> None:
    """Eight threads send 400 reads over a pool of eight kept connections."""
    assert ecs.output(sys.executable, "-c", CONCURRENT).split() == ["200", ecs.instance_id]
    assert ecs.modes() == {"token_request": 1, "token_authenticated": 400}
    assert {entry["status"] for entry in ecs.journal()} == {200}
    assert ecs.connections() <= 8


CLOSED = """
import requests, time
session = requests.Session()
for item in range(3):
    print(session.get("http://100.100.100.200/latest/meta-data/instance-id").text)
    time.sleep(0.3)  # Otherwise the request may cross the end of the connection and be lost.
"""


def test_connection_that_was_closed_in_the_pool(ecs: Ecs) -> None:
    """The service may close a kept connection between two requests: the pool opens a new one."""
    ecs.set(http_tokens="optional", faults=[{"kind": "close_idle"}])
    assert ecs.output(sys.executable, "-c", CLOSED).split() == [ecs.instance_id] * 3
    assert ecs.connections() == 3
    assert ecs.modes() == {"normal_mode": 3}


def test_requests_obeys_a_proxy_variable(ecs: Ecs) -> None:
    """With a proxy variable the token request fails; `trust_env` or no_proxy avoids the proxy."""
    assert ecs.run(sys.executable, "-c", REQUESTS, http_proxy="http://127.0.0.1:9").returncode == 1
    assert ecs.requests() == []
    ecs.output(sys.executable, "-c", REQUESTS, http_proxy="http://127.0.0.1:9", no_proxy="100.100.100.200")
    assert ecs.requests() == [TOKEN, *ITEMS]


PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.uri:
        url: http://100.100.100.200/latest/api/token
        method: PUT
        headers:
          X-aliyun-ecs-metadata-token-ttl-seconds: 60
        return_content: true
        use_proxy: false
      register: token
    - ansible.builtin.uri:
        url: http://100.100.100.200/latest/meta-data/{{ item }}
        headers:
          X-aliyun-ecs-metadata-token: "{{ token.content }}"
        return_content: true
        use_proxy: false
      loop: [instance-id, mac]
      register: items
    - ansible.builtin.copy:
        content: "{{ items.results | map(attribute='content') | join(' ') }}"
        dest: "{{ playbook_dir }}/got"
"""


def test_ansible_uri(ecs: Ecs, tmp_path: Path) -> None:
    """ansible.builtin.uri works with a proxy variable and ``use_proxy: false``."""
    (tmp_path / "playbook.yml").write_text(PLAYBOOK)
    python = f"ansible_python_interpreter={sys.executable}"
    command = [Path(sys.executable).parent / "ansible-playbook", "-i", "localhost,", "-c", "local", "-e", python]
    ecs.output(*command, tmp_path / "playbook.yml", http_proxy="http://127.0.0.1:9")
    assert (tmp_path / "got").read_text().split() == [ecs.instance_id, ecs.mac]
    assert ecs.requests() == [TOKEN, *ITEMS]
    assert {entry["user_agent"] for entry in ecs.journal()} == {"ansible-httpget"}
