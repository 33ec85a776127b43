# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Define and validate the configuration keys of an instance."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import re
import typing as t

from . import faults
from .address import parse_address
from .clock import LARGEST, moment, to_iso
from .shapes import Checked, Leaf, ListOf, MapOf, Record, Shape
from .spelling import unknown_key

MAC = re.compile("([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}")


class Field(t.NamedTuple):
    """A configuration key: validator, accepted values and meaning for messages, and whether null is accepted."""

    check: t.Callable[[t.Any], bool]
    needs: str
    meaning: str
    nullable: bool = False


def is_text(value: t.Any) -> bool:
    """Accept text that can be sent: no half of a surrogate pair, but bytes that are not UTF-8, as Python escapes them."""
    if not isinstance(value, str):
        return False
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def is_name(value: t.Any) -> bool:
    """Accept printable ASCII text without a slash, which can be one segment of a path."""
    return is_text(value) and value != "" and value.isascii() and value.isprintable() and "/" not in value


def is_bool(value: t.Any) -> bool:
    """Accept a Boolean."""
    return isinstance(value, bool)


def is_number(value: t.Any) -> bool:
    """Accept a number that is not a Boolean, infinite or too large to be a time."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -LARGEST < value < LARGEST


def is_iso(value: t.Any) -> bool:
    """Accept an ISO time in UTC, in the format of the service."""
    try:
        return isinstance(value, str) and to_iso(moment(value, 0.0)) == value
    except ValueError:
        return False


def is_appearance(value: t.Any) -> bool:
    """Accept an ISO time in UTC, seconds after the start of the emulator, or None."""
    return value is None or is_iso(value) or (is_number(value) and bool(value >= 0))


def one_of(*allowed: str) -> t.Callable[[t.Any], bool]:
    """Return a validator for one of several texts."""
    return lambda value: value in allowed


def is_ip(value: t.Any) -> bool:
    """Accept an IP address."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return isinstance(value, str)


def is_listen(value: t.Any) -> bool:
    """Accept ADDRESS:PORT."""
    try:
        parse_address(value)
    except ValueError:
        return False
    return True


def is_base64(value: t.Any) -> bool:
    """Accept Base64."""
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError):
        return False
    return True


def _is_object(value: t.Any) -> bool:
    return isinstance(value, dict) and is_text(json.dumps(value, ensure_ascii=False))


def _number_from(low: float) -> t.Callable[[t.Any], bool]:
    return lambda value: is_number(value) and bool(value >= low)


class _Event(Shape):
    """A system event: an object with any keys."""

    def problem(self, value: t.Any, where: str) -> t.Optional[str]:
        """Return the message for an invalid value at the path *where*, or None."""
        if not _is_object(value):
            return "%s: must be an object, with text in Unicode" % where
        return _APPEARANCE.problem(value.get("appears_at"), where + ".appears_at")


_TEXT = Leaf(is_text, "text")
_SECRET = Leaf(is_text, "text", secret=True)
_NAME = Leaf(is_name, "printable ASCII text without a slash")
_TEXTS = ListOf(_TEXT)
_MAP = MapOf(is_text, _TEXT)
_MAC = Leaf(
    lambda value: isinstance(value, str) and bool(MAC.fullmatch(value)), "a MAC address such as 00:16:3e:00:00:01"
)
_APPEARANCE = Leaf(
    is_appearance, "an ISO time such as 2030-01-31T12:00:00Z (UTC), seconds from 0 after the start, or null"
)
_TIME = Leaf(
    lambda value: is_iso(value) or is_number(value),
    "an ISO time such as 2030-01-31T12:00:00Z (UTC), or seconds after the start",
)
#: A network interface. The item of a missing or empty list is absent, as on a real instance.
INTERFACE: t.Dict[str, Shape] = {
    "mac": _MAC,
    "network_interface_id": _TEXT,
    "primary_ip_address": _TEXT,
    "private_ipv4s": _TEXTS,
    "vpc_id": _TEXT,
    "vpc_cidr_block": _TEXT,
    "vswitch_id": _TEXT,
    "vswitch_cidr_block": _TEXT,
    "netmask": _TEXT,
    "gateway": _TEXT,
    "ipv4_prefixes": _TEXTS,
    "ipv6s": _TEXTS,
    "ipv6_prefixes": _TEXTS,
    "ipv6_gateway": _TEXT,
    "vswitch_ipv6_cidr_block": _TEXT,
    "vpc_ipv6_cidr_blocks": _TEXTS,
}
DISK: t.Dict[str, Shape] = {"serial": _NAME, "id": _TEXT, "name": _TEXT}
ROLE: t.Dict[str, Shape] = {
    "name": _NAME,
    "rotate_seconds": Leaf(_number_from(1), "a number from 1"),
    "overlap_seconds": Leaf(_number_from(0), "a number from 0"),
    "access_key_id": _SECRET,
    "access_key_secret": _SECRET,
    "security_token": _SECRET,
    "code": _TEXT,
    "actions": _TEXTS,
}
SPOT: t.Dict[str, Shape] = {"termination_time": _TIME, "appears_at": _APPEARANCE}


