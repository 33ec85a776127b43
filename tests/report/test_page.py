# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fleet report in Chromium: load time, search, filters, layout, accessibility, and no foreign code."""

from __future__ import annotations

import json
import re

import pytest
from pages import AXE, BROKEN_WORDS, SCREENSHOTS
from waiting import wait_until

MOST_ELEMENTS, MOST_MEGABYTES = 17000, 1.5
SHOWN = "return Array.from(document.querySelectorAll('#rows > tr[data-f]')).filter((row) => !row.hidden)"
NAMES = SHOWN + ".map((row) => row.cells[0].querySelector('bdi').textContent)"
CELLS = SHOWN + ".map((row) => row.cells[arguments[0]].textContent)"
CONTRAST = """
const [selector] = arguments, canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
const rgb = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
  return Array.from(canvas.getImageData(0, 0, 1, 1).data); };
const light = ([r, g, b]) => [r, g, b].map((one) => (one /= 255) <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
  .reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0);
const behind = (one) => { const made = rgb(getComputedStyle(one).backgroundColor);
  return made[3] || !one.parentElement ? made : behind(one.parentElement); };
const shown = document.querySelector(selector);
const [a, b] = [light(rgb(getComputedStyle(shown).color)), light(behind(shown))].sort((x, y) => y - x);
return (a + 0.05) / (b + 0.05);
"""


def state_filter(browser, value: str) -> None:
    browser.run(
        "const pick = document.getElementById('pick'); pick.value = arguments[0]; pick.dispatchEvent(new Event('change'))",
        value,
    )


def test_1000_hosts_load_without_an_error_and_with_few_elements(browser, reports, tell) -> None:
    """The number of elements and bytes decides how long the page takes to load; the time is only printed."""
    browser.open(reports.thousand)
    timing = browser.run("return performance.getEntriesByType('navigation')[0].toJSON()")
    assert timing["loadEventEnd"] > timing["domInteractive"] > 0
    size = reports.thousand.stat().st_size / 1e6
    elements = browser.run("return document.querySelectorAll('*').length")
    tell("1,000 hosts (%.1f MB, %d elements) load in %.2f s" % (size, elements, timing["loadEventEnd"] / 1000))
    assert browser.run(SHOWN + ".length") == 1000
    assert browser.errors() == []
    assert elements < MOST_ELEMENTS and size < MOST_MEGABYTES


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["three", "thousand"])
def test_screenshots(browser, reports, size: str, scheme: str) -> None:
    browser.open(getattr(reports, size), scheme=scheme)
    browser.screenshot(SCREENSHOTS / f"report-{size}-{scheme}-top.png")
    browser.click("#rows button")
    browser.run("document.getElementById('hosts').scrollIntoView()")
    browser.screenshot(SCREENSHOTS / f"report-{size}-{scheme}-hosts.png")
    assert browser.errors() == []
    assert (SCREENSHOTS / f"report-{size}-{scheme}-top.png").read_bytes().startswith(b"\x89PNG")
    # No element extends beyond a window of this width.
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")


def test_search_finds_names_findings_and_programs(browser, reports) -> None:
    browser.open(reports.thousand)
    hosts = json.loads((reports.thousand.parent / "report.json").read_text())["hosts"]
    browser.type("#query", "api-0264")
    assert browser.run(NAMES) == [it["host"] for it in hosts if "api-0264" in it["host"]] != []
    browser.click("#clear")
    browser.type("#query", "CLOUD_INIT_too_old shanghai")
    wanted = {
        it["host"]
        for it in hosts
        if "shanghai" in it["host"] and any(found["id"] == "cloud_init_too_old" for found in it["findings"])
    }
    assert set(browser.run(NAMES)) == wanted != set()
    browser.click("#clear")
    browser.type("#query", "/opt/billing")
    assert 0 < browser.run(SHOWN + ".length") < 50
    browser.type("#query", "nothing is called so")
    assert browser.run(SHOWN + ".length") == 0
    assert browser.run("return document.getElementById('count').textContent") == "0 of 1,000 hosts"
    browser.click("#clear")
    assert browser.run(SHOWN + ".length") == 1000


