# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walk a service sequentially on one kept connection, and record its paths and the time of each answer."""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Dialect:
    """The address and the token protocol of a service."""

    address: str
    header: str
    ttl_header: str
    beside: tuple[str, ...]  # the paths below /latest/ other than meta-data/


ECS = Dialect(
    "100.100.100.200",
    "X-aliyun-ecs-metadata-token",
    "X-aliyun-ecs-metadata-token-ttl-seconds",
    ("dynamic/instance-identity/", "maintenance/", "global-config/", "user-data", "vendor-data"),
)
EC2 = Dialect(
    "169.254.169.254",
    "X-aws-ec2-metadata-token",
    "X-aws-ec2-metadata-token-ttl-seconds",
    ("dynamic/", "user-data"),
)


@dataclass
class Survey:
    """The paths below ``/latest/``, where directories end with a slash, and the ``seconds`` of each GET."""

    directories: list[str] = field(default_factory=list)
    leaves: list[str] = field(default_factory=list)
    size: int = 0
    seconds: list[float] = field(default_factory=list)

    def below_meta_data(self) -> int:
        return sum(leaf.startswith("meta-data/") for leaf in self.leaves)


def survey(dialect: Dialect) -> Survey:
    connection = http.client.HTTPConnection(dialect.address, timeout=60)
    connection.request("PUT", "/latest/api/token", headers={dialect.ttl_header: "600"})
    headers = {dialect.header: connection.getresponse().read().decode()}
    found = Survey()
    pending = ["meta-data/", *dialect.beside]
    while pending:
        path = pending.pop()
        began = time.perf_counter()
        connection.request("GET", "/latest/" + path, headers=headers)
        response = connection.getresponse()
        body = response.read()
        found.seconds.append(time.perf_counter() - began)
        if response.status != 200:
            raise RuntimeError(f"GET /latest/{path} at {dialect.address}: {response.status}")
        found.size += len(body)
        if not path.endswith("/"):
            found.leaves.append(path)
            continue
        found.directories.append(path)
        pending += [path + _name(path, line) for line in body.decode().split("\n")]
    connection.close()
    return found


def _name(directory: str, line: str) -> str:
    """Return the name in a line of a listing. Some listings have directories without a slash, or keys as ``0=name``."""
    if directory.endswith("/public-keys/") and "=" in line:
        return line.partition("=")[0] + "/"
    return line
