# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as one self-contained HTML page. Reads the templates, the style sheet and the script beside it, nothing else."""

from __future__ import annotations

import base64
import functools
import hashlib
import typing as t
from pathlib import Path

import jinja2
from markupsafe import Markup

from . import _future, _markup, _rows, _steps, _summary, _words
from ._language import ENGLISH, Words

Document = t.Mapping[str, t.Any]
_FOLDER = Path(__file__).parent / "page"


def page(document: Document, texts: Words = ENGLISH) -> str:
    """Render the page of *document*, the JSON form of a report, with the fixed texts in a language."""
    document = texts.document(document)
    hosts = _rows.ordered(document["hosts"])
    groups = _summary.findings(hosts)
    style, script = _asset("report.css"), _asset("report.js")
    return (
        _environment(texts)
        .get_template("report.html.j2")
        .render(
            document=document,
            policy="default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'"
            % (_digest(style), _digest(script)),
            style=style,
            script=script,
            verdict=_words.verdict(document["totals"], texts),
            steps=_steps.steps(document, texts),
            changes=_words.changes(document["drift"], texts),
            groups=groups,
            callers=_summary.callers(hosts),
            rows=[_rows.row(it, texts) for it in hosts],
            picks=_rows.picks(hosts, texts),
            script_texts=_markup.attribute(texts.part("script.")),
            future=document["future"],
            failing=_future.failing(document["future"]),
            unread=_future.unread(document["future"]) if document["future"] else [],
            details=_markup.data([_rows.details(it) for it in hosts]),
        )
    )


@functools.lru_cache(maxsize=None)
def _environment(texts: Words) -> jinja2.Environment:
    """Return the environment of a language: escapes everything, fails on undefined names, knows nothing of Ansible's templates."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_markup.finalized,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals.update(text=texts, states=_words.states(texts), segments=_rows.segments)
    environment.filters.update(
        breakable=_markup.breakable,
        counted=texts.counted,
        largest=_rows.largest,
        number=_markup.number,
        prose=_markup.prose,
        time=_words.time,
    )
    return environment


def _asset(name: str) -> Markup:
    """Return a file of ours as markup. Line ends are normalized, as a browser does before it compares the digest."""
    return Markup((_FOLDER / name).read_text(encoding="utf-8"))


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
