# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Define the number of measurements."""

from __future__ import annotations

from typing import NamedTuple


class Plan(NamedTuple):
    """The delays and rounds of a benchmark.

    ``delays`` are seconds per answer; whole runs are measured only with ``whole_delays``. The peer takes seconds, so it runs only
    in every ``whole_peer_every``-th or ``payload_peer_every``-th round. ``few_rounds`` are for differences above the noise.
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
