# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Store changes made through the admin API in a file, and restore them after a restart."""

from __future__ import annotations

import json
import os
import tempfile
import typing as t

from . import switches
from .clock import Clock
from .config_values import Config
from .control import settings as control_settings
from .fields import check_instance
from .state import State


def restore(path: t.Optional[str], config: Config) -> t.Tuple[Config, Clock, t.Optional[float]]:
    """Return (configuration, clock, start time) from the stored state, or from *config* if that has changed since.

    The start time is None if the state is not restored.

    Raises: ValueError for an invalid file, OSError.
    """
    if not path or not os.path.exists(path):
        return config, Clock(), None
    try:
        with open(path, encoding="utf-8") as stream:
            stored = json.load(stream)
        if stored["config_digest"] != config.digest:
            return config, Clock(), None
        instances = [check_instance(raw) for raw in stored["instances"]]
        known = switches.merged(config.switches, stored["switches"])
        control = control_settings.merged(config.control, stored.get("control", {}))
        clock, started = Clock(float(stored["clock_offset"])), float(stored["started"])
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise ValueError("%s: not a state file of the emulator (%s). Delete it." % (path, problem)) from None
    return Config(instances, known, config.digest, control), clock, started


def snapshot(state: State, digest: str, control: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """Return the data to store. *digest* identifies the configuration that it is based on."""
    return {
        "config_digest": digest,
        "clock_offset": state.clock.offset,
        "started": state.started,
        "instances": state.raw(),
        "switches": state.switches(),
        "control": dict(control),
    }


def write_json(path: str, data: t.Any) -> None:
    """Replace a file atomically with JSON, readable by its owner only (mode 0600)."""
    folder = os.path.dirname(os.path.abspath(path))
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".imds-emulator-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(data, stream)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
