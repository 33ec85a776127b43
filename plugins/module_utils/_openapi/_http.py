# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP exchanges with the API, bounded in time and size.

Unlike requests to the metadata service, they use TLS and the proxies of the environment. Redirects are not followed, cookies are
not stored, and netrc is not a source of credentials.
"""

import socket
import time
import typing as t
from urllib.parse import urlsplit

from . import _requests as http

if t.TYPE_CHECKING:
    from ._requests import AuthBase, PreparedRequest, Response

RESPONSE_LIMIT = 16 * 1024 * 1024
_CHUNK = 65536


class ApiResponse(t.NamedTuple):
    """A complete response; header names are case-insensitive."""

    status: int
    headers: t.Mapping[str, str]
    body: bytes


class RequestFailure(Exception):
    """No acceptable response: ``reason``, and ``hint`` on what to do; ``final`` means that a retry cannot succeed."""

    def __init__(self, reason: str, hint: str, final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.final = final


class Connections:
    """A pool of open connections, at most *limit* for a host; *ca_bundle* is a file of trusted certificates, or None. Thread-safe."""

    def __init__(self, limit: int, ca_bundle: t.Optional[str]) -> None:
        self._session = http.requests.Session()
        self._ca_bundle = ca_bundle
        self._environment: t.Dict[str, t.Dict[str, t.Any]] = {}
        for scheme in ("http://", "https://"):
            adapter = http.requests.adapters.HTTPAdapter(pool_connections=16, pool_maxsize=limit, max_retries=0)
            self._session.mount(scheme, adapter)

    def post(self, url: str, headers: t.Mapping[str, str], auth: "AuthBase", timeout: float) -> ApiResponse:
        """Send a POST request with an empty body and return the response within *timeout* seconds; raise RequestFailure."""
        request = http.requests.Request("POST", url, headers=headers, auth=auth).prepare()
        ends_at = time.monotonic() + timeout
        try:
            return self._send(request, timeout, ends_at)
        except (http.requests.exceptions.RequestException, http.urllib3.exceptions.HTTPError, OSError) as exc:
            # The text of these exceptions contains the whole URL, and of some the password of the proxy.
            raise self._failure(url, exc) from None

    def _send(self, request: "PreparedRequest", timeout: float, ends_at: float) -> ApiResponse:
        url = request.url or ""
        # Not Session.send, which reads the body of a redirect without a limit.
        response = self._session.get_adapter(url).send(
            request, stream=True, timeout=(timeout, timeout), cert=None, **self._settings(url)
        )
        try:
            body = _read(response, ends_at)
        except BaseException:
            response.close()
            raise
        return ApiResponse(response.status_code, response.headers, body)

    def _settings(self, url: str) -> t.Dict[str, t.Any]:
        """Return the proxies and certificates of the environment for this host; looked up once, because the lookup is slow."""
        parts = urlsplit(url)
        origin = "%s://%s" % (parts.scheme, parts.netloc)
        if origin not in self._environment:
            merged = self._session.merge_environment_settings(origin, {}, None, self._ca_bundle or True, None)
            self._environment[origin] = {"proxies": merged["proxies"], "verify": merged["verify"]}
        return self._environment[origin]

    def _failure(self, url: str, exc: BaseException) -> RequestFailure:
        proxies = self._environment.get("%s://%s" % urlsplit(url)[:2], {}).get("proxies") or {}
        proxy = http.requests.utils.select_proxy(url, proxies)
        return _explained(exc, url, urlsplit(proxy).netloc.rpartition("@")[2] if proxy else "", self._ca_bundle)

    def close(self) -> None:
        """Close the open connections."""
        self._session.close()


def _read(response: "Response", ends_at: float) -> bytes:
    raw = response.raw
    raw.enforce_content_length = True  # else requests with urllib3 1 accepts a truncated response
    # read1 returns available bytes at once, so that a slow response cannot exceed the timeout; urllib3 1 does not have it.
    read = getattr(raw, "read1", raw.read)
    parts: t.List[bytes] = []
    size = 0
    while True:
        part = read(_CHUNK, decode_content=True)
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
        if size > RESPONSE_LIMIT:
            raise RequestFailure("the response is larger than %d bytes" % RESPONSE_LIMIT, _NOT_THE_API, True)
        if time.monotonic() > ends_at:
            raise RequestFailure("the response was not complete in time", _SLOW)


_SLOW = "Raise 'api_timeout' if the network is slow"
_UNREACHABLE = "Check 'api_endpoint', and whether this machine can reach it (firewall, or a proxy in HTTPS_PROXY)"
_NOT_THE_API = "The API does not send such responses; check 'api_endpoint' and the proxy settings"


def _explained(exc: BaseException, url: str, proxy: str, ca_bundle: t.Optional[str]) -> RequestFailure:
    """Return the failure for *exc*, whose reason follows from the innermost causes and contains no URL or password."""
    causes = list(_causes(exc))
    text = " ".join([str(cause) for cause in causes])
    host = urlsplit(url).hostname
    if any(isinstance(cause, http.requests.exceptions.ProxyError) for cause in causes):
        return _proxy_failure(text, proxy)
    if "CERTIFICATE_VERIFY_FAILED" in text or "doesn't match" in text:
        hint = "If a proxy or a private endpoint uses another certificate authority, set 'ca_bundle' to its certificate"
        return RequestFailure("the certificate of %s is not trusted" % (proxy or host), hint, True)
    if "TLS CA certificate bundle" in text or "NO_CERTIFICATE_OR_CRL_FOUND" in text or "PEM lib" in text:
        return RequestFailure(
            "cannot read the certificates to trust", "Check 'ca_bundle' (%s)" % (ca_bundle or "environment"), True
        )
    for cause in causes:
        if isinstance(cause, socket.gaierror):
            final = cause.errno != socket.EAI_AGAIN
            return RequestFailure(
                "cannot resolve the host name %s" % (proxy or host), "Check the region, 'api_endpoint' and DNS", final
            )
        if isinstance(cause, ConnectionRefusedError):
            return RequestFailure("the connection was refused", _UNREACHABLE)
    if any("timed out" in str(cause).lower() for cause in causes):
        connecting = any(isinstance(cause, http.requests.exceptions.ConnectTimeout) for cause in causes)
        return RequestFailure(
            "no connection in time" if connecting else "no response in time", _UNREACHABLE if connecting else _SLOW
        )
    if any(isinstance(cause, http.requests.exceptions.SSLError) for cause in causes):
        return RequestFailure("the TLS handshake failed", "Check 'api_endpoint' and the proxy settings")
    return RequestFailure("the connection was lost", _UNREACHABLE)


def _proxy_failure(text: str, proxy: str) -> RequestFailure:
    status = next((word for word in ("403", "407", "502", "503", "504") if "failed: %s" % word in text), "")
    reason = "the proxy %s %s" % (proxy, "returned %s" % status if status else "cannot be reached")
    hint = "Check HTTPS_PROXY and its user and password, or add the host to NO_PROXY"
    return RequestFailure(reason, hint, status in ("403", "407"))


def _causes(exc: t.Optional[BaseException]) -> t.Iterator[BaseException]:
    """Yield the exception and all its causes, outermost first."""
    seen: t.List[BaseException] = []
    todo = [exc]
    while todo:
        cause = todo.pop(0)
        if isinstance(cause, BaseException) and not any(cause is other for other in seen):
            seen.append(cause)
            yield cause
            todo += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
