# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paging of DescribeInstances."""

from __future__ import annotations

from typing import Any, Callable, List

import pytest

from .caller import Caller

pytestmark = pytest.mark.slow

COUNT = 123


@pytest.fixture
def ids(region: str, new_instance: Callable[..., Any]) -> List[str]:
    return [new_instance(http_tokens="required" if number % 3 else "optional").id for number in range(COUNT)]


def walk(caller: Caller, region: str, **parameters: Any) -> List[List[str]]:
    pages, token = [], ""
    while True:
        reply = caller.describe(region, **parameters, **({"NextToken": token} if token else {}))
        pages.append(reply.ids())
        token = reply.data["NextToken"]
        if not token:
            return pages
        assert len(token) == 32 and len(pages) < 50


def test_by_token(caller: Caller, region: str, ids: List[str]) -> None:
    pages = walk(caller, region, MaxResults=50)
    assert [len(page) for page in pages] == [50, 50, 23] and sum(pages, []) == ids


@pytest.mark.parametrize(
    "asked, size", [(1, 10), (0, 10), (-5, 10), (10, 10), (99, 99), (100, 100), (101, 100), (1000, 100)]
)
def test_size_is_brought_into_range(caller: Caller, region: str, ids: List[str], asked: int, size: int) -> None:
    assert len(caller.describe(region, MaxResults=asked).ids()) == size


def test_full_last_page_names_no_other(caller: Caller, region: str, new_instance: Callable[..., Any]) -> None:
    for _number in range(20):
        new_instance()
    assert [len(page) for page in walk(caller, region, MaxResults=10)] == [10, 10]


def test_filtered_by_token(caller: Caller, region: str, ids: List[str]) -> None:
    pages = walk(caller, region, MaxResults=10, HttpTokens="optional")
    assert sum(pages, []) == ids[::3] and [len(page) for page in pages] == [10, 10, 10, 10, 1]


def test_by_number(caller: Caller, region: str, ids: List[str]) -> None:
    default = caller.describe(region)
    assert (default.ids(), default.data["TotalCount"], default.data["PageSize"]) == (ids[:10], COUNT, 10)
    assert default.data["NextToken"] == ""
    third = caller.describe(region, PageSize=50, PageNumber=3)
    assert (third.ids(), third.data["PageNumber"]) == (ids[100:], 3)
    assert caller.describe(region, PageSize=50, PageNumber=4).ids() == []


def test_total_is_meaningless_with_tokens(caller: Caller, region: str, ids: List[str]) -> None:
    assert caller.describe(region, MaxResults=50).data["TotalCount"] == 0


def test_token_makes_page_number_void(caller: Caller, region: str, ids: List[str]) -> None:
    token = caller.describe(region, MaxResults=10).data["NextToken"]
    assert caller.describe(region, NextToken=token, PageNumber=9, PageSize=77, MaxResults=20).ids() == ids[10:30]
    assert caller.describe(region, MaxResults=10, PageNumber=9).ids() == ids[:10]


def test_token_of_another_question(caller: Caller, region: str, ids: List[str]) -> None:
    token = caller.describe(region, MaxResults=10, HttpTokens="required").data["NextToken"]
    for other in ({}, {"HttpTokens": "optional"}, {"HttpTokens": "required", "AdditionalAttributes.1": "META_OPTIONS"}):
        reply = caller.describe(region, MaxResults=10, NextToken=token, **other)
        assert (reply.status, reply.code) == (400, "InvalidParameter"), other
    elsewhere = caller.describe("cn-first", MaxResults=10, NextToken=token, HttpTokens="required")
    assert elsewhere.code == "InvalidParameter"
    assert caller.describe(region, MaxResults=100, NextToken=token, HttpTokens="required").code is None


@pytest.mark.parametrize("token", ["x", "0" * 32, "漢字", "-0000001" + "0" * 24])
def test_invented_token(caller: Caller, region: str, ids: List[str], token: str) -> None:
    assert caller.describe(region, NextToken=token).code == "InvalidParameter"


def test_token_of_another_account(address: str, caller: Caller, region: str, ids: List[str], control: Any) -> None:
    control(access_keys={"LTAIother": {"secret": "s", "account": "1700000000000000"}})
    token = caller.describe(region, MaxResults=10).data["NextToken"]
    assert Caller(address, "LTAIother", "s").describe(region, NextToken=token).code == "InvalidParameter"


@pytest.mark.parametrize(
    "parameters",
    [
        {"PageSize": 101},
        {"PageSize": 0},
        {"PageNumber": 0},
        {"PageNumber": "x"},
        {"MaxResults": "ten"},
        {"MaxResults": "1.0"},
        {"DryRun": "yes"},
    ],
)
def test_impossible_values(caller: Caller, parameters: Any) -> None:
    assert caller.describe("cn-first", **parameters).code == "InvalidParameter"


def test_list_that_changes_between_pages(caller: Caller, emulator: Any, region: str, ids: List[str]) -> None:
    first = caller.describe(region, MaxResults=10)
    emulator.admin("DELETE", "/instances/" + ids[9])
    emulator.admin("DELETE", "/instances/" + ids[10])
    assert caller.describe(region, NextToken=first.data["NextToken"]).ids() == ids[11:21]
