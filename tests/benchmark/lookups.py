# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the requests and the time of many lookups in one task."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from processes import run
from services import Services
from subjects import BIN, environment

ITEMS = ["instance-id", "region-id", "zone-id", "hostname", "mac"]


class Lookups(NamedTuple):
    """``added`` is the difference in seconds to the same task without a lookup; the counts are those of one run."""

    number: int
    form: str
    connections: int
    requests: int
    added: float


def _debug(message: str) -> list[str]:
    return [str(BIN / "ansible"), "localhost", "-m", "ansible.builtin.debug", "-a", json.dumps({"msg": message})]


def _separate(number: int) -> str:
    each = "{{ lookup('alicloud.imds.metadata', items[n % 5]) }}"
    return f"{{% set items = {ITEMS} %}}{{% for n in range({number}) %}}{each} {{% endfor %}}"


def _terms(number: int) -> str:
    terms = ", ".join(repr(ITEMS[n % len(ITEMS)]) for n in range(number))
    return f"{{{{ query('alicloud.imds.metadata', {terms}) }}}}"


def lookups(services: Services, numbers: Sequence[int], rounds: int) -> Iterator[Lookups]:
    settings = environment()
    cases = [(number, form, make(number)) for number in numbers for form, make in _FORMS.items()]
    for number, form, message in cases:
        added = []
        for _turn in range(rounds):
            bare = run(_debug("nothing"), settings)
            before = services.counts()[0]
            sample = run(_debug(message), settings)
            after = services.counts()[0]
            if sample.status:
                raise RuntimeError(f"{number} lookups ({form}) failed")
            added.append(sample.wall - bare.wall)
        yield Lookups(number, form, after[0] - before[0], after[1] - before[1], statistics.median(added))


_FORMS = {"separate lookups in one task": _separate, "one lookup with so many terms": _terms}
