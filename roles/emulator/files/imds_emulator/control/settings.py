# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be configured of the control plane? Keys, limits, faults, and what the documentation leaves open.

One entry for each key of ``control``. The default of an open question is the stricter answer.
"""

from __future__ import annotations

import textwrap
import typing as t

from . import faults
from ..believable import DEFAULTS as INSTANCE_DEFAULTS
from ..fields import is_list, is_map, is_number, is_text, record
from ..switches import Switch, is_flag, one_of

#: Regions that exist even where no instance is configured.
REGIONS = ["ap-southeast-1", "cn-beijing", "cn-hangzhou", "cn-shanghai", "eu-central-1"]

_KEY: t.Dict[str, t.Callable[[t.Any], bool]] = {
    "secret": is_text,
    "security_token": is_text,
    "account": is_text,
    "user": is_text,
    "actions": is_list(is_text),
    "roles": is_list(is_text),
}


def _is_positive(value: t.Any) -> bool:
    return is_number(value) and bool(value > 0)


def _is_seconds(value: t.Any) -> bool:
    return is_number(value) and bool(value >= 0)


_THROTTLE = record(
    {"per_second": _is_positive, "window": _is_positive, "code": is_text, "actions": is_map(_is_positive)}
)


def _is_throttle(value: t.Any) -> bool:
    return value is None or (bool(value) and _THROTTLE(value))


def _is_limit(value: t.Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0)


def _are_faults(value: t.Any) -> bool:
    return isinstance(value, list) and all(faults.is_fault(entry) for entry in value)


KEYS: t.Dict[str, Switch] = {
    "access_keys": Switch(
        {},
        is_map(record(_KEY, "secret")),
        "{ID: {secret, account, user, actions, roles, security_token}}",
        'who may call; actions: patterns such as "ecs:Describe*", default ["*"]; roles: what AssumeRole may take, '
        "default all of the account",
    ),
    "account_id": Switch(
        INSTANCE_DEFAULTS["owner_account_id"],
        is_text,
        "text",
        "account of keys without one; a key sees the instances with its owner_account_id",
    ),
    "roles": Switch(
        {},
        is_map(record({"actions": is_list(is_text), "maximum_seconds": _is_positive})),
        "{NAME: {actions, maximum_seconds}}",
        "RAM roles for AssumeRole, besides those of instances; a role without actions may do nothing",
    ),
    "regions": Switch(REGIONS, is_list(is_text), "list", "regions that exist, besides those of the instances"),
    "throttle": Switch(
        None,
        _is_throttle,
        "null|object",
        '{"per_second": N, "actions": {ACTION: N}, "window": SECONDS, "code": "Throttling.User"}: for each account, '
        "region and action; with window in fixed windows, else evenly",
    ),
    "faults": Switch([], _are_faults, "list", "what goes wrong, see below"),
    "delay_seconds": Switch(0, _is_seconds, "seconds", "until the data side follows a change of metadata options (0)"),
    "describe_delay_seconds": Switch(0, _is_seconds, "seconds", "until DescribeInstances shows such a change (0)"),
    "clock_skew": Switch(0, is_number, "seconds", "how far the clock of this side is ahead of the machine's (0)"),
    "untouched_options": Switch(
        "empty",
        one_of("empty", "defaults"),
        "empty|defaults",
        "MetadataOptions, with META_OPTIONS, of an instance whose options were never set (not documented)",
    ),
    "omitted_http_tokens": Switch(
        "optional",
        one_of("optional", "keep"),
        "optional|keep",
        "ModifyInstanceMetadataOptions without HttpTokens (not documented: reset to the default, or kept?)",
    ),
    "omitted_metadata_tags": Switch(
        "disabled",
        one_of("disabled", "keep"),
        "disabled|keep",
        "the same for InstanceMetadataTags",
    ),
    "missing_parameter": Switch(
        "general", one_of("general", "named"), "general|named", "code: MissingParameter or MissingRegionId (both seen)"
    ),
    "tag_limit": Switch(
        1000, _is_limit, "1000|number|null", "instances that a query by tag can show at most (documented: 1000)"
    ),
    "echo_string_to_sign": Switch(
        True, is_flag, "true|false", "SignatureDoesNotMatch repeats the string to sign (as the gateway does)"
    ),
}


def defaults() -> t.Dict[str, t.Any]:
    return {name: key.default for name, key in KEYS.items()}


def merged(current: t.Mapping[str, t.Any], changes: t.Any) -> t.Dict[str, t.Any]:
    """``current`` with ``changes``. Access keys are changed one by one: given fields replace, null removes the key.

    Raises ValueError naming what is wrong, without its value: it may be a secret.
    """
    if not isinstance(changes, dict):
        raise ValueError("control: an object is needed")
    result = dict(current)
    for name, value in changes.items():
        if name.startswith("#"):
            continue
        if name not in KEYS:
            raise ValueError("control.%s: there is no such key; there are: %s" % (name, ", ".join(KEYS)))
        if name == "access_keys":
            value = _keys(current[name], value)
        if name == "faults":
            faults.check(value)
        if not KEYS[name].accepts(value):
            raise ValueError("control.%s: this is not possible; give %s" % (name, KEYS[name].values))
        result[name] = value
    return result


def _keys(current: t.Mapping[str, t.Any], changes: t.Any) -> t.Dict[str, t.Any]:
    if not isinstance(changes, dict):
        raise ValueError("control.access_keys: an object is needed")
    result = dict(current)
    for name, fields in changes.items():
        if name.startswith("#"):
            continue
        if fields is None:
            result.pop(name, None)
        elif isinstance(fields, dict):
            result[name] = {**result.get(name, {}), **fields}
        else:
            raise ValueError("control.access_keys: each key is an object or null")
    return result


def without_secrets(settings: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """For the admin side: access keys as a list, with the first 4 characters of each."""
    keys = [
        dict(
            {name: value for name, value in fields.items() if name in ("account", "user", "actions", "roles")},
            id=key[:4],
        )
        for key, fields in settings["access_keys"].items()
    ]
    return dict(settings, access_keys=keys)


def help_lines() -> t.List[str]:
    rows = []
    for name, key in KEYS.items():
        rows.append("  %-22s %s" % (name, key.values))
        rows += textwrap.wrap(key.meaning, 112, initial_indent="      ", subsequent_indent="      ")
    return rows
