# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shared options, and the clients created from them."""

from __future__ import annotations

import os

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _options
from ansible_collections.alicloud.imds.plugins.module_utils._imds._client import Settings

DEFAULTS = Settings()._asdict()


@pytest.fixture(autouse=True)
def no_clients(monkeypatch) -> None:
    """Forget the clients that other tests created."""
    monkeypatch.setattr(_options, "_shared", {})


def options(**changed):
    """Return a function that returns an option by name."""
    return {**DEFAULTS, **changed}.__getitem__


def test_the_argument_spec_has_the_defaults_of_the_settings() -> None:
    spec = _options.argument_spec()
    assert {name: option.get("default") for name, option in spec.items()} == {
        name: value for name, value in DEFAULTS.items() if name != "connections"
    }


def test_an_argument_spec_may_add_and_extend_options() -> None:
    spec = _options.argument_spec(paths={"type": "list"}, deadline={"aliases": ["gather_timeout"]})
    assert spec["paths"] == {"type": "list"}
    assert spec["deadline"] == {"type": "float", "default": 15.0, "aliases": ["gather_timeout"]}


@pytest.mark.parametrize("endpoint", [None, "", "/"])
def test_without_an_endpoint_both_addresses_of_the_service_are_used(endpoint) -> None:
    settings = _options.make_client(options(endpoint=endpoint)).settings
    assert settings.endpoints == ("http://100.100.100.200", "http://[fd00:100::100:200]")


def test_an_explicit_endpoint_is_the_only_one() -> None:
    settings = _options.make_client(options(endpoint="http://100.100.100.200")).settings
    assert settings.endpoints == ("http://100.100.100.200",)


def test_a_slash_at_the_end_of_the_endpoint_is_ignored() -> None:
    assert _options.make_client(options(endpoint="http://127.0.0.1:9/")).settings.endpoint == "http://127.0.0.1:9"


def test_an_option_out_of_range_is_an_error() -> None:
    with pytest.raises(ValueError, match="token_ttl must be 1 to 21600"):
        _options.make_client(options(token_ttl=0))


def test_a_client_is_shared_for_equal_options_of_one_process(monkeypatch) -> None:
    first = _options.shared_client(options())
    assert _options.shared_client(options()) is first
    assert _options.shared_client(options(token_ttl=60)) is not first
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert _options.shared_client(options()) is not first
