# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Normalize the variables of the roles and of the playbooks. Pure functions.

Values from ``-e name=value``, INI inventories and surveys are strings; YAML turns an unquoted ``off`` into a boolean.
All other parts of the role use the normalized booleans, lists and numbers.
"""

from __future__ import annotations

import datetime
import json
import re
import typing as t

import yaml

from .._facts import override
from .._report import _gate
from ._remedies import REMEDIES

PREFIX = "hardening_"
_SHOWN = 77  # characters of a value in a message
_TRUE = frozenset(("true", "yes", "on", "y", "t", "1"))
_FALSE = frozenset(("false", "no", "off", "n", "f", "0"))
_WAIVER_REQUIRED = ("finding", "reason", "expires")
_WAIVER_KEYS = ("host", *_WAIVER_REQUIRED)


class SettingError(ValueError):
    """A variable has an invalid value; the message names the variable and what it accepts."""


def boolean(name: str, value: t.Any) -> bool:
    """Return *value* as a boolean. Strings and the numbers 0 and 1 are accepted as in Ansible."""
    if isinstance(value, bool):
        return value
    text = "%g" % value if isinstance(value, (int, float)) else str(value).strip().lower()
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise SettingError("%s must be true or false, not %s." % (name, _shown(value)))


def integer(name: str, value: t.Any) -> int:
    """Return *value* as an integer."""
    number = floating(name, value)
    if number != int(number):
        raise SettingError("%s must be an integer, not %s." % (name, _shown(value)))
    return int(number)


def floating(name: str, value: t.Any) -> float:
    """Return *value* as a finite float."""
    try:
        if isinstance(value, bool):
            raise ValueError
        number = float(str(value).strip())
        if number - number != 0:  # infinity or NaN
            raise ValueError
        return number
    except ValueError:
        raise SettingError("%s must be a number, not %s." % (name, _shown(value))) from None


def text(name: str, value: t.Any) -> str:
    """Return *value* as text without surrounding white space; None becomes an empty string."""
    if value is None:
        return ""
    if isinstance(value, (bool, list, tuple, t.Mapping)):
        raise SettingError("%s must be text, not %s. Quote the value." % (name, _shown(value)))
    return str(value).strip()


def text_or(default: str) -> t.Callable[[str, t.Any], str]:
    """Return a converter that returns *default* for an empty text, as a survey returns for a question without an answer."""

    def convert(name: str, value: t.Any) -> str:
        return text(name, value) or default

    return convert


def texts(name: str, value: t.Any) -> t.List[str]:
    """Return a list of strings from a list, a JSON or YAML list in a string, or a string with commas or line breaks."""
    items = _from_string(name, value) if isinstance(value, str) else value
    if items is None:
        return []
    if not isinstance(items, (list, tuple)):
        items = [items]
    found = [text("An element of " + name, item) for item in items if item is not None]
    return [item for item in found if item]


def waivers(name: str, value: t.Any) -> t.List[t.Dict[str, str]]:
    """Return the waivers as dictionaries of strings, from a list or a single waiver, also as JSON or YAML in a string."""
    items = _from_yaml(name, value) if isinstance(value, str) else value
    if not items:
        return []
    if isinstance(items, t.Mapping):
        items = [items]
    if not isinstance(items, (list, tuple)):
        raise SettingError("%s must be a list of dictionaries, not %s." % (name, _shown(value)))
    return [_waiver(name, item) for item in items]


def mapping(name: str, value: t.Any) -> t.Dict[str, t.Any]:
    """Return a dictionary, also from JSON or YAML in a string."""
    given = _typed(name, value) if isinstance(value, str) else value
    if not given:
        return {}
    if not isinstance(given, t.Mapping):
        raise SettingError("%s must be a dictionary, not %s." % (name, _shown(value)))
    return dict(given)


def mappings(name: str, value: t.Any) -> t.List[t.Dict[str, t.Any]]:
    """Return a list of dictionaries from a list or a single dictionary, also as JSON or YAML in a string."""
    given = _typed(name, value) if isinstance(value, str) else value
    if not given:
        return []
    items = [given] if isinstance(given, t.Mapping) else given
    if not isinstance(items, (list, tuple)) or not all(isinstance(item, t.Mapping) for item in items):
        raise SettingError("%s must be a list of dictionaries, not %s." % (name, _shown(value)))
    return [dict(item) for item in items]


def batches(name: str, value: t.Any) -> t.List[str]:
    """Return *value* as a list of numbers of hosts and percentages, which ansible-core converts without a check."""
    sizes = texts(name, value)
    for size in sizes:
        if not re.fullmatch(r"\d{1,9}%?", size):
            raise SettingError(
                "%s must be numbers of hosts or percentages, such as 1 or 10%%, not %s." % (name, _shown(size))
            )
    return sizes


def remedies(name: str, value: t.Any) -> t.List[str]:
    """Return the names of remedies, without repetitions."""
    found = list(dict.fromkeys(texts(name, value)))
    wrong = [it for it in found if it not in REMEDIES]
    if wrong:
        raise SettingError(
            "An element of %s must be one of %s, not %s." % (name, ", ".join(REMEDIES), _shown(wrong[0]))
        )
    return found


def conditions(name: str, value: t.Any) -> t.List[str]:
    """Return the conditions under which the audit fails, without repetitions."""
    found = list(dict.fromkeys(texts(name, value)))
    try:
        _gate.check(found)
    except ValueError as exc:
        raise SettingError("%s: %s" % (name, exc)) from None
    return found


def choice(*choices: str) -> t.Callable[[str, t.Any], str]:
    """Return a converter that accepts *choices* only. If "off" is one of them, it also accepts false, because YAML converts ``off``."""

    def convert(name: str, value: t.Any) -> str:
        if "off" in choices and (value is False or str(value).strip().lower() in _FALSE):
            return "off"
        chosen = str(value).strip()
        if chosen not in choices:
            raise SettingError("%s must be one of %s, not %s." % (name, ", ".join(choices), _shown(value)))
        return chosen

    return convert


Converter = t.Callable[[str, t.Any], t.Any]

CONVERTERS: t.Dict[str, Converter] = {
    "hardening_state": choice("present", "absent"),
    "hardening_preflight": choice("off", "report", "block"),
    "hardening_preflight_deadline": floating,
    "hardening_preflight_extra_directories": texts,
    "hardening_preflight_excluded_directories": texts,
    "hardening_quiet_period": integer,
    "hardening_remedies": remedies,
    "hardening_waivers": waivers,
    "hardening_tooling": boolean,
    "hardening_local_fact": boolean,
    "hardening_watch": choice("observe", "keep", "off"),
    "hardening_enforce": boolean,
    "hardening_access": choice("required", "disabled"),
    "hardening_allow_ack_nodes": boolean,
    "hardening_require_watch": boolean,
    "hardening_identity": choice("auto", "signed", "address", "stated", "trust"),
    "hardening_identity_certificate": text,
    "hardening_instance_id": text,
    "hardening_region_id": text,
    "hardening_empty_options": choice("unknown", "default"),
    "hardening_record_dir": text_or("~/.alicloud-imds/record"),
    "hardening_api_host": text_or("localhost"),
    "hardening_api_endpoint": text,
    "hardening_profile": text,
    "hardening_lost_host": choice("restore", "keep"),
    "hardening_undo_to": choice("recorded", "optional", "keep"),
    "hardening_wait_timeout": floating,
    "hardening_fence": choice("off", "audit", "enforce"),
    "hardening_fence_install": boolean,
    "hardening_fence_users": texts,
    "hardening_fence_groups": texts,
    "hardening_fence_sources": texts,
    "hardening_fence_services": texts,
    "hardening_fence_adjacent_services": texts,
    "hardening_verify": boolean,
    "hardening_verify_user": text_or("nobody"),
    "hardening_verify_cloud_init": boolean,
    "imds_api": boolean,
    "imds_become": boolean,
    "imds_fail_on": conditions,
    "imds_future": boolean,
    "imds_regions": texts,
    "imds_skip_blocked": boolean,
    "imds_report_dir": text_or("~/.alicloud-imds/report"),
    "imds_report_language": choice("en", "zh"),
    "imds_serial": batches,
    "imds_subset": texts,
    "emulator_account": mapping,
    "emulator_instances": mappings,
    "emulator_keep_changes": boolean,
    "emulator_listen": texts,
    "emulator_real_address": boolean,
    "emulator_switches": mapping,
}


def normalize_one(value: t.Any, name: str, facts: t.Any = None) -> t.Any:
    """Return the normalized value of the variable *name*. *facts* are those of the host, if it could set the variable for others.

    Raises:
        KeyError: The name is unknown.
        SettingError: The value is invalid, or a fact.
    """
    refuse_facts([name], facts)
    return CONVERTERS[name](name, value)


def refuse_facts(names: t.Iterable[str], facts: t.Any) -> None:
    """Raise SettingError if one of the *facts* of a host has the name of a variable."""
    problem = override(names, facts)
    if problem is not None:
        raise SettingError(problem)


def normalize(given: t.Mapping[str, t.Any], facts: t.Any = None) -> t.Dict[str, t.Any]:
    """Return the normalized variables of the role by name without the prefix ``hardening_``, and the expected access.

    Raises:
        SettingError: A value is invalid, or one of the *facts* of the host.
    """
    refuse_facts(CONVERTERS, facts)
    settings = {name: normalize_one(given[name], PREFIX + name) for name in given}
    return {**settings, **_expected_access(settings)}


def _expected_access(settings: t.Mapping[str, t.Any]) -> t.Dict[str, t.List[str]]:
    """Return the access to verify in the end: verdicts, users with access and users without access."""
    user, enforced = settings["verify_user"], settings["fence"] == "enforce"
    disabled = settings["access"] == "disabled"
    return {
        "expect": ["disabled"] if disabled else ["required", "disabled"] if settings["enforce"] else [],
        "allowed_users": [*settings["fence_users"], *([] if enforced else [user])],
        "refused_users": [user] if enforced else [],
    }


def _from_string(name: str, value: str) -> t.Any:
    if value.strip().startswith("["):
        return _from_yaml(name, value)
    return re.split(r"[,\n]", value)


def _from_yaml(name: str, value: str) -> t.Any:
    """Parse JSON or YAML. BaseLoader returns all scalars as strings, so that it does not convert dates, numbers or ``off``."""
    try:
        return yaml.load(str(value), Loader=yaml.BaseLoader)
    except yaml.YAMLError as exc:
        raise SettingError("%s is neither valid JSON nor YAML: %s" % (name, " ".join(str(exc).split()))) from None


class _Json(yaml.SafeLoader):
    """Load YAML with the types of JSON: times stay text."""


_Json.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _typed(name: str, value: str) -> t.Any:
    """Parse JSON or YAML with booleans and numbers."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        pass
    try:
        return yaml.load(str(value), Loader=_Json)
    except (yaml.YAMLError, RecursionError) as exc:
        raise SettingError("%s is neither valid JSON nor YAML: %s" % (name, " ".join(str(exc).split()))) from None


def _waiver(name: str, given: t.Any) -> t.Dict[str, str]:
    if not isinstance(given, t.Mapping):
        raise SettingError("Each element of %s must be a dictionary, not %s." % (name, _shown(given)))
    unknown = sorted(set(map(str, given)) - set(_WAIVER_KEYS))
    if unknown:
        raise SettingError("%s accepts the keys %s, not %s." % (name, ", ".join(_WAIVER_KEYS), ", ".join(unknown)))
    missing = [key for key in _WAIVER_REQUIRED if not given.get(key)]
    if missing:
        raise SettingError(
            "Each element of %s needs the keys %s; %s is missing." % (name, ", ".join(_WAIVER_REQUIRED), missing[0])
        )
    return {str(key): _waiver_text(name, value) for key, value in given.items() if value is not None}


def _waiver_text(name: str, value: t.Any) -> str:
    return value.isoformat() if isinstance(value, datetime.date) else text("An element of " + name, value)


def _shown(value: t.Any) -> str:
    shown = repr(str(value)) if isinstance(value, str) else repr(value)
    return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "..."
