# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The admin API changes everything at run time, rejects invalid changes as a whole and hides secrets."""

from __future__ import annotations

import json
from typing import Any, Callable

import pytest

from .client import Emulator, Instance, ask, connect, exchange, read_reply, request_bytes

pytestmark = pytest.mark.slow

DATA = "/latest/meta-data/instance-id"


def test_health_says_where_everything_is(emulator: Emulator) -> None:
    health = emulator.admin("GET", "/health")
    assert health["status"] == "ok"
    assert (health["listen"], health["admin"]) == (emulator.listen, emulator.admin_address)
    assert health["pid"] == emulator.process.pid


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebinding.example"},
        {"Host": "rebinding.example:8101"},
        {"Host": "127.0.0.1.example"},
        {"Host": "192.0.2.1"},
        {"Host": "localhost@rebinding.example"},
        {"Host": ""},
        {"Origin": "http://site.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Host": "localhost", "Origin": "http://localhost:3000"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
    ids=str,
)
def test_a_web_page_of_another_site_is_refused(emulator: Emulator, headers: dict[str, str]) -> None:
    """Neither a form or script of a page (CSRF) nor a page whose name resolves to this address (DNS rebinding)."""
    before = emulator.admin("GET", "/switches")
    body = json.dumps({name: not value for name, value in before.items() if isinstance(value, bool)}).encode()
    for method in ("GET", "PATCH"):
        answer = ask(emulator.admin_address, "/switches", headers, method, body if method == "PATCH" else None)
        assert answer.status == 403 and "another site" in answer.text
        assert set(json.loads(answer.text)) == {"error"}
    assert emulator.admin("GET", "/switches") == before


