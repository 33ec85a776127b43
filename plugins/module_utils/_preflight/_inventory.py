# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find software that may read metadata, in one walk for all checks."""

import re
import typing as t

from ._files import Files

DIRECTORIES = ("/usr", "/opt", "/home", "/root", "/srv", "/app", "/data", "/var/www", "/var/lib")
# Images and layers of containers: many copies of the same files, which this host does not run itself.
CONTAINER_STORES = (
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/lxc",
    "/var/lib/machines",
)
_SKIPPED = frozenset(
    ["proc", "sys", "dev", "__pycache__", ".git", ".hg", ".svn", "/var/lib/kubelet", *CONTAINER_STORES]
)
_PROGRAM_DIRECTORIES = frozenset(["bin", "sbin", "libexec"])
# Agents whose program is in a directory of their own.
_AGENT_DIRECTORIES = (
    "/datadog-agent/bin/agent",
    "/filebeat/bin",
    "/metricbeat/bin",
    "/auditbeat/bin",
    "/packetbeat/bin",
    "/heartbeat/bin",
    "/usr/lib/dracut/modules.d/30ignition",
)
PROGRAM_NAMES = frozenset(["aliyun", "ossutil", "ossutil64", "ossutil32", "ossutilarm64"])
# The metadata folder of a Python package that a check judges.
_PYTHON = re.compile(
    r"/(?:alibabacloud|aliyun|oss2|cloud|footmark|acm[-_.]sdk|ansible[-_.]alicloud)[^/]*(?:\.dist-info|\.egg-info|\.egg/EGG-INFO)\Z",
    re.I,
)
_NODE = ("/@alicloud/credentials", "/@opentelemetry/resource-detector-alibaba-cloud")
_PACKED = (".ear", ".whl", ".egg", ".zip", ".pyz", ".pex", ".pyc")
# Where programs are installed without a directory of their own for them; most have no ending.
_PLACES = re.compile(r"/(?:opt|srv|app|data|root|home|usr/local)/(?!.*/(?:node_modules|site-packages|dist-packages)/)")
_EXECUTABLE = re.compile(r"[\w+-]+(?:\.(?:bin|run|elf))?\Z")
_GEMSPEC = re.compile(r"/ohai-\d[^/]*\.gemspec\Z")


class Inventory(t.NamedTuple):
    """Real paths of the files that the checks examine."""

    python: t.List[str]  # METADATA or PKG-INFO of a package, or an .egg-info that is a file
    node: t.List[str]  # package.json
    composer: t.List[str]  # installed.json
    archives: t.List[str]  # jar, war
    packed: t.List[str]  # wheels and other archives of programs, compiled Python files
    programs: t.List[str]
    gems: t.List[str]  # gemspec of ohai
    collections: t.List[str]  # MANIFEST.json of alibaba.alicloud
    terraform: t.List[str]


def collect(files: Files, directories: t.Sequence[str] = DIRECTORIES, excluded: t.Sequence[str] = ()) -> Inventory:
    """Walk *directories* once and return the files that the checks examine."""
    inventory = Inventory([], [], [], [], [], [], [], [], [])
    skipped = _SKIPPED.union(directory.rstrip("/") for directory in excluded)
    for directory in directories:
        for path in files.walk(directory, skipped):
            target = _kind(inventory, path)
            if target is not None:
                target.append(path)
    return Inventory(*(list(dict.fromkeys(paths)) for paths in inventory))


def _kind(inventory: Inventory, path: str) -> t.Optional[t.List[str]]:
    """Return the list of *inventory* that *path* belongs to, by its name; None if it is of no use."""
    folder, _slash, name = path.rpartition("/")
    if name in ("METADATA", "PKG-INFO"):
        return inventory.python if _PYTHON.search(folder) else None
    if name == "package.json":
        return inventory.node if folder.endswith(_NODE) else None
    if name == "installed.json":
        return inventory.composer if folder.endswith("/composer") else None
    if name == "MANIFEST.json":
        return inventory.collections if folder.endswith("/ansible_collections/alibaba/alicloud") else None
    if name.startswith("terraform-provider-alicloud"):
        return inventory.terraform
    if is_program(path):
        return inventory.programs
    if name.endswith((".jar", ".war")):
        return inventory.archives
    if name.endswith(_PACKED):
        return inventory.packed
    if name.endswith(".egg-info"):
        return inventory.python if _PYTHON.search(path) else None
    if name.endswith(".gemspec"):
        return inventory.gems if _GEMSPEC.search(path) else None
    return inventory.programs if _EXECUTABLE.match(name) and _PLACES.search(path) else None


def is_program(path: str) -> bool:
    """Return whether a file is a program by its name or directory."""
    folder, _slash, name = path.rpartition("/")
    return (
        name in PROGRAM_NAMES
        or folder.rpartition("/")[2] in _PROGRAM_DIRECTORIES
        or folder.endswith(_AGENT_DIRECTORIES)
    )


def container_stores(files: Files) -> t.List[str]:
    """Return the container stores that exist and are not empty."""
    return [store for store in CONTAINER_STORES if files.listing(store)]