def test_filters_and_links_show_the_hosts_they_count(browser, reports) -> None:
    browser.open(reports.thousand)
    totals = json.loads((reports.thousand.parent / "report.json").read_text())["totals"]
    for state, number in totals["states"].items():
        state_filter(browser, state)
        assert browser.run(SHOWN + ".length") == number
    state_filter(browser, "")
    for link in ("[data-pick=ready]", "[data-pick=blocked]", ".regions [data-region='cn-beijing']"):
        browser.run("scrollTo(0, 0)")
        browser.click(link)
        shown = browser.run(SHOWN + ".length")
        if "pick" in link:
            assert shown == totals["next"][link[11:-1]]
        else:
            assert set(browser.run(CELLS, 2)) == {"cn-beijing"}
        # The link scrolls to the table, as far as the shorter page allows.
        assert browser.run("return document.getElementById('hosts').getBoundingClientRect().top < innerHeight / 2")


def test_heads_sort_both_ways(browser, reports) -> None:
    browser.open(reports.thousand)
    heads = "#table > thead th:nth-child(%d)"
    for column in (1, 3):
        browser.click(heads % column + " button")
        up = browser.run(CELLS, column - 1)
        assert up == sorted(up)
        browser.click(heads % column + " button")
        down = browser.run(CELLS, column - 1)
        assert down[0] == up[-1] and down == sorted(down, reverse=True)
        sort = browser.run("return document.querySelector(arguments[0]).ariaSort", heads % column)
        assert sort == "descending"
    # The hosts with the most blocking findings come first.
    browser.click(heads % 6 + " button")
    assert browser.run(CELLS, 5)[0].startswith("Block ")


def test_a_host_unfolds_by_mouse_and_by_keyboard(browser, reports) -> None:
    browser.open(reports.three)
    browser.click("#rows tr:nth-child(1)")
    detail = browser.run("return document.querySelector('#rows tr.detail').innerText")
    hosts = json.loads((reports.three.parent / "report.json").read_text())["hosts"]
    (found,) = (it for host in hosts for it in host["findings"] if it["severity"] == "block")
    texts = [found[key].replace("`", "") for key in ("title", "impact", "remedy")]
    for told in (*texts, "alibabacloud_credentials-0.3.5", "billing.service", "role credentials"):
        assert told in detail
    browser.run("document.querySelector('#rows button').focus()")
    browser.press("Enter")
    assert browser.run("return document.querySelectorAll('#rows tr.detail').length") == 0
    browser.press("Enter")
    assert browser.run("return document.querySelector('#rows button').ariaExpanded") == "true"
    assert browser.run("return document.querySelectorAll('#rows tr.detail').length") == 1


def test_unfolded_hosts_follow_their_rows(browser, reports) -> None:
    browser.open(reports.three)
    browser.click("#rows button")
    browser.click("#table > thead th:nth-child(1) button")
    browser.click("#table > thead th:nth-child(1) button")
    order = browser.run("return Array.from(document.querySelectorAll('#rows > tr')).map((row) => row.className)")
    assert order == ["", "", "", "detail"]
    browser.type("#query", "db1")
    assert browser.run("return document.querySelector('#rows tr.detail').hidden") is True


def test_screen_readers_meet_a_table(browser, reports) -> None:
    """Rows, heads and cells have the accessibility roles of a table."""
    browser.open(reports.three)
    browser.cdp("Accessibility.enable")  # until then Chromium keeps no complete tree
    nodes = browser.cdp("Accessibility.getFullAXTree")["nodes"]
    known = {it["nodeId"]: it for it in nodes}

    def below(node: dict) -> list[tuple[str, str]]:
        told = [] if node.get("ignored") else [(node["role"]["value"], node.get("name", {}).get("value", ""))]
        return told + [it for child in node.get("childIds", []) if child in known for it in below(known[child])]

    (table,) = (it for it in nodes if it["role"]["value"] == "table" and "All hosts" in it["name"]["value"])
    told = below(table)
    roles = [role for role, _name in told]
    assert (roles.count("row"), roles.count("columnheader"), roles.count("rowheader")) == (4, 9, 3)
    assert roles.count("cell") + roles.count("gridcell") == 24
    assert ("columnheader", "State") in told and any(it[0] == "button" and "billing1" in it[1] for it in told)


