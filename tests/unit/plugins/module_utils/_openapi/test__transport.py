# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls over real sockets: requests, retries, errors and rate limits."""

from __future__ import annotations

import concurrent.futures
import gzip
import time
from urllib.parse import quote

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._openapi import _credentials, _transport
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError

from ....timing import VirtualTime
from .conftest import KEY, SECRET, TOKEN
from .limits import Bucket
from .scripted import Server, failure, reply

pytestmark = pytest.mark.slow

OK = reply({"RequestId": "R-OK"}, action="DescribeRegions")


def call(transport, service, **parameters):
    return transport.call(service, "DescribeRegions", "cn-hangzhou", parameters)


def test_a_call_is_one_signed_post(make_transport, service) -> None:
    with Server([OK]) as server:
        answer = call(make_transport(TOKEN), service(server), Name="a b/é", Id=["1", "2"], Absent=None)
    assert answer == {"RequestId": "R-OK"}
    [seen] = server.requests
    assert (seen.method, seen.path, seen.body) == ("POST", "/", b"")
    assert seen.parameters == {"Name": "a b/é", "Id.1": "1", "Id.2": "2"}
    assert seen.headers["host"] == server.address
    assert seen.headers["x-acs-version"] == "2014-05-26"
    assert seen.headers["accept"] == "application/json"
    assert seen.headers["x-acs-security-token"] == TOKEN
    assert seen.headers["authorization"].startswith("ACS3-HMAC-SHA256 Credential=%s," % KEY)
    assert "cookie" not in seen.headers


def test_calls_share_a_connection_but_no_nonce(make_transport, service) -> None:
    with Server([OK] * 5) as server:
        transport = make_transport()
        for _turn in range(5):
            call(transport, service(server))
    assert len({seen.connection for seen in server.requests}) == 1
    assert len({seen.headers["x-acs-signature-nonce"] for seen in server.requests}) == 5


@pytest.mark.parametrize(
    "bad",
    [
        failure("Throttling.User"),
        failure("Throttling", 503),
        failure("ServiceUnavailable", 503),
        failure("InternalError", 500),
        failure("OperationConflict", 409),
        reply(b"<html>bad gateway</html>", 502, Content_Type="text/html"),
        reply(fault="reset"),
        reply(fault="close"),
        reply({"RequestId": "R"}, fault="truncate"),
    ],
    ids=lambda bad: bad.fault or str(bad.status) + bad.body[:20].decode(),
)
def test_transient_failures_are_retried(make_transport, service, no_waiting, bad) -> None:
    with Server([bad, bad, OK]) as server:
        assert call(make_transport(), service(server)) == {"RequestId": "R-OK"}
    assert len(no_waiting) >= 2
    assert len({seen.headers["x-acs-signature-nonce"] for seen in server.requests}) == 3


def test_a_timeout_is_retried(make_transport, service, no_waiting) -> None:
    """On a busy machine a valid response may be late as well, so there may be more retries."""
    with Server(lambda seen: reply(fault="hang") if len(server.requests) <= 2 else OK) as server:
        assert call(make_transport(timeout=1.0, retries=100, deadline=86400), service(server)) == {"RequestId": "R-OK"}
    assert len(no_waiting) == len(server.requests) - 1 >= 2
    assert len({seen.headers["x-acs-signature-nonce"] for seen in server.requests}) == len(server.requests)


@pytest.mark.parametrize(
    "bad",
    [
        failure("Forbidden.RAM", 403),
        failure("InvalidAccessKeyId.NotFound", 404),
        failure("InvalidParameter", 400),
        failure("InvalidSecurityToken.Expired", 400),
        reply(b"<html>Please log in</html>", 200, Content_Type="text/html"),
        reply(b"<html>Forbidden</html>", 403, Content_Type="text/html"),
        reply(b"", 302, Location="http://127.0.0.1:1/"),
        reply(b'{"Instances": {"Instance": [{"Inst'),
        reply(b"[1, 2]"),
        reply(b"null"),
        reply(b"\xff\xfe"),
    ],
    ids=lambda bad: str(bad.status) + repr(bad.body[:20]),
)
def test_final_failures_are_not_retried(make_transport, service, no_waiting, bad) -> None:
    with Server([bad]) as server:
        with pytest.raises(ApiError) as caught:
            call(make_transport(), service(server))
    assert no_waiting == []
    assert "DescribeRegions in cn-hangzhou at " + server.url in str(caught.value)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (reply(b"<html>Please log in</html>", 200, Content_Type="text/html"), "an HTML page"),
        (reply(b"<!DOCTYPE html><p>x", 404, Content_Type="text/plain"), "an HTML page"),
        (reply(b"", 302, Location="http://elsewhere/"), "a redirect"),
        (reply(b'{"Instances": {"Inst'), "invalid JSON"),
        (reply(b"[]"), "JSON without the expected fields"),
    ],
)
def test_a_response_of_another_server_is_described(make_transport, service, bad, said) -> None:
    with Server([bad]) as server:
        with pytest.raises(ApiError, match=said) as caught:
            call(make_transport(), service(server))
    assert caught.value.kind == "unexpected"
    assert "api_endpoint" in caught.value.hint


