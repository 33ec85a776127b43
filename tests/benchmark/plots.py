# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw measured numbers as lines in an SVG image beside a page.

An own writer, because a plotting library would add ten packages (170 MB) for five images, five times as large. The same
numbers always give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

# Units of the image, which is scaled to the width of the page. The text is readable from 320 pixels on.
WIDTH, HEIGHT, SHOWN = 400, 210, 640  # HEIGHT is that of the area with the lines, SHOWN the usual width in pixels
LEFT, RIGHT, TOP, BOTTOM, ROW = 58, 14, 26, 40, 16
FONT = "system-ui, 'Segoe UI', Helvetica, Arial, sans-serif"
# Colors that color-blind readers can distinguish (Okabe and Ito), with at least 3:1 on the white background.
COLORS = ("#0072b2", "#c04a00", "#00795a", "#a6558a", "#444444")
# Each line has a marker of its own, too.
MARKERS = (
    "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z",
    "M-3.5,-3.5h7v7h-7z",
    "M0,-4.6L4.4,3.4h-8.8z",
    "M0,-5L5,0L0,5L-5,0z",
    "M0,4.6L4.4,-3.4h-8.8z",
)


class Axis(NamedTuple):
    """The label of an axis, and how its numbers appear in the page: *form* is a format specification, *unit* follows."""

    label: str
    unit: str
    form: str = ",g"
    log: bool = True

    def text(self, number: float) -> str:
        return f"{number:{self.form}} {self.unit}"


class Plot(NamedTuple):
    """Lines by name, each with the measured *y* by *x*."""

    title: str
    x: Axis
    y: Axis
    lines: Mapping[str, Mapping[float, float]]

    def describe(self) -> str:
        """Return the text for readers who do not see the image."""
        ends = []
        for name, points in self.lines.items():
            first, last = min(points), max(points)
            text = f"{name}: {self.y.text(points[first])} at {self.x.text(first)}"
            if last > first:
                text += f", {self.y.text(points[last])} at {self.x.text(last)}"
            ends.append(text)
        return f"{self.title}. {'; '.join(ends)}."


class Scale:
    """Map numbers to positions between *start* and *end*. Zero cannot be on a logarithmic axis, which then becomes linear."""

    def __init__(
        self, numbers: Sequence[float], log: bool, start: float, end: float, ticks: Sequence[float] = ()
    ) -> None:
        self.log = log and min(numbers) > 0
        self.ticks = list(ticks) or (decades(numbers) if self.log else steps(numbers))
        self._low, self._high = self._of(self.ticks[0]), self._of(self.ticks[-1])
        self._start, self._end = start, end

    def _of(self, number: float) -> float:
        return math.log10(number) if self.log else number

    def at(self, number: float) -> float:
        share = (self._of(number) - self._low) / ((self._high - self._low) or 1)
        return round(self._start + share * (self._end - self._start), 1)


def decades(numbers: Sequence[float]) -> list[float]:
    """Return 1, 2, 5, 10, 20 ... around *numbers*, or only powers of ten if they differ by more than a factor of 100."""
    low, high = min(numbers), max(numbers)
    wide = high / low > 100
    factors = (1,) if wide else (1, 2, 5)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = [float(f"{factor}e{power}") for power in powers for factor in factors]
    below, above = [tick for tick in every if tick <= low], [tick for tick in every if tick >= high]
    return [tick for tick in every if below[-1] <= tick <= above[0]]


def steps(numbers: Sequence[float]) -> list[float]:
    """Return at most seven round numbers from zero, or from a negative number, to at least the largest of *numbers*."""
    low, high = min(0.0, *numbers), max(0.0, *numbers)
    if low == high:
        high = 1.0
    raw = (high - low) / 5
    power = 10 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    return [number * step for number in range(math.floor(low / step), math.ceil(high / step - 1e-9) + 1)]


