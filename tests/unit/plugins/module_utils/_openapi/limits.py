# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rate limits of a simulated API. ``take`` returns whether a call at this time is accepted."""

from __future__ import annotations


class Bucket:
    """Refill evenly at *rate* calls a second, and hold those of one second at most."""

    def __init__(self, rate: float) -> None:
        self.rate, self.left, self.at = rate, rate, 1000.0

    def take(self, now: float) -> bool:
        self.left, self.at = min(self.rate, self.left + (now - self.at) * self.rate), now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Window:
    """Accept *rate* times *seconds* calls in each window of *seconds*, then none."""

    def __init__(self, rate: float, seconds: float) -> None:
        self.most, self.seconds, self.of, self.left = rate * seconds, seconds, None, 0.0

    def take(self, now: float) -> bool:
        if self.of != now // self.seconds:
            self.of, self.left = now // self.seconds, self.most
        self.left -= 1
        return self.left >= 0
