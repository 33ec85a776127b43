# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check when Alibaba Cloud's current credential clients fall back to normal mode.

Python (PyPI alibabacloud_credentials 1.0.12) and Node.js (npm @alicloud/credentials 2.4.7) send the same requests.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import HERE, ROLE, ROLE_KEYS, Ecs

Client = Callable[..., "subprocess.CompletedProcess[str]"]
NO_V1 = {"ALIBABA_CLOUD_IMDSV1_DISABLED": "true"}
TOKEN = "PUT /latest/api/token token_request 200"
DIRECTORY = "/latest/meta-data/ram/security-credentials/"
ROLE_PATH = DIRECTORY + ROLE["name"]


@pytest.fixture(params=["python", "node"])
def client(request: pytest.FixtureRequest, ecs: Ecs, fetched: Callable[[str], Path]) -> Client:
    """Return client(role, VARIABLE=...), which runs the client on the instance; it prints the keys as JSON."""
    if request.param == "python":
        return lambda *words, **variables: ecs.run(sys.executable, HERE / "clients/role_keys.py", *words, **variables)
    modules = fetched("node") / "node_modules"
    script = HERE / "clients/role_keys.js"
    return lambda *words, **variables: ecs.run("node", script, *words, NODE_PATH=str(modules), **variables)


def got_keys(done: subprocess.CompletedProcess[str]) -> bool:
    assert done.returncode == 0, done.stderr
    return all(f'"{name}":"{value}"' in done.stdout.replace(" ", "") for name, value in ROLE_KEYS.items())


@pytest.mark.parametrize("variables", [{}, NO_V1], ids=["default", "no-v1"])
@pytest.mark.parametrize("mode", ["required", "optional"])
def test_unnamed_role(ecs: Ecs, client: Client, mode: str, variables: dict[str, str]) -> None:
    """The client requests the role's name and then the keys, each with a new token."""
    ecs.set(http_tokens=mode)
    assert got_keys(client(**variables))
    assert ecs.requests() == [
        TOKEN,
        f"GET {DIRECTORY} token_authenticated 200",
        TOKEN,
        f"GET {ROLE_PATH} token_authenticated 200",
    ]


def test_named_role(ecs: Ecs, client: Client) -> None:
    assert got_keys(client(ROLE["name"]))
    assert ecs.requests() == [TOKEN, f"GET {ROLE_PATH} token_authenticated 200"]


def test_wrong_role_name_falls_back(ecs: Ecs, client: Client) -> None:
    """After any failure with a token the client tries normal mode, even after a misspelled role name."""
    done = client("WrongRole")
    assert done.returncode == 1
    assert "403" in done.stderr
    wrong = f"GET {DIRECTORY}WrongRole"
    assert ecs.requests() == [TOKEN, f"{wrong} token_authenticated 404", f"{wrong} normal_mode 403"]


def test_wrong_role_name_without_v1(ecs: Ecs, client: Client) -> None:
    done = client("WrongRole", **NO_V1)
    assert done.returncode == 1
    assert "404" in done.stderr
    assert ecs.requests() == [TOKEN, f"GET {DIRECTORY}WrongRole token_authenticated 404"]


def test_no_role(ecs: Ecs, client: Client) -> None:
    ecs.set(role=None)
    assert client().returncode == 1
    assert ecs.requests() == [TOKEN, f"GET {DIRECTORY} token_authenticated 404", f"GET {DIRECTORY} normal_mode 403"]


@pytest.mark.parametrize("status", [403, 404])
def test_disabled_endpoint(ecs: Ecs, client: Client, switches: Callable[..., None], status: int) -> None:
    """The client falls back to normal mode, which fails, too."""
    switches(disabled_answer=status)
    ecs.set(http_endpoint="disabled")
    done = client()
    assert done.returncode == 1
    assert str(status) in done.stderr
    assert ecs.requests() == [f"PUT /latest/api/token token_request {status}", f"GET {DIRECTORY} normal_mode {status}"]


def test_disabled_endpoint_without_v1(ecs: Ecs, client: Client) -> None:
    ecs.set(http_endpoint="disabled")
    assert client(**NO_V1).returncode == 1
    assert ecs.requests() == ["PUT /latest/api/token token_request 403"]


def test_token_that_cannot_be_had(ecs: Ecs, client: Client) -> None:
    """In optional mode the fallback succeeds, and only the journal shows it."""
    ecs.set(http_tokens="optional", faults=[{"kind": "status", "status": 503, "on": "token"}])
    assert got_keys(client())
    failed = "PUT /latest/api/token token_request 503"
    assert ecs.requests() == [failed, f"GET {DIRECTORY} normal_mode 200", failed, f"GET {ROLE_PATH} normal_mode 200"]


def test_token_that_expires_at_once(ecs: Ecs, client: Client) -> None:
    """After status 401 the client falls back to normal mode instead of renewing the token."""
    ecs.set(faults=[{"kind": "status", "status": 401, "on": "data", "times": 1}])
    done = client(ROLE["name"])
    assert done.returncode == 1
    assert ecs.requests() == [TOKEN, f"GET {ROLE_PATH} token_authenticated 401", f"GET {ROLE_PATH} normal_mode 403"]


def test_slow_service(ecs: Ecs, client: Client) -> None:
    """The client waits a second for a token."""
    ecs.set(faults=[{"kind": "hang", "on": "token"}])
    assert client(ROLE["name"], **NO_V1).returncode == 1
    assert ecs.modes() == {"token_request": 1}


def test_switched_off(ecs: Ecs, client: Client) -> None:
    assert client(ALIBABA_CLOUD_ECS_METADATA_DISABLED="true").returncode == 1
    assert ecs.requests() == []


def test_old_client_told_to_use_tokens(ecs: Ecs, fetched: Callable[[str], Path]) -> None:
    """0.3.5 supports tokens, but requests the role's name in normal mode."""
    command = (fetched("python") / "bin" / "python", HERE / "clients/role_keys.py", "--v2")
    assert ROLE_KEYS["access_key_id"] in ecs.output(*command, ROLE["name"])
    assert ecs.requests() == [TOKEN, f"GET {ROLE_PATH} token_authenticated 200"]
    assert ecs.run(*command).returncode == 1
    assert ecs.requests()[2:] == [f"GET {DIRECTORY} normal_mode 403"]
