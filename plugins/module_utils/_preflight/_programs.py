# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find Go programs and Alibaba Cloud tools that send normal-mode requests.

Go programs are judged by the modules in their build information. The configuration of Alibaba Cloud's command line tools
shows whether they use the instance RAM role; access keys in it are neither kept nor returned. `_catalog` names the sources.
"""

import json
import os
import re
import typing as t

from .._common._text import one_line
from .._imds._service import ADDRESS
from . import _compiled, _go
from ._files import Files
from ._findings import Finding, finding
from ._inventory import is_program
from ._libraries import Library, judge

CREDENTIALS = "github.com/aliyun/credentials-go"
SDK = "github.com/aliyun/alibaba-cloud-sdk-go"
LIBRARIES = {
    CREDENTIALS: Library("go_credentials_too_old", CREDENTIALS, "semver", "1.3.10", opt_in="1.3.4"),
    SDK: Library("go_sdk_too_old", SDK, "semver", "1.63.49"),
}
# Modules that send normal-mode requests in every known version.
NORMAL_MODE = ("github.com/denverdino/aliyungo", "github.com/elastic/beats/v7", "github.com/DataDog/datadog-agent")
# Judged by the credentials-go that it was built with.
_CLI = Library("aliyun_cli_too_old", CREDENTIALS, "semver", "1.3.10", opt_in="1.3.4")
_CLI_NAME = "aliyun"
_ADDRESS = ADDRESS.encode("ascii")
_CLI_CONFIG = "/.aliyun/config.json"
_OSSUTIL_CONFIG = "/.ossutilconfig"


def check(
    files: Files, programs: t.Sequence[str], terraform: t.Sequence[str], packed: t.Sequence[str] = ()
) -> t.Iterator[Finding]:
    """Yield findings about *programs*, providers for *terraform*, *packed* programs (real paths), and configurations of tools."""
    seen: t.Set[str] = set()
    tools: t.Set[str] = set()
    others: t.List[str] = []
    for path in programs:
        real = os.path.realpath(path)
        if real not in seen and not files.deadline.expired and _may_run(path):
            seen.add(real)
            found = list(_program(files, path, tools))
            yield from found
            if not found:
                others.append(path)
    for path in terraform:
        yield from _provider(files, path)
    if "aliyun" in tools:
        yield from _cli_configurations(files)
    if "ossutil" in tools:
        yield from _ossutil_configurations(files)
    yield from _compiled.check(files, [*others, *packed])


def _may_run(path: str) -> bool:
    """Return whether a file is a program by its name or directory, or because somebody may execute it."""
    if is_program(path):
        return True
    try:
        return bool(os.lstat(path).st_mode & 0o111)
    except OSError:
        return False


def _program(files: Files, path: str, tools: t.Set[str]) -> t.Iterator[Finding]:
    """Yield findings about one program, and add it to *tools* if it is one of Alibaba Cloud's."""
    name, shown = os.path.basename(path), files.shown(path)
    built = _go.read(files, path)
    # The path of the main module decides; without build information the file name does.
    if name.startswith("ossutil") and (built is None or "ossutil" in built.program or not built.program):
        tools.add("ossutil")
        detail = "Its version cannot be determined without running it; 2.0 and later may support tokens."
        yield finding("ossutil_normal_mode", detail, path=shown, version=built.version if built else None)
    elif name == _CLI_NAME and (built is None or built.program.endswith("/aliyun-cli") or not built.program):
        tools.add("aliyun")
        yield finding("aliyun_cli_oss_normal_mode", path=shown)
        yield from judge(_CLI, built.modules.get(CREDENTIALS) if built else None, shown)
    elif built is not None:
        yield from linked(built, shown)


def linked(built: _go.BuildInfo, shown: str) -> t.Iterator[Finding]:
    """Yield findings about the libraries that a program was built with; *shown* is its path in the evidence."""
    for module, library in LIBRARIES.items():
        if module in built.modules:
            detail = "The program may not use the library for the instance RAM role."
            for one in judge(library, built.modules[module], shown, program=built.program or None):
                yield {**one, "detail": (detail + " " + one["detail"]).strip()}
    for module in NORMAL_MODE:
        if module in built.modules or built.program.startswith(module):
            version = built.modules.get(module, built.version)
            yield finding(
                "go_module_normal_mode",
                module,
                path=shown,
                version=one_line(version, 64),
                program=built.program or None,
            )


def _provider(files: Files, path: str) -> t.Iterator[Finding]:
    """Yield findings about one Terraform provider."""
    built = _go.read(files, path)
    named = re.search(r"_v([0-9][0-9A-Za-z.-]*)", os.path.basename(path))
    detail = "It was built with credentials-go %s." % built.modules.get(CREDENTIALS, "no") if built else ""
    yield finding(
        "terraform_provider_uncertain", detail, path=files.shown(path), version=named.group(1) if named else None
    )
    if built is not None:
        yield from linked(built, files.shown(path))


def _cli_configurations(files: Files) -> t.Iterator[Finding]:
    """Yield a finding for each configuration of the aliyun CLI with the mode EcsRamRole."""
    for path, content in _configurations(files, _CLI_CONFIG):
        try:
            described = json.loads(content)
        except (ValueError, RecursionError):
            files.note(path, "is not valid JSON")
            continue
        profiles = described.get("profiles") if isinstance(described, dict) else None
        modes = [profile.get("mode") for profile in profiles or [] if isinstance(profile, dict)]
        if "EcsRamRole" in modes:
            yield finding("aliyun_cli_oss_role", path=files.shown(path))


def _ossutil_configurations(files: Files) -> t.Iterator[Finding]:
    """Yield a finding for each configuration of ossutil that names the metadata service."""
    for path, content in _configurations(files, _OSSUTIL_CONFIG):
        if _ADDRESS in content:
            yield finding("ossutil_role", path=files.shown(path))


def _configurations(files: Files, name: str) -> t.Iterator[t.Tuple[str, bytes]]:
    """Yield real path and content of the file *name* of each home directory."""
    homes = ["/root", *("/home/" + user for user in files.listing("/home"))]
    for home in homes:
        path = files.real(home + name)
        content = files.read(path, 1 << 20)
        if content is not None:
            yield path, content
