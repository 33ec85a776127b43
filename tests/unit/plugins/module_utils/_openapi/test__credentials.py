# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renewal of credentials, the number of fetches, and secrets in text forms."""

from __future__ import annotations

import concurrent.futures
import threading
import time

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._openapi import _credentials
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._credentials import Credentials, Provider

from .conftest import KEY, SECRET, TOKEN


class Source:
    """A source of credentials with a lifetime of *life* seconds, on a clock that the test sets."""

    def __init__(self, life: float | None) -> None:
        self.life, self.now, self.fetched, self.failing = life, 0.0, 0, False
        self.provider = Provider(self.fetch, "the test", lambda: self.now)

    def fetch(self) -> Credentials:
        self.fetched += 1
        if self.failing:
            raise RuntimeError("no")
        ends = None if self.life is None else self.now + self.life
        return Credentials("STS.%d" % self.fetched, SECRET, "token-%d" % self.fetched, ends)

    def at(self, now: float) -> str:
        self.now = now
        return self.provider.current().access_key_id


def test_keys_that_do_not_expire_are_fetched_once() -> None:
    source = Source(None)
    assert source.fetched == 0
    assert [source.at(now) for now in (0, 1e6, 1e9)] == ["STS.1"] * 3


def test_credentials_are_renewed_15_minutes_before_they_expire() -> None:
    source = Source(6 * 3600)
    assert [source.at(now) for now in (0, 5.7 * 3600, 6 * 3600 - 901)] == ["STS.1"] * 3
    assert source.at(6 * 3600 - 899) == "STS.2"


def test_short_lived_credentials_are_renewed_in_their_last_quarter() -> None:
    source = Source(900)
    assert [source.at(now) for now in (0, 674, 676)] == ["STS.1", "STS.1", "STS.2"]


def test_a_failed_renewal_is_ignored_while_the_keys_are_valid() -> None:
    source = Source(3600)
    source.at(0)
    source.failing = True
    assert [source.at(now) for now in (2701, 2702, 2760, 3000)] == ["STS.1"] * 4
    assert source.fetched == 3  # not for every call
    with pytest.raises(RuntimeError):
        source.at(3600)
    source.failing = False
    assert source.at(3601) == "STS.5"


def test_a_source_that_returns_the_same_keys_is_not_queried_for_every_call() -> None:
    source = Source(None)
    fetched = []
    provider = Provider(lambda: fetched.append(1) or Credentials("k", SECRET, "t", 1000.0), "test", lambda: source.now)
    provider.current()
    source.now = 800
    for _turn in range(10):
        provider.current()
    assert len(fetched) == 2


def test_credentials_that_have_expired_already_are_returned() -> None:
    source = Source(-5)
    assert source.at(0) == "STS.1"  # the API returns a better error message


def test_concurrent_threads_share_one_fetch() -> None:
    fetched, barrier = [], threading.Barrier(8)

    def fetch() -> Credentials:
        fetched.append(1)
        time.sleep(0.1)
        return Credentials("k", SECRET, "t", time.time() + 3600)

    provider = Provider(fetch, "test")

    def use(number: int) -> Credentials:
        barrier.wait()
        return provider.current()

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(use, range(8)))) == 1
    assert len(fetched) == 1


def test_rejected_credentials_are_replaced_once() -> None:
    source = Source(3600)
    old = source.provider.current()
    new = source.provider.replace(old)
    assert new is not None and new.access_key_id == "STS.2"
    assert source.provider.replace(old) is new  # for another thread with the same credentials
    assert source.fetched == 2


def test_keys_that_do_not_expire_have_no_replacement() -> None:
    credentials = Credentials(KEY, SECRET, TOKEN)
    provider = _credentials.static(credentials, "test")
    assert provider.replace(provider.current()) is None


def test_text_forms_have_no_secret() -> None:
    credentials = Credentials(KEY, SECRET, TOKEN, 1.0)
    provider = _credentials.static(credentials, "the options")
    provider.current()
    shown = repr(credentials) + str(credentials) + repr(provider) + repr(vars(provider)) + repr([credentials])
    for hidden in (KEY, SECRET, TOKEN):
        assert hidden not in shown


def test_every_secret_is_registered(monkeypatch) -> None:
    registered = []
    monkeypatch.setattr(_credentials, "register_secret", registered.append)
    Credentials(KEY, SECRET, TOKEN)
    assert {SECRET, TOKEN} <= set(registered)
