# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scripts that examine a page in the browser."""

from __future__ import annotations

from pathlib import Path

SCREENSHOTS = Path(__file__).resolve().parents[2] / ".cache/screenshots"

# Runs the source of axe-core; the result is in window.found later.
AXE = "%s; axe.run().then((found) => { window.found = found; });"

# Returns the words that are broken into two lines; words of more than 24 letters may be.
BROKEN_WORDS = """
const shown = (one) => one.checkVisibility() && !one.closest('.hidden, .skip, script, style, noscript, pre, svg');
const broken = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node; (node = walker.nextNode()); ) {
  if (!node.parentElement || !shown(node.parentElement)) continue;
  for (const word of node.data.matchAll(/(?<![A-Za-z])[A-Za-z]{2,24}(?![A-Za-z])/g)) {
    const range = document.createRange();
    range.setStart(node, word.index);
    range.setEnd(node, word.index + word[0].length);
    if (new Set(Array.from(range.getClientRects()).map((one) => Math.round(one.top))).size > 1) {
      broken.push([word[0], node.parentElement.outerHTML.slice(0, 120)]);
    }
  }
}
return broken;
"""
