# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parse the HTTP/1.x requests that a client sends on one connection.

A request is token-authenticated only if that is certain. Servers are more lenient than the parser, in many ways: what the parser does
not understand is *unparsable*, and may have been a normal-mode request.

The bytes are passed in pieces of any size. A parsed request consists of its mode, the class of its path, and a hash of its path;
nothing else is stored. The parser buffers at most one line, never a whole head or body.
"""

import re
import typing as t

from .._callers._paths import NO_PATH, is_token_path, path_class
from .._callers._vocabulary import NORMAL_MODE, TOKEN_AUTHENTICATED, TOKEN_REQUEST, UNPARSABLE
from .._imds._service import PROBE_AGENT, TOKEN, TOKEN_HEADER

LONGEST_HEAD = 16384
LONGEST_LINE = 8192
_KEPT_OF_HEADER = 128  # bytes of a header line; more than every relevant name and value has

_TOKEN_HEADER = TOKEN_HEADER.lower().encode("ascii")
_WORD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([^\x00-\x20\x7f]+) HTTP/1\.([01])")
_WHOLE_LINE = re.compile(rb"[A-Za-z]+ [^\x00-\x20\x7f]+ HTTP/1\.[01]\r\n")
_START, _HEADERS, _BODY, _CHUNK, _CHUNK_END, _TRAILERS, _ENDED, _LOST = range(8)


class Request(t.NamedTuple):
    """A request: its mode, and the class of its path.

    ``same`` is a hash of the path, comparable within this process. ``probe`` is true for a request that has the user agent of this
    collection's probe and reads what the probe reads.
    """

    mode: str
    path: str
    same: int = 0
    probe: bool = False


_BROKEN = Request(UNPARSABLE, NO_PATH)


class _Malformed(Exception):
    """The bytes are not an HTTP/1.x request, so the rest of the connection cannot be parsed either."""


class Stream:
    """The client's side of one connection."""

    __slots__ = (
        "_state", "_line", "_cr", "_head", "_left", "_request", "_token",
        "_no_token", "_bodiless", "_probe", "_length", "_chunked", "_keep",
    )  # fmt: skip

    def __init__(self) -> None:
        self._state = _START
        self._line = bytearray()
        self._keep = True
        self._begin()

    def feed(self, data: bytes) -> t.List[Request]:
        """Parse the next bytes of the stream; return the requests whose heads end in them."""
        found: t.List[Request] = []
        if self._state == _ENDED and data.strip(b"\r\n") and not self._keep:
            self._keep = True
            return [_BROKEN]  # a server that has not closed the connection may answer this
        if self._state == _LOST:
            if not _WHOLE_LINE.match(data):
                return found
            self._begin()
        at = 0
        try:
            while at < len(data) and self._state != _ENDED:
                at = self._step(data, at, found)
        except _Malformed:
            self._state, self._keep = _ENDED, True
            found.append(_BROKEN)
        if self._state == _ENDED and data[at:].strip(b"\r\n") and not self._keep:
            found += self.feed(data[at:])
        return found

    def lost(self) -> t.List[Request]:
        """Report that bytes are missing. Return an unparsable request; parsing resumes where a request certainly begins."""
        if self._state == _ENDED:
            return []
        already = self._state == _LOST
        self._state = _LOST
        return [] if already else [_BROKEN]

    def end(self) -> t.List[Request]:
        """Report the end of the connection. Return an unparsable request if the last one is incomplete."""
        begun = self._state == _HEADERS or (self._state == _START and bool(self._line))
        self._state, self._keep = _ENDED, True
        return [_BROKEN] if begun else []

    def _begin(self) -> None:
        """Reset all state to expect a request line."""
        self._state = _START
        self._line.clear()
        self._cr = False
        self._head = self._left = 0
        self._request: t.Optional[Request] = None
        self._length: t.Optional[int] = None
        self._token = self._no_token = self._probe = self._chunked = self._bodiless = False
        self._keep = True

    def _step(self, data: bytes, at: int, found: t.List[Request]) -> int:
        if self._state == _BODY:
            taken = min(self._left, len(data) - at)
            self._left -= taken
            if not self._left:
                self._after_body()
            return at + taken
        if self._state == _START and not self._line:
            return self._first_byte(data, at)
        return self._read_line(data, at, found)

    def _first_byte(self, data: bytes, at: int) -> int:
        """Skip empty lines before a request; reject a first byte that starts no method, such as that of TLS."""
        byte = data[at : at + 1]
        if byte not in (b"\r", b"\n"):
            if not byte.isalpha():
                raise _Malformed
            self._line += byte
            self._head = 1
        return at + 1

    def _read_line(self, data: bytes, at: int, found: t.List[Request]) -> int:
        end = data.find(b"\n", at)
        stop = len(data) if end < 0 else end
        longest = _KEPT_OF_HEADER if self._state == _HEADERS else LONGEST_LINE
        self._line += data[at : min(stop, at + max(0, longest - len(self._line)))]
        self._head += stop - at + 1
        if self._head > LONGEST_HEAD or (self._state != _HEADERS and len(self._line) >= LONGEST_LINE):
            raise _Malformed
        if stop > at:
            self._cr = data[stop - 1 : stop] == b"\r"
        if end < 0:
            self._head -= 1
            return stop
        if not self._cr:
            raise _Malformed
        line = bytes(self._line)
        self._line.clear()
        self._cr = False
        self._take_line(line[:-1] if line.endswith(b"\r") else line, found)
        return end + 1

    def _take_line(self, line: bytes, found: t.List[Request]) -> None:
        if self._state == _START:
            self._take_request_line(line)
        elif self._state == _HEADERS and line:
            self._take_header(line)
        elif self._state == _HEADERS:
            self._end_of_head(found)
        elif self._state == _CHUNK:
            self._take_chunk_size(line)
        elif self._state == _CHUNK_END:
            if line:
                raise _Malformed
            self._next_chunk()
        elif not line:  # end of the trailers
            self._after_request()

    def _take_request_line(self, line: bytes) -> None:
        match = _REQUEST_LINE.fullmatch(line)
        if not match:
            raise _Malformed
        target = match.group(2).decode("latin-1")
        if match.group(1) == b"PUT" and is_token_path(target):
            self._request = Request(TOKEN_REQUEST, TOKEN)
        else:
            self._request = Request(NORMAL_MODE, path_class(target), hash(target.partition("?")[0]))
        self._keep = match.group(3) == b"1"
        self._bodiless = match.group(1) in (b"GET", b"HEAD")
        self._state = _HEADERS

    def _take_header(self, line: bytes) -> None:
        name, colon, value = line.partition(b":")
        if not _WORD.fullmatch(name) or (not colon and len(line) < _KEPT_OF_HEADER):
            raise _Malformed
        name, value = name.lower(), value.strip(b" \t").lower()
        if name == _TOKEN_HEADER:
            self._token = self._token or bool(value)
            self._no_token = self._no_token or not value
        elif name == b"user-agent":
            self._probe = value == PROBE_AGENT.encode("ascii")
        elif name == b"content-length":
            if self._length is not None or not value.isdigit() or len(value) > 18:
                raise _Malformed
            self._length = int(value)
        elif name == b"transfer-encoding":
            if value != b"chunked" or self._chunked:
                raise _Malformed
            self._chunked = True
        elif name == b"connection":
            words = [word.strip() for word in value.split(b",")]
            self._keep = b"close" not in words and (self._keep or b"keep-alive" in words)

    def _end_of_head(self, found: t.List[Request]) -> None:
        request = self._request or _BROKEN
        if self._chunked and self._length is not None:
            raise _Malformed
        if self._token and not self._no_token and request.mode == NORMAL_MODE:
            request = request._replace(mode=TOKEN_AUTHENTICATED)
        if self._probe and request.mode == NORMAL_MODE and request.path == "instance-id":
            request = request._replace(probe=True)
        found.append(request)
        if self._bodiless and (self._chunked or self._length):
            found.append(_BROKEN)  # some servers take the body for another request
        self._request = None
        if self._chunked:
            self._next_chunk()
        elif self._length:
            self._left, self._state = self._length, _BODY
        else:
            self._after_request()

    def _after_body(self) -> None:
        if self._chunked:
            self._head, self._state = 0, _CHUNK_END
        else:
            self._after_request()

    def _next_chunk(self) -> None:
        self._head, self._state = 0, _CHUNK

    def _take_chunk_size(self, line: bytes) -> None:
        size = line.partition(b";")[0].strip()
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size):
            raise _Malformed
        self._left = int(size, 16)
        self._head = 0
        self._state = _BODY if self._left else _TRAILERS

    def _after_request(self) -> None:
        """Expect the next request, unless the server closes the connection after this one."""
        keep = self._keep
        self._begin()
        if not keep:
            self._state, self._keep = _ENDED, False
