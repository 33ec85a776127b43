# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The token client over real sockets: what it asks, how often, how long it waits, and how it fails."""

from __future__ import annotations

import json
import threading
import time

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _errors
from ansible_collections.alicloud.imds.plugins.module_utils._imds._client import Client, Settings

ITEM = "/latest/meta-data/instance-id"


@pytest.fixture
def make(emulator, instance):
    """Make a client of the emulated instance; settings as keywords."""
    clients = []

    def make_client(**settings) -> Client:
        client = Client(Settings(**{"endpoint": instance.endpoint, "timeout": 1.0, "deadline": 5.0, **settings}))
        clients.append(client)
        return client

    yield make_client
    for client in clients:
        client.close()


def shape(journal) -> list[tuple[str, str, int | None]]:
    return [(entry["method"], entry["mode"], entry["status"]) for entry in journal]


PUT = ("PUT", "token-request", 200)
GET = ("GET", "token", 200)


def test_one_token_and_one_connection_for_many_reads(make, instance) -> None:
    client = make()
    assert [client.get(ITEM) for _time in range(5)] == [instance.id.encode()] * 5
    journal = instance.journal()
    assert shape(journal) == [PUT] + [GET] * 5
    assert len({entry["connection"] for entry in journal}) == 1


def test_a_token_is_renewed_before_it_ends(make, instance) -> None:
    client = make(token_ttl=1)
    client.get(ITEM)
    time.sleep(0.8)  # the token would still be good for 0.2 s
    client.get(ITEM)
    assert shape(instance.journal()) == [PUT, GET, PUT, GET]


def test_an_expired_token_is_renewed_once_on_401(make, instance, emulator) -> None:
    client = make()
    client.get(ITEM)
    emulator.advance(301)
    assert client.get(ITEM) == instance.id.encode()
    assert shape(instance.journal()) == [PUT, GET, ("GET", "token", 401), PUT, GET]


def test_a_second_401_is_final(make, instance) -> None:
    instance.fault(kind="status", status=401, on="data")
    with pytest.raises(_errors.Refused, match="401 Unauthorized.*new token was refused") as caught:
        make().get(ITEM)
    assert caught.value.kind == "refused" and caught.value.status == 401
    assert shape(instance.journal()) == [PUT, ("GET", "token", 401), PUT, ("GET", "token", 401)]


def test_a_token_that_dies_after_two_uses_costs_one_request_more(make, instance) -> None:
    instance.fault(kind="token_dies_after", uses=2)
    client = make()
    assert [client.get(ITEM) for _time in range(4)] == [instance.id.encode()] * 4
    dead = ("GET", "token", 401)
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
    assert shape(instance.journal()) == [("PUT", "token-request", 403)]


def test_a_new_operation_forgets_an_earlier_failure(make, instance) -> None:
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
    assert shape(instance.journal()) == [("PUT", "token-request", 403)]


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (400, "unexpected_reply", "'token_ttl' must be 1 to 21600"),
        (401, "refused", "refused as unauthorized"),
        (403, "refused", "disabled (HttpEndpoint), or a proxy forwarded"),
        (404, "unexpected_reply", "issues no tokens"),
        (405, "unexpected_reply", "issues no tokens"),
        (418, "unexpected_reply", "does not answer like that"),
    ],
)
def test_final_refusals_of_the_token_request(make, instance, status, kind, hint) -> None:
    instance.fault(kind="status", status=status, on="token")
    with pytest.raises(_errors.MetadataError) as caught:
        make().get(ITEM)
    assert (caught.value.kind, caught.value.status) == (kind, status)
    assert hint in str(caught.value)
    assert shape(instance.journal()) == [("PUT", "token-request", status)]


@pytest.mark.parametrize("answer", [403, 404])
def test_a_disabled_endpoint(make, instance, emulator, answer) -> None:
    instance.set(http_endpoint="disabled")
    emulator.switch(disabled_answer=answer)
    with pytest.raises(_errors.MetadataError) as caught:
        make().get(ITEM)
    assert caught.value.status == answer
    assert shape(instance.journal()) == [("PUT", "token-request", answer)]


