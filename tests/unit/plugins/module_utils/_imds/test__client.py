# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The token client over real sockets: its requests, retries, pauses, limits and failures."""

from __future__ import annotations

import json
import socket
import threading
import urllib.request

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._common._clock import SYSTEM_CLOCK
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _client, _connect, _errors
from ansible_collections.alicloud.imds.plugins.module_utils._imds._client import Client, Settings
from waiting import wait_until

from ....addresses import IPV4, IPV6, listen, origin_of, refused, silent
from ....timing import FakeClock, ScriptedSocket

ITEM = "/latest/meta-data/instance-id"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def make(emulator, instance, clock):
    """Return a function that creates a client of the emulated instance. Its clock does not run: pauses take no time."""
    clients = []

    def make_client(timer=clock.clock, **settings) -> Client:
        settings = {"endpoint": instance.endpoint, "timeout": 60.0, "deadline": 300.0, **settings}
        client = Client(Settings(**settings), timer)
        clients.append(client)
        return client

    yield make_client
    for client in clients:
        client.close()


def shape(journal) -> list[tuple[str, str, int | None]]:
    return [(entry["method"], entry["mode"], entry["status"]) for entry in journal]


PUT = ("PUT", "token_request", 200)
GET = ("GET", "token_authenticated", 200)


def test_one_token_and_one_connection_for_many_reads(make, instance) -> None:
    client = make()
    assert [client.get(ITEM) for _time in range(5)] == [instance.id.encode()] * 5
    journal = instance.journal()
    assert shape(journal) == [PUT] + [GET] * 5
    assert len({entry["connection"] for entry in journal}) == 1


def test_each_token_is_registered_as_a_secret(make, instance, monkeypatch) -> None:
    registered: list[str] = []
    monkeypatch.setattr(_client, "register_secret", registered.append)
    client = make()
    client.get(ITEM)
    (token,) = registered
    asked = urllib.request.Request(instance.endpoint + ITEM, headers={"X-aliyun-ecs-metadata-token": token})
    with urllib.request.urlopen(asked, timeout=60) as answer:
        assert answer.read() == client.get(ITEM) and registered == [token]


@pytest.mark.parametrize(("ttl", "early"), [(300, 30.0), (40, 10.0)])
def test_a_token_is_renewed_before_it_expires(make, instance, clock, ttl, early) -> None:
    client = make(token_ttl=ttl)
    client.get(ITEM)
    clock.advance(ttl - early - 0.001)
    client.get(ITEM)
    clock.advance(0.001)
    client.get(ITEM)
    assert shape(instance.journal()) == [PUT, GET, GET, PUT, GET]


def test_an_expired_token_is_renewed_once_on_401(make, instance, emulator) -> None:
    client = make()
    client.get(ITEM)
    emulator.advance(301)
    assert client.get(ITEM) == instance.id.encode()
    assert shape(instance.journal()) == [PUT, GET, ("GET", "token_authenticated", 401), PUT, GET]


def test_a_second_401_is_final(make, instance) -> None:
    instance.fault(kind="status", status=401, on="data")
    with pytest.raises(_errors.Refused, match="401 Unauthorized.*new token was refused") as caught:
        make().get(ITEM)
    assert caught.value.kind == "refused" and caught.value.status == 401
    assert shape(instance.journal()) == [
        PUT,
        ("GET", "token_authenticated", 401),
        PUT,
        ("GET", "token_authenticated", 401),
    ]


def test_a_token_that_becomes_invalid_is_replaced(make, instance) -> None:
    instance.fault(kind="token_dies_after", uses=2)
    client = make()
    assert [client.get(ITEM) for _time in range(4)] == [instance.id.encode()] * 4
    dead = ("GET", "token_authenticated", 401)
    assert shape(instance.journal()) == [PUT, GET, GET, dead, PUT, GET, GET]


