# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Load and validate the configuration file."""

from __future__ import annotations

import hashlib
import json
import typing as t

from . import example, switches
from .config_values import Config
from .control import settings as control_settings
from .fields import check_instance

KEYS = ("instances", "switches", "control")


def load(path: t.Optional[str]) -> Config:
    """Return the configuration in the file *path*, or the built-in one if *path* is None.

    Raises: ValueError naming the invalid key, OSError.
    """
    if path is None:
        return parse(json.dumps(example.built_in()))
    with open(path, "rb") as stream:
        data = stream.read()
    try:
        return parse(data.decode("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as problem:
        raise ValueError("%s: not a JSON file in UTF-8: %s" % (path, problem)) from None


def parse(text: str) -> Config:
    """Return the configuration in a JSON text.

    Raises: ValueError naming the invalid key.
    """
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ValueError(
            "the configuration must be a JSON object with the key instances; see `imds-emulator example-config`"
        )
    for key in data:
        if key not in KEYS and not key.startswith("#"):
            raise ValueError("%s: unknown key; known keys: %s" % (key, ", ".join(KEYS)))
    raw = data.get("instances", [])
    if not isinstance(raw, list) or not raw:
        raise ValueError("instances: must be a list with at least one instance")
    instances = [check_instance(entry, "instances[%d]" % index) for index, entry in enumerate(raw)]
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    control = control_settings.merged(control_settings.defaults(), data.get("control", {}))
    return Config(instances, switches.merged(switches.defaults(), data.get("switches", {})), digest, control)
