# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which instances and switches does the emulator start with? From a file, or one example instance without a file."""

from __future__ import annotations

import hashlib
import json
import typing as t

from . import example, switches
from .control import settings as control_settings
from .fields import check_instance

KEYS = ("instances", "switches", "control")


class Config(t.NamedTuple):
    instances: t.List[t.Dict[str, t.Any]]  #: checked, but as written: nothing filled in
    switches: t.Dict[str, t.Any]  #: complete
    digest: str  #: of the text, to notice that a file has changed
    control: t.Dict[str, t.Any]  #: complete


def load(path: t.Optional[str]) -> Config:
    """Raises ValueError (what is wrong, and where) and OSError."""
    if path is None:
        return parse(json.dumps(example.built_in()))
    with open(path, "rb") as stream:
        return parse(stream.read().decode("utf-8"))


def parse(text: str) -> Config:
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ValueError("an object with instances and switches is needed")
    for key in data:
        if key not in KEYS and not key.startswith("#"):
            raise ValueError("%s: there is no such key; there are: %s" % (key, ", ".join(KEYS)))
    raw = data.get("instances", [])
    if not isinstance(raw, list) or not raw:
        raise ValueError("instances: a list with at least one instance is needed")
    instances = [check_instance(entry, "instances[%d]" % index) for index, entry in enumerate(raw)]
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    control = control_settings.merged(control_settings.defaults(), data.get("control", {}))
    return Config(instances, switches.merged(switches.defaults(), data.get("switches", {})), digest, control)
