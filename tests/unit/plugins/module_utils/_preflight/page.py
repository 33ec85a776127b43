# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write docs/preflight-findings.md from the catalog: run this file with Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[5]
CATALOG = CHECKOUT / "plugins/module_utils/_preflight/_catalog.py"
PAGE = CHECKOUT / "docs/preflight-findings.md"
COMMAND = "python %s" % Path(__file__).resolve().relative_to(CHECKOUT)


def definitions(path: Path) -> dict[str, Any]:
    """Run a file and return what it defines. `runpy` cannot do so inside a folder ansible_collections: ansible-core's loader takes over."""
    found: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
    exec(compile(path.read_bytes(), path, "exec"), found)
    return found


MEASURED = definitions(CHECKOUT / "tests/interop/measured.py")
ROWS = MEASURED["ROWS"]
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
exit status 0, or returns an empty value. The judgments about software that is not measured rely on its source or its release notes."""
_FOLDER = CHECKOUT / "docs/docsite/rst"
# The guides with the table of clients, with its heading and the translation of its words.
GUIDES: dict[Path, tuple[tuple[str, ...], dict[str, str]]] = {
    _FOLDER / "emulator.rst": (("client", "version", "language", "optional", "required", "disabled"), {}),
    _FOLDER / "emulator.zh_CN.rst": (
        ("客户端", "版本", "语言", "optional", "required", "disabled"),
        {"works": "成功", "fails without an error": "失败且不报错", "fails": "失败", "normal mode": "普通模式"}
        | {"token": "访问凭证", ", then ": "，然后", ": ": "："},
    ),
}
_BEGIN, _END = ".. Written by page.py, begin.\n", ".. Written by page.py, end.\n"


def guide(path: Path) -> str:
    """Return the text of a guide with the present table of clients."""
    heading, words = GUIDES[path]
    before, _begin, rest = path.read_text(encoding="utf-8").partition(_BEGIN)
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in (heading, *(tuple(row[1:]) for row in ROWS)):
        for number, cell in enumerate(row):
            for word, translated in words.items() if number > 2 else ():
                cell = cell.replace(word, translated)
            lines.append(("   * - " if number == 0 else "     - ") + cell)
    return before + _BEGIN + "\n" + "\n".join(lines) + "\n\n" + _END + rest.partition(_END)[2]


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
    for path in GUIDES:
        path.write_text(guide(path), encoding="utf-8")
    PAGE.write_text(page(definitions(CATALOG)["CATALOG"]), encoding="utf-8")
