# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plots are valid images that show the measured numbers at the right places, always with the same bytes."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import growth
import pytest
from plots import HEIGHT, LEFT, RIGHT, SHOWN, WIDTH, Axis, Plot, decades, image, steps, svg

from ..conftest import CHECKOUT

SVG = "{http://www.w3.org/2000/svg}"
LINES = {
    "a role": {1000.0: 1187.5, 10.0: 12.5, 50.0: 61.0},
    "pings & <others>": {10.0: 2.0, 50.0: 8.2, 1000.0: 166.0},
    "one task per step": {50.0: 154.2},
}
PLOT = Plot("Duration by number of hosts", Axis("hosts", "hosts"), Axis("duration (s)", "s", ",.1f"), LINES)


def root(plot: Plot = PLOT) -> ElementTree.Element:
    return ElementTree.fromstring(svg(plot))


def places(plot: Plot) -> dict[str, dict[str, tuple[float, float]]]:
    """Return the position of each marker by line and text."""
    found = {}
    for line in root(plot).findall(f"{SVG}g[@class='line']"):
        dots = line.findall(f"{SVG}path[{SVG}title]")
        found[line.findtext(f"{SVG}title")] = {
            dot.findtext(f"{SVG}title"): tuple(map(float, re.findall(r"[\d.]+", dot.get("transform", ""))))
            for dot in dots
        }
    return found


def ticks(plot: Plot, anchor: str) -> dict[float, float]:
    """Return the positions of the numbers at an axis: those that end at the vertical one, those in the middle below the other."""
    every = root(plot).iter(f"{SVG}text")
    texts = [
        text for text in every if text.get("text-anchor") == anchor and re.fullmatch(r"-?[\d.,]+", text.text or "")
    ]
    name, shift = ("y", 4) if anchor == "end" else ("x", 0)
    return {float((text.text or "").replace(",", "")): float(text.get(name, "")) - shift for text in texts}


def test_the_image_has_a_title_a_description_and_a_background() -> None:
    image = root()
    assert image.get("role") == "img" and image.get("aria-labelledby") == "title desc"
    assert image.findtext(f"{SVG}title[@id='title']") == PLOT.title
    assert image.findtext(f"{SVG}desc[@id='desc']") == PLOT.describe()
    ground = image.find(f"{SVG}rect")
    assert ground is not None and ground.get("fill") == "#ffffff"
    assert image.get("viewBox") == f"0 0 {ground.get('width')} {ground.get('height')}"


def test_the_description_has_both_ends_of_each_line() -> None:
    assert PLOT.describe() == (
        "Duration by number of hosts. a role: 12.5 s at 10 hosts, 1,187.5 s at 1,000 hosts;"
        " pings & <others>: 2.0 s at 10 hosts, 166.0 s at 1,000 hosts; one task per step: 154.2 s at 50 hosts."
    )


def test_labels_of_axes_and_lines_are_in_the_image() -> None:
    texts = {text.text for text in root().iter(f"{SVG}text")}
    assert {PLOT.title, "hosts", "duration (s)", *LINES} <= texts


def test_each_measured_number_is_a_marker() -> None:
    assert {name: set(dots) for name, dots in places(PLOT).items()} == {
        name: {f"{x:,g} hosts: {y:,.1f} s" for x, y in points.items()} for name, points in LINES.items()
    }


@pytest.mark.parametrize("log", (True, False))
def test_markers_are_where_the_numbers_at_the_axes_say(log: bool) -> None:
    plot = PLOT._replace(x=PLOT.x._replace(log=log), y=PLOT.y._replace(log=log))
    scale = math.log10 if log else float
    for anchor, axis in (("end", 1), ("middle", 0)):
        marks = ticks(plot, anchor)
        low, high = min(marks), max(marks)
        for name, dots in places(plot).items():
            for x, y in LINES[name].items():
                number = (x, y)[axis]
                share = (scale(number) - scale(low)) / (scale(high) - scale(low))
                wanted = marks[low] + share * (marks[high] - marks[low])
                assert dots[f"{x:,g} hosts: {y:,.1f} s"][axis] == pytest.approx(wanted, abs=0.2)


