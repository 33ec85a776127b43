# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""banned_phrases.py [--count] [PATH...]: report the phrases of banned_phrases.toml, and what to write instead.

Without PATH, check every file of the project except those in EXEMPT. ``--count`` prints the number of findings per folder.
Exit status 1 if a phrase was found.
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import tomllib
from checkout import CHECKOUT, files

TOOLS = Path(__file__).resolve().parent
LIST = TOOLS / "banned_phrases.toml"
# History stays as it was written, licenses and pins are not ours, and the list quotes itself and former names.
EXEMPT = (
    "CHANGELOG.md",
    "LICENSE",
    "LICENSES/",
    "roles/emulator/files/LICENSE",
    "changelogs/",
    "constraints*.txt",
    "docs/upgrading.md",  # names what had these names
    "tests/corpus/labels.csv",
    "tests/corpus/samples/",
    "tests/tools/banned_phrases.toml",
    "tests/unit/plugins/module_utils/_callers/records_format_1.json",
    "tests/unit/tools/test_banned_phrases.py",
)
ALLOW = re.compile(r"allow-phrase:(.*)", re.IGNORECASE)
# What may stand between two words of a phrase: a line break, a comment sign, the quotes of adjacent strings, emphasis.
BETWEEN = r"""[\s#"'*]+"""
STRINGS = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
SCOPES = ("prose", "names", "code")


class Rule(NamedTuple):
    """Phrases with one replacement (see the head of banned_phrases.toml)."""

    advice: str
    phrases: tuple[str, ...]
    scope: str = "prose"
    once_after: str | None = None


class Finding(NamedTuple):
    """A banned phrase at a line of a file."""

    path: Path
    line: int
    phrase: str
    advice: str

    def __str__(self) -> str:
        return f'{self.path}:{self.line}: "{self.phrase}": {self.advice}'


def load_rules() -> list[Rule]:
    """Read the list of phrases."""
    tables = tomllib.loads(LIST.read_text())["rule"]
    rules = [
        Rule(table["advice"], tuple(table["not"]), table.get("where", "prose"), table.get("once_after"))
        for table in tables
    ]
    unknown = {rule.scope for rule in rules} - set(SCOPES)
    if unknown:
        raise ValueError(f"{LIST}: unknown values of 'where': {', '.join(sorted(unknown))}")
    return rules


def listed(name: Path, patterns: Iterable[str]) -> bool:
    """Return whether one of *patterns* covers *name*: a file, a pattern without subfolders, or a folder ending in /."""
    for pattern in patterns:
        if pattern.endswith("/") and name.is_relative_to(pattern):
            return True
        if len(name.parts) == len(Path(pattern).parts) and name.match(pattern):
            return True
    return False


class Checker:
    """Find the phrases of *rules* in texts."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules: dict[str, list[tuple[re.Pattern[str], Rule]]] = {scope: [] for scope in SCOPES}
        for rule in rules:
            for phrase in rule.phrases:
                lowered = phrase if rule.scope == "code" else phrase.lower()
                self._rules[rule.scope].append((re.compile(_expression(lowered)), rule))
        # One search per text is enough to see that nothing is in it, the usual case.
        self._any = {
            scope: re.compile(r"(?<!\w)(?:%s)(?!\w)" % "|".join(pattern.pattern for pattern, _rule in rules))
            for scope, rules in self._rules.items()
            if rules
        }

    def check(self, path: Path, text: str) -> list[Finding]:
        """Return the findings in *text*, the content of *path*, sorted by line."""
        findings = []
        for scope, pattern in self._any.items():
            # Reading the whole text is much faster than separating its strings, and finds no less.
            if not pattern.search(text if scope == "code" else text.lower()):
                continue
            searched = _searched(path, text, scope)
            former: set[Rule] = set()
            for match in pattern.finditer(searched):
                phrase = " ".join(re.split(BETWEEN, match.group()))
                rule = next(rule for expression, rule in self._rules[scope] if expression.fullmatch(match.group()))
                before = searched[max(0, match.start() - 80) : match.start()]
                if rule.once_after and rule not in former and re.search(rf"{rule.once_after}\W+$", before):
                    former.add(rule)
                    continue
                line = searched.count("\n", 0, match.start()) + 1
                if not _allowed(text, line, phrase):
                    findings.append(Finding(path, line, phrase, rule.advice))
        return sorted(findings)


def _expression(phrase: str) -> str:
    words = []
    for word in phrase.split():
        inner = re.escape(word.strip("*"))
        words.append((r"\w+" if word.startswith("*") else "") + inner + (r"\w*" if word.endswith("*") else ""))
    return BETWEEN.join(words)


def _searched(path: Path, text: str, scope: str) -> str:
    """Return *text* with everything outside of *scope* overwritten; its lines stay where they are."""
    if scope == "names":
        return text.lower()
    if path.suffix != ".py":
        return text.lower() if scope == "prose" else ""
    kinds = {tokenize.NAME} if scope == "code" else STRINGS
    lines = io.StringIO(text).readlines()
    kept = [[character if character.isspace() else "\0" for character in line] for line in lines]
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        (first, column), (last, end) = token.start, token.end
        if token.type in kinds:
            for number in range(first, last + 1):
                begin = column if number == first else 0
                until = end if number == last else len(lines[number - 1])
                kept[number - 1][begin:until] = lines[number - 1][begin:until]
    result = "".join("".join(line) for line in kept)
    return result if scope == "code" else result.lower()


def _allowed(text: str, line: int, phrase: str) -> bool:
    lines = text.split("\n")
    markers = (ALLOW.search(lines[number]) for number in (line - 1, line - 2) if 0 <= number < len(lines))
    return any(marker is not None and phrase.lower() in marker.group(1).lower() for marker in markers)


def check_files(names: Iterable[Path], checker: Checker) -> Iterator[Finding]:
    """Yield the findings in the text files among *names*."""
    for name in names:
        try:
            text = (CHECKOUT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        yield from checker.check(name, text)


def package(path: Path) -> str:
    """Return the folder under which ``--count`` counts *path*."""
    depth = 3 if path.parts[0] in ("plugins", "roles") else 2
    return "/".join(path.parent.parts[:depth]) or "."


def main(words: list[str]) -> int:
    """Report the findings in the paths of the command line."""
    count = "--count" in words
    chosen = [Path(word).resolve().relative_to(CHECKOUT) for word in words if word != "--count"]
    every = [name for name in files() if not listed(name, EXEMPT)]
    names = [name for name in every if not chosen or any(name.is_relative_to(path) for path in chosen)]
    findings = list(check_files(names, Checker(load_rules())))
    if count:
        for folder, number in sorted(Counter(package(finding.path) for finding in findings).items()):
            print(f"{number:5}  {folder}")
        print(f"{len(findings):5}  in all")
    else:
        print(*findings, sep="\n", end="\n" if findings else "")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
