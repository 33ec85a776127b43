# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs.py DIRECTORY: build the documentation as HTML there; every warning is an error.

Pages of plugins and roles are written by antsibull-docs, guides come from docs/docsite/rst, and Sphinx
builds HTML from both. Runs with the Python of the environment that requirements-docs.txt describes, and uses no network.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from checkout import CHECKOUT, linked
from report import Report

BIN = Path(sys.executable).parent
SPHINX = CHECKOUT / "docs" / "docsite" / "sphinx"
SOURCE = CHECKOUT / ".cache" / "docs-rst"
PLUGINS = "pages of plugins"
REPAIRS = {
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
    '<nav data-toggle="wy-nav-shift"': '<nav aria-label="All pages" data-toggle="wy-nav-shift"',
    ' aria-role="button"': "",
    '<div class="highlight"><pre>': '<div class="highlight"><pre tabindex="0">',  # a long line scrolls, also without a mouse
}


def steps(target: Path) -> Iterator[tuple[str, list[str | Path]]]:
    """Return the name and command of each step."""
    antsibull = BIN / "antsibull-docs"
    options: list[str | Path] = ["--cleanup", "everything", "--fail-on-error", "--use-current", "--squash-hierarchy"]
    yield PLUGINS, [antsibull, "collection", *options, "--dest-dir", SOURCE, "alicloud.imds"]
    strict: list[str | Path] = ["-q", "-E", "-W", "--keep-going"]
    yield "HTML", [BIN / "sphinx-build", "-b", "html", *strict, "-c", SPHINX, SOURCE, target]


def write_index(source: Path) -> None:
    """Replace the list of pages that antsibull-docs wrote with our own first page, and add the descriptions of the plugins to it."""
    written = (source / "index.rst").read_text()
    short = dict(re.findall(r"^\* :ansplugin:`.* <(\S+)>` -- (.*)$", written, re.MULTILINE))
    for page in SPHINX.glob("*.rst"):
        text = re.sub(
            r"^(\* :ansplugin:`(\S+)`)$",
            lambda line: f"{line[1]}: {short[line[2]]}",
            page.read_text(),
            flags=re.MULTILINE,
        )
        (source / page.name).write_text(text)


def link_installation(source: Path) -> None:
    """Replace the command for Galaxy that antsibull-docs writes on each page with a link to all ways of installing the collection."""
    command = re.compile(r"To install it,? use:? :code:`ansible\\-galaxy collection install alicloud\.imds`\.")
    link = "To install it, see :ref:`Install and upgrade <ansible_collections.alicloud.imds.docsite.installation>`."
    for page in source.glob("*.rst"):
        page.write_text(command.sub(link, page.read_text()))


def repair(target: Path) -> None:
    """Correct what the theme and antsibull-docs write without regard to screen readers."""
    for page in target.rglob("*.html"):
        text = page.read_text()
        for wrong, right in REPAIRS.items():
            text = text.replace(wrong, right)
        # A line can break inside of the name of a module, so that its words stay whole in a narrow window.
        text = re.sub(r"<h1>alicloud\.imds\.\w+", lambda found: re.sub("[._]", r"\g<0><wbr>", found[0]), text)
        page.write_text(text)


def missing(target: Path) -> list[str]:
    """Return the missing ones of the expected pages: one for each plugin, role and guide."""
    pages = [f"{path.stem}_module" for path in (CHECKOUT / "plugins/modules").glob("[a-z]*.py")]
    for kind in ("inventory", "lookup"):
        pages += [f"{path.stem}_{kind}" for path in (CHECKOUT / "plugins" / kind).glob("[a-z]*.py")]
    pages += [f"{path.parents[1].name}_role" for path in (CHECKOUT / "roles").glob("*/meta/argument_specs.yml")]
    pages += [f"docsite/{path.stem}" for path in (CHECKOUT / "docs/docsite/rst").glob("*.rst")]
    return [page for page in sorted(pages) if not (target / f"{page}.html").is_file()]


def main(target: Path) -> int:
    report = Report()
    for folder in (SOURCE, target):
        shutil.rmtree(folder, ignore_errors=True)
    SOURCE.mkdir(mode=0o755, parents=True)  # antsibull-docs refuses folders that other users can write to.
    with linked() as collections:
        environment = dict(os.environ, ANSIBLE_COLLECTIONS_PATH=str(collections), PATH=f"{BIN}:{os.environ['PATH']}")
        for name, command in steps(target):
            if not report.run(name, [str(word) for word in command], CHECKOUT, environment):
                break
            if name == PLUGINS:
                write_index(SOURCE)
                link_installation(SOURCE)
    if not report.failed:
        repair(target)
    if absent := [] if report.failed else missing(target):
        report.failed.append(f"no page for {', '.join(absent)}")
    if not report.failed:
        print("Open", target / "index.html")
    return report.finish()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
