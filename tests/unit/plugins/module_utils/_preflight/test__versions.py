# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions are compared like dpkg, RPM and the Python library packaging do."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._versions import compare
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import InvalidVersion, Version

ORDERED = {
    "dpkg": "1~~ 1~ 1 1.0 22.4.2-0ubuntu0~22.04.1 22.4.2-0ubuntu2~22.10 22.4.2-0ubuntu2 22.4.2-1 23.1~rc1-1 23.1 23.1-1 "
    "23.1.2-0ubuntu0~22.04.1 23.2.2-0ubuntu0~20.04.1 25.1.4-0ubuntu0~24.04.1 1:0.1 2:0",
    "rpm": "1.0~rc1 1.0 1.0^git1 1.0.a 1.0.1 19.1.21-7.al7 23.1-1.el9 23.1.1-3.el9 23.2.2-1 23.4-7.el9_4 1:0.1-1",
    "python": "0.3.dev1 0.3a1 0.3rc1 0.3 0.3.post1.dev2 0.3.post1 0.3.3 0.3.5 0.3.6.dev1 0.3.6 0.3.10 1.0.12 1!0",
    "semver": "1.3.9 v1.3.10-0.20240910020045-abcdefabcdef 1.3.10-alpha 1.3.10-alpha.1 1.3.10-beta 1.3.10 1.4 1.4.12 2.3.1",
}


@pytest.mark.parametrize("scheme", ORDERED)
def test_versions_are_ordered(scheme) -> None:
    versions = ORDERED[scheme].split()
    for place, left in enumerate(versions):
        for other, right in enumerate(versions):
            assert compare(scheme, left, right) == (place > other) - (place < other), (left, right)


@pytest.mark.parametrize(
    ("scheme", "left", "right"),
    [
        ("dpkg", "0:1.0", "1.0"),
        ("rpm", "1.0-1", "1.0"),
        ("rpm", "1.01", "1.1"),
        ("python", "1.0", "1"),
        ("semver", "v1.2", "1.2.0+x"),
    ],
)
def test_different_notation_of_a_version_are_equal(scheme, left, right) -> None:
    assert compare(scheme, left, right) == 0


@pytest.mark.parametrize("scheme", ["python", "semver"])
@pytest.mark.parametrize("version", ["", "(devel)", "unknown", "1.0\n2", "..", "x" * 300])
def test_an_invalid_version_raises(scheme, version) -> None:
    with pytest.raises(ValueError):
        compare(scheme, version, "1")


def test_long_numbers_are_compared_as_numbers() -> None:
    assert compare("semver", "1." + "9" * 200, "1." + "9" * 199 + "8") > 0


DEBIAN = st.from_regex(r"\A([0-2]:)?[0-9][0-9a-z.+~]{0,6}(-[0-9a-z+.~]{1,5})?\Z")


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("dpkg"), reason="dpkg is not installed")
@settings(max_examples=300)
@given(DEBIAN, DEBIAN)
def test_dpkg_agrees(left, right) -> None:
    relation = {-1: "lt", 0: "eq", 1: "gt"}[compare("dpkg", left, right)]
    assert subprocess.run(["dpkg", "--compare-versions", left, relation, right], check=False).returncode == 0


RED_HAT = st.lists(st.text("0123456789ab.~^_", min_size=1, max_size=7), min_size=2, max_size=2)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("rpm"), reason="rpm is not installed")
@settings(max_examples=100)
@given(RED_HAT)
def test_rpm_agrees(pair) -> None:
    program = "%%{lua: print(rpm.vercmp('%s', '%s'))}" % tuple(pair)
    printed = subprocess.run(["rpm", "--eval", program], capture_output=True, text=True, check=True).stdout
    assert compare("rpm", *pair) == int(printed)


PYTHON = st.from_regex(
    r"\A(1!)?[0-9]{1,2}(\.[0-9]{1,2}){0,3}((a|b|rc|\.alpha|-c)[0-9]?)?(\.post[0-9]?|-[0-9])?(\.?dev[0-9])?\Z"
)


@pytest.mark.slow
@settings(max_examples=100)
@given(PYTHON, PYTHON)
def test_packaging_agrees(left, right) -> None:
    one, other = Version(left), Version(right)
    assert compare("python", left, right) == (one > other) - (one < other)


@given(st.text(max_size=20))
def test_what_packaging_rejects_is_rejected(text) -> None:
    try:
        Version(text)
    except InvalidVersion:
        with pytest.raises(ValueError):
            compare("python", text, "1")
