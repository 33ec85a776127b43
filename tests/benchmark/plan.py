# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much is measured."""

from __future__ import annotations

from typing import NamedTuple


class Plan(NamedTuple):
    """``delays`` are seconds per answer; whole runs are made at ``whole_delays`` only. The peer takes seconds, so it takes part
    in every so many rounds only: ``whole_peer_every``, ``payload_peer_every``. ``few_rounds`` is for what differs by more than the noise.
    """

    delays: tuple[float, ...]
    whole_delays: tuple[float, ...]
    whole_rounds: int
    whole_peer_every: int
    payload_rounds: int
    payload_peer_every: int
    few_rounds: int
    lookups: tuple[int, ...]
    peer_off_cloud: bool


FULL = Plan(
    delays=(0.0, 0.005, 0.02),
    whole_delays=(0.0, 0.005, 0.02),
    whole_rounds=16,
    whole_peer_every=2,
    payload_rounds=24,
    payload_peer_every=6,
    few_rounds=3,
    lookups=(1, 10, 100),
    peer_off_cloud=True,
)
QUICK = Plan(
    delays=(0.0, 0.02),
    whole_delays=(0.0,),
    whole_rounds=1,
    whole_peer_every=1,
    payload_rounds=2,
    payload_peer_every=2,
    few_rounds=1,
    lookups=(10,),
    peer_off_cloud=False,
)
