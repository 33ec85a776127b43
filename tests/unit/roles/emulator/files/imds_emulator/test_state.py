# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Selection of the instance for a client."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest

from .client import TOKEN, TOKEN_PATH, TTL, Emulator, ask, exchange, request_bytes

pytestmark = pytest.mark.slow

DATA = "/latest/meta-data/instance-id"


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Two instances told apart by the client's address, one with its own listening address, and no default."""
    config = {
        "instances": [
            {"instance_id": "i-two", "clients": ["127.0.0.2"]},
            {"instance_id": "i-three", "clients": ["127.0.0.3", "127.0.0.33"], "http_tokens": "required"},
            {"instance_id": "i-own", "listen": "127.0.0.1:0"},
        ]
    }
    running = Emulator(tmp_path_factory.mktemp("network"), "--listen", "127.0.0.1:0", config=config)
    yield running
    assert running.stop() == 0


def token_for(emulator: Emulator, source: str) -> str:
    return ask(emulator.listen[0], TOKEN_PATH, {TTL: "60"}, "PUT", source=source).text


def test_instances_are_told_apart_by_the_clients_address(network: Emulator) -> None:
    assert ask(network.listen[0], DATA, source="127.0.0.2").text == "i-two"
    assert ask(network.listen[0], DATA, source="127.0.0.3").status == 403
    for source in ("127.0.0.3", "127.0.0.33"):
        token = token_for(network, source)
        assert ask(network.listen[0], DATA, {TOKEN: token}, source=source).text == "i-three"


def test_the_listening_address_wins(network: Emulator) -> None:
    address = network.ready["instances"]["i-own"]["listen"]
    assert ask(address, DATA, source="127.0.0.2").text == "i-own"
    assert network.ready["instances"]["i-two"]["listen"] is None


def test_a_token_copied_to_another_instance_is_refused(network: Emulator) -> None:
    token = token_for(network, "127.0.0.2")
    assert ask(network.listen[0], DATA, {TOKEN: token}, source="127.0.0.3").status == 401
    assert ask(network.listen[0], DATA, {TOKEN: token}, source="127.0.0.2").text == "i-two"


def test_a_client_that_no_instance_claims_gets_no_answer(network: Emulator) -> None:
    assert exchange(network.listen[0], request_bytes(DATA), source="127.0.0.9") == b""
    entry = network.journal()[-1]
    assert (entry["instance"], entry["client"], entry["status"], entry["path"]) == (None, "127.0.0.9", None, DATA)


def test_an_only_instance_answers_everyone_unless_it_names_its_clients(tmp_path: Path) -> None:
    running = Emulator(tmp_path, "--listen", "127.0.0.1:0", config={"instances": [{"instance_id": "i-only"}]})
    try:
        assert ask(running.listen[0], DATA, source="127.0.0.9").text == "i-only"
        running.admin("PATCH", "/instances/i-only", {"clients": ["127.0.0.2"]})
        assert ask(running.listen[0], DATA, source="127.0.0.2").text == "i-only"
        assert exchange(running.listen[0], request_bytes(DATA), source="127.0.0.9") == b""
        running.admin("PATCH", "/instances/i-only", {"default": True})
        assert ask(running.listen[0], DATA, source="127.0.0.9").text == "i-only"
    finally:
        assert running.stop() == 0