def svg(plot: Plot) -> str:
    """Return the image as text."""
    rows = len(plot.lines)
    head = TOP + ROW * rows
    height = head + HEIGHT + BOTTOM
    xs = sorted({x for points in plot.lines.values() for x in points})
    ys = [y for points in plot.lines.values() for y in points.values()]
    across = Scale(xs, plot.x.log, LEFT + 12, WIDTH - RIGHT - 12, ticks=xs)
    up = Scale(ys, plot.y.log, head + HEIGHT, head + 8)
    size = {"width": str(SHOWN), "height": str(round(height * SHOWN / WIDTH)), "viewBox": f"0 0 {WIDTH} {height}"}
    root = ElementTree.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img", **size})
    root.set("aria-labelledby", "title desc")
    ElementTree.SubElement(root, "title", {"id": "title"}).text = plot.title
    ElementTree.SubElement(root, "desc", {"id": "desc"}).text = plot.describe()
    _add(root, "rect", width=WIDTH, height=height, fill="#ffffff")
    all_text = _add(root, "g", **{"font-family": FONT, "font-size": 11, "fill": "#222222"})
    _text(all_text, 8, 17, plot.title, **{"font-size": 13, "font-weight": "bold"})
    _grid(root, all_text, plot, (across, up), head)
    for number, (name, points) in enumerate(plot.lines.items()):
        color, marker = COLORS[number % len(COLORS)], MARKERS[number % len(MARKERS)]
        key = TOP + ROW * number + 4
        _add(root, "path", d=f"M8,{key}h26", stroke=color, **{"stroke-width": 2})
        _add(root, "path", d=marker, transform=f"translate(21,{key})", fill=color)
        _text(all_text, 42, key + 4, name)
        line = _add(root, "g", fill=color)
        line.set("class", "line")
        ElementTree.SubElement(line, "title").text = name
        places = [(across.at(x), up.at(points[x])) for x in sorted(points)]
        path = "M" + "L".join(f"{x:g},{y:g}" for x, y in places)
        _add(line, "path", d=path, fill="none", stroke=color, **{"stroke-width": 2})
        for x, (left, top) in zip(sorted(points), places, strict=True):
            dot = _add(line, "path", d=marker, transform=f"translate({left:g},{top:g})")
            ElementTree.SubElement(dot, "title").text = f"{plot.x.text(x)}: {plot.y.text(points[x])}"
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _grid(
    root: ElementTree.Element, text: ElementTree.Element, plot: Plot, scales: tuple[Scale, Scale], head: int
) -> None:
    """Draw the grid, the numbers at its ends, and the labels of the axes."""
    across, up = scales
    floor = head + HEIGHT
    for tick in up.ticks:
        _add(root, "path", d=f"M{LEFT},{up.at(tick):g}H{WIDTH - RIGHT}", stroke="#d8d8d8")
        _text(text, LEFT - 5, up.at(tick) + 4, f"{tick:,.6g}", **{"text-anchor": "end"})
    for tick in across.ticks:
        _add(root, "path", d=f"M{across.at(tick):g},{floor}v4", stroke="#222222")
        _text(text, across.at(tick), floor + 16, f"{tick:,g}", **{"text-anchor": "middle"})
    _add(root, "path", d=f"M{LEFT},{head}V{floor}H{WIDTH - RIGHT}", fill="none", stroke="#222222")
    _text(text, (LEFT + WIDTH - RIGHT) / 2, floor + 33, plot.x.label, **{"text-anchor": "middle"})
    turned = f"rotate(-90 12 {head + HEIGHT / 2:g})"
    _text(text, 12, head + HEIGHT / 2, plot.y.label, transform=turned, **{"text-anchor": "middle"})


def _add(parent: ElementTree.Element, tag: str, **attributes: object) -> ElementTree.Element:
    return ElementTree.SubElement(parent, tag, {name: str(value) for name, value in attributes.items()})


def _text(parent: ElementTree.Element, x: float, y: float, content: str, **attributes: object) -> None:
    _add(parent, "text", x=f"{x:g}", y=f"{y:g}", **attributes).text = content


def image(plot: Plot, page: Path) -> str:
    """Write the image for *page* into the folder plots beside it; return the link to it in Markdown."""
    file = page.parent / "plots" / page.with_suffix(".svg").name
    file.parent.mkdir(exist_ok=True)
    file.write_text(svg(plot))
    return f"![{plot.describe()}](plots/{file.name})"
