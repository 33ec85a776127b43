# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each switch, with its default and its other values."""

from __future__ import annotations

import json
import socket
from typing import Callable, Optional, Set

import pytest

from .client import TOKEN_PATH, TTL, Emulator, Instance, Reply, ask, connect, read_all, request_bytes

pytestmark = pytest.mark.slow

META = "/latest/meta-data/"
DATA = META + "instance-id"
Switch = Callable[..., None]
NewInstance = Callable[..., Instance]


def test_all(instance: Instance, switch: Switch) -> None:
    assert instance.get(META + "all").status == 200
    switch(all=False)
    assert instance.get(META + "all").status == 404


def test_all_includes(new_instance: NewInstance, switch: Switch) -> None:
    instance = new_instance(instance_metadata_tags="enabled")
    names = {"tags", "public-keys", "ram"}
    for wanted in (["tags"], ["ram"], [], ["tags", "public-keys", "ram"]):
        switch(all_includes=wanted)
        assert set(json.loads(instance.get(META + "all").text)) & names == set(wanted)


def test_all_multi_value(instance: Instance, switch: Switch) -> None:
    switch(all_multi_value="array")
    document = json.loads(instance.get(META + "all").text)
    assert document["dns-conf"]["nameservers"] == ["100.100.2.136", "100.100.2.138"]
    assert instance.get(META + "dns-conf/nameservers").body == b"100.100.2.136\r\n100.100.2.138"


def test_list_all(instance: Instance, switch: Switch) -> None:
    switch(list_all=True)
    assert instance.get(META).text.startswith("all\ndns-conf/\n")


def test_list_unset_user_data(new_instance: NewInstance, switch: Switch) -> None:
    instance, other = new_instance(), new_instance(user_data="x")
    switch(list_unset_user_data=False)
    assert "user-data" not in instance.get("/latest/").text
    assert "user-data" in other.get("/latest/").text


def test_list_vendor_data(new_instance: NewInstance, switch: Switch) -> None:
    instance = new_instance(vendor_data="x")
    assert "vendor-data" not in instance.get("/latest/").text
    switch(list_vendor_data=True)
    assert instance.get("/latest/").text.endswith("user-data\nvendor-data")


def test_list_global_config(new_instance: NewInstance, switch: Switch) -> None:
    switch(list_global_config=True)
    assert new_instance(global_config={"b": "1", "a": "2"}).get("/latest/global-config").text == "a\nb"


def test_trailing_newline(new_instance: NewInstance, switch: Switch) -> None:
    instance = new_instance(user_data_base64="AAEC")
    switch(trailing_newline=True)
    assert instance.get("/").body == b"2016-01-01\nlatest\n"
    assert instance.get(DATA).body == instance.id.encode() + b"\n"
    assert instance.get("/latest/user-data").body == b"\0\1\2"
    assert not instance.token().endswith("\n")


def test_multi_value_separator(instance: Instance, switch: Switch) -> None:
    switch(multi_value_separator="lf")
    assert instance.get(META + "dns-conf/nameservers").body == b"100.100.2.136\n100.100.2.138"


def test_bracket_lists(new_instance: NewInstance, switch: Switch) -> None:
    instance = new_instance(network_interfaces=[{"mac": "00:16:3e:00:00:01", "ipv6s": ["2408::1", "2408::2"]}])
    switch(bracket_lists="json")
    assert instance.get(META + "network/interfaces/macs/00:16:3e:00:00:01/ipv6s").text == '["2408::1","2408::2"]'


def test_events_format(instance: Instance, switch: Switch) -> None:
    assert instance.get("/latest/maintenance/active-system-events").text == "[]"
    switch(events_format="json-or-404")
    assert instance.get("/latest/maintenance/active-system-events").status == 404


def test_ignore_case(instance: Instance, switch: Switch) -> None:
    ram, zone = META + "Ram/security-credentials/", META + "Zone-ID"
    assert (instance.get(ram).status, instance.get(zone).status) == (200, 404)
    switch(ignore_case="all")
    assert (instance.get(ram).status, instance.get(zone).status) == (200, 200)
    switch(ignore_case="none")
    assert (instance.get(ram).status, instance.get(zone).status) == (404, 404)


