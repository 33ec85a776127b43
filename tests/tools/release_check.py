# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that the last commit is a complete release, and print each point with what was compared (`make release-check`)."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml
from checkout import CHECKOUT

Build = Callable[[Path, int], None]
VERSION = re.compile(r"(?m)^VERSION = \"([^\"]+)\"")
EMULATOR = re.compile(r"(?m)^__version__ = \"([^\"]+)\"")
ADDED = re.compile(r"(?m)^ *version_added: [\"']?([0-9.]+)")


class Check:
    """The points of a release in the checkout *root*; *build* writes the artifacts to a folder; its number varies the environment."""

    def __init__(self, root: Path, build: Build, tag: str | None = None) -> None:
        self.root, self.build, self.tag = root, build, tag
        self.version = str(yaml.safe_load((root / "galaxy.yml").read_text())["version"])

    def points(self) -> Iterator[tuple[str, bool, str]]:
        """Yield the name of each point, whether it is met, and what was compared."""
        yield "version", bool(re.fullmatch(r"\d+\.\d+\.\d+", self.version)), f"galaxy.yml has {self.version}"
        for name, found in self.versions().items():
            yield f"version in {name}", found == self.version, f"{found or 'none'}"
        left = sorted(path.name for path in (self.root / "changelogs/fragments").glob("*.y*ml"))
        yield (
            "changelog fragments consumed",
            not left,
            ", ".join(left[:3]) + (f" and {len(left) - 3} more" * (len(left) > 3)),
        )
        later = self.added_later()
        yield (
            "version_added not later than the version",
            not later,
            ", ".join(later[:3]) + (" ..." if later[3:] else ""),
        )
        changes = self.git("status", "--porcelain").splitlines()
        yield "no uncommitted files", not changes, ", ".join(line[3:] for line in changes[:5])
        tags = [self.tag] if self.tag is not None else self.git("tag", "--points-at", "HEAD").split()
        yield "tag equals the version", tags in ([], [self.version]), ", ".join(tags) or "the commit has no tag yet"
        first, second = self.artifacts(0), self.artifacts(1)
        listed = ", ".join(f"{name} {digest}" for name, digest in first.items())
        yield "the artifacts have the same bytes twice", bool(first) and first == second, listed

    def versions(self) -> dict[str, str | None]:
        """Return the version in each place that has one."""
        command = VERSION.search((self.root / "plugins/module_utils/_command/_version.py").read_text())
        emulator = EMULATOR.search((self.root / "roles/emulator/files/imds_emulator/__init__.py").read_text())
        releases = yaml.safe_load((self.root / "changelogs/changelog.yaml").read_text())["releases"]
        newest = max(releases, key=number)
        heading = re.search(r"(?m)^## v?(\d\S*)", (self.root / "CHANGELOG.md").read_text())
        return {
            "_command/_version.py": command[1] if command else None,
            "imds_emulator/__init__.py": emulator[1] if emulator else None,
            "changelogs/changelog.yaml": newest,
            "CHANGELOG.md": heading[1].replace("\\", "") if heading else None,
        }

    def added_later(self) -> list[str]:
        """Return the files that name a later version than that of the release."""
        paths = [
            *self.root.glob("plugins/**/*.py"),
            *self.root.glob("plugins/**/*.yml"),
            *self.root.glob("roles/*/meta/*.yml"),
        ]
        return [
            f"{path.name} ({version})"
            for path in sorted(paths)
            for version in ADDED.findall(path.read_text())
            if number(version) > number(self.version)
        ]

    def artifacts(self, attempt: int) -> dict[str, str]:
        """Build the artifacts, in an environment that depends on *attempt*, and return their checksums by name; nothing if that fails."""
        with tempfile.TemporaryDirectory(prefix="imds-release-") as folder:
            try:
                self.build(Path(folder), attempt)
            except subprocess.CalledProcessError:  # its output is above
                return {}
            paths = sorted(Path(folder).iterdir())
            return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}

    def git(self, *words: str) -> str:
        return subprocess.run(["git", *words], cwd=self.root, check=True, capture_output=True, text=True).stdout


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def build(folder: Path, attempt: int) -> None:
    """Build the artifacts of the last commit with dist.py."""
    environment = dict(os.environ, TZ=("UTC", "Asia/Shanghai")[attempt], PYTHONHASHSEED=str(attempt))
    command = [sys.executable, str(CHECKOUT / "tests/tools/dist.py"), str(folder)]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)


def main() -> int:
    tag = os.environ.get("GITHUB_REF_NAME") if os.environ.get("GITHUB_REF_TYPE") == "tag" else None
    failed = 0
    for name, met, compared in Check(CHECKOUT, build, tag).points():
        print(f"{'ok' if met else 'FAILED':<7}{name}{': ' + compared if compared else ''}", flush=True)
        failed += not met
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
