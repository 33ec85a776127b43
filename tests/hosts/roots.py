# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""roots.py [NAME...]: create all or the named Debian root file systems of the test hosts in .cache/roots, two at a time.

A root is created again only if its recipe changed. Test hosts never write to it: they use an overlay.

`roots.py --sources SUITE` prints the apt sources of this machine for another release of Debian.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
ROOTS = CHECKOUT / ".cache" / "roots"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
PACKAGES = (
    # A host that boots and accepts Ansible's connections.
    *("systemd", "systemd-sysv", "dbus", "openssh-server", "python3", "python3-apt", "sudo"),
    # Programs of the role and of its tests.
    *("nftables", "iptables", "cron", "bash-completion", "ca-certificates", "curl", "iproute2", "procps"),
    # Programs of the jobs in jobs.py.
    *("wget", "xxd"),
    # The open reverse proxy and the web server's user for test_ssrf.py.
    "nginx-light",
)
# Without a network these would fail, or disturb comparisons. Tests start the web server when they need it.
DISABLED = ("nginx.service", "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer")
HOOKS = (
    *(f'systemctl --root="$1" --quiet disable {unit}' for unit in DISABLED),
    ': >"$1/etc/machine-id"; rm -f "$1/etc/hostname" "$1/var/lib/dbus/machine-id"',
    'rm -rf "$1"/etc/apt/sources.list* "$1"/etc/*/*.d/99mmdebstrap "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap',
    'find "$1/var/log" "$1/var/cache/apt" -type f -delete',
)


class CannotCreate(Exception):
    """A root cannot be created; the message is a complete sentence."""


