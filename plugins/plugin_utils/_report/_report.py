# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decide which files a report consists of, and which of them must be written."""

from __future__ import annotations

import os
import secrets
import typing as t

from ansible_collections.alicloud.imds.plugins.module_utils._common._text import printable

from . import _csv, _future, _gate, _junit, _last_known, _sarif, _steps, _table, _validation, _words, _writer
from ._document import Document, document, dumped, loaded
from ._language import Words, words
from ._page import page
from ._text import counted
from ._views import control_mode, guest_mode

Result = t.Dict[str, t.Any]
NAMES = {
    "html": "report.html",
    "hosts_csv": "hosts.csv",
    "findings_csv": "findings.csv",
    "future_csv": "future.csv",
    "junit": "junit.xml",
    "sarif": "report.sarif",
    # written last: after an interruption the next run compares with the old report
    "json": "report.json",
}
# How each file shows the time of the report
_TIMES: t.Dict[str, t.Callable[[str], str]] = {"html": _words.time, "junit": lambda now: now.rstrip("Z")}


def report(params: t.Mapping[str, t.Any], now: str, check: bool, validate: _validation.Validate) -> Result:
    """Write the report that *params* describe, unless *check*; return its totals, drift and diff."""
    paths = {kind: os.path.join(params["path"], name) for kind, name in NAMES.items()}
    mode = int(params["mode"], 8)
    _gate.check(params["conditions"])
    before = _before(paths["json"])
    entries, future = _all_entries(params, validate, before), _future.future(params["future"], before)
    made, differs = document(params["title"], entries, now, before, params["inventory"], future)
    texts = words(params["language"])
    files = _Files(made, texts)
    # only a new time is not a change
    changed = differs or not all(
        _writer.is_current(paths[kind], text, mode) for kind, text in files.at((before or made)["generated_at"]).items()
    )
    if not check:
        _writer.make_folder(params["path"], mode)
        for kind, text in files.at(now).items():
            if not _writer.is_current(paths[kind], text, mode):
                _writer.write(paths[kind], text, mode)
    table, steps = _table.lines(made), _steps.lines(made, texts)
    later = _future.summary(future, texts, _words.time)
    end = texts("summary.report", path=printable(paths["html"]))
    return {
        "changed": changed,
        "paths": paths,
        "totals": made["totals"],
        "next_steps": steps,
        "table": table,
        "summary": [*table, *later, "", texts("next.title"), *(steps or [texts("next.nothing")]), "", end],
        "drift": _validation.shown(made["drift"]),
        "met_conditions": _gate.met(made, params["conditions"], before is None),
        "diff": {"before": lines(before), "after": lines(made)} if changed else {"before": "", "after": ""},
        "warnings": _warnings(made),
    }


def _warnings(made: Document) -> t.List[str]:
    names = [printable(it["host"]) for it in made["hosts"] if it["not_understood"]]
    if not names:
        return []
    shown = ", ".join(names[:3] + (["..."] if len(names) > 3 else []))
    text = "The results of %s have an invalid form: %s. The finding %s of each host names the parts."
    return [text % (counted(len(names), "host"), shown, _validation.NOT_UNDERSTOOD)]


def _all_entries(
    params: t.Mapping[str, t.Any], validate: _validation.Validate, before: t.Optional[Document]
) -> t.List[t.Dict[str, t.Any]]:
    """Return the entries of the hosts and of the unmanaged instances, with the last known data of what the run did not examine."""
    earlier = _last_known.Earlier(before, validate)
    unseen = {name: how for how in ("skipped", "unreachable") for name in params[how]}
    seen = _validation.entries(params["hosts"], validate)
    managed = _last_known.completed(seen, unseen, params["inventory"], earlier)
    others = _last_known.unmanaged(params["instances"], params["unread_regions"], managed, earlier, validate)
    return [*managed.values(), *others]


def lines(made: t.Optional[Document]) -> str:
    """Summarize the report: one line per host and finding."""
    found = []
    for host in made["hosts"] if made else ():
        views = control_mode(host["control_plane"]), guest_mode(host["in_guest"])
        found.append("%s: %s in the API, %s on the host" % (host["host"], *(it or "unknown" for it in views)))
        found += ["%s: %s %s" % (host["host"], it["severity"], it["id"]) for it in host["findings"]]
    return "".join(printable(it) + "\n" for it in found)


class _Files:
    """The text of each file, rendered once with a random placeholder for the time of the report."""

    def __init__(self, made: Document, texts: Words) -> None:
        self._placeholder = secrets.token_hex(16)
        made = dict(made, generated_at=self._placeholder)
        self._texts = {
            "html": page(made, texts),
            "hosts_csv": _csv.hosts(made),
            "findings_csv": _csv.findings(made),
            "future_csv": _csv.future(made),
            "junit": _junit.junit(made),
            "sarif": _sarif.sarif(made),
            "json": dumped(made),
        }

    def at(self, now: str) -> t.Dict[str, str]:
        """Return the texts for a report of the time *now*, in the order of writing."""
        return {kind: self._texts[kind].replace(self._placeholder, _TIMES.get(kind, str)(now)) for kind in NAMES}


def _before(path: str) -> t.Optional[Document]:
    text = _writer.read(path)
    if text is None:
        return None
    try:
        return loaded(text)
    except ValueError as exc:
        raise _writer.ReportError("%s %s. Move it away or choose another 'path'." % (path, exc)) from exc