def test_requests_to_a_loopback_address_are_accepted(emulator: Emulator) -> None:
    for headers in (
        {"Host": "localhost:9"},
        {"Host": "127.0.0.2"},
        {"Host": "[::1]:9"},
        {"Host": "localhost:9", "Origin": "http://localhost:9", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ):
        assert ask(emulator.admin_address, "/health", headers).status == 200, headers
    assert exchange(emulator.admin_address, b"GET /health HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_a_change_holds_from_the_next_request_on_a_kept_connection(instance: Instance) -> None:
    with connect(instance.address) as sock:
        for settings, status in (
            ({"http_tokens": "required"}, 403),
            ({"http_tokens": "optional"}, 200),
            ({"http_endpoint": "disabled"}, 403),
            ({"http_endpoint": "enabled", "hostname": "new"}, 200),
        ):
            instance.set(**settings)
            sock.sendall(request_bytes(DATA))
            assert read_reply(sock).status == status
        sock.sendall(request_bytes("/latest/meta-data/hostname"))
        assert read_reply(sock).text == "new"


def test_instances_come_move_and_go(emulator: Emulator) -> None:
    made = emulator.admin("POST", "/instances", {"instance_id": "i-new", "listen": "127.0.0.1:0"})
    assert ask(made["listening"], DATA).text == "i-new"
    moved = emulator.admin("PATCH", "/instances/i-new", {"listen": "127.0.0.2:0"})
    assert moved["listening"].startswith("127.0.0.2:")
    assert ask(moved["listening"], DATA).text == "i-new"
    with pytest.raises(ConnectionError):
        ask(made["listening"], DATA)
    assert "i-new" in [entry["instance_id"] for entry in emulator.admin("GET", "/instances")["instances"]]
    emulator.admin("DELETE", "/instances/i-new")
    with pytest.raises(ConnectionError):
        ask(moved["listening"], DATA)
    assert emulator.admin_status("GET", "/instances/i-new")[0] == 404


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("http_tokens", "maybe"),
        ("http_endpoint", True),
        ("clients", ["not-an-address"]),
        ("clients", "127.0.0.1"),
        ("tags", {"a": 1}),
        ("zone_id", "\ud800"),
        ("tags", {"\udc00": "half of a surrogate pair"}),
        ("metadata_all", {"a": ["\ud800"]}),
        ("system_events", [{"a": "\ud800"}]),
        ("role", {}),
        ("role", {"name": "a/b"}),
        ("network_interfaces", [{"color": "red"}]),
        ("user_data_base64", "%"),
        ("listen", "localhost:80"),
        ("listen", "127.0.0.1:99999"),
        ("spot", {"termination_time": 1, "appears_at": "tomorrow"}),
        ("instance_id", "i-other"),
        ("no_such_key", 1),
        ("hostname", None),
    ],
)
def test_an_impossible_change_is_refused_as_a_whole(instance: Instance, key: str, value: Any) -> None:
    path = "/instances/" + instance.id
    before = instance.emulator.admin("GET", path)
    status, data = instance.emulator.admin_status("PATCH", path, {"zone_id": "changed", key: value})
    assert status == (409 if key == "instance_id" else 400) and key in data["error"]
    assert instance.emulator.admin("GET", path) == before


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("role", {"names": "R"}, "role.names: unknown key (did you mean name?); known keys: name, rotate_seconds"),
        ("role", {"#": "comment"}, "role: the required key name is missing"),
        ("role", {"name": "R", "rotate_seconds": 0}, "role.rotate_seconds: must be a number from 1, not 0"),
        ("role", {"name": "R", "security_token": ["hidden"]}, "role.security_token: must be text"),
        (
            "spot",
            {"termination_time": "soon"},
            "spot.termination_time: must be an ISO time such as 2030-01-31T12:00:00Z",
        ),
        ("spot", {"termination_time": "2030-02-30T00:00:00Z"}, "spot.termination_time: must be an ISO time"),
        ("spot", {"termination_time": "2030-1-5T0:00:00Z"}, "spot.termination_time: must be an ISO time"),
        ("spot", {"termination_time": None}, "spot.termination_time: must be an ISO time"),
        ("spot", {"termination_time": 1, "appears_at": -1}, "spot.appears_at: must be an ISO time"),
        ("system_events", [{}, {"appears_at": -1}], "system_events[1].appears_at: must be an ISO time"),
        (
            "network_interfaces",
            [{}, {"mac": "zz"}],
            "network_interfaces[1].mac: must be a MAC address such as 00:16:3e:",
        ),
        (
            "network_interfaces",
            [{"private_ipv4s": ["10.0.0.1", 2]}],
            "network_interfaces[0].private_ipv4s[1]: must be text",
        ),
        ("disks", [{"serial": "a"}, {"id": "d"}], "disks[1]: the required key serial is missing"),
        ("clients", ["127.0.0.1", "x"], "clients[1]: must be an IP address, not 'x'"),
        ("tags", {"a": 1}, "tags.a: must be text, not 1"),
        ("tags", {"a\nb": 1}, "tags.a\\nb: must be text, not 1"),
        ("\nkey", 1, "\\nkey: unknown key"),
        ("http_token", "required", "http_token: unknown key (did you mean http_tokens?); known keys: instance_id"),
    ],
)
def test_an_error_names_key_index_and_value(instance: Instance, key: str, value: Any, message: str) -> None:
    status, data = instance.emulator.admin_status("PATCH", "/instances/" + instance.id, {key: value})
    assert (status, data["error"][: len("instance." + message)]) == (400, "instance." + message)
    assert "hidden" not in data["error"]


def test_values_of_the_real_service_are_accepted(new_instance: Callable[..., Instance]) -> None:
    macs = [{"mac": "00:16:3e:0F:ab:01"}]
    spot = {"termination_time": "2020-04-07T17:03:00Z", "appears_at": 0}
    instance = new_instance(network_interfaces=macs, spot=spot, metadata={"instance/spot/other": "soon"})
    assert instance.get("/latest/meta-data/instance/spot/termination-time").text == spot["termination_time"]
    assert instance.get("/latest/meta-data/instance/spot/other").text == "soon", "metadata serves invalid values too"
    assert instance.get("/latest/meta-data/mac").text == macs[0]["mac"]