def test_concurrent_readers_share_one_token_request(make, instance) -> None:
    instance.fault(kind="latency", seconds=0.1, on="token")
    client = make()
    threads = [threading.Thread(target=client.get, args=(ITEM,)) for _time in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(shape(instance.journal())) == sorted([PUT] + [GET] * 16)


def test_concurrent_readers_share_the_renewal_of_a_stale_token(make, instance, emulator) -> None:
    client = make()
    client.get(ITEM)
    emulator.advance(301)
    results: list[bytes] = []
    threads = [threading.Thread(target=lambda: results.append(client.get(ITEM))) for _time in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [instance.id.encode()] * 8
    assert [entry["method"] for entry in instance.journal()].count("PUT") == 2


def test_concurrent_readers_share_the_failure_of_the_token_request(make, instance) -> None:
    instance.set(http_endpoint="disabled")
    instance.fault(kind="latency", seconds=0.1)
    client = make()
    failures: list[_errors.MetadataError] = []

    def read() -> None:
        with pytest.raises(_errors.Refused) as caught:
            client.get(ITEM)
        failures.append(caught.value)

    threads = [threading.Thread(target=read) for _time in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failures) == 8
    assert shape(instance.journal()) == [("PUT", "token_request", 403)]


def test_a_new_operation_requests_a_token_after_an_earlier_failure(make, instance) -> None:
    instance.set(http_endpoint="disabled")
    client = make()
    with pytest.raises(_errors.Refused):
        client.get(ITEM)
    instance.set(http_endpoint="enabled")
    client.start_clock()
    assert client.get(ITEM) == instance.id.encode()


def test_403_on_the_token_request_is_final(make, instance) -> None:
    instance.set(http_endpoint="disabled")
    with pytest.raises(_errors.Refused, match="HttpEndpoint.*X-Forwarded-For") as caught:
        make().get(ITEM)
    assert str(caught.value).startswith("PUT /latest/api/token at %s: 403 Forbidden. " % instance.endpoint)
    assert shape(instance.journal()) == [("PUT", "token_request", 403)]


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (400, "unexpected_reply", "'token_ttl' must be 1 to 21600"),
        (401, "refused", "refused as unauthorized"),
        (403, "refused", "disabled (HttpEndpoint), or a proxy forwarded"),
        (404, "unexpected_reply", "issues no tokens"),
        (405, "unexpected_reply", "issues no tokens"),
        (418, "unexpected_reply", "does not return this status"),
    ],
)
def test_final_refusals_of_the_token_request(make, instance, status, kind, hint) -> None:
    instance.fault(kind="status", status=status, on="token")
    with pytest.raises(_errors.MetadataError) as caught:
        make().get(ITEM)
    assert (caught.value.kind, caught.value.status) == (kind, status)
    assert hint in str(caught.value)
    assert shape(instance.journal()) == [("PUT", "token_request", status)]


@pytest.mark.parametrize("answer", [403, 404])
def test_a_disabled_endpoint_fails_the_token_request(make, instance, emulator, answer) -> None:
    instance.set(http_endpoint="disabled")
    emulator.switch(disabled_answer=answer)
    with pytest.raises(_errors.MetadataError) as caught:
        make().get(ITEM)
    assert caught.value.status == answer
    assert shape(instance.journal()) == [("PUT", "token_request", answer)]


@pytest.mark.slow
@pytest.mark.parametrize("answer", ["reset", "timeout"])
def test_a_disabled_endpoint_that_does_not_reply_is_unreachable(make, instance, emulator, answer) -> None:
    instance.set(http_endpoint="disabled")
    emulator.switch(disabled_answer=answer)
    with pytest.raises(_errors.Unreachable):
        make(retries=0, timeout=1.0).get(ITEM)
    # The emulator records the request even if the client has closed the connection.
    wait_until(instance.journal, "the token request")
    assert shape(instance.journal()) == [("PUT", "token_request", None)]


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_of_another_instance_is_replaced_or_refused(make, instance, emulator, status) -> None:
    """The token is valid, but for another instance, as after a failed live migration."""
    emulator.switch(foreign_token_status=status)
    other = emulator.add_instance()
    client = make()
    client.get(ITEM)
    client._pool = make(endpoint=other.endpoint)._pool  # the same token, now at another instance
    if status == 401:
        assert client.get(ITEM) == other.id.encode()  # with a new token
        assert shape(other.journal()) == [("GET", "token_authenticated", 401), PUT, GET]
    else:
        with pytest.raises(_errors.Refused):
            client.get(ITEM)
        assert shape(other.journal()) == [("GET", "token_authenticated", 403)]


