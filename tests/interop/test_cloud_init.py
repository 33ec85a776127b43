# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the AliYun data source of Debian's cloud-init releases, and check its requests and results."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import HERE, SSH_KEY, Ecs

Boot = Callable[..., Any]
TOKEN = "PUT /latest/api/token token_request 200"
USER_DATA = "GET /2016-01-01/user-data token_authenticated 200"
NO_VENDOR_DATA = "GET /2016-01-01/vendor-data token_authenticated 404"
ALL = "GET /2016-01-01/meta-data/all token_authenticated 200"


@pytest.fixture
def boot(ecs: Ecs, fetched: Callable[[str], Path], tmp_path: Path) -> Boot:
    """Return boot(suite), which runs the data source of that Debian release's cloud-init for *timeout* seconds at most."""

    def run(suite: str, timeout: int = 300) -> Any:
        package = fetched("cloud-init") / suite / "usr/lib/python3/dist-packages"
        python = fetched("python") / "bin" / "python"
        folder = tempfile.mkdtemp(dir=tmp_path)
        return ecs.json(python, HERE / "clients/cloud_init.py", folder, str(timeout), PYTHONPATH=str(package))

    return run


def assert_complete(got: Any, ecs: Ecs) -> None:
    nic = {"dhcp4": True, "dhcp6": False, "match": {"macaddress": ecs.mac}, "set-name": "eth0"}
    assert got["found"] == "AliYun"
    assert got["instance_id"] == ecs.instance_id
    assert got["hostname"] == "interop-host"
    assert got["keys"] == [SSH_KEY]
    assert got["network"] == {"version": 2, "ethernets": {"eth0": nic}}
    assert got["user_data"] == "#cloud-config\nlocale: C.UTF-8\n"
    assert got["metadata"]["dns-conf"] == {"nameservers": ["100.100.2.136", "100.100.2.138"]}
    assert got["metadata"]["zone-id"].startswith(got["metadata"]["region-id"])


def items(metadata: Any) -> int:
    """Return the number of directories and leaves: each is one request of a walk."""
    return sum(1 + items(item) for item in metadata.values()) if isinstance(metadata, dict) else 0


def test_with_all(ecs: Ecs, boot: Boot) -> None:
    """Since 25.1, one request reads all metadata."""
    got = boot("trixie")
    assert got["version"].startswith("25.1.")
    assert_complete(got, ecs)
    assert ecs.requests() == [TOKEN, USER_DATA, NO_VENDOR_DATA, ALL]
    assert ecs.journal()[0]["user_agent"] == f"Cloud-Init/{got['version']}"


def test_walking(ecs: Ecs, boot: Boot, switches: Callable[..., None]) -> None:
    """Without `all`, cloud-init walks the tree with the token, with the same result."""
    with_all = boot("trixie")["metadata"]
    asked = len(ecs.requests())
    switches(all=False)
    got = boot("trixie")
    assert_complete(got, ecs)
    # The walk lists ram/ without reading keys; `all` does not contain it.
    assert got["metadata"].pop("ram") == {}
    assert got["metadata"] == with_all

    walk = ecs.requests()[asked:]
    assert walk[:4] == [TOKEN, USER_DATA, NO_VENDOR_DATA, "GET /2016-01-01/meta-data/all token_authenticated 404"]
    assert len(walk) == len(set(walk)) == 4 + len(["meta-data/", "ram/"]) + items(with_all)
    assert all(line.endswith("token_authenticated 200") for line in walk[4:])
    assert not [line for line in walk if "security-credentials" in line]


def test_without_user_data(ecs: Ecs, boot: Boot) -> None:
    ecs.set(user_data=None)
    got = boot("trixie")
    assert got["user_data"] == ""
    assert got["instance_id"] == ecs.instance_id
    assert ecs.requests() == [TOKEN, "GET /2016-01-01/user-data token_authenticated 404", NO_VENDOR_DATA, ALL]


def test_with_vendor_data(ecs: Ecs, boot: Boot) -> None:
    ecs.set(vendor_data="#cloud-config\n")
    assert boot("trixie")["vendor_data"] == "#cloud-config\n"
    assert ecs.requests() == [TOKEN, USER_DATA, "GET /2016-01-01/vendor-data token_authenticated 200", ALL]


def test_optional_mode_makes_no_difference(ecs: Ecs, boot: Boot) -> None:
    ecs.set(http_tokens="optional")
    assert_complete(boot("trixie"), ecs)
    assert ecs.requests() == [TOKEN, USER_DATA, NO_VENDOR_DATA, ALL]


@pytest.mark.parametrize("status", [403, 404])
def test_disabled_endpoint(ecs: Ecs, boot: Boot, switches: Callable[..., None], status: int) -> None:
    """cloud-init fails at once, and sends no normal-mode request."""
    switches(disabled_answer=status)
    ecs.set(http_endpoint="disabled")
    assert boot("trixie", timeout=1)["found"] is None
    assert ecs.requests() == [f"PUT /latest/api/token token_request {status}"]


def test_token_service_is_late(ecs: Ecs, boot: Boot) -> None:
    """cloud-init retries a broken connection, so the service can start after the instance."""
    ecs.set(faults=[{"kind": "reset", "on": "token", "times": 1}])
    assert_complete(boot("trixie"), ecs)
    broken = "PUT /latest/api/token token_request None"
    assert ecs.requests() == [broken, TOKEN, USER_DATA, NO_VENDOR_DATA, ALL]


def test_expired_token(ecs: Ecs, boot: Boot) -> None:
    """cloud-init 25.1 does not renew a token after status 401, because its handler of that error fails (in 26.2, too).

    It continues with the old token, and boots with a default instance ID and without keys.
    """
    ecs.set(faults=[{"kind": "token_dies_after", "uses": 1}])
    got = boot("trixie")
    assert (got["found"], got["instance_id"], got["keys"]) == ("AliYun", "iid-datasource", [])
    refused = [
        f"GET /2016-01-01/{item} token_authenticated 401" for item in ("vendor-data", "meta-data/all", "meta-data/")
    ]
    assert ecs.requests() == [TOKEN, USER_DATA, *refused]


def test_too_old_for_required_mode(ecs: Ecs, boot: Boot) -> None:
    """cloud-init 22.4 does not support tokens: it finds no data source, hence no name, no keys, no user data."""
    got = boot("bookworm", timeout=1)
    assert (got["version"], got["found"]) == ("22.4.2", None)
    assert set(ecs.requests()) == {"GET /2016-01-01/meta-data/instance-id normal_mode 403"}


def test_too_old_in_optional_mode(ecs: Ecs, boot: Boot) -> None:
    ecs.set(http_tokens="optional")
    got = boot("bookworm")
    assert_complete(got, ecs)
    assert ecs.modes() == {"normal_mode": len(["instance-id", "user-data", "meta-data/"]) + items(got["metadata"])}
    assert {entry["status"] for entry in ecs.journal()} == {200}