def test_dark_and_light_differ_and_both_can_be_read(browser, reports) -> None:
    browser.open(reports.three)
    colors = "const style = getComputedStyle(document.body); return [style.backgroundColor, style.color]"
    light = browser.run(colors)
    browser.prefer("dark")
    dark = browser.run(colors)
    assert light[0] != dark[0] and light[1] != dark[1]
    for scheme in ("light", "dark"):
        browser.prefer(scheme)
        for selector in (
            "h1",
            ".legend span",
            ".next p",
            "a[data-pick]",
            ".tag.block",
            ".tag.warn",
            ".f.block",
            ".f.warn",
        ):
            assert browser.run(CONTRAST, selector) >= 4.5, (scheme, selector)


def test_hostile_texts_run_nothing(browser, reports) -> None:
    browser.open(reports.hostile)
    browser.run("for (const button of document.querySelectorAll('#rows button')) button.click()")
    browser.run("for (const one of document.querySelectorAll('details')) one.open = true")
    assert (
        browser.run("return document.querySelectorAll('#rows tr.detail').length")
        == browser.run(SHOWN + ".length")
        == 10
    )
    assert browser.run("return window.pwned") is None
    assert browser.run("return document.scripts.length") == 2
    assert browser.run("return document.querySelectorAll('img, svg[onload], [onfocus], b[onload]').length") == 0
    text = browser.run("return document.body.innerText")
    future = browser.run("return document.querySelector('section.future').innerText")
    assert (
        all("<img src=x onerror=window.pwned=1>" in it for it in (text, future))
        and "\\u202etxt.exe" in text
        and "{{ 7 * 7 }}" in text
    )
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
    assert browser.errors() == []


def test_the_policy_stops_what_would_get_in(browser, reports) -> None:
    browser.open(reports.three)
    browser.run("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=window.pwned=1>')")
    browser.run(
        "const it = document.createElement('script'); it.textContent = 'window.pwned=1'; document.body.append(it)"
    )
    assert browser.run("return window.pwned") is None
    assert any("Content Security Policy" in it for it in browser.errors())


