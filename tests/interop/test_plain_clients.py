# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check clients without support for tokens: refused in required mode, served in optional mode.

aliyun-python-sdk-core 2.16.1 and oss2 2.19.1 are current releases; alibabacloud_credentials 0.3.5 is the last one that
sends normal-mode requests by default.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import HERE, ROLE, ROLE_KEYS, Ecs

ROLE_PATH = "/latest/meta-data/ram/security-credentials/" + ROLE["name"]
# Each client with the number of its requests if it is refused.
CLIENTS = pytest.mark.parametrize(
    ("script", "tries"), [("core_signer.py", 1), ("oss_keys.py", 3), ("role_keys.py", 1)], ids=["core", "oss2", "0.3.5"]
)


@CLIENTS
def test_required_mode(ecs: Ecs, fetched: Callable[[str], Path], script: str, tries: int) -> None:
    done = ecs.run(fetched("python") / "bin" / "python", HERE / "clients" / script, ROLE["name"])
    assert done.returncode == 1
    assert "403" in done.stderr.splitlines()[-1]
    assert ecs.requests() == [f"GET {ROLE_PATH} normal_mode 403"] * tries


@CLIENTS
def test_optional_mode(ecs: Ecs, fetched: Callable[[str], Path], script: str, tries: int) -> None:
    ecs.set(http_tokens="optional")
    output = ecs.output(fetched("python") / "bin" / "python", HERE / "clients" / script, ROLE["name"])
    assert ROLE_KEYS["access_key_id"] in output
    assert ROLE_KEYS["security_token"] in output
    assert ecs.requests() == [f"GET {ROLE_PATH} normal_mode 200"]


def test_old_client_told_to_use_tokens(ecs: Ecs, fetched: Callable[[str], Path]) -> None:
    """0.3.5 supports tokens, but requests the role's name in normal mode."""
    command = (fetched("python") / "bin" / "python", HERE / "clients/role_keys.py", "--v2")
    assert ROLE_KEYS["access_key_id"] in ecs.output(*command, ROLE["name"])
    assert ecs.requests() == ["PUT /latest/api/token token_request 200", f"GET {ROLE_PATH} token_authenticated 200"]
    assert ecs.run(*command).returncode == 1
    assert ecs.requests()[2:] == ["GET /latest/meta-data/ram/security-credentials/ normal_mode 403"]
