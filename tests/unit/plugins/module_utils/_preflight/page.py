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
MEASUREMENT = (
    "These clients were run against the emulator while tokens were required, and `make interop` measures them again. The judgments about\n"
    "software that is not measured rely on its source or its release notes."
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
        "| finding | package | version | result |",
        "|---|---|---|---|",
    ]
    lines += ["| `%s` | %s | %s | %s |" % row for row in MEASURED["ROWS"]]
    lines += ["| `%s` | | | not measured |" % name for name in catalog if name in MEASURED["NOT_MEASURED"]]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(definitions(CATALOG)["CATALOG"]), encoding="utf-8")
