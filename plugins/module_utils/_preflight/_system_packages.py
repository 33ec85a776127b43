# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read installed packages and their versions from the databases of dpkg and RPM.

The database of dpkg is text and is read directly. That of RPM is not, so the command rpm reads it.
"""

import os
import re
import typing as t

from .._common._programs import ProgramError, run
from ._files import Files

STATUS = "/var/lib/dpkg/status"
# Images without dpkg have one file per package here.
STATUS_PARTS = "/var/lib/dpkg/status.d"
RPM_DATABASES = ("/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm")
_LIMIT = 1 << 27
_FORMAT = "%{NAME}\\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\n"


class Package(t.NamedTuple):
    """An installed package; ``scheme`` names the version notation (see `_versions`), ``source`` the database."""

    name: str
    version: str
    scheme: str
    source: str

    @property
    def upstream(self) -> str:
        """Return the version without epoch and revision."""
        return re.sub(r"-[^-]*\Z", "", self.version.partition(":")[2] if ":" in self.version else self.version)


def installed(files: Files, names: t.Sequence[str]) -> t.Dict[str, Package]:
    """Return the installed packages among *names*, by name."""
    found = {package.name: package for package in _dpkg(files, names)}
    found.update((package.name, package) for package in _rpm(files, names))
    return found


def distribution(files: Files) -> t.List[str]:
    """Return the words of ID and ID_LIKE in os-release, in lower case."""
    text = files.text("/etc/os-release") or files.text("/usr/lib/os-release") or ""
    values = re.findall(r"^(ID|ID_LIKE)=(.*)$", text, re.M)
    return [word.lower() for _key, value in sorted(values) for word in value.strip().strip("\"'").split()]


def _dpkg(files: Files, names: t.Container[str]) -> t.Iterator[Package]:
    """Yield the packages among *names* in the database of dpkg."""
    parts = [files.shown(path) for path in files.walk(STATUS_PARTS, depth=0) if not path.endswith(".md5sums")]
    for path in [STATUS, *parts]:
        text = files.text(path, _LIMIT)
        for paragraph in re.split(r"\n\s*\n", text or ""):
            fields = dict(re.findall(r"^(Package|Status|Version):[ \t]*(.*?)[ \t\r]*$", paragraph, re.M))
            # In other states only configuration files are left, or nothing.
            state = fields.get("Status", "install ok installed").split()
            if fields.get("Package") in names and fields.get("Version") and state[-1:] != ["config-files"]:
                if state[-1:] != ["not-installed"]:
                    yield Package(fields["Package"], fields["Version"], "dpkg", path)


def _rpm(files: Files, names: t.Sequence[str]) -> t.Iterator[Package]:
    """Yield the packages among *names* that the command rpm lists, within 10 s; an error becomes a note."""
    database = next((path for path in RPM_DATABASES if _holds_files(files.real(path))), None)
    if database is None:
        return
    command = ["rpm", "--root", files.root or "/", "--dbpath", database, "-q", "--qf", _FORMAT, *names]
    try:
        done = run(*command, timeout=min(10.0, max(1.0, files.deadline.remaining())))
    except ProgramError as exc:
        files.note(files.real(database), "rpm cannot be run: %s" % exc)
        return
    if re.search(r"^(error|warning):", done.errors, re.M):
        files.note(files.real(database), "rpm reports an error in this database")
    for name, version in re.findall(r"^(\S+)\t(\S+)$", done.output, re.M):
        yield Package(name, version, "rpm", database)


def _holds_files(directory: str) -> bool:
    """Return whether the directory has entries that are not hidden."""
    try:
        return any(not name.startswith(".") for name in os.listdir(directory))
    except OSError:
        return False
