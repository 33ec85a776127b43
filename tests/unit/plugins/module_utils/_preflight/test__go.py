# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build information is read from every kind of ELF file, and damaged files are no failure."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._preflight import _go
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._files import Files
from hypothesis import given
from hypothesis import strategies as st

from .go_programs import build_info, dep, elf


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("order", ["<", ">"])
def test_build_information_is_read_for_each_word_size_and_byte_order(host, wide, order) -> None:
    path = host.write(
        "/x", elf(build_info("example.com/a", dep("b", "v1"), "=>\tc\tv2\th1:", dep("d", "v3")), wide, order)
    )
    built = _go.read(Files(str(host.root)), str(path))
    assert built == _go.BuildInfo("example.com/a", "(devel)", {"b": "v2", "d": "v3"})


@given(st.binary(max_size=200), st.integers(0, 400))
def test_parse_accepts_any_bytes(tail, cut) -> None:
    whole = build_info("example.com/a", dep("b", "v1"))
    _go.parse(whole[:cut] + tail)
    _go.parse(tail)


@pytest.mark.slow
@given(st.integers(0, 63), st.binary(min_size=1, max_size=8))
def test_read_accepts_damaged_headers(tmp_path_factory, place, damage) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged"
    content = elf(build_info("a"))
    path.write_bytes(content[:place] + damage + content[place + len(damage) :])
    _go.read(Files(str(path.parent)), str(path))
