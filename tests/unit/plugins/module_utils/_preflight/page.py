# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write docs/preflight-findings.md from the catalog: run this file with Python."""

from __future__ import annotations

import runpy
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[5]
CATALOG = CHECKOUT / "plugins/module_utils/_preflight/_catalog.py"
PAGE = CHECKOUT / "docs/preflight-findings.md"
MEASURED = runpy.run_path(str(CHECKOUT / "tests/interop/measured.py"))
ROWS = MEASURED["ROWS"]
COMMAND = "python %s" % Path(__file__).resolve().relative_to(CHECKOUT)

INTRODUCTION = (
    """\
# Preflight findings

The module `alicloud.imds.preflight_info` returns these findings. Do not edit this page:
`%s` writes it from `plugins/module_utils/_preflight/_catalog.py`.

| severity | meaning |
|---|---|
| block | The software found cannot read metadata once tokens are required, and nothing on the host shows that it does not read any. |
| warn | The software fails only where it is configured to read metadata, which the host does not show. Or a check is incomplete. |
| info | No action is certain to be needed, or something could not be examined. |

The verdict is the highest severity among findings without a waiver. A waiver names a finding by its ID or a pattern (`python_*`), if
needed with a pattern for the path in its evidence (`script_normal_mode:/opt/app/*`), and requires a reason and a date.

In the evidence, `path` is a path on the managed node, and `first_good` is the first version that uses tokens by default.
"""
    % COMMAND
)
MEASUREMENT = """\
These clients were run unmodified on emulated instances in three modes, and `make interop` measures them again. "token" and "normal
mode" are the kinds of requests that the emulator recorded, in this order; "fails without an error" means that the client ends with
exit status 0, or returns an empty value. The judgments about software that is not measured rely on its source or its release notes.
"""
GUIDE = CHECKOUT / "docs/docsite/rst/emulator.rst"
_BEGIN, _END = ".. Written by page.py, begin.\n", ".. Written by page.py, end.\n"


def guide(text: str) -> str:
    """Return the guide *text* of the emulator with the table of clients."""
    before, _begin, rest = text.partition(_BEGIN)
    _table, _end, after = rest.partition(_END)
    rows = [("client", "version", "language", "optional", "required", "disabled")]
    rows += [(row.package, row.version, row.language, row.optional, row.required, row.disabled) for row in ROWS]
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        lines += [("   * - " if number == 0 else "     - ") + cell for number, cell in enumerate(row)]
    return before + _BEGIN + "\n" + "\n".join(lines) + "\n\n" + _END + after


def _cells(row):
    return (
        "`%s`" % row.finding if row.finding else "",
        row.package,
        row.version,
        row.optional,
        row.required,
        row.disabled,
    )


def page(catalog) -> str:
    """Return the whole page; *catalog* as in ``_catalog.CATALOG``."""
    lines = [INTRODUCTION, "| finding | severity | title |", "|---|---|---|"]
    lines += ["| [`%s`](#%s) | %s | %s |" % (name, name, kind.severity, kind.title) for name, kind in catalog.items()]
    for name, kind in catalog.items():
        lines += ["", "## `%s`" % name, "", "%s. Severity: %s." % (kind.title, kind.severity), ""]
        lines += ["* Evidence: %s" % kind.evidence, "* Impact: %s" % kind.impact, "* Remedy: %s" % kind.remedy]
    lines += [
        "",
        "## Measured clients",
        "",
        MEASUREMENT,
        "",
        "| finding | client | version | optional | required | disabled |",
        "|---|---|---|---|---|---|",
    ]
    lines += ["| %s | %s | %s | %s | %s | %s |" % _cells(row) for row in ROWS]
    lines += ["", "| finding | why it is not measured |", "|---|---|"]
    lines += ["| `%s` | %s |" % (name, reason) for name, reason in MEASURED["NOT_MEASURED"].items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    GUIDE.write_text(guide(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")
    PAGE.write_text(page(runpy.run_path(str(CATALOG))["CATALOG"]), encoding="utf-8")
