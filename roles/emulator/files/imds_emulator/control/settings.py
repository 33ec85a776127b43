# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Define and validate the settings of the control plane, the keys of `control` in the configuration.

Where the API is not documented, the default is the stricter behavior.
"""

from __future__ import annotations

import textwrap
import typing as t

from ..defaults import DEFAULTS as INSTANCE_DEFAULTS
from ..fields import is_number, is_text
from ..shapes import Checked, Leaf, ListOf, MapOf, Record, Shape
from ..spelling import unknown_key
from ..switches import Switch, is_flag, one_of
from . import faults

#: Regions that exist without an instance.
REGIONS = ["ap-southeast-1", "cn-beijing", "cn-hangzhou", "cn-shanghai", "eu-central-1"]

_TEXT = Leaf(is_text, "text", secret=True)
_TEXTS = ListOf(_TEXT)
_KEY: t.Dict[str, Shape] = {
    "secret": _TEXT,
    "security_token": _TEXT,
    "account": _TEXT,
    "user": _TEXT,
    "actions": _TEXTS,
    "roles": _TEXTS,
}


def _is_positive(value: t.Any) -> bool:
    return is_number(value) and bool(value > 0)


def _is_seconds(value: t.Any) -> bool:
    return is_number(value) and bool(value >= 0)


_POSITIVE = Leaf(_is_positive, "a number greater than 0")
_THROTTLE = Record({"per_second": _POSITIVE, "window": _POSITIVE, "code": _TEXT, "actions": MapOf(is_text, _POSITIVE)})


class _Throttle(Shape):
    """Limits, of which there is one at least, or None."""

    def problem(self, value: t.Any, where: str) -> t.Optional[str]:
        """Return the message for an invalid value at the path *where*, or None."""
        if value == {}:
            return "%s: must have a key, or be null" % where
        return None if value is None else _THROTTLE.problem(value, where)


def _is_limit(value: t.Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0)


def _is_support(value: t.Any) -> bool:
    return value in (None, "v1", "v2")


KEYS: t.Dict[str, Switch] = {
    "access_keys": Switch(
        {},
        MapOf(is_text, Record(_KEY, "secret"), named=False),
        "{ID: {secret, account, user, actions, roles, security_token}}",
        "access keys of callers; user: name of the RAM user, default: the account itself, which cannot assume roles; "
        'actions: patterns such as "ecs:Describe*", default ["*"]; roles: roles that the caller can assume, default: all '
        "roles of the account; a role of another account by its ARN",
    ),
    "account_id": Switch(
        INSTANCE_DEFAULTS["owner_account_id"],
        is_text,
        "text",
        "account of keys without the key account; a key can access the instances with its owner_account_id",
    ),
    "roles": Switch(
        {},
        MapOf(is_text, Record({"actions": _TEXTS, "maximum_seconds": _POSITIVE})),
        "{NAME: {actions, maximum_seconds}}",
        "RAM roles for AssumeRole, in addition to those of instances; a role without actions has no permission",
    ),
    "images": Switch(
        {},
        MapOf(
            is_text,
            Record(
                {
                    "region_id": _TEXT,
                    "imds_support": Leaf(_is_support, "v1, v2 or null"),
                    "os_type": Leaf(one_of("linux", "windows"), "linux or windows"),
                    "owner": Leaf(
                        one_of("self", "system", "others", "marketplace"), "self, system, others or marketplace"
                    ),
                    "name": _TEXT,
                    "family": _TEXT,
                    "tags": MapOf(is_text, _TEXT),
                },
                "region_id",
            ),
        ),
        "{ID: {region_id, imds_support, os_type, owner, name, family, tags}}",
        "images that the account account_id can use, in addition to those of instances; imds_support: v1, v2 or null; "
        "owner: self, system, others or marketplace",
    ),
    "regions": Switch(REGIONS, _TEXTS, "list", "regions that exist, in addition to those of the instances"),
    "throttle": Switch(
        None,
        _Throttle(),
        "null|object",
        '{"per_second": N, "actions": {ACTION: N}, "window": SECONDS, "code": "Throttling.User"}: limits per account, '
        "region and action; with window: fixed windows, otherwise a token bucket",
    ),
    "faults": Switch([], Checked(faults.check), "list", "faults of the control plane, explained by `serve --help`"),
    "delay_seconds": Switch(
        0, _is_seconds, "seconds", "delay until the metadata service uses changed metadata options (default: 0)"
    ),
    "describe_delay_seconds": Switch(
        0, _is_seconds, "seconds", "delay until DescribeInstances returns changed options (default: 0)"
    ),
    "clock_skew": Switch(
        0, is_number, "seconds", "offset of the control plane's clock from the real time (default: 0)"
    ),
    "untouched_options": Switch(
        "empty",
        one_of("empty", "defaults"),
        "empty|defaults",
        "MetadataOptions, with META_OPTIONS, of an instance whose options were never set (undocumented)",
    ),
    "omitted_http_tokens": Switch(
        "optional",
        one_of("optional", "keep"),
        "optional|keep",
        "effect of ModifyInstanceMetadataOptions without HttpTokens: reset to optional or keep (undocumented)",
    ),
    "omitted_metadata_tags": Switch(
        "disabled",
        one_of("disabled", "keep"),
        "disabled|keep",
        "effect of ModifyInstanceMetadataOptions without InstanceMetadataTags (undocumented)",
    ),
    "missing_parameter": Switch(
        "general",
        one_of("general", "named"),
        "general|named",
        "error code: MissingParameter or MissingRegionId (both occur)",
    ),
    "tag_limit": Switch(
        1000, _is_limit, "1000|number|null", "maximum number of instances in a query by tag (documented: 1000)"
    ),
    "echo_string_to_sign": Switch(
        True, is_flag, "true|false", "return the string to sign in SignatureDoesNotMatch, as the gateway does"
    ),
}


def defaults() -> t.Dict[str, t.Any]:
    """Return the default of every setting."""
    return {name: key.default for name, key in KEYS.items()}


def merged(current: t.Mapping[str, t.Any], changes: t.Any) -> t.Dict[str, t.Any]:
    """Return *current* updated with *changes*. Fields of an access key are merged; null removes a field, or an access key.

    Raises: ValueError naming the invalid key without its value, which may be a secret.
    """
    if not isinstance(changes, dict):
        raise ValueError("control: must be an object")
    result = dict(current)
    for name, value in changes.items():
        if name.startswith("#"):
            continue
        if name not in KEYS:
            raise ValueError(unknown_key("control", name, KEYS))
        if name == "access_keys":
            value = _keys(current[name], value)
        accepts = KEYS[name].accepts
        problem = accepts.problem(value, "control." + name) if isinstance(accepts, Shape) else None
        if problem or not accepts(value):
            raise ValueError(problem or "control.%s: invalid value; must be %s" % (name, KEYS[name].values))
        result[name] = value
    return result


def _keys(current: t.Mapping[str, t.Any], changes: t.Any) -> t.Dict[str, t.Any]:
    if not isinstance(changes, dict):
        raise ValueError("control.access_keys: must be an object")
    result = dict(current)
    for name, fields in changes.items():
        if name.startswith("#"):
            continue
        if fields is None:
            result.pop(name, None)
        elif isinstance(fields, dict):
            together = {**result.get(name, {}), **fields}
            result[name] = {field: content for field, content in together.items() if content is not None}
        else:
            raise ValueError("control.access_keys: each access key must be an object or null")
    return result


def without_secrets(settings: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """Return the settings for the admin API: a list of access keys, with the first 4 characters of each."""
    keys = [
        dict(
            {name: value for name, value in fields.items() if name in ("account", "user", "actions", "roles")},
            id=key[:4],
        )
        for key, fields in settings["access_keys"].items()
    ]
    return dict(settings, access_keys=keys)


def help_lines() -> t.List[str]:
    """Return the lines of `serve --help`: name and values, then the meaning."""
    rows = []
    for name, key in KEYS.items():
        rows.append("  %-22s %s" % (name, key.values))
        rows += textwrap.wrap(key.meaning, 112, initial_indent="      ", subsequent_indent="      ")
    return rows
