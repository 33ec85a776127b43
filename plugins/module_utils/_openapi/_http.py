# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One HTTP exchange with the API, bounded in time and size. This module util is private to the collection.

Unlike the metadata service the API is reached over TLS, and through the proxies of the environment. No redirect is
followed, no cookie kept, and netrc is not asked for credentials.
"""

from __future__ import annotations

import socket
import time
import typing as t
from urllib.parse import urlsplit

from . import _requests as http

if t.TYPE_CHECKING:
    from ._requests import AuthBase, PreparedRequest, Response

ANSWER_LIMIT = 16 * 1024 * 1024
_CHUNK = 65536


class Answer(t.NamedTuple):
    """A whole answer; header names in any case."""

    status: int
    headers: t.Mapping[str, str]
    body: bytes


class NoAnswer(Exception):
    """No acceptable answer: ``reason``, and ``hint`` what to do; ``final`` where another try cannot help."""

    def __init__(self, reason: str, hint: str, final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.final = final


class Connections:
    """Kept connections, at most *most* to a host; *ca_bundle* is a file of certificates to trust, or None. Thread-safe."""

    def __init__(self, most: int, ca_bundle: t.Optional[str]) -> None:
        self._session = http.requests.Session()
        self._ca_bundle = ca_bundle
        self._environment: t.Dict[str, t.Dict[str, t.Any]] = {}
        for scheme in ("http://", "https://"):
            adapter = http.requests.adapters.HTTPAdapter(pool_connections=16, pool_maxsize=most, max_retries=0)
            self._session.mount(scheme, adapter)

    def post(self, url: str, headers: t.Mapping[str, str], auth: AuthBase, timeout: float) -> Answer:
        """Send it, with an empty body, and return the answer within *timeout* seconds. Raise NoAnswer."""
        request = http.requests.Request("POST", url, headers=headers, auth=auth).prepare()
        ends_at = time.monotonic() + timeout
        try:
            return self._send(request, timeout, ends_at)
        except (http.requests.exceptions.RequestException, http.urllib3.exceptions.HTTPError, OSError) as exc:
            # the text of these exceptions holds the whole URL, and of some the password of the proxy
            raise self._explained(url, exc) from None

    def _send(self, request: PreparedRequest, timeout: float, ends_at: float) -> Answer:
        url = request.url or ""
        # the adapter itself, not Session.send: that would read the body of a redirect without limit
        response = self._session.get_adapter(url).send(
            request, stream=True, timeout=(timeout, timeout), cert=None, **self._settings(url)
        )
        try:
            body = _read(response, ends_at)
        except BaseException:
            response.close()
            raise
        return Answer(response.status_code, response.headers, body)

    def _settings(self, url: str) -> t.Dict[str, t.Any]:
        """The environment's proxies and certificates for this host; looked up once, as that is slow."""
        parts = urlsplit(url)
        origin = "%s://%s" % (parts.scheme, parts.netloc)
        if origin not in self._environment:
            merged = self._session.merge_environment_settings(origin, {}, None, self._ca_bundle or True, None)
            self._environment[origin] = {"proxies": merged["proxies"], "verify": merged["verify"]}
        return self._environment[origin]

    def _explained(self, url: str, exc: BaseException) -> NoAnswer:
        proxies = self._environment.get("%s://%s" % urlsplit(url)[:2], {}).get("proxies") or {}
        proxy = http.requests.utils.select_proxy(url, proxies)
        return _explain(exc, url, urlsplit(proxy).netloc.rpartition("@")[2] if proxy else "", self._ca_bundle)

    def close(self) -> None:
        """Close the kept connections."""
        self._session.close()


def _read(response: Response, ends_at: float) -> bytes:
    raw = response.raw
    raw.enforce_content_length = True  # requests with urllib3 1 takes half an answer for a whole one
    # read1 gives what is there, so that a dripping answer cannot outlast the time; urllib3 1 has no such thing
    read = getattr(raw, "read1", raw.read)
    parts: t.List[bytes] = []
    size = 0
    while True:
        part = read(_CHUNK, decode_content=True)
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
        if size > ANSWER_LIMIT:
            raise NoAnswer("the answer is larger than %d bytes" % ANSWER_LIMIT, "The API sends nothing like that", True)
        if time.monotonic() > ends_at:
            raise NoAnswer("the answer was not complete in time", _SLOW)


_SLOW = "Raise 'api_timeout' if the way to the API is slow"
_ELSEWHERE = "Check 'api_endpoint', and whether this machine may reach it (firewall, or a proxy in HTTPS_PROXY)"


def _explain(exc: BaseException, url: str, proxy: str, ca_bundle: t.Optional[str]) -> NoAnswer:
    """In our own words, from the innermost causes."""
    causes = list(_causes(exc))
    text = " ".join([str(cause) for cause in causes])
    host = urlsplit(url).hostname
    if any(isinstance(cause, http.requests.exceptions.ProxyError) for cause in causes):
        return _proxy_failure(text, proxy)
    if "CERTIFICATE_VERIFY_FAILED" in text or "doesn't match" in text:
        hint = "If a proxy or your own endpoint has another certificate authority, name its certificate in 'ca_bundle'"
        return NoAnswer("the certificate of %s is not trusted" % (proxy or host), hint, True)
    if "TLS CA certificate bundle" in text or "NO_CERTIFICATE_OR_CRL_FOUND" in text or "PEM lib" in text:
        return NoAnswer(
            "the file of certificates cannot be used", "Check 'ca_bundle' (%s)" % (ca_bundle or "environment"), True
        )
    for cause in causes:
        if isinstance(cause, socket.gaierror):
            final = cause.errno != socket.EAI_AGAIN
            return NoAnswer("there is no host %s" % (proxy or host), "Check the region, 'api_endpoint' and DNS", final)
        if isinstance(cause, ConnectionRefusedError):
            return NoAnswer("the connection was refused", _ELSEWHERE)
    if any("timed out" in str(cause).lower() for cause in causes):
        connecting = any(isinstance(cause, http.requests.exceptions.ConnectTimeout) for cause in causes)
        return NoAnswer(
            "no connection in time" if connecting else "no answer in time", _ELSEWHERE if connecting else _SLOW
        )
    if any(isinstance(cause, http.requests.exceptions.SSLError) for cause in causes):
        return NoAnswer("TLS failed", "Something on the way breaks TLS; check 'api_endpoint' and the proxy")
    return NoAnswer("the connection broke", _ELSEWHERE)


def _proxy_failure(text: str, proxy: str) -> NoAnswer:
    status = next((word for word in ("403", "407", "502", "503", "504") if "failed: %s" % word in text), "")
    reason = "the proxy %s %s" % (proxy, "answered %s" % status if status else "cannot be reached")
    hint = "Check HTTPS_PROXY and its user and password, or name the host in NO_PROXY"
    return NoAnswer(reason, hint, status in ("403", "407"))


def _causes(exc: t.Optional[BaseException]) -> t.Iterator[BaseException]:
    """The exception and everything that it was made from."""
    seen: t.List[BaseException] = []
    todo = [exc]
    while todo:
        cause = todo.pop(0)
        if isinstance(cause, BaseException) and not any(cause is other for other in seen):
            seen.append(cause)
            yield cause
            todo += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
