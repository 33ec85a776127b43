# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetch the clients of tests/interop into .cache/interop, because the laboratory has no network.

Each client has its own folder, which is created again only when its requirements have changed. missing.json lists the clients
that cannot be fetched with the reason, and their tests are skipped. With CI set it is an error, unless the client is optional.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
WANTED = CHECKOUT / "tests" / "interop"
CACHE = CHECKOUT / ".cache" / "interop"
SUITES = ("bullseye", "bookworm", "trixie", "sid")
STABLE = ("bookworm", "trixie")  # those that mirrors are certain to have
OPTIONAL = ("node", "debian")
# Clients in Debian: the suite, the packages, and whether they run in a root directory with all that they depend on.
DEBIAN = {
    "agents": ("trixie", ("resource-agents", "fence-agents-aliyun", "fence-agents-common"), False),
    "root": ("trixie", ("ohai", "ignition", "dash", "coreutils", "base-files"), True),
    "aliyungo": ("trixie", ("golang-github-denverdino-aliyungo-dev",), False),
    "imds": ("sid", ("systemd-imds", "udev", "dash", "base-files"), True),
}
APT, APT_LOCK = CACHE / "apt", threading.Lock()
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# apt with separate lists and a separate cache changes nothing on the system, and does not run its hooks.
APT_SETTINGS = """
Dir::State "{folder}";
Dir::State::status "/dev/null";
Dir::Cache "{folder}/cache";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "srcpkgcache.bin";
Acquire::Languages "none";
APT::Sandbox::User "root";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
"""


class Missing(Exception):
    """A client cannot be fetched on this machine, for the reason in the message."""


def run(*command: str | Path, folder: Path = CHECKOUT) -> str:
    """Return the output of a command.

    Raises: Missing if the command fails.
    """
    if not shutil.which(str(command[0])):
        raise Missing(f"{command[0]} is not installed")
    done = subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        last = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()][-1:]
        raise Missing(f"`{' '.join(map(str, command[:4]))} ...` failed: {' '.join(last)}")
    return done.stdout


def python(folder: Path) -> None:
    """Create a virtual environment with the older Python clients."""
    environment(folder, "constraints.txt")


def sdk(folder: Path) -> None:
    """Create a virtual environment with the vendor's SDKs, which need newer releases of the packages that `python` installs."""
    environment(folder, "constraints-sdk.txt")


def openapi(folder: Path) -> None:
    """Create a virtual environment with Schemathesis."""
    environment(folder, "constraints-openapi.txt")


def environment(folder: Path, pins: str) -> None:
    # The pip of this environment installs into the new one, because unpacking another pip takes longer than some clients.
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    install(folder / "bin" / "python", pins)


def install(python: str | Path, pins: str, *options: str | Path) -> None:
    words = ("install", "--quiet", "--no-deps", "--require-hashes", "--requirement", WANTED / pins)
    run(sys.executable, "-m", "pip", "--python", python, *words, *options)


def other(folder: Path) -> None:
    """Install the clients with the module names of other clients; they run in the environment of `python`."""
    install(sys.executable, "constraints-other.txt", "--target", folder)


def cloud_init(folder: Path) -> None:
    """Fetch cloud-init of some Debian suites with apt, from the archive that this machine uses."""
    get = apt()
    for suite in SUITES:
        try:
            unpack(get, [f"cloud-init/{suite}"], folder / suite)
        except Missing as reason:
            missing(folder / suite, reason, optional=suite not in STABLE)


def debian(folder: Path) -> None:
    """Fetch other clients from Debian: each in a folder, or the reason why it is missing in a file beside it."""
    get = apt()
    for name, (suite, packages, closure) in DEBIAN.items():
        try:
            unpack(get, [f"{package}/{suite}" for package in packages], folder / name, suite if closure else "")
            if name == "aliyungo":
                compile_go(folder / name)
        except Missing as reason:
            missing(folder / name, reason, optional=True)


def compile_go(folder: Path) -> None:
    """Compile the program of tests/interop/clients with a Go library of Debian."""
    shutil.copy(WANTED / "clients" / "instance_id.go", folder)
    if not shutil.which("go"):
        raise Missing("go is not installed")
    settings = ("GO111MODULE=off", f"GOPATH={folder}/usr/share/gocode", f"GOCACHE={folder}/cache", "CGO_ENABLED=0")
    run("env", *settings, "go", "build", "-o", folder / "instance_id", folder / "instance_id.go")
    shutil.rmtree(folder / "cache")


def missing(folder: Path, reason: Missing, optional: bool) -> None:
    """Record why an optional package is missing; raise the *reason* for others."""
    if not optional:
        raise reason
    shutil.rmtree(folder, ignore_errors=True)
    Path(f"{folder}.missing").write_text(str(reason))
    print(f"No {folder.name} of Debian: {reason}", file=sys.stderr)


