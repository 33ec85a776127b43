# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read chosen paths and convert their values, for the lookup, metadata_info and the command."""

import base64
import json
import typing as t

from .._common._text import printable
from . import _errors
from ._client import Client
from ._secrets import register_secret
from ._service import ROLE_CREDENTIALS
from ._tree import is_secret, parse_listing, quote, resolve, without_newline
from ._walk import run_jobs


def read_paths(client: Client, paths: t.Sequence[str]) -> t.List[t.Optional[bytes]]:
    """Return the bodies of *paths* in the same order, with None for an item that does not exist.

    A path that occurs several times is requested once.

    Raises: ValueError for an invalid path, MetadataError as `Client.get` does, except NotFound.
    """
    bodies: t.Dict[str, t.Optional[bytes]] = {}

    def read(target: str) -> t.Iterable[str]:
        try:
            bodies[target] = client.get(target)
        except _errors.NotFound:
            bodies[target] = None
        return ()

    targets = [resolve(path) for path in paths]
    run_jobs(list(dict.fromkeys(targets)), read, client.settings.connections)
    return [bodies[target] for target in targets]


def not_found(client: Client, path: str) -> _errors.MetadataError:
    """Return the error for an item at *path* that does not exist. It names a similar item of the same directory, if there is one."""
    target = resolve(path)
    return _errors.not_found("GET " + target, client.endpoint, _similar(client, path, target))


def _similar(client: Client, path: str, target: str) -> t.Optional[str]:
    """Return a path like *path* that exists, or None."""
    import difflib

    directory, _slash, name = target.partition("?")[0].rstrip("/").rpartition("/")
    try:
        names = {quote(it.name): it.name for it in parse_listing(client.get(directory + "/"))[0]}
    except _errors.MetadataError:
        return None
    near = difflib.get_close_matches(name.replace("_", "-"), names, 1)
    if not near or near[0] == name:
        return None
    parent, slash, _name = path.partition("?")[0].rstrip("/").rpartition("/")
    return printable(parent + slash + names[near[0]])


def to_text(path: str, body: bytes, encoding: str) -> str:
    """Return *body* as text; *encoding* is "text" (UTF-8) or "base64", which never changes the value.

    As text, one line break at the end of an item of ``meta-data`` is not part of the value.

    Keys of a RAM role are registered as secrets.

    Raises: ValueError if *encoding* is "text" and *body* is not UTF-8.
    """
    target = resolve(path)
    text = _encode(path, body, encoding)
    _register_role_keys(target, text)
    return without_newline(text) if encoding == "text" and "/meta-data/" in target else text


def to_value(path: str, body: bytes, encoding: str, parse_json: bool) -> t.Any:
    """Return *body* as a list of names if *path* ends in a slash, otherwise as text (see `to_text`).

    With *parse_json*, a JSON object or array becomes a dict or list.
    """
    if path.partition("?")[0].endswith("/"):
        return [entry.name for entry in parse_listing(body)[0]]
    text = to_text(path, body, encoding)
    if parse_json and text.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text  # a valid value such as [2001:db8::1] is not JSON
    return text


def is_secret_path(path: str) -> bool:
    """Return whether the value at *path* must not be displayed."""
    return is_secret(resolve(path))


def _encode(path: str, body: bytes, encoding: str) -> str:
    if encoding == "base64":
        return base64.b64encode(body).decode("ascii")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("The value at path %r is not UTF-8 text. Set 'encoding' to 'base64'." % path) from None


def _register_role_keys(target: str, text: str) -> None:
    if "/" + ROLE_CREDENTIALS not in target.lower():
        return
    try:
        credentials = json.loads(text)
        for key in ("AccessKeySecret", "SecurityToken"):
            register_secret(credentials.get(key))
    except (ValueError, AttributeError, RecursionError):
        pass  # the list of roles, or a value that does not contain keys
