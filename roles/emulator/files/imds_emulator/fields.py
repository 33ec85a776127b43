# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Define and validate the configuration keys of an instance."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import typing as t

from . import faults
from .address import parse_address
from .clock import LARGEST, moment


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


def is_moment(value: t.Any) -> bool:
    """Accept an ISO time in UTC, seconds after the start of the emulator, or None."""
    try:
        return value is None or ((is_text(value) or is_number(value)) and moment(value, 0.0) is not None)
    except ValueError:
        return False


def one_of(*allowed: str) -> t.Callable[[t.Any], bool]:
    """Return a validator for one of several texts."""
    return lambda value: value in allowed


def is_list(item: t.Callable[[t.Any], bool]) -> t.Callable[[t.Any], bool]:
    """Return a validator for a list of valid items."""
    return lambda value: isinstance(value, list) and all(item(entry) for entry in value)


def is_map(item: t.Callable[[t.Any], bool]) -> t.Callable[[t.Any], bool]:
    """Return a validator for an object with valid values."""
    return lambda value: isinstance(value, dict) and all(is_text(k) and item(v) for k, v in value.items())


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


def is_fault(value: t.Any) -> bool:
    """Accept a fault of the metadata service."""
    try:
        faults.parse(value)
    except ValueError:
        return False
    return True


def _is_object(value: t.Any) -> bool:
    return isinstance(value, dict) and is_text(json.dumps(value, ensure_ascii=False))


def _number_from(low: float) -> t.Callable[[t.Any], bool]:
    return lambda value: is_number(value) and bool(value >= low)


#: A network interface. The item of a missing or empty list is absent, as on a real instance.
INTERFACE: t.Dict[str, t.Callable[[t.Any], bool]] = {
    "mac": is_name,
    "network_interface_id": is_text,
    "primary_ip_address": is_text,
    "private_ipv4s": is_list(is_text),
    "vpc_id": is_text,
    "vpc_cidr_block": is_text,
    "vswitch_id": is_text,
    "vswitch_cidr_block": is_text,
    "netmask": is_text,
    "gateway": is_text,
    "ipv4_prefixes": is_list(is_text),
    "ipv6s": is_list(is_text),
    "ipv6_prefixes": is_list(is_text),
    "ipv6_gateway": is_text,
    "vswitch_ipv6_cidr_block": is_text,
    "vpc_ipv6_cidr_blocks": is_list(is_text),
}
DISK: t.Dict[str, t.Callable[[t.Any], bool]] = {"serial": is_name, "id": is_text, "name": is_text}
ROLE: t.Dict[str, t.Callable[[t.Any], bool]] = {
    "name": is_name,
    "rotate_seconds": _number_from(1),
    "overlap_seconds": _number_from(0),
    "access_key_id": is_text,
    "access_key_secret": is_text,
    "security_token": is_text,
    "code": is_text,
    "actions": is_list(is_text),
}
SPOT: t.Dict[str, t.Callable[[t.Any], bool]] = {
    "termination_time": lambda value: is_text(value) or is_number(value),
    "appears_at": is_moment,
}


def record(shape: t.Dict[str, t.Callable[[t.Any], bool]], *required: str) -> t.Callable[[t.Any], bool]:
    """Return a validator for an object with keys of *shape*, of which the *required* ones are present."""

    def check(value: t.Any) -> bool:
        if not isinstance(value, dict):
            return False
        value = {key: entry for key, entry in value.items() if not key.startswith("#")}
        known = set(value) <= set(shape) and set(required) <= set(value)
        return known and all(shape[key](entry) for key, entry in value.items())

    return check


def _is_event(value: t.Any) -> bool:
    return _is_object(value) and is_moment(value.get("appears_at"))


def _form(shape: t.Dict[str, t.Callable[[t.Any], bool]]) -> str:
    return "{%s}" % ", ".join(shape)


FIELDS: t.Dict[str, Field] = {
    "instance_id": Field(is_name, "a name such as i-bp1example", "instance ID, the only required key"),
    "clients": Field(is_list(is_ip), "a list of IP addresses", "source addresses of this instance's clients"),
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
        is_list(record(INTERFACE)), "a list of %s" % _form(INTERFACE), "interfaces, the primary one first"
    ),
    "disks": Field(is_list(record(DISK, "serial")), "a list of %s" % _form(DISK), "cloud disks"),
    "tags": Field(is_map(is_text), "an object of text values", "tags; keys that the service cannot serve are omitted"),
    "public_keys": Field(is_map(is_text), "an object of OpenSSH keys by key pair ID", "key pairs"),
    "role": Field(record(ROLE, "name"), _form(ROLE), "RAM role and its rotating credentials", True),
    "user_data": Field(is_text, "text", "user data, as served", True),
    "user_data_base64": Field(is_base64, "Base64", "user data with any bytes; overrides user_data", True),
    "vendor_data": Field(is_text, "text", "vendor data", True),
    "eipv4": Field(is_text, "text", "public or elastic IPv4 of the primary interface", True),
    "public_ipv4": Field(is_text, "text", "public IPv4", True),
    "spot": Field(
        record(SPOT, "termination_time"),
        _form(SPOT),
        "spot reclamation; times: ISO (UTC) or seconds after the start",
        True,
    ),
    "system_events": Field(is_list(_is_event), "a list of objects", "system events, each from its appears_at on"),
    "global_config": Field(is_map(is_text), "an object of text values", "values below global-config/"),
    "metadata": Field(
        is_map(lambda value: value is None or is_text(value)),
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
    "faults": Field(is_list(is_fault), "a list of faults (see `serve --help`)", "faults; the first match applies"),
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
            raise ValueError("%s.%s: unknown key; known keys: %s" % (where, key, ", ".join(FIELDS)))
        if not (value is None and field.nullable) and not field.check(value):
            raise ValueError("%s.%s: must be %s" % (where, key, field.needs))
    if "faults" in result:
        for fault in result["faults"]:
            faults.parse(fault)
    return result


def paths_of(metadata: t.Dict[str, t.Any]) -> t.Dict[t.Tuple[str, ...], t.Any]:
    """Return the setting `metadata` with its keys split into segments: `a/b` becomes `("a", "b")`."""
    return {tuple(part for part in key.split("/") if part): value for key, value in metadata.items()}
