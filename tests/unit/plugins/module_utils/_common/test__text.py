# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hostile text: the result has no unprintable character, no formula and a limited length."""

from __future__ import annotations

import csv
import io
import re
import unicodedata

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._common._text import (
    csv_line,
    from_bytes,
    one_line,
    printable,
)
from hypothesis import given
from hypothesis import strategies as st

ANY_TEXT = st.text(st.characters(codec=None))  # with lone surrogates
HOSTILE = ANY_TEXT | st.text("=+-@|%;,\t\r\n \"'\x1b\x9b\u202e\u2028\uff1d\u00a01a")
FORMULA = re.compile(r"[\s\"]*[=+\-@|%\uff1d\uff0b\uff0d\uff20\t\r]")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("web1", "web1"),
        ("Größe 日本 שלום", "Größe 日本 שלום"),
        ("C:\\x", "C:\\x"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31m", "\\x9b31m"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("a\u202egpj.exe", "a\\u202egpj.exe"),
        ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
        ("a\u2028b\x85c", "a\\u2028b\\x85c"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("\x00\x7f", "\\x00\\x7f"),
    ],
)
def test_unprintable_characters_become_escape_sequences(text: str, expected: str) -> None:
    assert printable(text) == expected


@given(HOSTILE)
def test_no_control_bidi_or_separator_character_is_left(text: str) -> None:
    shown = printable(text)
    assert all(char == " " or unicodedata.category(char)[0] not in "CZ" for char in shown)
    assert len(shown.splitlines()) <= 1
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert printable(shown) == shown


@given(HOSTILE)
def test_printable_text_is_not_changed(text: str) -> None:
    assert printable(text) == text or not text.isprintable()


@given(HOSTILE)
def test_only_the_named_characters_are_kept(text: str) -> None:
    kept = printable(text, keep="\n\t")
    assert kept.replace("\n", "").replace("\t", "").isprintable()
    assert (kept.count("\n"), kept.count("\t")) == (text.count("\n"), text.count("\t"))


@given(HOSTILE, st.integers(0, 50))
def test_one_line_is_printable_and_bounded(text: str, longest: int) -> None:
    shown = one_line(text, longest)
    assert len(shown) <= longest and shown.isprintable()
    assert shown == printable(text) or (len(printable(text)) > longest and shown.endswith("..."[:longest]))


def test_a_truncated_text_ends_in_dots() -> None:
    assert one_line("a" * 300, 300) == "a" * 300
    assert one_line("a" * 301, 300) == "a" * 297 + "..."
    assert one_line("\n" * 10**7, 8) == "\\n\\n\\..."


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_names_in_utf_8_are_decoded(text: str) -> None:
    assert from_bytes(text.encode("utf-8")) == text


@given(st.binary())
def test_every_name_can_be_displayed(name: bytes) -> None:
    shown = printable(from_bytes(name))
    assert shown.isprintable() and shown.encode("utf-8").decode("utf-8") == shown


def test_bytes_outside_of_utf_8_become_escape_sequences() -> None:
    assert from_bytes(b"a\xff\xc3\xa9") == "a\\xffé"


def cells(line: str, delimiter: str) -> list[str]:
    [row] = csv.reader(io.StringIO(line, newline=""), delimiter=delimiter)
    return row


@given(st.lists(HOSTILE, min_size=1))
def test_a_line_of_csv_has_the_given_cells(values: list[str]) -> None:
    line = csv_line(values)
    assert line.endswith("\r\n") and line[:-2].isprintable()
    read = cells(line, ",")
    assert len(read) == len(values)
    for cell, value in zip(read, values):
        assert cell == printable(value) or re.sub("(^|;)'", r"\1", cell) == re.sub("(^|;)'", r"\1", printable(value))


@given(st.lists(st.lists(HOSTILE, min_size=1), min_size=1, max_size=3))
def test_no_cell_is_a_formula_for_any_separator(rows: list[list[str]]) -> None:
    """A reader that separates at ";" may read several of our cells, or lines, as one cell."""
    written = "".join(map(csv_line, rows))
    read = [line.split(";") for line in written.split("\r\n")]
    for delimiter in ",;":
        read += csv.reader(io.StringIO(written, newline=""), delimiter=delimiter)
    assert not [cell for row in read for cell in row if FORMULA.match(cell.strip("\r\n"))]


@given(st.sampled_from([*"=+-@|%", " =", '"=', "\uff1d", "\uff0b", "\uff0d", "\uff20"]), HOSTILE)
def test_a_formula_gets_an_apostrophe(start: str, rest: str) -> None:
    assert cells(csv_line([start + rest]), ",")[0].startswith("'" + start)
    assert cells(csv_line(["a;" + start + rest]), ",")[0].startswith("a;'" + start)


@pytest.mark.parametrize("start", ["\t", "\r", "\n", "\x00", "\u00a0", "\u200b"])
def test_unprintable_characters_before_a_formula_are_escaped(start: str) -> None:
    assert cells(csv_line([start + "=1+1"]), ",")[0].startswith("\\")


def test_every_cell_is_quoted_and_numbers_stay_numbers() -> None:
    assert csv_line(["a", 'b"c', None, "", -5, 0.5, True]) == '"a","b""c","","","-5","0.5","True"\r\n'
    assert csv_line([]) == "\r\n"
