# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generate example configurations, in which keys that start with # are comments."""

from __future__ import annotations

import typing as t

from .control.settings import KEYS
from .defaults import complete
from .fields import FIELDS
from .switches import SWITCHES

INSTANCE: t.Dict[str, t.Any] = {
    "instance_id": "i-bp1example0000000001",
    "eipv4": "47.96.0.10",
    "instance_metadata_tags": "enabled",
    "tags": {"env": "test", "team": "infra"},
    "public_keys": {"0": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExample example"},
    "role": {"name": "EmulatedInstanceRole"},
    "user_data": "#!/bin/sh\necho hello\n",
}
#: For `serve --control`; not a real key.
ACCESS_KEYS: t.Dict[str, t.Any] = {
    "LTAI5tEmulatorExample": {"secret": "emulated-secret", "actions": ["ecs:*", "sts:*"]}
}


def built_in() -> t.Dict[str, t.Any]:
    """Return the configuration used without a file: one instance that serves every client."""
    return {"instances": [INSTANCE], "control": {"access_keys": ACCESS_KEYS}}


def commented() -> t.Dict[str, t.Any]:
    """Return a configuration with every key, its default and a comment, which the emulator ignores."""
    settings = dict(complete(INSTANCE), default=True)
    instance: t.Dict[str, t.Any] = {}
    for key, field in FIELDS.items():
        instance["#" + key] = "%s (%s)" % (field.meaning, field.needs)
        instance[key] = settings.get(key)
    switches: t.Dict[str, t.Any] = {}
    for name, switch in SWITCHES.items():
        switches["#" + name] = "%s (%s)" % (switch.meaning, switch.values)
        switches[name] = switch.default
    control: t.Dict[str, t.Any] = {}
    for name, rule in KEYS.items():
        control["#" + name] = "%s (%s)" % (rule.meaning, rule.values)
        control[name] = ACCESS_KEYS if name == "access_keys" else rule.default
    return {"instances": [instance], "switches": switches, "control": control}