@pytest.mark.parametrize("path", ["/latest/user-data", "/latest/vendor-data", "/latest/meta-data/eipv4"])
def test_an_item_without_a_value_is_not_found(make, instance, path) -> None:
    with pytest.raises(_errors.NotFound):
        make().get(path)


def test_a_wrong_role_name_is_not_found_with_its_own_hint(make, instance) -> None:
    instance.set(role={"name": "EcsWebRole"})
    with pytest.raises(_errors.NotFound, match="or the role has another name"):
        make().get("/latest/meta-data/ram/security-credentials/Wrong")


def test_no_content_is_not_found(make, instance) -> None:
    instance.fault(kind="status", status=204, on="data")
    with pytest.raises(_errors.NotFound):
        make().get("/latest/user-data")


@pytest.mark.parametrize("status", [404, 405])
def test_a_service_without_tokens_is_never_read_in_normal_mode(make, instance, status) -> None:
    instance.fault(kind="status", status=status, on="token")
    with pytest.raises(_errors.UnexpectedReply, match="issues no tokens"):
        make().get(ITEM)
    assert shape(instance.journal()) == [("PUT", "token_request", status)]


@pytest.mark.parametrize("status", [400, 403])
def test_a_refused_read_is_not_retried(make, instance, status) -> None:
    instance.fault(kind="status", status=status, on="data")
    with pytest.raises(_errors.MetadataError) as caught:
        make().get(ITEM)
    assert caught.value.status == status
    assert shape(instance.journal()) == [PUT, ("GET", "token_authenticated", status)]


def test_a_read_of_an_item_that_does_not_exist_is_not_retried(make, instance) -> None:
    with pytest.raises(_errors.NotFound, match="no such item") as caught:
        make().get("/latest/meta-data/nonsense")
    assert caught.value.kind == "not_found" and caught.value.status == 404
    assert shape(instance.journal()) == [PUT, ("GET", "token_authenticated", 404)]


def test_an_instance_without_a_role_has_its_own_hint(make, instance) -> None:
    instance.set(role=None)
    with pytest.raises(_errors.NotFound, match="No RAM role is bound"):
        make().get("/latest/meta-data/ram/security-credentials/")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_throttling_and_server_errors_are_retried(make, instance, status) -> None:
    instance.fault(kind="status", status=status, on="data", times=2)
    assert make().get(ITEM) == instance.id.encode()
    assert shape(instance.journal()) == [
        PUT,
        ("GET", "token_authenticated", status),
        ("GET", "token_authenticated", status),
        GET,
    ]


def test_retries_are_bounded(make, instance) -> None:
    instance.fault(kind="status", status=503, on="token")
    with pytest.raises(_errors.UnexpectedReply, match="503 Service Unavailable"):
        make(retries=2).get(ITEM)
    assert shape(instance.journal()) == [("PUT", "token_request", 503)] * 3


def test_pauses_double_up_to_two_seconds(make, instance, clock, monkeypatch) -> None:
    monkeypatch.setattr(_client.random, "uniform", lambda low, high: high)
    instance.fault(kind="status", status=503, on="data")
    with pytest.raises(_errors.UnexpectedReply):
        make(retries=6).get(ITEM)
    assert clock.pauses == pytest.approx([0.2, 0.4, 0.8, 1.6, 2.0, 2.0])
    assert len(instance.journal()) == 1 + 7


