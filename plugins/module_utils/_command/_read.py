# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands ``get``, ``ls`` and ``facts`` of ecs-metadata."""

import os
import typing as t

from .._imds._client import Client
from .._imds._dmi import read_platform
from .._imds._errors import MetadataError, NotFound
from .._imds._items import not_found, read_paths, to_text
from .._imds._tree import is_secret, parse_listing, resolve
from ._output import NOT_FOUND, OTHER, USAGE, WITHHELD, Failure, for_terminal, is_terminal
from ._texts import NAME


class Request(t.NamedTuple):
    """The arguments of ``get``; ``missing`` is "error", "null" or "skip"."""

    paths: t.Sequence[str]
    missing: str
    default: t.Optional[str]
    as_json: bool
    show_secrets: bool

    def check(self) -> None:
        """Check the paths; raise Failure for an invalid path, or for a secret without ``show_secrets``."""
        for path in self.paths:
            _target(path, self.show_secrets)


def get(client: Client, request: Request) -> bytes:
    """Return the output of ``get``; raise MetadataError, or Failure for a value that cannot be printed this way."""
    default = None if request.default is None else os.fsencode(request.default)
    found: t.List[t.Tuple[str, t.Optional[bytes]]] = []
    for path, body in zip(request.paths, read_paths(client, request.paths)):
        body = default if body is None else body
        if body is None and request.missing == "error":
            raise not_found(client, path)
        if body is not None or request.missing == "null":
            found.append((path, body))
    if request.as_json:
        return _json(found)
    if len(request.paths) > 1:
        output = b"".join(_line(path, body) for path, body in found)
        return for_terminal(output) if is_terminal() else output
    body = found[0][1] if found else None
    if body and is_terminal():
        body = for_terminal(body)
        return body if body.endswith(b"\n") else body + b"\n"
    return body or b""


def directory(path: str, show_secrets: bool) -> str:
    """Return the request target of a directory, with a slash at the end; raise Failure as `Request.check` does."""
    return _target(path if path.endswith("/") else path + "/", show_secrets)


def ls(client: Client, target: str) -> t.Tuple[t.List[str], t.List[str]]:
    """Return the names in a directory, and the names that are refused because they are unsafe in a path."""
    entries, refused = parse_listing(client.get(target))
    return [entry.name + "/" * entry.is_directory for entry in entries], refused


def not_a_directory(client: Client, target: str, error: NotFound) -> Exception:
    """Return the error for the directory *target* that the service does not have, because it is an item, or does not exist at all."""
    path = target.rstrip("/")
    try:
        client.get(path)
    except MetadataError:
        return error
    return Failure(NOT_FOUND, "%r is an item, not a directory. Print it with '%s get'." % (path, NAME))


def facts(client: Client, subsets: t.Optional[t.Sequence[str]]) -> t.Tuple[t.Dict[str, t.Any], t.List[str]]:
    """Return the facts and warnings; raise Failure for an unknown subset, and for secrets, because facts are cached."""
    from .._imds import _gather

    try:
        chosen = _gather.select(subsets or ["all"])
    except ValueError as exc:
        raise Failure(USAGE, "%s." % str(exc).replace("gather_subset", "--subset")) from None
    secrets = sorted(chosen & set(_gather.SECRET_SUBSETS))
    if secrets:
        raise Failure(USAGE, "%s: facts contain no secrets. Use 'get --show-secrets'." % ", ".join(secrets))
    return _gather.gather(client, read_platform(), chosen)


def _target(path: str, show_secrets: bool) -> str:
    try:
        target = resolve(path)
    except UnicodeEncodeError:
        raise Failure(USAGE, "path %r is not UTF-8 text" % path) from None
    except ValueError as exc:
        raise Failure(USAGE, str(exc)) from None
    if is_secret(target) and not show_secrets:
        raise Failure(WITHHELD, "path %r holds a secret. Pass --show-secrets to print it." % path)
    return target


def _json(found: t.Sequence[t.Tuple[str, t.Optional[bytes]]]) -> bytes:
    import json

    return (json.dumps({path: _text(path, body) for path, body in found}, indent=2) + "\n").encode("ascii")


def _text(path: str, body: t.Optional[bytes]) -> t.Optional[str]:
    try:
        return None if body is None else to_text(path, body, "text")
    except ValueError:
        raise Failure(OTHER, "The value at path %r is not UTF-8 text. Read it alone, without --json." % path) from None


def _line(path: str, body: t.Optional[bytes]) -> bytes:
    body = body or b""
    if body.endswith(b"\n"):
        body = body[:-2] if body.endswith(b"\r\n") else body[:-1]
    if b"\n" in body or b"\r" in body:
        # Otherwise the author of a tag could forge the value of the next path.
        raise Failure(OTHER, "The value at path %r contains a line break. Use --json, or read it alone." % path)
    return body + b"\n"
