# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The offsets of members of the kernel's structures."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._watch._btf import offsets

from .btf import types

WANTED = (("cgroup", "kn"), ("kernfs_node", "id"))
KERNEL = {
    "kernfs_node": {"parent": 64, "id": 768, "kn": 8},
    "cgroup": {"self": 0, "id": 32, "kn": 2048, "bit_field": 1 << 24 | 2112},
}


def test_members_of_structures() -> None:
    assert offsets(types(KERNEL), WANTED) == {WANTED[0]: 256, WANTED[1]: 96}
    # The upper byte is the size of a bit field.
    assert offsets(types(KERNEL), [("cgroup", "bit_field")]) == {("cgroup", "bit_field"): 264}


@pytest.mark.parametrize(
    ("data", "number"),
    [
        (b"", errno.EINVAL),
        (types(KERNEL)[:30], errno.EINVAL),
        (types(KERNEL, magic=0x9FEB), errno.EINVAL),
        (types({**KERNEL, "cgroup": {"self": 0}}), errno.ENOENT),
        (types(KERNEL, more=(20,)), errno.EINVAL),  # a kind that is not known yet may have data
        (types(KERNEL, more=(0,)), errno.EINVAL),
        (types({"other": {"kn": 8}}), errno.EINVAL),
        (types({"kernfs_node": {"kn": 0, "cgroup": 32, "id": 64}}), errno.ENOENT),
    ],
)
def test_unknown_kernels_are_an_error(data: bytes, number: int) -> None:
    with pytest.raises(OSError) as caught:
        offsets(data, WANTED)
    assert caught.value.errno == number


@pytest.mark.skipif(not Path("/sys/kernel/btf/vmlinux").exists(), reason="this kernel does not show its types")
def test_this_kernel() -> None:
    found = offsets(Path("/sys/kernel/btf/vmlinux").read_bytes(), WANTED)
    assert set(found) == set(WANTED) and all(0 < offset < 4096 for offset in found.values())