def test_a_pause_is_randomly_shortened_by_up_to_half(make, instance, clock) -> None:
    instance.fault(kind="status", status=503, on="data")
    for _time in range(5):
        with pytest.raises(_errors.UnexpectedReply):
            make(retries=1).get(ITEM)
    assert len(set(clock.pauses)) == 5 and all(0.1 <= pause <= 0.2 for pause in clock.pauses)


@pytest.mark.parametrize("seconds", [1, 7])
def test_retry_after_is_respected(make, instance, clock, seconds) -> None:
    instance.fault(kind="status", status=429, on="data", times=1, retry_after=seconds)
    make().get(ITEM)
    assert clock.pauses == [seconds]


def test_a_pause_that_ends_after_the_deadline_is_not_started(make, instance, clock) -> None:
    instance.fault(kind="status", status=429, on="data", retry_after=60)
    with pytest.raises(_errors.UnexpectedReply, match="429 Too Many Requests.*throttles"):
        make(deadline=60.0).get(ITEM)
    assert clock.pauses == []
    assert shape(instance.journal()) == [PUT, ("GET", "token_authenticated", 429)]


def test_a_pause_that_ends_before_the_deadline_is_made(make, instance, clock) -> None:
    instance.fault(kind="status", status=429, on="data", retry_after=60, times=1)
    assert make(deadline=60.1).get(ITEM) == instance.id.encode()
    assert clock.pauses == [60]


def test_a_reset_is_retried(make, instance) -> None:
    instance.fault(kind="reset", on="data", times=1)
    assert make().get(ITEM) == instance.id.encode()


def test_a_service_that_always_resets_is_unreachable(make, instance) -> None:
    instance.fault(kind="reset")
    with pytest.raises(_errors.Unreachable, match="closed without an answer"):
        make(retries=1).get(ITEM)
    assert [entry["status"] for entry in instance.journal()] == [None, None]


def test_a_kept_connection_that_was_closed_is_replaced_without_a_retry(make, instance, clock) -> None:
    instance.fault(kind="close_idle")
    client = make(retries=0)
    assert [client.get(ITEM) for _time in range(3)] == [instance.id.encode()] * 3
    journal = instance.journal()
    assert shape(journal) == [PUT] + [GET] * 3
    assert len({entry["connection"] for entry in journal}) == 4


@pytest.mark.parametrize("kind", ["empty_token", "garbage_token"])
def test_an_invalid_token_is_an_unexpected_reply(make, instance, kind) -> None:
    instance.fault(kind=kind, on="token")
    with pytest.raises(_errors.UnexpectedReply, match="the body cannot be a token"):
        make().get(ITEM)
    assert shape(instance.journal()) == [PUT]


def test_a_truncated_reply_is_retried_and_then_unexpected(make, instance) -> None:
    instance.fault(kind="truncated", on="data", times=1)
    assert make().get(ITEM) == instance.id.encode()
    instance.fault(kind="truncated", on="data")
    with pytest.raises(_errors.UnexpectedReply, match="cut off"):
        make(retries=1).get(ITEM)


@pytest.mark.slow
def test_an_oversize_reply_is_not_read_and_not_retried(make, instance, clock) -> None:
    instance.fault(kind="oversize", on="data", bytes=64 * 1024 * 1024)
    # The message has the declared size, so the body was not read.
    with pytest.raises(_errors.UnexpectedReply, match="has 67108864 bytes, more than the limit of 2097152"):
        make(retries=20).get(ITEM)
    assert [entry["method"] for entry in instance.journal()] == ["PUT", "GET"]
    assert clock.pauses == []


def test_an_oversize_token_is_not_read_and_not_retried(make, instance, clock) -> None:
    instance.fault(kind="oversize", on="token", bytes=1024 * 1024)
    with pytest.raises(_errors.UnexpectedReply, match="more than the limit of 4096"):
        make(retries=20).get(ITEM)
    assert [entry["method"] for entry in instance.journal()] == ["PUT"]
    assert clock.pauses == []