def _form(shape: t.Dict[str, Shape]) -> str:
    return "{%s}" % ", ".join(shape)


FIELDS: t.Dict[str, Field] = {
    "instance_id": Field(is_name, "a name such as i-bp1example", "instance ID, the only required key"),
    "clients": Field(
        ListOf(Leaf(is_ip, "an IP address")), "a list of IP addresses", "source addresses of this instance's clients"
    ),
    "listen": Field(is_listen, "ADDRESS:PORT", "own listening address (port 0: any free port)", True),
    "default": Field(is_bool, "true or false", "serve clients that no other instance lists"),
    "http_tokens": Field(one_of("optional", "required"), "optional or required", "whether requests need a token"),
    "http_endpoint": Field(one_of("enabled", "disabled"), "enabled or disabled", "whether the service is available"),
    "instance_metadata_tags": Field(one_of("enabled", "disabled"), "enabled or disabled", "whether tags/ is served"),
    "region_id": Field(is_name, "a name such as cn-hangzhou", "region"),
    "zone_id": Field(is_text, "text", "zone"),
    "image_id": Field(is_text, "text", "image"),
    "instance_type": Field(is_text, "text", "instance type"),
    "instance_name": Field(is_text, "text", "display name"),
    "hostname": Field(is_text, "text", "host name"),
    "owner_account_id": Field(is_text, "text", "account ID"),
    "serial_number": Field(is_text, "text", "serial number, a UUID"),
    "network_interfaces": Field(
        ListOf(Record(INTERFACE)), "a list of %s" % _form(INTERFACE), "interfaces, the primary one first"
    ),
    "disks": Field(ListOf(Record(DISK, "serial")), "a list of %s" % _form(DISK), "cloud disks"),
    "tags": Field(_MAP, "an object of text values", "tags; keys that the service cannot serve are omitted"),
    "public_keys": Field(_MAP, "an object of OpenSSH keys by key pair ID", "key pairs"),
    "role": Field(Record(ROLE, "name"), _form(ROLE), "RAM role and its rotating credentials", True),
    "user_data": Field(is_text, "text", "user data, as served", True),
    "user_data_base64": Field(is_base64, "Base64", "user data with any bytes; overrides user_data", True),
    "vendor_data": Field(is_text, "text", "vendor data", True),
    "eipv4": Field(is_text, "text", "public or elastic IPv4 of the primary interface", True),
    "public_ipv4": Field(is_text, "text", "public IPv4", True),
    "spot": Field(
        Record(SPOT, "termination_time"),
        _form(SPOT),
        "spot reclamation; times: ISO (UTC) or seconds after the start",
        True,
    ),
    "system_events": Field(
        ListOf(_Event()), "a list of objects", "system events, as served; appears_at, as in spot, is not served"
    ),
    "global_config": Field(_MAP, "an object of text values", "values below global-config/"),
    "metadata": Field(
        MapOf(is_text, Leaf(lambda value: value is None or is_text(value), "text or null")),
        "an object of path: text or null",
        "overrides below meta-data/: exact values, null removes an item",
    ),
    "metadata_all": Field(_is_object, "an object", "values merged into meta-data/all only"),
    "name": Field(is_text, "text", "alias of instance_name", True),
    "os_type": Field(one_of("linux", "windows"), "linux or windows", "system; windows has other items"),
    "status": Field(
        one_of("Pending", "Starting", "Running", "Stopping", "Stopped"), "Running, Stopped...", "control plane: Status"
    ),
    "image_imds_support": Field(
        one_of("v1", "v2"), "v1 or v2", "control plane: the image's Features.ImdsSupport", True
    ),
    "ack_cluster": Field(is_name, "a name such as c1234", "adds the tags of a node of this ACK cluster", True),
    "faults": Field(
        ListOf(Checked(faults.parse)),
        "a list of faults (see `serve --help`)",
        "faults; of those that replace the response, the first match applies",
    ),
}


def check_instance(raw: t.Any, where: str = "instance") -> t.Dict[str, t.Any]:
    """Return a validated instance without its comments.

    Raises: ValueError naming the invalid key and what it accepts.
    """
    if not isinstance(raw, dict):
        raise ValueError("%s: must be an object" % where)
    result = {key: value for key, value in raw.items() if not key.startswith("#")}
    if "instance_id" not in result:
        raise ValueError("%s: the required key instance_id is missing" % where)
    for key, value in result.items():
        field = FIELDS.get(key)
        if field is None:
            raise ValueError(unknown_key(where, key, FIELDS))
        problem = None if value is None and field.nullable else _problem(field, value, "%s.%s" % (where, key))
        if problem:
            raise ValueError(problem)
    return result


def _problem(field: Field, value: t.Any, where: str) -> t.Optional[str]:
    if isinstance(field.check, Shape):
        return field.check.problem(value, where)
    return None if field.check(value) else "%s: must be %s" % (where, field.needs)


def paths_of(metadata: t.Dict[str, t.Any]) -> t.Dict[t.Tuple[str, ...], t.Any]:
    """Return the setting `metadata` with its keys split into segments: `a/b` becomes `("a", "b")`."""
    return {tuple(part for part in key.split("/") if part): value for key, value in metadata.items()}
