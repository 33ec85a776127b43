# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Would cloud-init find its data source at the next boot? Private to the collection.

cloud-init itself is asked, by its own interpreter and code, in a directory that goes afterwards: versions differ, and what one
of them does with a token is best known by that one. An instance whose cloud-init finds no data source boots without network
settings, host name and keys.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import typing as t

from ._subprocess import HostError, find, run

_SECONDS = 60.0
_DISABLED = "/etc/cloud/cloud-init.disabled"

# In cloud-init's interpreter: from 19.x to 26.x these names are the same. Only a few seconds are spent on a silent service.
_SCRIPT = """
import json, logging, os, sys
logging.disable(logging.CRITICAL)
from cloudinit import distros, helpers, sources, version
from cloudinit.reporting.events import ReportEventStack
folder = sys.argv[1]
places = {name: os.path.join(folder, name) for name in ("cloud_dir", "run_dir")}
for place in places.values():
    os.mkdir(place)
paths = helpers.Paths(places)
settings = {"datasource": {"AliYun": {"max_wait": 5, "timeout": 2}}, "datasource_list": ["AliYun"]}
distro = distros.fetch(sys.argv[2])(sys.argv[2], settings, paths)
needs = (sources.DEP_FILESYSTEM, sources.DEP_NETWORK)
reporter = ReportEventStack("imds", "imds", reporting_enabled=False)
result = {"version": version.version_string(), "found": False}
try:
    sources.find_source(settings, distro, paths, needs, ["AliYun"], ["cloudinit.sources"], reporter)
    result["found"] = True
except sources.DataSourceNotFoundException:
    pass
print("imds:" + json.dumps(result))
"""

Answer = t.Dict[str, t.Any]


def ask() -> Answer:
    """What cloud-init finds: ``installed``, ``enabled``, ``version``, ``found`` (None: not asked) and ``problem``. Never raises."""
    program = find("cloud-init")
    answer: Answer = {
        "installed": program is not None,
        "enabled": None,
        "version": None,
        "found": None,
        "problem": None,
    }
    if program is None:
        return answer
    answer["enabled"] = not os.path.exists(_DISABLED)
    if not answer["enabled"]:
        answer["problem"] = "cloud-init is disabled by %s, so it was not asked." % _DISABLED
        return answer
    try:
        answer.update(_look(_interpreter(program)))
    except HostError as exc:
        answer["problem"] = str(exc)
    if answer["found"] is False:
        answer["problem"] = (
            "cloud-init %s finds no data source on this instance. Where tokens are required it must be 23.2.2 or later."
            % answer["version"]
        )
    return answer


def _look(interpreter: str) -> Answer:
    with tempfile.TemporaryDirectory(prefix="imds-") as folder:
        done = run(interpreter, "-c", _SCRIPT, folder, _distro(), seconds=_SECONDS)
    lines = [line for line in done.output.splitlines() if line.startswith("imds:")]
    if not lines:
        said = " ".join(done.errors.split())[-300:]
        raise HostError("cloud-init could not be asked (status %d): %s" % (done.status, said))
    found: Answer = json.loads(lines[-1][len("imds:") :])
    return found


def _interpreter(program: str) -> str:
    """The Python that cloud-init runs with: its first line says."""
    with open(program, "rb") as stream:
        first = stream.readline(256).decode("ascii", "replace")
    named = re.match(r"#!\s*(\S+/python[0-9.]*)", first)
    return named.group(1) if named else find("python3") or "python3"


def _distro() -> str:
    """cloud-init's word for this distribution; for one that it does not know, any will do here."""
    try:
        with open("/etc/os-release", encoding="utf-8") as stream:
            named = re.search(r'^ID="?([a-z0-9]+)', stream.read(), re.MULTILINE)
    except OSError:
        named = None
    return named.group(1) if named and named.group(1) in ("debian", "ubuntu", "centos", "fedora", "rhel") else "debian"