@pytest.mark.slow
@pytest.mark.parametrize("on", ["token", "data"])
def test_a_server_that_sends_single_bytes_does_not_extend_the_timeout(make, instance, on) -> None:
    """Each byte arrives in time, so with a timeout for each byte the reply would be read without an error."""
    instance.fault(kind="slow_drip", seconds_per_byte=0.1, on=on)
    with pytest.raises(_errors.Unreachable, match="no complete answer in time.*'timeout'"):
        make(SYSTEM_CLOCK, timeout=0.5, retries=0).get(ITEM)


@pytest.mark.slow
def test_the_timeout_ends_a_request_that_gets_no_reply(make, instance) -> None:
    """The emulator waits until the client closes the connection; without a timeout the test would not end."""
    instance.fault(kind="hang")
    with pytest.raises(_errors.Unreachable, match="connection was accepted"):
        make(timeout=0.5, retries=0).get(ITEM)


@pytest.mark.slow
def test_the_deadline_ends_the_retries_of_a_service_that_does_not_reply(make, instance) -> None:
    """Make two attempts of 0.5 s, the second one shortened; a third one would start after the deadline on any machine."""
    instance.fault(kind="hang")
    with pytest.raises(_errors.Unreachable, match="deadline of 0.95 s|no complete answer in time"):
        make(SYSTEM_CLOCK, timeout=0.5, deadline=0.95, retries=10).get(ITEM)
    assert len(instance.journal()) <= 2


@pytest.fixture
def scripted(monkeypatch, clock):
    """Return a class of clients with scripted sockets on the fake clock; ``connects`` has the timeouts for connecting."""

    class Made:
        def __init__(self, *sockets, **settings) -> None:
            self.sockets, self.connects = list(sockets), []
            monkeypatch.setattr(_connect.socket, "create_connection", self._connect)
            self.client = Client(Settings(endpoint="http://192.0.2.1", **settings), clock.clock)

        def _connect(self, _address, timeout):
            self.connects.append(timeout)
            made = self.sockets[len(self.connects) - 1]
            if made is None:  # the connection is not accepted
                clock.advance(timeout)
                raise socket.timeout("timed out")
            return made

    return Made


def test_each_receive_gets_the_rest_of_the_timeout(scripted, clock) -> None:
    drip = ScriptedSocket(clock, [(0.3, bytes([byte])) for byte in b"HTTP/1.1 200 OK\r\n"])
    made = scripted(drip, timeout=2.0, retries=0)
    with pytest.raises(_errors.Unreachable, match="no complete answer in time"):
        made.client.get(ITEM)
    assert made.connects == [2.0]
    assert drip.bounds == pytest.approx([2.0, 2.0, 1.7, 1.4, 1.1, 0.8, 0.5, 0.2])
    assert clock.elapsed == pytest.approx(2.0)


def test_a_connection_that_is_not_accepted_ends_with_the_timeout(scripted, clock) -> None:
    made = scripted(None, timeout=2.0, retries=0)
    with pytest.raises(_errors.Unreachable, match="no answer to the connection request"):
        made.client.get(ITEM)
    assert made.connects == [2.0] and clock.elapsed == 2.0


def test_the_deadline_shortens_the_last_attempt(scripted, clock, monkeypatch) -> None:
    """2 s, a pause of 0.2 s, and the remaining 0.8 s of the deadline for connecting and for the reply."""
    monkeypatch.setattr(_client.random, "uniform", lambda low, high: high)
    silent = [ScriptedSocket(clock), ScriptedSocket(clock)]
    made = scripted(*silent, timeout=2.0, deadline=3.0, retries=10)
    with pytest.raises(_errors.Unreachable, match="the deadline of 3 s"):
        made.client.get(ITEM)
    assert made.connects == pytest.approx([2.0, 0.8])
    assert [bound for it in silent for bound in it.bounds] == pytest.approx([2.0, 2.0, 0.8, 0.8])
    assert clock.pauses == pytest.approx([0.2]) and clock.elapsed == pytest.approx(3.0)