def test_larger_numbers_are_higher_and_further_right() -> None:
    dots = list(places(PLOT)["a role"].values())
    assert dots == sorted(dots) and [y for _x, y in dots] == sorted((y for _x, y in dots), reverse=True)


@pytest.mark.parametrize("log", (True, False))
def test_nothing_is_outside_of_the_area(log: bool) -> None:
    plot = PLOT._replace(x=PLOT.x._replace(log=log), y=PLOT.y._replace(log=log))
    low = max(ticks(plot, "end").values())
    for dots in places(plot).values():
        for x, y in dots.values():
            assert LEFT < x < WIDTH - RIGHT and low - HEIGHT < y <= low


def test_an_axis_with_zero_is_linear() -> None:
    plot = PLOT._replace(x=PLOT.x._replace(log=True), lines={"line": {0.0: 5.0, 10.0: 10.0, 20.0: 15.0}})
    xs = [x for x, _y in places(plot)["line"].values()]
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.2)


@pytest.mark.parametrize(
    ("numbers", "wanted"),
    (
        ([2.0, 1187.5], [1, 10, 100, 1000, 10000]),
        ([2.1, 44.0], [2, 5, 10, 20, 50]),
        ([0.03, 0.2], [0.02, 0.05, 0.1, 0.2]),
        ([10.0, 10.0], [10]),
        ([7.0], [5, 10]),
    ),
)
def test_marks_of_a_logarithmic_axis(numbers: list[float], wanted: list[float]) -> None:
    assert decades(numbers) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("numbers", "wanted"),
    (
        ([3.0, 19.0], [0, 5, 10, 15, 20]),
        ([0.8, 8.33], [0, 2, 4, 6, 8, 10]),
        ([0.0], [0, 0.2]),
        ([-1.0, 4.0], [-1, 0, 1, 2, 3, 4]),
    ),
)
def test_marks_of_a_linear_axis(numbers: list[float], wanted: list[float]) -> None:
    assert steps(numbers)[: len(wanted)] == pytest.approx(wanted)
    assert steps(numbers)[-1] >= max(numbers)


def test_the_same_numbers_give_the_same_bytes_in_each_process() -> None:
    script = f"import sys; from plots import *; sys.stdout.write(svg(Plot({', '.join(map(repr, PLOT))})))"
    made = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(CHECKOUT / "tests/benchmark")}
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        made.add(done.stdout)
    assert made == {svg(PLOT)}


def test_the_order_of_the_points_does_not_matter() -> None:
    turned = {name: dict(reversed(points.items())) for name, points in LINES.items()}
    assert svg(PLOT._replace(lines=turned)) == svg(PLOT)


def test_the_text_is_readable_on_a_phone() -> None:
    """A page of 390 pixels leaves 358 for an image; text of less than 9 pixels is hard to read."""
    sizes = [float(one.get("font-size", "99")) for one in root().iter()]
    assert min(sizes) * 358 / WIDTH > 9
    assert int(root().get("width", "")) == SHOWN > WIDTH


def test_the_image_is_written_beside_the_page(tmp_path: Path) -> None:
    link = image(PLOT, tmp_path / "page.md")
    assert link == f"![{PLOT.describe()}](plots/page.svg)"
    assert (tmp_path / "plots/page.svg").read_text() == svg(PLOT)


def test_exponents_and_slopes() -> None:
    assert growth.exponent({1.0: 5.0, 10.0: 50.0, 100.0: 500.0}) == pytest.approx(1)
    assert growth.exponent({1.0: 5.0, 10.0: 500.0}) == pytest.approx(2)
    assert growth.exponent({1.0: 5.0, 10.0: 5.0}) == pytest.approx(0)
    assert growth.slope([(0, 1), (5, 11), (10, 21)]) == pytest.approx(2)
    text = growth.each({10.0: 12.0, 1000.0: 1100.0}, "s", "host")
    assert text == "1.2 s for each host at 10, 1.1 s at 1,000 (exponent 0.98)"
    assert growth.each({50.0: 0.1}, "ms", "host", 1000) == "2 ms for each host at 50"