def apt() -> list[str | Path]:
    """Return the command line of apt-get with the lists of the suites, or of the stable ones if a mirror lacks others."""
    get: list[str | Path] = ["apt-get", "--config-file", APT / "apt.conf", "--quiet"]
    with APT_LOCK:
        if not APT.exists():
            for needed in ("lists/partial", "cache/archives/partial"):
                (APT / needed).mkdir(parents=True)
            (APT / "apt.conf").write_text(APT_SETTINGS.format(folder=APT))
            try:
                update(get, SUITES)
            except Missing:
                update(get, STABLE)
            (APT / "complete").touch()
        elif not (APT / "complete").exists():
            raise Missing("the lists of Debian's packages cannot be fetched")
    return get


def update(get: list[str | Path], suites: tuple[str, ...]) -> None:
    """Download the lists of packages of some suites."""
    archive = debian_archive()
    signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    (APT / "sources.list").write_text("".join(f"deb {signed}{archive} {suite} main\n" for suite in suites))
    run(*get, "update")


def unpack(get: list[str | Path], packages: list[str], folder: Path, closure: str = "") -> None:
    """Unpack packages, and all that they depend on in the suite *closure*, without running their scripts.

    The versions of the packages are written to versions.json.
    """
    folder.mkdir(parents=True)
    wanted = {package.partition("/")[0] for package in packages}
    if closure:
        only = ("--option", f"APT::Default-Release={closure}", "--no-install-recommends", "--print-uris", "--yes")
        listed = run(*get, *only, "install", *packages)
        names = [line.split()[1].split("_")[0] for line in listed.splitlines() if line.startswith("'")]
        packages = [*packages, *(f"{name}/{closure}" for name in names if name not in wanted)]
    run(*get, "download", *packages, folder=folder)
    versions = {}
    for package in folder.glob("*.deb"):
        name = package.name.partition("_")[0]
        if name in wanted:
            versions[name] = run("dpkg-deb", "--field", package, "Version").strip()
        run("dpkg-deb", "--extract", package, folder)
        package.unlink()
    (folder / "versions.json").write_text(json.dumps(versions))


def debian_archive() -> str:
    """Return the address of the Debian archive that apt uses on this machine."""
    listing = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(COMPONENT) $(ORIGIN)", "Created-By: Packages")
    for line in listing.splitlines():
        address, *rest = line.split()
        if rest == ["main", "Debian"] and "security" not in address:
            return address
    raise Missing("apt here has no list of Debian's main archive (try `apt-get update`)")


def node(folder: Path) -> None:
    """Install the Node.js clients in the versions of package-lock.json."""
    if not shutil.which("node"):
        raise Missing("node is not installed")
    folder.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(WANTED / "node" / name, folder)
    run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", folder=folder)


CLIENTS = {
    "python": python,
    "other": other,
    "sdk": sdk,
    "openapi": openapi,
    "cloud-init": cloud_init,
    "debian": debian,
    "node": node,
}


def fingerprint() -> str:
    """Return a digest of all files that define the clients."""
    digest = hashlib.sha256(sys.version.encode())
    patterns = ("constraints*.txt", "node/*.json", "clients/*.go")
    for path in (Path(__file__), *(path for pattern in patterns for path in sorted(WANTED.glob(pattern)))):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def prepare(wanted: str) -> dict[str, str]:
    """Fetch the missing clients in parallel; return the reason for each client that cannot be fetched."""
    with ThreadPoolExecutor() as pool:
        reasons = pool.map(lambda name: prepare_one(name, wanted), CLIENTS)
        return {name: reason for name, reason in zip(CLIENTS, reasons) if reason}


def prepare_one(name: str, wanted: str) -> str | None:
    """Fetch a client unless it exists; return the reason if it cannot be fetched."""
    folder, stamp = CACHE / name, CACHE / f"{name}.made"
    if stamp.exists() and stamp.read_text() == wanted:
        return None
    stamp.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    began = time.monotonic()
    try:
        CLIENTS[name](folder)
    except Missing as reason:
        shutil.rmtree(folder, ignore_errors=True)
        print(f"No {name} clients: {reason}", file=sys.stderr)
        return str(reason)
    stamp.write_text(wanted)
    print(f"Fetched the {name} clients in {time.monotonic() - began:.0f} s")
    return None


def main() -> int:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Two `make` may run at the same time.
        shutil.rmtree(APT, ignore_errors=True)
        reasons = prepare(fingerprint())
        shutil.rmtree(APT, ignore_errors=True)
        new = CACHE / "missing.json.new"  # tests of another `make` may read the file
        new.write_text(json.dumps(reasons))
        new.replace(CACHE / "missing.json")
    return 1 if "CI" in os.environ and set(reasons) - set(OPTIONAL) else 0


if __name__ == "__main__":
    sys.exit(main())
