# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From raw metadata to facts: typed values, identifier keys, a list of network interfaces. No I/O; private to the collection.

Types go by path, never by what a value looks like: a tag with the value "123" stays text. Source for the forms of values:
Alibaba Cloud, "View instance metadata" and "Instance metadata items".
"""

from __future__ import annotations

import base64
import json
import re
import typing as t
import zlib

from ._tree import Tree, branch

Facts = t.Dict[str, t.Any]

# "*" stands for one name that is data: a MAC address, the serial number of a disk, a tag key.
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
# the children of these directories are named by data, so their names stay as they are
_NAMED_BY_DATA = {("network", "interfaces", "macs"), ("disks",), ("public-keys",), ("tags", "instance")}
_UNPACKED_LIMIT = 1024 * 1024


def from_tree(tree: Tree) -> Facts:
    """Facts of the tree below ``meta-data/``: same nesting, keys as identifiers, typed leaves, absent items left out.

    Raise ValueError where two names of the service would become the same key.
    """
    return _directory({name: value for name, value in tree.items() if name != "tags"}, ())


def identifier(name: str) -> str:
    """``instance-id`` -> ``instance_id``: a key that a template can address with a dot."""
    key = re.sub(r"[^0-9A-Za-z_]", "_", name)
    return "_" + key if key[:1].isdigit() else key


def _directory(tree: Tree, place: t.Tuple[str, ...]) -> Facts:
    facts: Facts = {}
    by_data = place in _NAMED_BY_DATA
    for name, value in tree.items():
        key = name if by_data else identifier(name)
        if key in facts:
            raise ValueError("two items of %s/ would both be the fact %r" % ("/".join(place), key))
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
    """Items of a leaf with several values: a JSON array, ``[a,b]`` without quotes, or one item a line or comma."""
    text = text.strip()
    if text.startswith("["):
        try:
            return [str(item) for item in json.loads(text)]
        except ValueError:
            text = text.strip("[]")
    return [item.strip("\"'") for item in re.split(r"[\s,]+", text) if item.strip("\"'")]


def network_interfaces(facts: Facts) -> t.List[Facts]:
    """The interfaces as a list, primary first and then by MAC address; each with its ``mac`` and ``primary``."""
    macs = facts.get("network", {}).get("interfaces", {}).get("macs", {})
    primary = facts.get("mac")
    interfaces = [
        dict(items, mac=mac, primary=mac == primary) for mac, items in macs.items() if isinstance(items, dict)
    ]
    return sorted(interfaces, key=lambda interface: (not interface["primary"], interface["mac"]))


def tags(tree: Tree) -> t.Dict[str, str]:
    """Tag keys and values, verbatim; an empty value is a value."""
    return {key: value for key, value in branch(tree, "tags", "instance").items() if isinstance(value, str)}


def spot_termination_time(tree: Tree) -> t.Optional[str]:
    """When the spot instance will be released (UTC, ``yyyy-MM-ddTHH:mm:ssZ``), None unless that has been announced."""
    value = branch(tree, "instance", "spot").get("termination-time")
    return value.strip() or None if isinstance(value, str) else None


def json_object(text: t.Optional[str]) -> t.Optional[Facts]:
    """The JSON object in *text* with identifier keys, None where there is none."""
    if text is None:
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return {identifier(key): value for key, value in content.items()} if isinstance(content, dict) else None


def system_events(text: t.Optional[str]) -> t.List[t.Any]:
    """Active system events. Their format is not published: JSON is parsed and left as it is, else there is one item a line."""
    if text is None or not text.strip():
        return []
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return [line.strip() for line in text.splitlines() if line.strip()]
    if content is None:
        return []
    return content if isinstance(content, list) else [content]


def user_data(body: t.Optional[bytes]) -> Facts:
    """``user_data`` as text, unpacked if it was gzipped; ``user_data_base64`` instead where it is not UTF-8; null if not set."""
    if body is None:
        return {"user_data": None}
    if body[:2] == b"\x1f\x8b":
        body = _gunzip(body)
    try:
        return {"user_data": body.decode("utf-8")}
    except UnicodeDecodeError:
        return {"user_data": None, "user_data_base64": base64.b64encode(body).decode("ascii")}


def _gunzip(body: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacker.decompress(body, _UNPACKED_LIMIT)
    except zlib.error:
        return body
    return body if unpacker.unconsumed_tail else unpacked  # what would not end is left packed
