# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures for the ECS API client. Tests do not see the credentials and proxies of the user who runs them."""

from __future__ import annotations

import os
from typing import Any, Callable

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._openapi import _credentials, _transport

from ....timing import FakeClock

ECS = _transport.Service("ecs", "2014-05-26", "")
KEY, SECRET, TOKEN = "LTAI5tTestOfTheClient", "SecretOfTheTestThatNobodySees", "CAIS+Token/Of=The+Test/ThatNobodySees=="


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in os.environ:
        if name.upper().endswith("_PROXY") or name.startswith(("ALIBABA_CLOUD_", "ALICLOUD_")):
            monkeypatch.delenv(name)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def timer() -> FakeClock:
    """The clock of the transports. It stands still, so pauses take no time."""
    return FakeClock()


@pytest.fixture
def make_transport(timer: FakeClock):
    """Return a function that creates a transport with these settings; *token* makes its credentials temporary."""
    made = []

    def make(token: str | None = None, provider: Any = None, **settings: Any) -> _transport.Transport:
        provider = provider or _credentials.static(_credentials.Credentials(KEY, SECRET, token), "the test")
        settings = {"timeout": 60.0, "deadline": 300.0, **settings}
        made.append(_transport.Transport(_transport.Settings(**settings), provider, timer=timer.clock))
        return made[-1]

    yield make
    for transport in made:
        transport.close()


@pytest.fixture
def no_waiting(timer: FakeClock) -> list[float]:
    """The pauses of the transports in seconds."""
    return timer.pauses


@pytest.fixture
def service() -> Callable[[Any], _transport.Service]:
    return lambda server: ECS._replace(endpoint=getattr(server, "url", server))