def test_leaf_trailing_slash(instance: Instance, switch: Switch) -> None:
    assert (instance.get(DATA + "/").status, instance.put(path=TOKEN_PATH + "/").status) == (404, 405)
    switch(leaf_trailing_slash="accept")
    assert (instance.get(DATA + "/").text, instance.put(path=TOKEN_PATH + "/").status) == (instance.id, 200)


def test_double_slash(instance: Instance, switch: Switch) -> None:
    assert instance.get("/latest//meta-data///instance-id").text == instance.id
    switch(double_slash=404)
    assert instance.get("/latest//meta-data///instance-id").status == 404
    assert instance.get(DATA).text == instance.id


def test_percent_encoding(instance: Instance, switch: Switch) -> None:
    assert instance.get("/latest/meta%2ddata/instance-id").text == instance.id
    switch(percent_encoding="literal")
    assert instance.get("/latest/meta%2ddata/instance-id").status == 404


def test_head(instance: Instance, switch: Switch) -> None:
    reply = ask(instance.address, DATA, method="HEAD")
    assert (reply.status, reply.headers["content-length"], reply.body) == (200, str(len(instance.id)), b"")
    switch(head=405)
    assert ask(instance.address, DATA, method="HEAD").status == 405


def test_forwarded_get(instance: Instance, switch: Switch) -> None:
    forwarded = {"X-Forwarded-For": "10.0.0.1"}
    assert instance.get(DATA, **forwarded).status == 200
    switch(forwarded_get=403)
    assert instance.get(DATA, **forwarded).status == 403
    assert instance.get(DATA).status == 200


def test_forwarded_headers(instance: Instance, switch: Switch) -> None:
    assert instance.put(Via="1.1 proxy").status == 200
    switch(forwarded_headers=["via", "x-forwarded-for"])
    assert instance.put(Via="1.1 proxy").status == 403
    assert instance.put(**{"X-Forwarded-For": "10.0.0.1"}).status == 403


def test_ttl_first(instance: Instance, switch: Switch) -> None:
    switch(ttl_first=True)
    assert instance.put("0", **{"X-Forwarded-For": "10.0.0.1"}).status == 400
    assert instance.put("60", **{"X-Forwarded-For": "10.0.0.1"}).status == 403


def test_ttl_leading_zeros(instance: Instance, switch: Switch) -> None:
    assert instance.put("0060").status == 400
    switch(ttl_leading_zeros="accept")
    assert (instance.put("0060").status, instance.put("000").status) == (200, 400)


def test_echo_ttl_header(instance: Instance, switch: Switch) -> None:
    assert TTL.lower() not in instance.get(DATA, instance.token()).headers
    switch(echo_ttl_header=True)
    put = instance.put("1000")
    assert put.headers[TTL.lower()] == "1000"
    instance.emulator.advance(100)
    assert int(instance.get(DATA, put.text).headers[TTL.lower()]) in (899, 900)
    assert TTL.lower() not in instance.get(DATA).headers


def test_foreign_token_status(new_instance: NewInstance, switch: Switch) -> None:
    one, other = new_instance(), new_instance()
    switch(foreign_token_status=403)
    assert (other.get(DATA, one.token()).status, other.get(DATA, "aaa").status) == (403, 401)


def test_bad_token_in_optional(new_instance: NewInstance, switch: Switch) -> None:
    optional, required = new_instance(), new_instance(http_tokens="required")
    switch(bad_token_in_optional="accept")
    assert (optional.get(DATA, "aaa").status, required.get(DATA, "aaa").status) == (200, 401)


def test_empty_token_header(new_instance: NewInstance, switch: Switch) -> None:
    optional, required = new_instance(), new_instance(http_tokens="required")
    assert (optional.get(DATA, "").status, required.get(DATA, "").status) == (401, 401)
    switch(empty_token_header="normal_mode")
    assert (optional.get(DATA, "").status, required.get(DATA, "").status) == (200, 403)


def test_tokens_survive_mode_change(instance: Instance, switch: Switch) -> None:
    kept = instance.token()
    instance.set(http_tokens="required")
    assert instance.get(DATA, kept).status == 200
    switch(tokens_survive_mode_change=False)
    instance.set(http_tokens="required", hostname="unchanged-mode")
    assert instance.get(DATA, kept).status == 200
    instance.set(http_tokens="optional")
    assert instance.get(DATA, kept).status == 401


