# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines of values in a JSON text."""

from __future__ import annotations

import pytest
from imds_emulator.json_lines import check_repeated, line_of

TEXT = """{
 "switches": {"all": true,
   "h\\"d": [1, {"x": "]}"}], "head": 404},
 "instances":
  [{"instance_id": "i-1"},
   {"a": [], "instance_id": "instances",
    "tokens": -1.5e3 }
  ]
}
"""


def test_each_value_has_the_line_of_its_key_or_item() -> None:
    expected = {"": 1, "switches.all": 2, "switches.head": 3, "instances": 4, "instances[0]": 5, "instances[1]": 6}
    expected.update({"instances[1].tokens": 7, "instances[1].unknown": 6, "instances[7].x": 4, "unknown": 1})
    assert {path: line_of(TEXT, path) for path in expected} == expected
    assert [line_of(text, "a[0].b") for text in ("[]", "{}", "1", '""', '\n{"a": {}}', '\n{"a":\n[\n3]}')] == [
        1,
        1,
        1,
        1,
        2,
        4,
    ]


def test_a_repeated_key_is_named_at_any_depth() -> None:
    for text, message in (
        ('{"a": 1, "b": [{"c": 1,\n"c": 1}]}', "f:2: b[0].c: the key is repeated; it is also on line 1"),
        ('{"a": 1,\n"a": 1}', "f:2: a: the key is repeated"),
        ('[[], [{"\\u0061": 1, "a": 1}]]', r"f:1: \[1\]\[0\].a: the key is repeated"),
    ):
        with pytest.raises(ValueError, match="^" + message.replace("b[0]", r"b\[0\]")):
            check_repeated("f", text)
    for text in (TEXT, '{"#": 1, "#": 2, "#a": 1, "#a": 1, "a": {"b": 1}, "b": {"b": 1}}', "1", "[]"):
        check_repeated("f", text)
