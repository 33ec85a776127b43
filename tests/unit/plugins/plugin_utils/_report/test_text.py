# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Untrusted text on the page: cut, printable, escaped."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.plugin_utils._report._markup import breakable, data, finalized, prose
from ansible_collections.alicloud.imds.plugins.plugin_utils._report._text import cut
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from .entries import ANYTHING, HOSTILE

pytestmark = pytest.mark.slow


def test_the_cut_says_how_much_there_was() -> None:
    assert cut("a" * 5000) == "a" * 2000 + " ... (5000 characters)" and cut("short") == "short"


@given(HOSTILE)
def test_prose_and_identifiers_escape_what_they_are_given(text: str) -> None:
    for made in (prose(text), breakable(text)):
        inside = made.replace("<code>", "").replace("</code>", "").replace("<wbr>", "")
        assert not set(inside) & set("<>\"'") and inside.replace("\n", "").isprintable()


def test_a_line_breaks_after_underscores_and_slashes_only() -> None:
    assert breakable("path: /opt/some_tool/<b>, a / b_") == "path: /opt/<wbr>some_<wbr>tool/<wbr>&lt;b&gt;, a / b_"
    assert (breakable("python3.9"), breakable("/"), breakable("")) == ("python3.9", "/", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Run `a <b>`, then `c`.", "Run <code>a &lt;b&gt;</code>, then <code>c</code>."),
        ("one ` only", "one ` only"),
        ("`` nothing", "`` nothing"),
        ("`two\nlines`", "`two\nlines`"),
        (None, ""),
    ],
)
def test_code_stands_between_backticks(text: str | None, expected: str) -> None:
    assert prose(text) == expected


def test_expressions_are_cut_and_printable_but_markup_is_left_alone() -> None:
    assert finalized(None) == "" and finalized(7) == 7 and finalized("a\u202e\n") == "a\\u202e\n"
    assert len(finalized("a" * 5000)) < 700 and finalized(Markup("<b>")) == "<b>"


@given(st.recursive(HOSTILE, lambda inner: st.lists(inner) | st.dictionaries(ANYTHING, inner), max_leaves=5))
def test_data_cannot_end_its_script_element(value: object) -> None:
    text = data(value)
    assert not set(text) & set("<>&\u2028\u2029") and text.isascii()
