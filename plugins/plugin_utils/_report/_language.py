# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fixed texts of the report in a language: page/words.LANGUAGE.json, and page/findings.zh.json for the findings."""

from __future__ import annotations

import functools
import json
import typing as t
from pathlib import Path

Document = t.Mapping[str, t.Any]
_FOLDER = Path(__file__).parent / "page"
_TAGS = {"en": "en", "zh": "zh-CN"}
LANGUAGES = tuple(_TAGS)
_TEXTS_OF_FINDINGS = ("title", "impact", "remedy")


class Words:
    """The texts in one language, by key. Their placeholders have names, such as ``{hosts}``."""

    def __init__(self, language: str) -> None:
        self.tag = _TAGS[language]
        self._texts: t.Dict[str, str] = _read("words.%s.json" % language)
        # The English texts of findings are those of the catalog.
        self._findings: t.Dict[str, t.Dict[str, str]] = {} if language == "en" else _read("findings.%s.json" % language)

    def __call__(self, key: str, /, **values: t.Any) -> str:
        """Return the text of *key* with *values* in its placeholders. A value is never searched for placeholders."""
        return self._texts[key].format(**values)

    def counted(self, number: int, noun: str) -> str:
        """Return a number with its noun, such as ``1 host`` or ``1,200 hosts``."""
        return self("number.%s.%s" % (noun, "one" if number == 1 else "other"), number=format(number, ","))

    def part(self, prefix: str) -> t.Dict[str, str]:
        """Return the texts whose keys begin with *prefix*, without it."""
        return {key[len(prefix) :]: text for key, text in self._texts.items() if key.startswith(prefix)}

    def finding(self, given: Document) -> t.Dict[str, t.Any]:
        """Return a finding, or a row of the comparison, with texts in this language. Findings of unknown kinds stay as they are."""
        known = self._findings.get(given["id"], {})
        return {**given, **{key: known[key] for key in _TEXTS_OF_FINDINGS if key in given and key in known}}

    def document(self, given: Document) -> Document:
        """Return the document of a report with a title of the collection, and the texts of findings, in this language."""
        if not self._findings:
            return given
        hosts = [dict(host, findings=[self.finding(it) for it in host["findings"]]) for host in given["hosts"]]
        drift = given["drift"]
        if drift:
            rows = {name: [self.finding(it) for it in drift[name]] for name in ("new_findings", "solved_findings")}
            drift = dict(drift, **rows)
        titles = {text: self("title." + name) for name, text in words().part("title.").items()}
        return dict(given, title=titles.get(given["title"], given["title"]), hosts=hosts, drift=drift)


@functools.lru_cache(maxsize=None)
def words(language: str = "en") -> Words:
    """Return the texts in *language*, one of `LANGUAGES`."""
    return Words(language)


def _read(name: str) -> t.Any:
    return json.loads((_FOLDER / name).read_text(encoding="utf-8"))


ENGLISH = words()
