# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of all findings, made of the catalog: ``python tests/unit/preflight/page.py > docs/preflight-findings.md``."""

from __future__ import annotations

import sys
from pathlib import Path

INTRODUCTION = """\
# Findings of the preflight

The module `alicloud.imds.preflight_info` returns these. Made of the catalog in `plugins/module_utils/_preflight/`; do not edit.

* **block**: what was found cannot read metadata once tokens are mandatory, and nothing on the host shows that it does not try.
* **warn**: it breaks only if it is set up to read metadata, which this host does not tell; or it was not seen whether there is more.
* **info**: nothing to do for sure, but good to know. What could not be examined is such a finding.

The verdict is the worst severity that is not waived. A waiver names a finding by its ID or a pattern (`python_*`), if need be with a
pattern of the path in its evidence (`script_normal_mode:/opt/app/*`), and needs a reason and a date.

`path` is a path on the managed node; `first_good` the first version that sends tokens without being asked to.
"""


def page(catalog) -> str:
    """The whole page; *catalog* as in ``_catalog.CATALOG``."""
    rows = ["| finding | severity | what it says | evidence | remedy |", "|---|---|---|---|---|"]
    for name, kind in catalog.items():
        rows.append("| `%s` | %s | %s | %s | %s |" % (name, kind.severity, kind.title, kind.evidence, kind.remedy))
    return INTRODUCTION + "\n" + "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "plugins"))
    from module_utils._preflight._catalog import CATALOG

    sys.stdout.write(page(CATALOG))
