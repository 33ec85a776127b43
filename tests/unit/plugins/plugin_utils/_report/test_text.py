# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text that anybody may have written: nothing hidden is left, spreadsheets see no formula."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.plugin_utils._report._markup import data, join, shown, tag
from ansible_collections.alicloud.imds.plugins.plugin_utils._report._text import cell, cut, visible
from hypothesis import given
from hypothesis import strategies as st

from .entries import ANYTHING, HOSTILE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("web1", "web1"),
        ("Größe 日本 שלום", "Größe 日本 שלום"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\u202egpj.exe", "a\\u202egpj.exe"),
        ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("a\nb", "a\\x0ab"),
    ],
)
def test_what_cannot_be_seen_is_spelled_out(text: str, expected: str) -> None:
    assert visible(text) == expected


@given(ANYTHING)
def test_nothing_invisible_is_left(text: str) -> None:
    assert visible(text).isprintable()
    assert visible(text, keep="\n").replace("\n", "").isprintable()


@given(st.sampled_from(["=", "+", "-", "@", "|", "%", " =", "\t=", "＝", "－"]), ANYTHING)
def test_a_cell_never_begins_like_a_formula(start: str, rest: str) -> None:
    assert cell(start + rest)[0] in "'\\"


def test_numbers_stay_numbers_and_nothing_stays_empty() -> None:
    assert (cell(-5), cell(None), cell("i-bp1"), cell("")) == ("-5", "", "i-bp1", "")


def test_the_cut_says_how_much_there_was() -> None:
    assert cut("a" * 5000) == "a" * 2000 + " ... (5000 characters)" and cut("short") == "short"


@given(HOSTILE, HOSTILE)
def test_elements_escape_what_they_are_given(text: str, other: str) -> None:
    made = tag("p", text, [other], title=text)
    inside = made[len('<p title="') : -len("</p>")]
    assert (
        made.startswith('<p title="')
        and inside.count("<") == 0
        and inside.count('"') == 1 + shown(text, "\n").count('"') + shown(other, "\n").count('"')
    )
    assert join(made) == made


@given(st.recursive(HOSTILE, lambda inner: st.lists(inner) | st.dictionaries(ANYTHING, inner), max_leaves=5))
def test_data_cannot_end_its_script_element(value: object) -> None:
    text = data(value)
    assert not set(text) & set("<>&\u2028\u2029") and text.isascii()
