# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines of values in a JSON text."""

from __future__ import annotations

from imds_emulator.json_lines import line_of

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