def test_an_address_that_is_taken_is_named(emulator: Emulator, instance: Instance) -> None:
    status, data = emulator.admin_status("POST", "/instances", {"instance_id": "i-taken", "listen": instance.address})
    assert status == 409
    assert data["error"] == "cannot listen on %s: Address already in use" % instance.address
    assert emulator.admin_status("GET", "/instances/i-taken")[0] == 404


def test_a_change_to_an_address_that_is_taken_changes_nothing(new_instance: Callable[..., Instance]) -> None:
    taken, instance = new_instance(), new_instance(hostname="old")
    before = instance.emulator.admin("GET", "/instances/" + instance.id)
    changes = {"hostname": "new", "http_tokens": "required", "listen": taken.address}
    status, data = instance.emulator.admin_status("PATCH", "/instances/" + instance.id, changes)
    assert (status, data["error"]) == (409, "cannot listen on %s: Address already in use" % taken.address)
    assert instance.emulator.admin("GET", "/instances/" + instance.id) == before
    assert ask(before["listening"], "/latest/meta-data/hostname").text == "old"


def test_a_change_that_is_refused_opens_no_address(new_instance: Callable[..., Instance]) -> None:
    new_instance(clients=["127.0.0.78"])
    second = new_instance()
    free = "127.0.0.3:" + second.address.rpartition(":")[2]
    changes = {"clients": ["127.0.0.78"], "listen": free}
    assert second.emulator.admin_status("PATCH", "/instances/" + second.id, changes)[0] == 409
    with pytest.raises(ConnectionError):
        ask(free, DATA)
    assert ask(second.address, DATA).text == second.id
    assert second.emulator.admin("PATCH", "/instances/" + second.id, {"listen": free})["listening"] == free


def test_the_address_with_the_port_that_the_kernel_chose_is_kept(new_instance: Callable[..., Instance]) -> None:
    instance = new_instance()
    change = {"listen": instance.address, "hostname": "new"}
    assert instance.emulator.admin("PATCH", "/instances/" + instance.id, change)["listening"] == instance.address
    assert ask(instance.address, "/latest/meta-data/hostname").text == "new"
    assert instance.emulator.admin("PATCH", "/instances/" + instance.id, {"listen": None})["listening"] is None
    with pytest.raises(ConnectionError):
        ask(instance.address, DATA)


def test_an_address_that_overlaps_with_the_present_one_is_in_use(new_instance: Callable[..., Instance]) -> None:
    instance = new_instance()
    path, wide = "/instances/" + instance.id, "0.0.0.0:" + instance.address.rpartition(":")[2]
    assert instance.emulator.admin_status("PATCH", path, {"listen": wide})[0] == 409
    assert ask(instance.address, DATA).text == instance.id
    instance.emulator.admin("PATCH", path, {"listen": None})
    assert instance.emulator.admin("PATCH", path, {"listen": wide})["listening"] == wide
    assert ask(instance.address, DATA).text == instance.id


def test_two_instances_cannot_claim_one_client(new_instance: Callable[..., Instance]) -> None:
    new_instance(clients=["127.0.0.77"])
    second = new_instance()
    status, data = second.emulator.admin_status("PATCH", "/instances/" + second.id, {"clients": ["127.0.0.77"]})
    assert status == 409 and "127.0.0.77" in data["error"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nothing", None, 404),
        ("GET", "/", None, 404),
        ("GET", "/instances/i-none", None, 404),
        ("PATCH", "/instances/i-none", {}, 404),
        ("DELETE", "/instances/i-none", None, 404),
        ("PUT", "/instances/i-none/faults", [], 404),
        ("POST", "/health", None, 405),
        ("DELETE", "/switches", None, 405),
        ("POST", "/instances", {"instance_id": "i-default"}, 409),
        ("POST", "/instances", [], 400),
        ("POST", "/instances", {"instance_id": "i-\u5b9e\u4f8b"}, 400),
        ("PUT", "/instances/i-default/faults", {"kind": "redirect", "location": "/\u5b9e\u4f8b"}, 400),
        ("POST", "/clock", {"advance": 95e9}, 409),
        ("POST", "/clock", {"advance": -1}, 400),
        ("POST", "/clock", {"advance": "1"}, 400),
        ("POST", "/clock", None, 400),
        ("GET", "/journal?after=x", None, 400),
        ("GET", "/journal?after=", None, 400),
    ],
)
def test_errors_are_json_with_a_reason(emulator: Emulator, method: str, path: str, body: Any, status: int) -> None:
    got, data = emulator.admin_status(method, path, body)
    assert got == status
    assert data["error"]


