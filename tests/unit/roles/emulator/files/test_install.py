# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The script that installs the emulator on a host."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Set

ROLE = Path(__file__).resolve().parents[5] / "roles/emulator"
FILES = {
    "imds-emulator": "#!/bin/sh\n",
    "imds_emulator/openapi.json": "{}",
    "imds_emulator/state.py": "a",
    "imds_emulator/control/side.py": "b\r\n",
}


def install(folder: Path, action: str, files: Dict[str, str]) -> List[str]:
    """Run the script and return the lines that it prints."""
    script = (ROLE / "files/install.py").read_text(encoding="utf-8")
    command = [sys.executable, "-c", script, str(folder), action]
    done = subprocess.run(command, input=json.dumps(files), capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def tree(folder: Path) -> Dict[str, str]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes().decode() for path in paths}


def test_files_are_written_once_with_their_modes(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    assert install(folder, "write", FILES) == ["written " + name for name in sorted(FILES)]
    assert tree(folder) == FILES
    modes = {name: (folder / name).stat().st_mode & 0o777 for name in (*FILES, "imds_emulator/control")}
    assert list(modes.values()) == [0o755, 0o644, 0o644, 0o644, 0o755]
    assert install(folder, "write", FILES) == []
    (folder / "imds_emulator/state.py").chmod(0o600)
    assert install(folder, "write", FILES) == ["written imds_emulator/state.py"]


def test_check_changes_nothing(tmp_path: Path) -> None:
    assert install(tmp_path / "new", "check", FILES) == ["written " + name for name in sorted(FILES)]
    assert list(tmp_path.iterdir()) == []


def test_an_update_removes_modules_of_other_versions(tmp_path: Path) -> None:
    """Version 0.3.0 had control_side.py instead of control/side.py; configuration and compiled files stay."""
    former = {"imds_emulator/control_side.py": "", "imds_emulator/control/gone.py": "", "imds_emulator/x/y.py": ""}
    kept = {"config.json": "{}", "imds_emulator/__pycache__/state.pyc": ""}
    for name in {**former, **kept}:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text({**former, **kept}[name])
    changes = {"removed " + name for name in former} | {"written " + name for name in FILES}
    assert set(install(tmp_path, "check", FILES)) == changes
    assert tree(tmp_path) == {**former, **kept}
    assert set(install(tmp_path, "write", FILES)) == changes
    assert tree(tmp_path) == {**FILES, **kept}


def test_the_role_installs_every_module() -> None:
    patterns = re.findall(r"'(imds_emulator/[^']*)'", (ROLE / "tasks/install.yml").read_text(encoding="utf-8"))
    installed: Set[Path] = {path for pattern in patterns for path in (ROLE / "files").glob(pattern)}
    package = ROLE / "files/imds_emulator"
    assert installed == {path for kind in ("*.py", "*.json") for path in package.rglob(kind)}