def test_nothing_is_sent_after_the_deadline(scripted, clock) -> None:
    made = scripted(deadline=3.0)
    clock.advance(3.0)
    with pytest.raises(_errors.Unreachable, match="the deadline of 3 s"):
        made.client.get(ITEM)
    assert made.connects == []
    made.client.start_clock()  # a new operation
    made.sockets.append(ScriptedSocket(clock, [(0.1, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")]))
    with pytest.raises(_errors.Refused):
        made.client.get(ITEM)


def test_connect_has_its_own_timeouts_and_one_attempt(scripted, clock) -> None:
    silent = ScriptedSocket(clock)
    made = scripted(silent, timeout=2.0, retries=10)
    with pytest.raises(_errors.Unreachable):
        made.client.connect(0.3, 0.7)
    assert made.connects == pytest.approx([0.3]) and silent.bounds == pytest.approx([0.7, 0.7])
    assert clock.pauses == []


def test_a_redirect_is_not_followed(make, instance, emulator) -> None:
    other = emulator.add_instance()
    instance.fault(kind="redirect", location=other.endpoint + ITEM, on="data")
    with pytest.raises(_errors.UnexpectedReply, match="Redirects are not followed"):
        make().get(ITEM)
    instance.fault(kind="redirect", location=other.endpoint + "/latest/api/token", on="token")
    with pytest.raises(_errors.UnexpectedReply, match="Redirects are not followed"):
        make().get(ITEM)
    assert other.journal() == []


def test_proxy_variables_and_netrc_are_not_read(make, instance, monkeypatch, tmp_path) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    (tmp_path / ".netrc").write_text("default login x password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert make().get(ITEM) == instance.id.encode()


def test_a_refused_connection_is_retried_and_then_unreachable(free_port, clock) -> None:
    client = Client(Settings(endpoint="http://127.0.0.1:%d" % free_port, retries=1), clock.clock)
    with pytest.raises(_errors.Unreachable, match="Connection refused.*Check 'endpoint'") as caught:
        client.get(ITEM)
    assert caught.value.kind == "unreachable" and caught.value.status is None
    assert len(clock.pauses) == 1


def test_messages_contain_no_token_and_no_reply(make, instance, emulator) -> None:
    secret = "do-not-show-this"
    messages = []
    for status in (302, 400, 401, 403, 404, 405, 418, 429, 500):
        for on in ("token", "data"):
            instance.fault(kind="status", status=status, on=on, body=secret)
            with pytest.raises(_errors.MetadataError) as caught:
                make(retries=0).get(ITEM)
            messages.append(str(caught.value) + repr(caught.value) + json.dumps(vars(caught.value), default=str))
    assert len(messages) == 18
    assert not [message for message in messages if secret in message]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"endpoint": "https://100.100.100.200"}, "must begin with http://"),
        ({"endpoint": "http://100.100.100.200/latest"}, "nothing more"),
        ({"endpoint": "http://user:secret@100.100.100.200"}, "nothing more"),
        ({"endpoint": "http://:80"}, "nothing more"),
        ({"endpoint": "http://host:port"}, "port"),
        ({"token_ttl": 0}, "token_ttl must be 1 to 21600"),
        ({"token_ttl": 21601}, "token_ttl must be 1 to 21600"),
        ({"timeout": 0}, "timeout must be more than 0"),
        ({"deadline": -1}, "deadline must be more than 0"),
        ({"retries": -1}, "retries must be 0 to 20"),
    ],
)
def test_settings_out_of_range_are_an_error(settings, reason) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        Client(Settings(**settings))
    assert "secret" not in str(caught.value)


# A service with two addresses


@pytest.fixture
def two(emulator, monkeypatch):
    """Return an instance that listens on 127.0.0.1 and one that listens on ::1, as the addresses of one service."""
    ipv4, ipv6 = emulator.add_instance(), emulator.add_instance(listen="[::1]:0")
    monkeypatch.setattr(_client, "ENDPOINTS", (ipv4.endpoint, ipv6.endpoint))
    return ipv4, ipv6


def test_ipv4_is_used_for_all_requests_if_it_is_reachable(two) -> None:
    client = Client(Settings(timeout=60.0))
    assert [client.get(ITEM), client.get(ITEM)] == [two[0].id.encode()] * 2
    client.close()
    assert client.endpoint == two[0].endpoint
    assert len({entry["connection"] for entry in two[0].journal()}) == 1
    assert two[1].journal() == []


@pytest.mark.parametrize("unusable", [refused, silent])
def test_ipv6_is_used_for_all_requests_if_ipv4_is_unreachable(two, monkeypatch, unusable, clock) -> None:
    with unusable(IPV4) as ipv4:
        monkeypatch.setattr(_client, "ENDPOINTS", (ipv4.url, two[1].endpoint))
        client = Client(Settings(timeout=60.0))
        assert [client.get(ITEM), client.get(ITEM)] == [two[1].id.encode()] * 2
        client.close()
    assert client.endpoint == two[1].endpoint
    assert [entry["method"] for entry in two[1].journal()] == ["PUT", "GET", "GET"]
    assert clock.pauses == []  # not a retry


def test_an_explicit_endpoint_is_the_only_one_used(two) -> None:
    with refused(IPV4) as ipv4, pytest.raises(_errors.Unreachable) as caught:
        Client(Settings(endpoint=ipv4.url, retries=0, timeout=60.0)).get(ITEM)
    assert "nor at" not in str(caught.value)
    assert two[0].journal() == two[1].journal() == []


def test_a_refusal_of_ipv4_is_final(two) -> None:
    """The service was reached, so its answer counts; the other address is not asked for a better one."""
    two[0].set(http_endpoint="disabled")
    with pytest.raises(_errors.Refused):
        Client(Settings(timeout=60.0)).get(ITEM)
    assert two[1].journal() == []


def test_a_token_that_the_other_address_does_not_accept_is_replaced(two, monkeypatch) -> None:
    """IPv4 becomes unreachable between two requests. The emulated instances do not share their tokens."""
    client = Client(Settings(timeout=60.0))
    assert client.get(ITEM) == two[0].id.encode()
    client.close()
    two[0].set(listen=None)
    assert client.get(ITEM) == two[1].id.encode()
    assert [entry["method"] for entry in two[1].journal()] == ["GET", "PUT", "GET"]


def test_the_message_names_both_addresses(monkeypatch) -> None:
    with refused(IPV4) as ipv4, refused(IPV6) as ipv6:
        monkeypatch.setattr(_client, "ENDPOINTS", (ipv4.url, ipv6.url))
        with pytest.raises(_errors.Unreachable) as caught:
            Client(Settings(retries=0, timeout=60.0)).get(ITEM)
    expected = "PUT /latest/api/token at %s: no answer (Connection refused), nor at %s (Connection refused). "
    assert str(caught.value).startswith(expected % (ipv4.url, ipv6.url))
    assert caught.value.connected is False


def test_the_header_host_names_the_address_in_use(monkeypatch) -> None:
    with refused(IPV4) as ipv4, listen(IPV6) as server:
        origin = origin_of(server)
        monkeypatch.setattr(_client, "ENDPOINTS", (ipv4.url, origin.url))
        client = Client(Settings(retries=0, timeout=60.0))
        reader = threading.Thread(target=lambda: pytest.raises(_errors.MetadataError, client.get, ITEM))
        reader.start()
        connection, _peer = server.accept()
        with connection:
            request = connection.recv(4096)
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            reader.join()
    assert b"\r\nHost: [::1]:%d\r\n" % origin.port in request
