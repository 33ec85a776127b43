# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the release notes of the version in galaxy.yml from the changelog fragments and the new plugins.

antsibull-changelog needs the collection at the path where Ansible installs it, and would copy a checkout there with all
files in it. So it runs in a copy of the project's files, and its results are copied back.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from checkout import CHECKOUT, copied

BIN = Path(sys.executable).parent


def main() -> None:
    environment = dict(os.environ, PATH=f"{BIN}:{os.environ['PATH']}")
    with copied() as collection:
        subprocess.run([str(BIN / "antsibull-changelog"), "release"], cwd=collection, env=environment, check=True)
        for fragment in (CHECKOUT / "changelogs/fragments").glob("*.y*ml"):
            if not (collection / "changelogs/fragments" / fragment.name).exists():
                fragment.unlink()
        for written in ("changelogs/changelog.yaml", "CHANGELOG.md"):
            shutil.copyfile(collection / written, CHECKOUT / written)
    subprocess.run(
        ["git", "--no-pager", "diff", "--stat", "--", "changelogs", "CHANGELOG.md"], cwd=CHECKOUT, check=True
    )


if __name__ == "__main__":
    main()
