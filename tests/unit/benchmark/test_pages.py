# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each page of a benchmark begins with ratio, growth and conditions, and its plot has the numbers of its tables."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import fleet_page
import hardening_page
import inventory_page
import metadata_page
import priorities
import pytest
import subjects
import watch_page
from costs import Costs, PathCosts
from hardening_page import Measured, Results
from measuring import Series
from processes import Sample

from ..conftest import CHECKOUT

SVG = "{http://www.w3.org/2000/svg}"


def hardening(page: Path) -> str:
    results = Results(steps=12)
    for size in (50, 10, 1000):
        results.sizes[size] = {
            "one ping": Measured(0.2 * size + 0.31, 0, 0),
            "harden": Measured(1.1 * size + 1.27, 2 + size // 100, size),
            "second run": Measured(0.9 * size + 0.73, 1 + size // 100, 0),
        }
    more = {"4 pings": 31.2, "undo": 40.2, "4 pings again": 30.1, "one task per step": 154.2}
    results.sizes[50] |= {name: Measured(seconds, 0, 0) for name, seconds in more.items()}
    return hardening_page.render(results, 0.6, page)


def fleet_runs(factor: float, size: int) -> dict[str, list[Any]]:
    names = (fleet_page.LOOP, fleet_page.MODULE, "metadata_options, one call at a time")
    return {
        name: [
            SimpleNamespace(
                wall=size / 1000 * factor * (number + 1.23),
                cpu=size / 900 * (number + 1.1),
                memory=40.0 + size / 1000 + number,
                accepted=lambda _action: [None] * 28,
                result={"import_seconds": 0.6},
            )
        ]
        for number, name in enumerate(names)
    }


def fleet(page: Path) -> str:
    results = {0.0: fleet_runs(1, 1700), 0.05: fleet_runs(20, 1700)}
    more = {size: {name: runs[0] for name, runs in fleet_runs(1, size).items()} for size in (10_000, 100_000)}
    return fleet_page.render(results, more, {50: (5.5, 1.05, 12)}, 1.7, page)


def inventory(page: Path) -> str:
    def runs(size: int, factor: float) -> dict[str, list[inventory_page.Run]]:
        names = ("BARE", "SCRIPT", "MEMBERS", "PLUGIN", "CACHED")
        return {
            getattr(inventory_page, name): [
                inventory_page.Run(
                    size / 1000 * factor * number, size / 900 * number + 0.61, 50 + size / 90, 105, 0, size
                )
            ]
            for number, name in enumerate(names, 1)
        }

    grown = {size: inventory_page.costs(runs(size, 1)) for size in (1_000, 3_000, 10_000)}
    facts = {"load": "1.9", "alone_cpu": "0.6", "variables": "26", "theirs": "57", "core": "2.19.14"}
    paced = (runs(10_000, 1)[inventory_page.PLUGIN][0], 0.98)
    return inventory_page.render({0.0: runs(10_000, 1), 0.05: runs(10_000, 1.4)}, grown, paced, facts, page)


def metadata(path: Path) -> str:
    def results(delay: float) -> dict[subjects.Subject, Series]:
        every = (subjects.PING, subjects.ALL, subjects.WALK, subjects.EC2)
        pings = [Sample(0.2, 0.1, 26, 0)] * 4
        return {
            subject: Series([Sample(0.2 + number**3 * (0.041 + 3.7 * delay), 0.3, 28, 0)] * 4, pings, (3, 6))
            for number, subject in enumerate(every)
        }

    page = metadata_page.Page(metadata_page.Plan(**dict.fromkeys(metadata_page.Plan._fields, 1)))
    page.values = dict.fromkeys(results(0), 94)
    for delay in (0.0, 0.005, 0.02):
        page.payloads[delay] = page.whole_runs[delay] = results(delay)
        page.request_seconds[delay] = (0.00025 + delay, 0.0001 + delay)
    page.large = {subject: one for subject, one in results(0).items() if subject is not subjects.EC2}
    return metadata_page.render(page, path)


def watch(page: Path, reached: dict[str, int] | None = None) -> str:
    rounds = [[0.0003 + 0.000001 * number for number in range(100)] for _round in range(4)]
    costs = {kind: Costs(rounds, rounds, 0.0, [0.0119], 18 << 20, 19 << 20) for kind in watch_page.KINDS}
    shares = {"bpf": 1.0, "tracepoint": 3.1, "sockets": 3.3}
    paths = [
        PathCosts(name, {rate: factor * rate * 0.0001 + 0.0012 for rate in watch_page.RATES}, 0.002, 5000)
        for name, factor in shares.items()
    ]
    for one in paths:
        for rate in watch_page.RATES[(reached or {"sockets": 2}).get(one.method, 3) :]:
            del one.requests[rate]
    known = [priorities.Known("high", 0, 2000, 2000, 1998, 2)]
    return watch_page.render(costs, paths, known, watch_page.Run(2.5, 12, 5, 250), page)


PAGES: dict[str, Callable[[Path], str]] = {
    "benchmarks-hardening": hardening,
    "benchmarks-fleet": fleet,
    "benchmarks-inventory": inventory,
    "benchmarks": metadata,
    "benchmarks-watch": watch,
}


@pytest.fixture(autouse=True)
def _no_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata_page.peer, "version", lambda: "10.1.2")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_begins_with_ratio_growth_and_conditions_and_then_has_its_plot(name: str, tmp_path: Path) -> None:
    text = PAGES[name](tmp_path / f"{name}.md")
    head = text[: text.index("\n## ")]
    starts = [head.index(part) for part in ("- **Ratio**", "- **Growth**", "- **Conditions**", f"](plots/{name}.svg)")]
    assert starts == sorted(starts)
    assert "{" not in head and "}" not in head


@pytest.mark.parametrize("name", PAGES)
def test_the_plot_has_the_numbers_of_the_tables(name: str, tmp_path: Path) -> None:
    page = tmp_path / f"{name}.md"
    page.write_text(PAGES[name](page))
    assert compare(page, tmp_path / f"plots/{name}.svg") >= 6


def test_the_plots_in_the_documentation_have_the_numbers_of_their_pages() -> None:
    docs = CHECKOUT / "docs"
    plots = set(docs.glob("plots/*"))
    linked = {
        docs / link for page in docs.glob("*.md") for link in re.findall(r"\]\((plots/[^)]+)\)", page.read_text())
    }
    assert linked == plots and len(plots) == 5
    for plot in plots:
        assert compare(docs / plot.with_suffix(".md").name, plot)


def compare(page: Path, plot: Path) -> int:
    """Compare each number in a plot with the tables of its page; return how many there are."""
    image = ElementTree.fromstring(plot.read_text())
    text = page.read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    points = 0
    for line in image.findall(f"{SVG}g[@class='line']"):
        subject = line.findtext(f"{SVG}title") or ""
        for dot in line.findall(f"{SVG}path[{SVG}title]"):
            x, y = re.fullmatch(r"([\d,]+) [\w ]+: ([\d.,]+) (?:\w+|%)", dot.findtext(f"{SVG}title") or "").groups()
            assert has(rows, subject, x, y), (subject, x, y)
            points += 1
    return points


HEADS = ("", "hosts", "instances", "delay, module", "method", "load", "delay", "priority", "calls a second in a region")


def has(rows: list[list[str]], subject: str, x: str, y: str) -> bool:
    """Return whether a table has *y* for *x* and *subject*, which are in the row or in the heading of the column or section."""
    head: list[str] = []
    for row in rows:
        head = row if row[0] in HEADS else head
        cells = [re.sub(r"^\+(\S+) \(.*|%$", r"\1", cell) for cell in row]
        for column, cell in zip(head[1:], cells[1:], strict=True):
            places = {
                "": cells[0] == subject and column == "s" and x == str(hardening_page.COMPARED),
                "hosts": (cells[:2] == [x, subject] and column == "CPU s")
                or (cells[0] == x and column == f"{subject} s"),
                "instances": cells[:2] == [x, subject] and column == "s",
                "delay, module": cells[0] == f"{x} ms, {subject}" and column == "added ms",
                "method": cells[0] == subject and column == f"{x} a second",
            }
            if cell == y and places.get(head[0]):
                return True
    return False


def test_hardening_says_the_time_for_each_host(tmp_path: Path) -> None:
    text = hardening(tmp_path / "benchmarks-hardening.md")
    assert "hardening takes 1.23 s for each host at 10, 1.1 s at 1,000 (exponent 0.98)" in text


def test_hardening_has_a_page_only_with_all_subjects_of_one_number_of_hosts() -> None:
    results = Results({10: {"one ping": Measured(2.0, 0, 0)}})
    assert not results.complete()
    results.sizes[50] = {"one ping": Measured(2.0, 0, 0)}
    assert not results.complete()
    results.sizes[50]["one task per step"] = Measured(150.0, 0, 0)
    assert results.complete()


def test_hardening_shows_a_size_that_is_not_finished(tmp_path: Path) -> None:
    results = Results(steps=12)
    names = ("one ping", "4 pings", "harden", "second run", "undo", "4 pings again", "one task per step")
    results.sizes[50] = {name: Measured(10.0 + number, 2, 50) for number, name in enumerate(names)}
    results.sizes[1000] = {"one ping": Measured(170.0, 0, 0)}
    text = hardening_page.render(results, 0.6, tmp_path / "page.md")
    assert "| 1,000 | 170.0 | 0.17 |  |  |  |  |  |  |" in text
    assert "hardening takes 0.24 s for each host at 50;\n" in text


def test_the_watch_shows_a_rate_that_the_client_did_not_reach(tmp_path: Path) -> None:
    text = watch(tmp_path / "page.md")
    assert re.search(r"^\| sockets \| [\d.]+% \| [\d.]+% \| not reached \|", text, re.MULTILINE)
    assert "of one processor: 1.00% with bpf, 3.10% with tracepoint, 3.30% with sockets." in text


def test_the_watch_has_a_page_also_with_methods_that_reached_one_rate_or_none(tmp_path: Path) -> None:
    text = watch(tmp_path / "page.md", reached={"bpf": 1, "tracepoint": 0, "sockets": 2})
    assert "of one processor: 3.30% with sockets." in text
    assert "| tracepoint | not reached | not reached | not reached |" in text


def test_fleet_says_how_duration_cpu_time_and_memory_grow(tmp_path: Path) -> None:
    text = fleet(tmp_path / "page.md")
    growth = "2.23 ms for each instance at 1,700, 2.23 ms at 100,000 (exponent 1.00)"
    assert f"the module takes {growth}; its CPU time has an exponent of 1.00" in text
    assert "its memory 43 and 141 MiB;\n" in text
