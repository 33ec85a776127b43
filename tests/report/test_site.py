# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Open pages of the documentation in a browser. `make docs` builds them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from pages import AXE, SCREENSHOTS
from waiting import wait_until

CHECKOUT = Path(__file__).resolve().parents[2]
SITE = CHECKOUT / "build/docs"
# One page of each kind
PAGES = [
    "index",
    "docsite/five_minutes.zh_CN",
    "docsite/playbooks",
    "docsite/ecs_metadata",
    "metadata_options_module",
    "hardening_role",
    "changelog",
]

VIOLATIONS = """
return found.violations.flatMap((it) => it.nodes.map((one) => [it.id, one.failureSummary, one.target.join(' ')]));
"""
# Text whose end is outside of the window, except in blocks of code and in wide tables, which scroll.
CUT_OFF_TEXT = """
return Array.from(document.querySelectorAll('.rst-content :is(h1, h2, h3, h4, p, li, dt, dd, th, td)')).filter((one) => {
  const range = document.createRange();
  range.selectNodeContents(one);
  return !one.closest('pre, .wy-table-responsive') && !one.querySelector('pre') && range.getBoundingClientRect().right > innerWidth + 1;
}).map((one) => one.outerHTML.slice(0, 120));
"""


@pytest.fixture(scope="module")
def site() -> Path:
    """Return the folder of the documentation, and build it if it is missing."""
    if not (SITE / "index.html").is_file():
        done = subprocess.run(
            ["make", "docs"], cwd=CHECKOUT, env=dict(os.environ), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return SITE


@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_no_violation(browser, site: Path, axe: str, width: int) -> None:
    problems: dict[str, str] = {}  # one place for each rule and message
    for page in PAGES:
        browser.open(site / f"{page}.html", width=width)
        browser.screenshot(SCREENSHOTS / f"site-{page.replace('/', '-')}-{width}.png")
        browser.run(AXE % axe)
        wait_until(lambda: browser.run("return Boolean(window.found)"), "axe-core")
        assert browser.run("return found.passes.length") > 10
        for name, message, place in browser.run(VIOLATIONS):
            problems.setdefault(f"{name}: {message}", f"{page}: {place}")
    assert not problems, "\n".join(f"{where}: {message}" for message, where in problems.items())


def test_no_page_names_galaxy_as_the_only_way_to_install(site: Path) -> None:
    pages = [path for path in site.glob("*.html") if "To install it" in path.read_text()]
    assert len(pages) > 15
    assert [path.name for path in pages if 'href="docsite/installation.html' not in path.read_text()] == []
    assert [path.name for path in pages if "collection install alicloud.imds" in path.read_text()] == []


def test_every_page_fits_a_narrow_window(browser, site: Path) -> None:
    pages = sorted(path for path in site.rglob("*.html") if path.name != "search.html")
    assert len(pages) > 30
    problems = []
    for path in pages:
        browser.open(path, width=390)
        problems += [f"{path.name}: {html}" for html in browser.run(CUT_OFF_TEXT)]
    assert not problems, "\n".join(problems)


def test_the_sidebar_has_groups_and_short_names(browser, site: Path) -> None:
    browser.open(site / "index.html")
    captions = browser.run(
        "return Array.from(document.querySelectorAll('.wy-menu-vertical .caption')).map((one) => one.textContent.trim())"
    )
    assert captions[:2] == ["Get started", "User guides"] and captions[-1] == "Background"
    names = browser.run(
        "return Array.from(document.querySelectorAll('.wy-menu-vertical a')).map((one) => one.textContent.trim())"
    )
    modules = {path.stem for path in (CHECKOUT / "plugins/modules").glob("[a-z]*.py")}
    assert len(names) > 25 and max(map(len, set(names) - modules)) < 35
    wide = browser.run(
        "return Array.from(document.querySelectorAll('.wy-menu-vertical a')).filter((one) => one.scrollWidth > one.clientWidth)"
        ".map((one) => one.textContent.trim())"
    )
    assert wide == []
    assert not any(name.startswith("hardening_") for name in names)
