# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which programs on this host ask for metadata without a token? Private to the collection.

A Go program tells which libraries it was built with. The command line tools of Alibaba Cloud are also asked for their
configuration: whether they are set up to use the instance's role. Keys in a configuration are neither kept nor returned.
"""

from __future__ import annotations

import json
import os
import re
import typing as t

from .._imds._service import ADDRESS
from . import _go
from ._files import Files
from ._findings import Finding, finding
from ._libraries import Library, judge

# D1, C2
CREDENTIALS = "github.com/aliyun/credentials-go"
# C17
SDK = "github.com/aliyun/alibaba-cloud-sdk-go"
LIBRARIES = {
    CREDENTIALS: Library("go_credentials_too_old", CREDENTIALS, "semver", "1.3.10", opt_in="1.3.4"),
    SDK: Library("go_sdk_too_old", SDK, "semver", "1.63.49"),
}
# C16: the releases with that credentials-go
_CLI = Library("aliyun_cli_too_old", CREDENTIALS, "semver", "1.3.10", opt_in="1.3.4")
_CLI_NAME = "aliyun"
_ADDRESS = ADDRESS.encode("ascii")
_CLI_CONFIG = "/.aliyun/config.json"
_OSSUTIL_CONFIG = "/.ossutilconfig"


def check(files: Files, programs: t.Sequence[str], terraform: t.Sequence[str]) -> t.Iterator[Finding]:
    """Findings on Go programs, and on the configuration of Alibaba Cloud's tools."""
    seen: t.Set[str] = set()
    tools: t.Set[str] = set()
    for path in programs:
        real = os.path.realpath(path)
        if real not in seen and not files.clock.expired:
            seen.add(real)
            yield from _program(files, path, tools)
    for path in terraform:
        yield from _provider(files, path)
    if "aliyun" in tools:
        yield from _cli_configurations(files)
    if "ossutil" in tools:
        yield from _ossutil_configurations(files)


def _program(files: Files, path: str, tools: t.Set[str]) -> t.Iterator[Finding]:
    name, shown = os.path.basename(path), files.shown(path)
    built = _go.read(files, path)
    # The module's path tells more than the name; without build information only the name is left.
    if name.startswith("ossutil") and (built is None or "ossutil" in built.program or not built.program):
        tools.add("ossutil")
        detail = "Its version cannot be told for sure without running it; from 2.0 on this may not hold."
        yield finding("ossutil_plain", detail, path=shown, version=built.version if built else None)
    elif name == _CLI_NAME and (built is None or built.program.endswith("/aliyun-cli") or not built.program):
        tools.add("aliyun")
        yield finding("aliyun_cli_oss_plain", path=shown)
        yield from judge(_CLI, built.modules.get(CREDENTIALS) if built else None, shown)
    elif built is not None:
        yield from linked(built, shown)


def linked(built: _go.BuildInfo, shown: str) -> t.Iterator[Finding]:
    """Findings on the libraries that a program was built with."""
    for module, library in LIBRARIES.items():
        if module in built.modules:
            detail = "That it is built in does not mean that the program takes the role's keys."
            for one in judge(library, built.modules[module], shown, program=built.program or None):
                yield {**one, "detail": (detail + " " + one["detail"]).strip()}


def _provider(files: Files, path: str) -> t.Iterator[Finding]:
    built = _go.read(files, path)
    named = re.search(r"_v([0-9][0-9A-Za-z.-]*)", os.path.basename(path))
    # C18: a copy of 2026-08-21 uses credentials-go 1.4.12; an older one asked without a token
    detail = "It was built with credentials-go %s." % built.modules.get(CREDENTIALS, "no") if built else ""
    yield finding(
        "terraform_provider_uncertain", detail, path=files.shown(path), version=named.group(1) if named else None
    )
    if built is not None:
        yield from linked(built, files.shown(path))


def _cli_configurations(files: Files) -> t.Iterator[Finding]:
    for path, content in _configurations(files, _CLI_CONFIG):
        try:
            described = json.loads(content)
        except (ValueError, RecursionError):
            files.note(path, "is no JSON")
            continue
        profiles = described.get("profiles") if isinstance(described, dict) else None
        modes = [profile.get("mode") for profile in profiles or [] if isinstance(profile, dict)]
        if "EcsRamRole" in modes:
            yield finding("aliyun_cli_oss_role", path=files.shown(path))


def _ossutil_configurations(files: Files) -> t.Iterator[Finding]:
    for path, content in _configurations(files, _OSSUTIL_CONFIG):
        if _ADDRESS in content:
            yield finding("ossutil_role", path=files.shown(path))


def _configurations(files: Files, name: str) -> t.Iterator[t.Tuple[str, bytes]]:
    homes = ["/root", *("/home/" + user for user in files.listing("/home"))]
    for home in homes:
        path = files.real(home + name)
        content = files.read(path, 1 << 20)
        if content is not None:
            yield path, content
