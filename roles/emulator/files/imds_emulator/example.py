# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What does a configuration look like? One with every key in it, each explained by a neighbour that starts with #."""

from __future__ import annotations

import typing as t

from .believable import complete
from .control.settings import KEYS
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
#: For `serve --control`. Invented, like everything here.
ACCESS_KEYS: t.Dict[str, t.Any] = {"LTAI5tEmulatorExample": {"secret": "emulated-secret", "actions": ["ecs:*", "sts:*"]}}


def built_in() -> t.Dict[str, t.Any]:
    """What runs without a configuration file: one instance that answers every client."""
    return {"instances": [INSTANCE], "control": {"access_keys": ACCESS_KEYS}}


def commented() -> t.Dict[str, t.Any]:
    """A configuration to start from. Its keys that start with # are comments; the emulator ignores them."""
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
