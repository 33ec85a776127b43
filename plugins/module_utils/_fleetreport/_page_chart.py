# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How do numbers become bars? Inline SVG, in percent, so that it fits any width. No I/O; private to the collection."""

from __future__ import annotations

import typing as t

from ._hosts import STATES
from ._markup import Html, join, tag
from ._words import STATES as WORDS

_LEAST = 0.6  # percent: what is there must be seen


def patterns() -> Html:
    """The hatch of open hosts, which is told from the others without colour as well. Once per page."""
    hatch = tag(
        "pattern",
        tag("rect", width=7, height=7, class_="s-open"),
        tag("rect", width=2, height=7, class_="hatch"),
        id="hatch",
        width=7,
        height=7,
        patternUnits="userSpaceOnUse",
        patternTransform="rotate(45)",
    )
    return tag("svg", tag("defs", hatch), class_="defs", width=0, height=0, aria_hidden="true")


def stacked(states: t.Mapping[str, int], whole: int, label: t.Optional[str] = None) -> Html:
    """One stacked bar, as long as its share of *whole*. Without a *label* it is hidden from screen readers."""
    shares = [(name, max(100.0 * states[name] / whole, _LEAST)) for name in STATES if states[name]]
    over = max(sum(share for _name, share in shares), 100.0) / 100.0
    drawn, start = [], 0.0
    for name, share in shares:
        share /= over
        place = {"x": "%.2f%%" % start, "width": "%.2f%%" % share, "height": "100%"}
        drawn.append(tag("rect", tag("title", "%s: %s" % (WORDS[name][0], states[name])), class_="s-" + name, **place))
        start += share
    hidden = None if label else "true"
    return tag("svg", drawn, class_="bar", role="img" if label else None, aria_label=label, aria_hidden=hidden)


def mark(state: str) -> Html:
    """The shape of a state: each has its own, beside its colour."""
    return tag("i", class_="mark s-" + state, aria_hidden="true")


def legend(states: t.Mapping[str, int]) -> Html:
    entries = [
        tag("li", mark(name), tag("b", format(states[name], ",")), " ", word, tag("span", meaning))
        for name, (word, meaning) in WORDS.items()
        if states[name]
    ]
    return tag("ul", join(*entries), class_="legend")