def test_disabled_answer(new_instance: NewInstance, switch: Switch) -> None:
    instance = new_instance(http_endpoint="disabled")
    switch(disabled_answer=404)
    assert (instance.get(DATA).status, instance.put().status) == (404, 404)
    switch(disabled_answer="reset")
    with pytest.raises(ConnectionResetError):
        instance.get(DATA)
    switch(disabled_answer="timeout")
    with connect(instance.address) as sock:
        sock.sendall(request_bytes(DATA))
        sock.settimeout(0.1)
        with pytest.raises(OSError, match="timed out"):
            read_all(sock)


def test_options_delay(instance: Instance, switch: Switch) -> None:
    switch(options_delay=100)
    instance.set(http_tokens="required", instance_metadata_tags="enabled")
    assert (instance.get(DATA).status, instance.get(META + "tags/").status) == (200, 404)
    instance.emulator.advance(99)
    assert instance.get(DATA).status == 200
    instance.emulator.advance(1)
    assert instance.get(DATA).status == 403
    assert instance.get(META + "tags/", instance.token()).status == 200


def test_throttle(new_instance: NewInstance, switch: Switch) -> None:
    instance, other = new_instance(), new_instance()
    switch(throttle={"per_second": 0.001, "status": 503, "retry_after": 2})
    replies = [instance.get(DATA) for _request in range(2)]
    assert [reply.status for reply in replies] == [200, 503]
    assert replies[1].headers["retry-after"] == "2"
    assert other.get(DATA).status == 200
    instance.emulator.advance(1000)
    assert instance.get(DATA).status == 200


def test_error_content_type(instance: Instance, switch: Switch) -> None:
    switch(error_content_type="application/xhtml+xml")
    assert instance.get("/nothing").headers["content-type"] == "application/xhtml+xml"
    assert instance.get("/").headers["content-type"] == "text/plain"


def test_server_header(instance: Instance, switch: Switch) -> None:
    def servers(*replies: Reply) -> Set[Optional[str]]:
        return {reply.headers.get("server") for reply in replies}

    assert servers(instance.get(DATA), instance.get("/nothing")) == {None}
    switch(server_header="lighttpd")
    assert servers(instance.get(DATA), instance.get("/nothing")) == {"lighttpd"}


def test_launch_index(instance: Instance, switch: Callable[..., None]) -> None:
    assert instance.get("/latest/meta-data/launch-index").status == 404
    switch(launch_index=True)
    assert instance.get("/latest/meta-data/launch-index").text == "0"


def test_every_switch_has_a_test(emulator: Emulator) -> None:
    names = {name for name in emulator.admin("GET", "/switches") if "test_" + name not in globals()}
    assert names == set()


@pytest.mark.parametrize("change", [{"no_such": 1}, {"all": 1}, {"all": "yes"}, {"head": True}, {"throttle": {}}, []])
def test_an_impossible_value_is_refused(emulator: Emulator, change: object) -> None:
    before = emulator.admin("GET", "/switches")
    status, data = emulator.admin_status("PATCH", "/switches", change)
    assert status == 400 and "switches" in data["error"]
    assert emulator.admin("GET", "/switches") == before


@pytest.mark.parametrize(
    "data",
    [
        b"GET %s HTTP/1.1\nHost: x\n\n",
        b"GET %s HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
        b"GET %s HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET %s HTTP/1.1 x\r\nHost: x\r\n\r\n",
        b"GET %s HTTP/1.1\r\nHost: x\r\nA: \x01\r\n\r\n",
        b"GET %s HTTP/1.1\r\nHost: x\r\nX-aliyun-ecs-metadata-token:\r\n\r\n",
    ],
)
def test_lenient(instance: Instance, switch: Switch, data: bytes) -> None:
    """What lighttpd accepts is refused by default, and answered with the switch; NUL is refused by both."""

    def status() -> list[bytes]:
        with connect(instance.address) as sock:
            sock.sendall(data % DATA.encode())
            sock.shutdown(socket.SHUT_WR)
            return read_all(sock).split(b" ", 2)[1:2]

    assert status() in ([b"400"], [b"401"])
    switch(lenient=True)
    assert status() == [b"200"]
    data = data.replace(b"Host", b"Ho\x00st")
    assert status() == [b"400"]
