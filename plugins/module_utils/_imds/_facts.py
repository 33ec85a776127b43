# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Convert raw metadata to facts: typed values, keys that are identifiers, a list of network interfaces. Does no I/O.

The type of a value depends on its path, never on the value: a tag with the value "123" stays text. Source of the value
formats: Alibaba Cloud, "View instance metadata" and "Instance metadata items".
"""

import base64
import json
import re
import typing as t
import zlib

from ._tree import Tree, branch

Facts = t.Dict[str, t.Any]

# "*" stands for one name that is data: a MAC address, the serial number of a disk, the ID of a key pair.
_LISTS = {
    ("dns-conf", "nameservers"),
    ("ntp-conf", "ntp-servers"),
    ("source-address",),
    ("sub-private-ipv4-list",),
    ("network", "interfaces", "macs", "*", "private-ipv4s"),
    ("network", "interfaces", "macs", "*", "ipv4-prefixes"),
    ("network", "interfaces", "macs", "*", "ipv6s"),
    ("network", "interfaces", "macs", "*", "ipv6-prefixes"),
    ("network", "interfaces", "macs", "*", "vpc-ipv6-cidr-blocks"),
}
_INTEGERS = {("instance", "max-netbw-egress"), ("instance", "max-netbw-ingress")}
_BOOLEANS = {("hibernation", "configured")}
# The names in these directories are data, so they are not converted to identifiers.
_NAMED_BY_DATA = {("network", "interfaces", "macs"), ("disks",), ("public-keys",), ("tags", "instance")}
_UNPACKED_LIMIT = 1024 * 1024
_MOST_MEMBERS = 100


def from_tree(tree: Tree) -> Facts:
    """Return the facts of the tree below ``meta-data/``, without tags: same nesting, identifiers as keys, typed values.

    Raises: ValueError if two names of the service become the same key.
    """
    return _directory({name: value for name, value in tree.items() if name != "tags"}, ())


def identifier(name: str) -> str:
    """Return *name* as an identifier, which a template can use after a dot: ``instance-id`` -> ``instance_id``."""
    key = re.sub(r"[^0-9A-Za-z_]", "_", name)
    return "_" + key if key[:1].isdigit() else key


def _directory(tree: Tree, place: t.Tuple[str, ...]) -> Facts:
    facts: Facts = {}
    by_data = place in _NAMED_BY_DATA
    for name, value in tree.items():
        key = name if by_data else identifier(name)
        if key in facts:
            raise ValueError("two items of %s/ would both become the fact %r" % ("/".join(place), key))
        below = place + ("*" if by_data else name,)
        facts[key] = _directory(value, below) if isinstance(value, dict) else _leaf(value, below)
    return facts


def _leaf(text: str, place: t.Tuple[str, ...]) -> t.Any:
    if place in _LISTS:
        return parse_list(text)
    if place in _INTEGERS and re.match(r"\d+\Z", text.strip()):
        return int(text)
    if place in _BOOLEANS and text.strip() in ("true", "false"):
        return text.strip() == "true"
    return text or None


def parse_list(text: str) -> t.List[str]:
    """Return the items of a value that is a JSON array, ``[a,b]`` without quotes, or separated by white space or commas."""
    text = text.strip()
    if text.startswith("["):
        try:
            return [str(item) for item in json.loads(text)]
        except ValueError:
            text = text.strip("[]")
    return [item.strip("\"'") for item in re.split(r"[\s,]+", text) if item.strip("\"'")]


def network_interfaces(facts: Facts) -> t.List[Facts]:
    """Return the interfaces with the keys ``mac`` and ``primary``: the primary first, the others by MAC address."""
    macs = facts.get("network", {}).get("interfaces", {}).get("macs", {})
    primary = str(facts.get("mac") or "").strip().lower()
    interfaces = [
        dict(items, mac=mac, primary=mac.lower() == primary) for mac, items in macs.items() if isinstance(items, dict)
    ]
    return sorted(interfaces, key=lambda interface: (not interface["primary"], interface["mac"]))


def tags(tree: Tree) -> t.Dict[str, str]:
    """Return the tags, with keys and values unchanged; values may be empty."""
    return {key: value for key, value in branch(tree, "tags", "instance").items() if isinstance(value, str)}


def spot_termination_time(tree: Tree) -> t.Optional[str]:
    """Return the announced release time of a spot instance (UTC, ``yyyy-MM-ddTHH:mm:ssZ``), or None."""
    value = branch(tree, "instance", "spot").get("termination-time")
    return value.strip() or None if isinstance(value, str) else None


def json_object(text: t.Optional[str]) -> t.Optional[Facts]:
    """Return the JSON object in *text* with identifiers as keys, or None if *text* is not a JSON object."""
    if text is None:
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return {identifier(key): value for key, value in content.items()} if isinstance(content, dict) else None


def system_events(text: t.Optional[str]) -> t.List[t.Any]:
    """Return the active system events: the items of a JSON array, one other JSON value, or the lines of *text*.

    The format of the events is not published.
    """
    if text is None or not text.strip():
        return []
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return [line.strip() for line in text.splitlines() if line.strip()]
    if content is None:
        return []
    return content if isinstance(content, list) else [content]


def user_data(body: t.Optional[bytes]) -> t.Tuple[Facts, t.Optional[str]]:
    """Return the fact ``user_data``, decompressed if it is gzip, and a warning if it cannot be decompressed.

    ``user_data`` is None if user data is not set or not UTF-8. If it is not UTF-8, or cannot be decompressed, there is also
    ``user_data_base64``.
    """
    if body is None:
        return {"user_data": None}, None
    if body[:2] == b"\x1f\x8b":
        try:
            body = _gunzip(body)
        except _NotDecompressed as exc:
            return _base64(body), "The user data is returned as it is, in user_data_base64: %s." % exc
    try:
        return {"user_data": body.decode("utf-8")}, None
    except UnicodeDecodeError:
        return _base64(body), None


class _NotDecompressed(ValueError):
    """Data that begins like gzip is damaged or too large; the message says which."""


def _base64(body: bytes) -> Facts:
    return {"user_data": None, "user_data_base64": base64.b64encode(body).decode("ascii")}


def _gunzip(body: bytes) -> bytes:
    """Return the content of all gzip members of *body*; zeros after the last one are padding. Raise _NotDecompressed."""
    unpacked = b""
    for _member in range(_MOST_MEMBERS):
        unpacker = zlib.decompressobj(wbits=31)
        try:
            unpacked += unpacker.decompress(body, _UNPACKED_LIMIT + 1 - len(unpacked))
        except zlib.error:
            raise _NotDecompressed("it begins like gzip data, but is damaged") from None
        if len(unpacked) > _UNPACKED_LIMIT:
            raise _NotDecompressed("it is gzip data with more than %d bytes of content" % _UNPACKED_LIMIT)
        if not unpacker.eof:
            raise _NotDecompressed("it begins like gzip data, but its end is missing")
        body = unpacker.unused_data.lstrip(b"\0")
        if not body:
            return unpacked
    raise _NotDecompressed("it is gzip data with more than %d members" % _MOST_MEMBERS)
