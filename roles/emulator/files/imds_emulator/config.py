# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Load and validate the configuration file."""

from __future__ import annotations

import hashlib
import json
import typing as t

from . import example, flags, switches
from .config_values import Config
from .control import settings as control_settings
from .fields import check_instance
from .json_lines import check_repeated, located
from .spelling import similar

KEYS = ("instances", "switches", "control")


def load(path: t.Optional[str], changes: flags.Changes = flags.NO_CHANGES) -> Config:
    """Return the configuration in the file *path*, or the built-in one if *path* is None, with *changes*.

    Raises: ValueError naming the invalid key, and file and line, OSError.
    """
    if path is None:
        text = json.dumps(example.built_in())
        config = parse(text)
    else:
        text = _read(path)
        try:
            config = parse(text)
        except ValueError as problem:
            raise located(path, text, problem) from None
        check_repeated(path, text)
    if changes.empty():
        return config
    digest = hashlib.sha256((text + json.dumps(changes, sort_keys=True)).encode("utf-8")).hexdigest()
    return flags.applied(config._replace(digest=digest), changes, path)


def _read(path: str) -> str:
    with open(path, "rb") as stream:
        data = stream.read()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise ValueError("%s:%d: not text in UTF-8: %s" % (path, line, problem.reason)) from None


def parse(text: str) -> Config:
    """Return the configuration in a JSON text.

    Raises: ValueError naming the invalid key.
    """
    try:
        data = json.loads(text)
    except RecursionError:
        raise ValueError("invalid JSON: nested too deeply") from None
    if not isinstance(data, dict):
        raise ValueError(
            "the configuration must be a JSON object with the key instances; see `imds-emulator example-config`"
        )
    for key in data:
        if key not in KEYS and not key.startswith("#"):
            raise ValueError("%s: unknown key%s; known keys: %s" % (key, similar(key, KEYS), ", ".join(KEYS)))
    raw = data.get("instances", [])
    if not isinstance(raw, list) or not raw:
        raise ValueError("instances: must be a list with at least one instance")
    instances = [check_instance(entry, "instances[%d]" % index) for index, entry in enumerate(raw)]
    _check_unique(instances)
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    control = control_settings.merged(control_settings.defaults(), data.get("control", {}))
    return Config(instances, switches.merged(switches.defaults(), data.get("switches", {})), digest, control)


def _check_unique(instances: t.List[t.Dict[str, t.Any]]) -> None:
    owners: t.Dict[t.Tuple[str, str], int] = {}
    for index, raw in enumerate(instances):
        for key, names in (("instance_id", [raw["instance_id"]]), ("clients", raw.get("clients", []))):
            for name in names:
                if owners.setdefault((key, name), index) != index:
                    raise ValueError("instances[%d].%s: %s is used by two instances" % (index, key, name))