def test_without_scripts_it_can_still_be_read(browser, reports) -> None:
    try:
        browser.open(reports.thousand, scripts=False)
        browser.screenshot(SCREENSHOTS / "report-thousand-no-scripts.png")
        # DevTools works without scripts in the page.
        browser.cdp("DOM.enable")
        browser.cdp("CSS.enable")
        root = browser.cdp("DOM.getDocument")["root"]["nodeId"]
        rows = browser.cdp("DOM.querySelectorAll", nodeId=root, selector="#rows > tr")["nodeIds"]
        assert len(rows) == 1000
        for selector, shown in (("#tools", False), ("noscript p", True), (".remedy", True), ("#rows bdi", True)):
            node = browser.cdp("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
            styles = browser.cdp("CSS.getComputedStyleForNode", nodeId=node)["computedStyle"]
            display = [it["value"] for it in styles if it["name"] == "display"]
            assert (display != ["none"]) == shown, selector
    finally:
        browser.cdp("Emulation.setScriptExecutionDisabled", value=False)


def test_it_can_be_printed(browser, reports) -> None:
    browser.open(reports.three)
    browser.prefer("light", media="print")
    assert browser.run("return getComputedStyle(document.getElementById('tools')).display") == "none"
    assert (
        browser.run(
            "dispatchEvent(new Event('beforeprint')); return document.querySelectorAll('details:not([open])').length"
        )
        == 0
    )
    assert browser.cdp("Page.printToPDF")["data"].startswith("JVBERi")


# Elements whose content or right edge is outside of the window or of their own box
CUT_OFF = """
const hidden = (one) => one.closest('.hidden, .skip, .defs, svg, .command') || !one.getClientRects().length;
return Array.from(document.querySelectorAll('body *')).filter((one) => !hidden(one))
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5
    || (one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX !== 'visible' && !one.matches('input, select')))
  .map((one) => one.outerHTML.slice(0, 200));
"""
WORDS_OF_COMMANDS = """
const words = Array.from(document.querySelectorAll('.command span'));
return Array.from(new Set(words.map((one) => one.getClientRects().length)));
"""
UNFOLD = "Array.from(document.querySelectorAll('#rows button')).slice(0, 40).forEach((one) => one.click());"


def test_words_are_whole_in_wide_windows(browser, reports) -> None:
    browser.open(reports.thousand, width=1101)  # the narrowest window with a table
    assert browser.run(BROKEN_WORDS) == []
    browser.open(reports.thousand, width=1280)
    browser.run(UNFOLD + "document.querySelectorAll('details').forEach((one) => { one.open = true; });")
    assert browser.run(BROKEN_WORDS) == []


@pytest.mark.parametrize("width", [390, 768])
@pytest.mark.parametrize("size", ["three", "thousand"])
def test_nothing_is_cut_off_in_narrow_windows(browser, reports, size: str, width: int) -> None:
    browser.open(getattr(reports, size), width=width)
    browser.run(UNFOLD + "document.querySelectorAll('details').forEach((one) => { one.open = true; });")
    browser.screenshot(SCREENSHOTS / f"report-{size}-{width}.png")
    assert browser.run(CUT_OFF) == []
    assert browser.run("return document.documentElement.scrollWidth") == width
    assert browser.run(BROKEN_WORDS) == []
    assert browser.run(WORDS_OF_COMMANDS) == [1], "lines of a command break at spaces only"
    # The state is directly below the name of the host.
    order = browser.run(
        "return Array.from(document.querySelector('#rows > tr').cells).slice(0, 3).map((one) => one.getBoundingClientRect().top)"
    )
    assert order == sorted(set(order))


@pytest.mark.parametrize("width", [390, 1280])
def test_the_chinese_page_fits_and_names_everything_in_chinese(browser, reports, width: int) -> None:
    browser.open(reports.chinese, width=width)
    browser.run(UNFOLD + "document.querySelectorAll('details').forEach((one) => { one.open = true; });")
    browser.screenshot(SCREENSHOTS / f"report-chinese-{width}.png")
    assert browser.run("return [document.documentElement.lang, document.documentElement.scrollWidth]") == [
        "zh-CN",
        width,
    ]
    # In wide windows, the names of instances end in an ellipsis.
    assert width > 1000 or browser.run(CUT_OFF) == []
    assert browser.errors() == []
    titles = "h2, .part h3, thead th, thead button, #tools span, option[value=''], dt"
    names = browser.run(
        "return Array.from(document.querySelectorAll(arguments[0])).map((one) => one.firstChild.textContent.trim())",
        titles,
    )
    # Names of counters are those of the host.
    english = {name for name in names if name and not re.search("[\u4e00-\u9fff]", name)}
    assert english <= {"API", "ID", "accepted", "refused", "would refuse"} and len(set(names)) > 30


def test_a_paper_page_shows_all_columns(browser, reports) -> None:
    browser.open(reports.thousand, width=718)  # A4 between its margins, in CSS pixels
    browser.prefer("light", media="print")
    assert browser.run(CUT_OFF) == []
    assert browser.run(BROKEN_WORDS) == []
    shown = "return Array.from(document.querySelectorAll('#table > thead th')).map((one) => one.clientWidth > 20)"
    assert browser.run(shown) == [True] * 9
    browser.open(reports.hostile, width=718)
    browser.prefer("light", media="print")
    assert browser.run("return document.documentElement.scrollWidth") <= 718


def test_a_screenshot_of_the_whole_page_shows_every_row(browser, reports) -> None:
    """After the page has loaded, rows are rendered before they come into view; without scripts they always are."""
    lazy = "getComputedStyle(one).contentVisibility !== 'visible'"
    browser.open(reports.thousand)
    assert browser.run(f"return Array.from(document.querySelectorAll('body *')).filter((one) => {lazy}).length") == 0
    assert "(scripting: enabled)" in reports.thousand.read_text().partition("content-visibility")[0][-200:]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_no_violation(browser, reports, axe: str, width: int, scheme: str) -> None:
    browser.open(reports.three, width=width, scheme=scheme)
    browser.run("document.querySelectorAll('#rows button').forEach((one) => one.click());")
    browser.run(AXE % axe)
    wait_until(lambda: browser.run("return Boolean(window.found)"), "axe-core")
    assert browser.run("return found.violations.map((it) => [it.id, it.nodes.map((one) => one.html)])") == []
    assert browser.run("return found.passes.length") > 20