def test_retries_are_limited(make_transport, service, no_waiting) -> None:
    with Server([failure("ServiceUnavailable", 503)] * 4) as server:
        with pytest.raises(ApiError, match="ServiceUnavailable.*gave up after 4 tries") as caught:
            call(make_transport(retries=3), service(server))
    assert caught.value.kind == "transient"
    assert len(no_waiting) == 3
    assert all(wait <= 10 for wait in no_waiting)


def test_a_throttled_call_is_retried_until_the_deadline(make_transport, service, timer, monkeypatch) -> None:
    monkeypatch.setattr(_transport.random, "uniform", lambda low, high: high)
    with Server(lambda seen: failure("Throttling.User")) as server:
        with pytest.raises(ApiError, match="gave up after 10 tries") as caught:
            call(make_transport(retries=1, deadline=60), service(server))
    assert caught.value.kind == "throttled"
    assert timer.pauses == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15.0, 15.0])
    assert len(server.requests) == 10, "another pause of 15 s would end after the deadline"


def test_without_retries_a_throttled_call_fails(make_transport, service) -> None:
    with Server([failure("Throttling.User")]) as server:
        with pytest.raises(ApiError) as caught:
            call(make_transport(retries=0), service(server))
    assert caught.value.kind == "throttled"


@pytest.mark.parametrize("header", [{"Retry_After": "7"}, {"x_acs_retry_after": "7000"}])
def test_the_wait_that_the_api_requests_is_observed(make_transport, service, no_waiting, header) -> None:
    with Server([failure("Throttling.User", **header), OK]) as server:
        call(make_transport(), service(server))
    assert 7.0 <= no_waiting[0] <= 10.0


def test_the_backoff_doubles_up_to_its_limit(make_transport, service, monkeypatch, no_waiting) -> None:
    monkeypatch.setattr(_transport.random, "uniform", lambda low, high: (low, high)[1])
    with Server([failure("InternalError", 500)] * 7 + [OK]) as server:
        call(make_transport(deadline=300), service(server))
    assert no_waiting == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_the_timeout_limits_the_whole_response(make_transport, service) -> None:
    """Each byte arrives in time, so a timeout for each read would not be exceeded."""
    with Server(lambda seen: reply({"x": "y" * 200}, fault="drip")) as server:
        with pytest.raises(ApiError, match="in time") as caught:
            call(make_transport(timeout=0.5, retries=0), service(server))
    assert caught.value.kind == "transient"


def hang(transport, timer, monkeypatch) -> list[float]:
    """Let requests of *transport* last until their timeout; return the list of their timeouts."""
    timeouts: list[float] = []

    def post(_url, _headers, _auth, timeout):
        timeouts.append(timeout)
        timer.advance(timeout)
        raise _transport._http.RequestFailure("no response in time", "")

    monkeypatch.setattr(transport._connections, "post", post)
    return timeouts


def test_the_timeout_of_a_retry_is_the_rest_of_the_deadline(make_transport, service, timer, monkeypatch) -> None:
    """10 s, a pause of 0.5 s, 10 s, a pause of 1 s, and the remaining 3.5 s of 25 s."""
    monkeypatch.setattr(_transport.random, "uniform", lambda low, high: high)
    transport = make_transport(timeout=10, deadline=25)
    bounds = hang(transport, timer, monkeypatch)
    with pytest.raises(ApiError, match="gave up after 3 tries"):
        call(transport, service("http://127.0.0.1:9"))
    assert bounds == pytest.approx([10.0, 10.0, 3.5])
    assert timer.elapsed == pytest.approx(25.0)


def test_start_clock_starts_a_new_deadline(make_transport, service, timer) -> None:
    with Server([OK]) as server:
        transport = make_transport(deadline=30)
        timer.advance(30)
        with pytest.raises(ApiError, match="deadline"):
            call(transport, service(server))
        transport.start_clock()
        call(transport, service(server))


@pytest.mark.parametrize("packed", [False, True])
def test_a_response_has_a_size_limit(make_transport, service, monkeypatch, packed) -> None:
    monkeypatch.setattr(_transport._http, "RESPONSE_LIMIT", 1000)
    body = b'{"a": "' + b"x" * 100000 + b'"}'
    bad = reply(gzip.compress(body), Content_Encoding="gzip") if packed else reply(body)
    with Server([bad]) as server:
        with pytest.raises(ApiError, match="larger than") as caught:
            call(make_transport(), service(server))
    assert caught.value.kind == "unexpected"


def test_the_size_limit_is_16_mib() -> None:
    assert _transport._http.RESPONSE_LIMIT == 16 * 1024 * 1024


