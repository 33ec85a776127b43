# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bounded maps evict the entry that was set longest ago."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._common._bounded import BoundedMap
from hypothesis import given
from hypothesis import strategies as st


def test_the_oldest_entry_is_evicted_and_returned() -> None:
    table: BoundedMap[str, int] = BoundedMap(2)
    assert (table.put("a", 1), table.put("b", 2)) == (None, None)
    assert table.put("c", 3) == 1
    assert (table.get("a"), table.get("b"), list(table.values())) == (None, 2, [2, 3])


def test_putting_an_entry_again_makes_it_the_newest() -> None:
    table: BoundedMap[str, int] = BoundedMap(2)
    for key, value in (("a", 1), ("b", 2), ("a", 4)):
        assert table.put(key, value) is None
    assert table.put("c", 3) == 2
    assert "a" in table and "b" not in table


def test_reading_does_not_make_an_entry_newer() -> None:
    table: BoundedMap[str, int] = BoundedMap(2)
    table.put("a", 1)
    table.put("b", 2)
    assert table.get("a") == 1 and "a" in table
    assert table.put("c", 3) == 1


def test_an_entry_of_none_is_an_entry() -> None:
    table: BoundedMap[int, None] = BoundedMap(2)
    table.put(1, None)
    assert 1 in table and len(table) == 1


@given(st.integers(1, 5), st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers())))
@pytest.mark.slow
def test_the_map_holds_the_latest_entries(most: int, operations: list[tuple[bool, int, int]]) -> None:
    table: BoundedMap[int, int] = BoundedMap(most)
    model: list[tuple[int, int]] = []  # the oldest first
    for is_put, key, value in operations:
        former = dict(model).get(key)
        model = [entry for entry in model if entry[0] != key]
        if is_put:
            model.append((key, value))
            evicted = model.pop(0)[1] if len(model) > most else None
            assert table.put(key, value) == evicted
        else:
            assert table.pop(key) == former
        assert list(table.values()) == [value for _key, value in model]
        assert len(table) == len(model) <= most
        assert all(
            table.get(key) == dict(model).get(key) and (key in table) == (key in dict(model)) for key in range(10)
        )