def test_a_method_that_a_path_does_not_accept_is_answered_with_those_it_does(emulator: Emulator) -> None:
    for path, allowed in (("/switches", "GET, PATCH, HEAD"), ("/instances/i-default/faults", "PUT, DELETE")):
        answer = ask(emulator.admin_address, path, {}, "POST", b"{}")
        assert (answer.status, answer.headers["allow"]) == (405, allowed)


def test_a_whole_number_can_have_a_fraction_of_zero(instance: Instance) -> None:
    path = "/instances/%s/faults" % instance.id
    stored = instance.emulator.admin("PUT", path, {"kind": "status", "status": 503.0, "times": 2.0})
    assert json.dumps(stored) == '{"faults": [{"kind": "status", "status": 503, "times": 2}]}'


def test_a_repeated_key_is_refused(instance: Instance) -> None:
    """Python and other parsers take the last value, which may be the lenient one."""
    body = b'{"#": 1, "#": 2, "http_tokens": "required", "http_tokens": "optional"}'
    answer = ask(instance.emulator.admin_address, "/instances/" + instance.id, {}, "PATCH", body)
    assert (answer.status, b"'http_tokens' is repeated" in answer.body) == (400, True)


def test_a_body_that_is_no_json_is_400(emulator: Emulator) -> None:
    assert ask(emulator.admin_address, "/instances", {}, "POST", b"{").status == 400


def test_no_secret_is_shown(new_instance: Callable[..., Instance]) -> None:
    role = {
        "name": "TestRole",
        "access_key_id": "STS.hidden1",
        "access_key_secret": "hidden2",
        "security_token": "hidden3",
    }
    instance = new_instance(
        role=role,
        metadata={"ram/security-credentials/Other": "hidden4", "Ram/x": "hidden5"},
        metadata_all={"ram": {"x": "hidden6"}},
    )
    instance.set(hostname="still-the-same-role")
    keys = json.loads(instance.get("/latest/meta-data/ram/security-credentials/TestRole").text)
    assert keys["AccessKeyId"] == "STS.hidden1"
    token = instance.token()
    instance.get(DATA, token)
    shown = ""
    for path in ("/instances", "/instances/" + instance.id, "/journal", "/stats", "/switches", "/health"):
        shown += ask(instance.emulator.admin_address, path).text
    assert instance.id in shown
    for secret in ("hidden1", "hidden2", "hidden3", "hidden4", "hidden5", "hidden6", token):
        assert secret not in shown


def test_stats_count(new_instance: Callable[..., Instance]) -> None:
    instance = new_instance()
    before = instance.emulator.admin("GET", "/stats")
    with connect(instance.address) as sock:
        for _request in range(3):
            sock.sendall(request_bytes(DATA))
            read_reply(sock)
    instance.get(DATA, instance.token())
    instance.put("0")
    after = instance.emulator.admin("GET", "/stats")
    assert after["connections"] - before["connections"] == 4
    assert after["requests"] - before["requests"] == 6
    assert after["tokens"] - before["tokens"] == 1
    expected = {"requests": 6, "tokens": 1, "normal_mode": 3, "token_authenticated": 1, "token_request": 2}
    assert after["per_instance"][instance.id] == expected