@pytest.mark.parametrize("answer", ["reset", "timeout"])
def test_a_disabled_endpoint_that_says_nothing_is_unreachable(make, instance, emulator, answer) -> None:
    instance.set(http_endpoint="disabled")
    emulator.switch(disabled_answer=answer)
    with pytest.raises(_errors.Unreachable):
        make(retries=0, timeout=0.3).get(ITEM)
    assert shape(instance.journal()) == [("PUT", "token-request", None)]


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_of_another_instance(make, instance, emulator, status) -> None:
    """As after a live migration gone wrong: the token is good, but not here."""
    emulator.switch(foreign_token_status=status)
    other = emulator.add_instance()
    client = make()
    client.get(ITEM)
    client._pool = make(endpoint=other.endpoint)._pool  # the same token, now at another instance
    if status == 401:
        assert client.get(ITEM) == other.id.encode()  # a new token, and on with it
        assert shape(other.journal()) == [("GET", "token", 401), PUT, GET]
    else:
        with pytest.raises(_errors.Refused):
            client.get(ITEM)
        assert shape(other.journal()) == [("GET", "token", 403)]


@pytest.mark.parametrize("path", ["/latest/user-data", "/latest/vendor-data", "/latest/meta-data/eipv4"])
def test_an_item_without_a_value_is_absent(make, instance, path) -> None:
    with pytest.raises(_errors.NotFound):
        make().get(path)


def test_a_wrong_role_name_is_absent_and_says_so(make, instance) -> None:
    instance.set(role={"name": "EcsWebRole"})
    with pytest.raises(_errors.NotFound, match="or the role has another name"):
        make().get("/latest/meta-data/ram/security-credentials/Wrong")


def test_no_content_is_absent(make, instance) -> None:
    instance.fault(kind="status", status=204, on="data")
    with pytest.raises(_errors.NotFound):
        make().get("/latest/user-data")


@pytest.mark.parametrize("status", [404, 405])
def test_a_service_without_tokens_is_never_read_without(make, instance, status) -> None:
    instance.fault(kind="status", status=status, on="token")
    with pytest.raises(_errors.UnexpectedReply, match="issues no tokens"):
        make().get(ITEM)
    assert shape(instance.journal()) == [("PUT", "token-request", status)]


@pytest.mark.parametrize("status", [400, 403])
def test_a_refused_read_is_asked_once(make, instance, status) -> None:
    instance.fault(kind="status", status=status, on="data")
    with pytest.raises(_errors.MetadataError) as caught:
        make().get(ITEM)
    assert caught.value.status == status
    assert shape(instance.journal()) == [PUT, ("GET", "token", status)]


def test_an_absent_item_is_asked_once(make, instance) -> None:
    with pytest.raises(_errors.NotFound, match="no such item") as caught:
        make().get("/latest/meta-data/nonsense")
    assert caught.value.kind == "not_found" and caught.value.status == 404
    assert shape(instance.journal()) == [PUT, ("GET", "token", 404)]


def test_an_absent_role_has_a_hint_of_its_own(make, instance) -> None:
    instance.set(role=None)
    with pytest.raises(_errors.NotFound, match="No RAM role is bound"):
        make().get("/latest/meta-data/ram/security-credentials/")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_throttling_and_server_errors_are_retried(make, instance, status) -> None:
    instance.fault(kind="status", status=status, on="data", times=2)
    assert make().get(ITEM) == instance.id.encode()
    assert shape(instance.journal()) == [PUT, ("GET", "token", status), ("GET", "token", status), GET]


def test_retries_are_bounded(make, instance) -> None:
    instance.fault(kind="status", status=503, on="token")
    with pytest.raises(_errors.UnexpectedReply, match="503 Service Unavailable"):
        make(retries=2).get(ITEM)
    assert shape(instance.journal()) == [("PUT", "token-request", 503)] * 3


def test_retry_after_is_honoured(make, instance) -> None:
    instance.fault(kind="status", status=429, on="data", times=1, retry_after=1)
    begun = time.monotonic()
    make().get(ITEM)
    assert 1.0 <= time.monotonic() - begun < 2.0


def test_a_pause_longer_than_the_deadline_is_not_begun(make, instance) -> None:
    instance.fault(kind="status", status=429, on="data", retry_after=60)
    begun = time.monotonic()
    with pytest.raises(_errors.UnexpectedReply, match="429 Too Many Requests.*throttles"):
        make(deadline=2.0).get(ITEM)
    assert time.monotonic() - begun < 1.0
    assert shape(instance.journal()) == [PUT, ("GET", "token", 429)]