@dataclass(frozen=True)
class Recipe:
    suite: str
    packages: tuple[str, ...] = PACKAGES
    hooks: tuple[str, ...] = HOOKS

    def fingerprint(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


# Alibaba Cloud Linux 3. With these files, ansible-core 2.16 reports yum as its package manager, because 3 is less than 8.
EL8_RELEASE = "Alibaba Cloud Linux release 3 (Soaring Falcon)"
EL8_FILES = {
    "usr/lib/os-release": r'NAME="Alibaba Cloud Linux"\nVERSION="3 (Soaring Falcon)"\nID="alinux"\n'
    r'ID_LIKE="rhel fedora centos anolis"\nVERSION_ID="3"\nPLATFORM_ID="platform:al8"\n'
    r'PRETTY_NAME="Alibaba Cloud Linux 3 (Soaring Falcon)"\n',
    "etc/alinux-release": rf"{EL8_RELEASE}\n",
    # Where RPM and dnf find the database; the default of Debian is in the home directory.
    "etc/rpm/macros": r"%%_dbpath /var/lib/rpm\n",
    # As on EL8.
    "etc/dnf/dnf.conf": r"[main]\ngpgcheck=1\ninstallonly_limit=3\nclean_requirements_on_remove=True\n"
    r"best=True\nskip_if_unavailable=False\n",
}
# The RPM database of an EL8 system, with the vendor's name of Cloud Assistant. The packages have no files.
RPM_PACKAGES = {"cloud-init": "22.1-5.el8", "aliyun_assist": "2.2.3.529-1", "systemd": "239-68.el8"}
SPECIFICATION = """cat >"$1/tmp/{0}.spec" <<END
Name: {0}
Version: {1}
Release: {2}
Summary: {0}
License: none
BuildArch: noarch
%description
%files
END"""
EL8_HOOKS = (
    *(
        f"""mkdir -p "$(dirname "$1/{path}")" && printf '{content}' >"$1/{path}\""""
        for path, content in EL8_FILES.items()
    ),
    """ln -s alinux-release "$1/etc/redhat-release" && ln -s alinux-release "$1/etc/system-release"
    ln -s dnf-3 "$1/usr/bin/yum" && rm "$1/etc/debian_version\"""",
    *(SPECIFICATION.format(name, *version.split("-")) for name, version in RPM_PACKAGES.items()),
    """chroot "$1" sh -ec 'rpmbuild -bb --quiet --define "_topdir /tmp/rpm" /tmp/*.spec
    rpm --dbpath /var/lib/rpm --force-debian --install --justdb --nodeps /tmp/rpm/RPMS/noarch/*.rpm; rm -r /tmp/rpm /tmp/*.spec'""",
    # EL8 does not install nftables. A test that needs nft moves it to /usr/sbin.
    'mv "$1/usr/sbin/nft" "$1/usr/libexec/nft" && chroot "$1" dpkg --purge --force-depends nftables',
)
RECIPES = {
    "bookworm": Recipe("bookworm"),
    "trixie": Recipe("trixie"),
    # nft 0.9.8, systemd 247 and Python 3.9.
    "bullseye": Recipe("bullseye"),
    # For hosts of kind el8.
    "el8": Recipe("bookworm", (*PACKAGES, "rpm", "dnf", "createrepo-c"), (*EL8_HOOKS, *HOOKS)),
    # Its cloud-init, 22.4.2, does not support tokens.
    "bookworm-cloud-init": Recipe("bookworm", (*PACKAGES, "cloud-init")),
}


def root(name: str) -> Path:
    """Return the folder of a root, after creating it if it is missing or its recipe changed."""
    recipe = RECIPES.get(name)
    if not recipe:
        raise CannotCreate(f"Unknown root '{name}'; known roots: {', '.join(RECIPES)}.")
    ROOTS.mkdir(parents=True, exist_ok=True)
    folder, stamp = ROOTS / name, ROOTS / f"{name}.recipe"
    if _current(stamp, recipe):
        return folder
    with (ROOTS / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another process may be creating it
        if not _current(stamp, recipe):
            stamp.unlink(missing_ok=True)
            _make(name, recipe, folder)
            stamp.write_text(recipe.fingerprint())
    return folder


def missing() -> list[str]:
    """Return the names of the roots that are missing or outdated."""
    return [name for name, recipe in RECIPES.items() if not _current(ROOTS / f"{name}.recipe", recipe)]


def _current(stamp: Path, recipe: Recipe) -> bool:
    return stamp.exists() and stamp.read_text() == recipe.fingerprint()


def _make(name: str, recipe: Recipe, folder: Path) -> None:
    """Create a root in a temporary folder and then move it, so that a folder of this name is always complete."""
    reason = reason_not()
    if reason:
        raise CannotCreate(reason)
    print(f"Root {name}: creating it takes about a minute", flush=True)
    began = time.monotonic()
    for left_over in ROOTS.glob(f".{name}-making-*"):
        shutil.rmtree(left_over)
    scratch = Path(tempfile.mkdtemp(prefix=f".{name}-making-", dir=ROOTS))
    try:
        new = scratch / "root"
        _mmdebstrap(recipe, new)
        if folder.exists():
            folder.rename(scratch / "old")
        new.rename(folder)
    finally:
        shutil.rmtree(scratch)
    print(f"Root {name}: created in {time.monotonic() - began:.0f} s", flush=True)


def reason_not() -> str | None:
    """Return why roots cannot be created on this machine, or None if they can."""
    if os.environ.get("IMDS_LAB"):
        return "Cannot create root file systems without a network. Run `make roots` outside the laboratory."
    if os.geteuid() != 0:
        return "Cannot create root file systems: run as root."
    if not shutil.which("mmdebstrap"):
        return "Cannot create root file systems: install the Debian package mmdebstrap."
    return None


def _mmdebstrap(recipe: Recipe, target: Path) -> None:
    options = ["--variant=minbase", "--mode=root", "--format=directory", "--include=" + ",".join(recipe.packages)]
    options += [f"--aptopt={option}" for option in _apt_options()]
    # Documentation and translations are not needed.
    options += ["--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/locale/*"]
    options += [f"--customize-hook={hook}" for hook in recipe.hooks]
    # In namespaces of its own, so that no mount or process remains if it is killed.
    private = [
        "setpriv",
        "--pdeathsig",
        "KILL",
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ]
    command = [*private, "mmdebstrap", *options, recipe.suite, str(target), "-"]
    lines = "\n".join(sources(recipe.suite)) + "\n"
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotCreate(f"mmdebstrap cannot create a {recipe.suite} root:\n{done.stdout}{done.stderr}")
    os.chmod(target, 0o755)


def _apt_options() -> Iterator[str]:
    """Yield the options with which this machine's apt reaches its sources."""
    dump = subprocess.run(["apt-config", "dump"], check=True, capture_output=True, text=True).stdout
    for line in dump.splitlines():
        if line.startswith(("Acquire::http", "Acquire::Check-")) and not line.endswith(' "";'):
            yield line


def sources(suite: str) -> Iterator[str]:
    """Yield the Debian sources of this machine, with *suite* instead of its own release."""
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    own = release.get("VERSION_CODENAME", "").strip('"')
    found = sorted(set(_machine_sources()))
    lines = [
        f"deb [signed-by={KEYRING}] {uri} {suite}{name[len(own) :]} main"
        for uri, name in found
        if name in (own, own + "-updates", own + "-security")
        and uri.rstrip("/").split("/")[-1] in ("debian", "debian-security")
    ]
    if not lines:
        raise CannotCreate("Cannot create root file systems: /etc/apt/sources.list* has no Debian source.")
    yield from lines


def _machine_sources() -> Iterator[tuple[str, str]]:
    """Yield URI and suite of each package source of this machine's apt, in both of its formats."""
    apt = Path("/etc/apt")
    for path in (apt / "sources.list", *apt.glob("sources.list.d/*.list")):
        for line in path.read_text().splitlines() if path.exists() else []:
            words = [word for word in line.split("#")[0].split() if not word.startswith("[") and not word.endswith("]")]
            if len(words) > 2 and words[0] == "deb":
                yield words[1], words[2]
    for path in apt.glob("sources.list.d/*.sources"):
        for stanza in path.read_text().split("\n\n"):
            fields = dict(line.split(":", 1) for line in stanza.splitlines() if ":" in line and line[0] != "#")
            if "deb" in fields.get("Types", "").split() and fields.get("Enabled", "yes").strip() != "no":
                for uri in fields.get("URIs", "").split():
                    for suite in fields.get("Suites", "").split():
                        yield uri, suite


def main(names: list[str]) -> int:
    try:
        if names[:1] == ["--sources"]:
            print(*sources(*names[1:]), sep="\n")
            return 0
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(root, names or RECIPES))
    except CannotCreate as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