@pytest.mark.parametrize("code", ["InvalidSecurityToken.Expired", "InvalidSecurityToken.Malformed"])
def test_refused_temporary_credentials_are_renewed_once(make_transport, service, code) -> None:
    made = iter(
        [_credentials.Credentials("STS.%d" % n, SECRET, "token-number-%d" % n, time.time() + 9e3) for n in (1, 2)]
    )
    with Server([failure(code), OK]) as server:
        call(make_transport(provider=_credentials.Provider(lambda: next(made), "test")), service(server))
    assert [seen.headers["x-acs-security-token"] for seen in server.requests] == ["token-number-1", "token-number-2"]


def test_errors_have_no_secret(make_transport, service) -> None:
    once = quote(TOKEN, safe="~")
    message = "server string to sign is: %s %s %s %s" % (TOKEN, SECRET, once, quote(once, safe="~"))
    with Server([failure("SignatureDoesNotMatch", message=message)]) as server:
        transport = make_transport(TOKEN)
        with pytest.raises(ApiError) as caught:
            call(transport, service(server))
    shown = str(caught.value) + repr(caught.value) + repr(vars(caught.value)) + repr(transport) + repr(vars(transport))
    assert SECRET not in shown and "ThatNobodySees" not in shown
    assert "server string to sign is: *** *** *** ***" in str(caught.value)


def test_threads_share_the_connections(make_transport, service) -> None:
    with Server(lambda seen: OK) as server:
        transport = make_transport(connections=8)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: call(transport, service(server), N=n), range(200)))
    assert sorted(int(seen.parameters["N"]) for seen in server.requests) == list(range(200))
    assert len({seen.connection for seen in server.requests}) <= 8


def test_throttled_calls_use_most_of_the_limit(service, monkeypatch) -> None:
    """300 calls with a limit of 100 per second and a burst of 100 need 2 s at least. In virtual time."""
    monkeypatch.setattr(_transport.random, "uniform", lambda low, high: (low + high) / 2)
    threads = 16
    time = VirtualTime(threads)
    bucket = Bucket(100.0)
    provider = _credentials.static(_credentials.Credentials(KEY, SECRET, None), "the test")
    transport = _transport.Transport(_transport.Settings(connections=threads), provider, timer=time.clock)
    left = iter(range(300))
    with Server(lambda seen: OK if bucket.take(time.now()) else failure("Throttling.User")) as server:

        def work() -> None:
            for _number in left:
                call(transport, service(server))
                time.sleep(0.01)

        with time.executor(threads) as pool:
            for worker in [pool.submit(work) for _thread in range(threads)]:
                worker.result()
        transport.close()
    assert time.elapsed < 2.0 * 1.2
    assert 300 < len(server.requests) < 300 * 1.3


def test_a_limited_call_gives_up_before_the_deadline(make_transport, service, timer) -> None:
    with Server(lambda seen: failure("ServiceUnavailable", 503)) as server:
        with pytest.raises(ApiError, match="ServiceUnavailable.*gave up after"):
            make_transport(retries=100).call(service(server), "DescribeRegions", "cn-hangzhou", {}, limit=30.0)
    assert 10 < timer.elapsed <= 30


def test_a_limited_call_that_is_throttled_continues(make_transport, service, timer) -> None:
    """The limit is for a region that does not respond; a throttled one does."""
    replies = [failure("Throttling.User", Retry_After="20")] * 3 + [failure("ServiceUnavailable", 503), OK]
    with Server(replies) as server:
        transport = make_transport(retries=100)
        assert transport.call(service(server), "DescribeRegions", "cn-hangzhou", {}, limit=30.0) == {
            "RequestId": "R-OK"
        }
    assert timer.elapsed >= 60


def test_a_hanging_limited_call_ends_in_time(make_transport, service, timer, monkeypatch) -> None:
    transport = make_transport(timeout=60.0, retries=100)
    bounds = hang(transport, timer, monkeypatch)
    with pytest.raises(ApiError, match="no response in time"):
        transport.call(service("http://127.0.0.1:9"), "DescribeRegions", "cn-hangzhou", {}, limit=30.0)
    assert bounds == pytest.approx([30.0]) and timer.elapsed == pytest.approx(30.0)


@pytest.mark.parametrize(
    ("script", "settings", "sent"),
    [
        ([failure("Forbidden.RAM", 403)], {}, True),
        ([failure("ServiceUnavailable", 503)] * 2, {"retries": 1}, True),
        ([reply(fault="reset")], {"retries": 0}, True),
        ([], {"deadline": 1.0}, False),
    ],
)
def test_an_error_says_whether_a_request_may_have_reached_the_api(
    make_transport, service, timer, script, settings, sent
) -> None:
    with Server(script) as server:
        transport = make_transport(**settings)
        if not script:
            timer.advance(2.0)
        with pytest.raises(ApiError) as caught:
            call(transport, service(server))
    assert caught.value.sent is sent and caught.value.after_deadline is not sent


def test_without_credentials_nothing_is_sent(make_transport, service) -> None:
    def fetch() -> _credentials.Credentials:
        raise ApiError("credentials", "There are none")

    with Server([]) as server:
        with pytest.raises(ApiError) as caught:
            call(make_transport(provider=_credentials.Provider(fetch, "the test")), service(server))
    assert caught.value.sent is False
