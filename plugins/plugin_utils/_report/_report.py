# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files make a report, and which of them must be written? Private to the collection."""

from __future__ import annotations

import os
import typing as t

from . import _csv, _entries, _junit, _writer
from ._document import Document, document, dumped, loaded
from ._page import page
from ._text import visible
from ._views import control_mode, guest_mode

Result = t.Dict[str, t.Any]
NAMES = {
    "html": "report.html",
    "hosts_csv": "hosts.csv",
    "findings_csv": "findings.csv",
    "junit": "junit.xml",
    # the last to be written: whoever is interrupted before compares with the old report next time
    "json": "report.json",
}


def report(params: t.Mapping[str, t.Any], now: str, check: bool) -> Result:
    """Write the report that *params* describe, unless *check*, and say what it tells and what was changed."""
    paths = {kind: os.path.join(params["path"], name) for kind, name in NAMES.items()}
    mode = int(params["mode"], 8)
    before = _before(paths["json"])
    unseen = [_entries.without_a_look(name, how) for how in ("unreachable", "skipped") for name in params[how]]
    made, differs = document(params["title"], [*params["hosts"], *unseen], now, before)
    files = _rendered(made)
    changed = differs or not _stands(dict(made, generated_at=(before or made)["generated_at"]), paths, mode)
    if not check:
        _writer.make_folder(params["path"], mode)
        for kind in NAMES:
            if not _writer.is_current(paths[kind], files[kind], mode):
                _writer.write(paths[kind], files[kind], mode)
    return {
        "changed": changed,
        "paths": paths,
        "totals": made["totals"],
        "drift": made["drift"],
        "diff": {"before": lines(before), "after": lines(made)} if changed else {"before": "", "after": ""},
    }


def lines(made: t.Optional[Document]) -> str:
    """The report in short: one line per host and finding."""
    told = []
    for host in made["hosts"] if made else ():
        views = control_mode(host["control_plane"]), guest_mode(host["in_guest"])
        told.append("%s: %s by the API, %s on the host" % (host["host"], *(it or "unknown" for it in views)))
        told += ["%s: %s %s" % (host["host"], it["severity"], it["id"]) for it in host["findings"]]
    return "".join(visible(it) + "\n" for it in told)


def _before(path: str) -> t.Optional[Document]:
    text = _writer.read(path)
    if text is None:
        return None
    try:
        return loaded(text)
    except ValueError as exc:
        raise _writer.ReportError("%s %s; move it away or choose another 'path'." % (path, exc)) from exc


def _rendered(made: Document) -> t.Dict[str, str]:
    return {
        "json": dumped(made),
        "html": page(made),
        "hosts_csv": _csv.hosts(made),
        "findings_csv": _csv.findings(made),
        "junit": _junit.junit(made),
    }


def _stands(made: Document, paths: t.Mapping[str, str], mode: int) -> bool:
    """Is everything on the disk as this report would make it?"""
    return all(_writer.is_current(paths[kind], text, mode) for kind, text in _rendered(made).items())
