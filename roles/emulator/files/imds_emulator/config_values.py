# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The values of a validated configuration, which config.py reads from a file and the state of the emulator starts with."""

from __future__ import annotations

import typing as t


class Config(t.NamedTuple):
    """A validated configuration."""

    instances: t.List[t.Dict[str, t.Any]]  #: validated, without default values
    switches: t.Dict[str, t.Any]  #: with default values
    digest: str  #: SHA-256 of the text, to detect a changed file
    control: t.Dict[str, t.Any]  #: with default values
