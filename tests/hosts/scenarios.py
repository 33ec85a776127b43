# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""scenarios.py [NAME...]: run all or the named Molecule scenarios of extensions/molecule inside tests/lab/enter."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import boot
import el8
import needs

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "tests" / "tools"))

from report import Report  # noqa: E402

EMULATOR = CHECKOUT / "roles" / "emulator" / "files" / "imds-emulator"
SCENARIOS = CHECKOUT / "extensions" / "molecule"
BIN = Path(sys.executable).parent
INVENTORY = boot.STATE / "inventory.json"
CERTIFICATE = boot.STATE / "certificate.pem"


def run(name: str) -> bool:
    """Run one scenario and remove its hosts afterwards, also if it fails."""
    environment = {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",  # Molecule searches PATH for Ansible's programs.
        "MOLECULE_EPHEMERAL_DIRECTORY": f"/run/molecule/{name}",
        "IMDS_INVENTORY": str(INVENTORY),
        "ALICLOUD_IMDS_IDENTITY_CERTIFICATE": str(CERTIFICATE),  # that of the emulator
    }
    if not sys.stdout.isatty():
        environment["NO_COLOR"] = "1"
    boot.STATE.mkdir(exist_ok=True)
    INVENTORY.write_text("{}")
    with CERTIFICATE.open("wb") as file:
        subprocess.run([str(EMULATOR), "certificate"], stdout=file, check=True)
    began = time.monotonic()
    command = [str(BIN / "molecule"), "test", "--scenario-name", name]
    status = subprocess.run(command, cwd=CHECKOUT, env=environment, check=False).returncode
    subprocess.run([sys.executable, str(CHECKOUT / "tests/hosts/hosts.py"), "down"], check=False)
    print(f"{'FAILED' if status else 'ok':<7}molecule scenario {name}: {time.monotonic() - began:.1f} s", flush=True)
    return status == 0


def main(names: list[str]) -> int:
    report = Report()
    there = sorted(path.parent.name for path in SCENARIOS.glob("*/molecule.yml"))
    unknown = set(names) - set(there)
    if unknown:
        print(f"Unknown scenario {', '.join(sorted(unknown))}; known scenarios: {', '.join(there)}", file=sys.stderr)
        return 2
    for name in names or there:
        reason = needs.reason_not() or (el8.reason_not() if name == "el8" else None)
        if reason:
            report.skipped.append((f"molecule {name}", reason))
        else:
            (report.passed if run(name) else report.failed).append(name)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