def test_a_reset_is_retried(make, instance) -> None:
    instance.fault(kind="reset", on="data", times=1)
    assert make().get(ITEM) == instance.id.encode()


def test_a_service_that_always_resets_is_unreachable(make, instance) -> None:
    instance.fault(kind="reset")
    with pytest.raises(_errors.Unreachable, match="closed without an answer"):
        make(retries=1).get(ITEM)
    assert [entry["status"] for entry in instance.journal()] == [None, None]


def test_a_kept_connection_that_was_closed_is_replaced_without_a_retry(make, instance) -> None:
    instance.fault(kind="close_idle")
    client = make(retries=0)
    assert [client.get(ITEM) for _time in range(3)] == [instance.id.encode()] * 3
    journal = instance.journal()
    assert shape(journal) == [PUT] + [GET] * 3
    assert len({entry["connection"] for entry in journal}) == 4


@pytest.mark.parametrize("kind", ["empty_token", "garbage_token"])
def test_a_token_that_cannot_be_one_is_a_failure(make, instance, kind) -> None:
    instance.fault(kind=kind, on="token")
    with pytest.raises(_errors.UnexpectedReply, match="the body cannot be a token"):
        make().get(ITEM)
    assert shape(instance.journal()) == [PUT]


def test_a_truncated_answer_is_retried_and_then_unexpected(make, instance) -> None:
    instance.fault(kind="truncated", on="data", times=1)
    assert make().get(ITEM) == instance.id.encode()
    instance.fault(kind="truncated", on="data")
    with pytest.raises(_errors.UnexpectedReply, match="cut off"):
        make(retries=1).get(ITEM)


def test_an_oversize_answer_is_not_read(make, instance) -> None:
    instance.fault(kind="oversize", on="data", bytes=64 * 1024 * 1024)
    # the message has the declared size: what was read without one would say "more than the limit" only
    with pytest.raises(_errors.UnexpectedReply, match="has 67108864 bytes, more than the limit of 2097152"):
        make().get(ITEM)
    assert [entry["method"] for entry in instance.journal()] == ["PUT", "GET"]


def test_an_oversize_token_is_not_read(make, instance) -> None:
    instance.fault(kind="oversize", on="token", bytes=1024 * 1024)
    with pytest.raises(_errors.UnexpectedReply, match="more than the limit of 4096"):
        make().get(ITEM)


@pytest.mark.parametrize("on", ["token", "data"])
def test_a_slow_drip_cannot_hold_us(make, instance, on) -> None:
    instance.fault(kind="slow_drip", seconds_per_byte=0.05, on=on)
    begun = time.monotonic()
    with pytest.raises(_errors.Unreachable, match="no complete answer in time.*'timeout'"):
        make(timeout=0.4, retries=0).get(ITEM)
    assert time.monotonic() - begun < 1.0


def test_silence_is_bounded_by_timeout(make, instance) -> None:
    instance.fault(kind="hang")
    begun = time.monotonic()
    with pytest.raises(_errors.Unreachable, match="connection was accepted"):
        make(timeout=0.3, retries=0).get(ITEM)
    assert time.monotonic() - begun < 0.8


def test_the_deadline_bounds_everything(make, instance) -> None:
    instance.fault(kind="hang")
    begun = time.monotonic()
    with pytest.raises(_errors.Unreachable, match="deadline of 0.95 s"):
        make(timeout=0.5, deadline=0.95, retries=10).get(ITEM)
    assert time.monotonic() - begun < 1.45


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


def test_nothing_listening_says_so_and_is_retried(free_port) -> None:
    client = Client(Settings(endpoint="http://127.0.0.1:%d" % free_port, deadline=3.0, retries=1))
    with pytest.raises(_errors.Unreachable, match="Connection refused.*not an ECS instance") as caught:
        client.get(ITEM)
    assert caught.value.kind == "unreachable" and caught.value.status is None


def test_no_token_and_no_answer_in_any_message(make, instance, emulator) -> None:
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
def test_settings_out_of_range(settings, reason) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        Client(Settings(**settings))
    assert "secret" not in str(caught.value)
