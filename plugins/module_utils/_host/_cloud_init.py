# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check whether cloud-init would find its data source at the next boot.

cloud-init's own code searches, in its own interpreter and in a temporary directory, because its behavior differs between versions.
An instance whose cloud-init finds no data source boots without network settings, host name and SSH keys.
"""

import json
import os
import re
import tempfile
import typing as t

from ._subprocess import HostError, find, isolated, run

_TIMEOUT = 60.0
_DISABLED = "/etc/cloud/cloud-init.disabled"

# Runs in cloud-init's interpreter; these names are the same in cloud-init 19 to 26. max_wait and timeout limit the search to a
# few seconds if the service does not answer.
_SCRIPT = """
import sys
sys.path = [folder for folder in sys.path if folder]  # without the working directory, which may belong to another user
import json, logging, os
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

Result = t.Dict[str, t.Any]


def find_data_source() -> Result:
    """Return ``installed``, ``enabled``, ``version``, ``found`` (None if not searched) and ``problem``.

    Never raise: an error becomes ``problem``, and ``found`` stays None. Whether the data source can be found is then unknown.
    """
    program = find("cloud-init")
    result: Result = {
        "installed": program is not None,
        "enabled": None,
        "version": None,
        "found": None,
        "problem": None,
    }
    if program is None:
        return result
    result["enabled"] = not os.path.exists(_DISABLED)
    if not result["enabled"]:
        result["problem"] = "cloud-init is disabled by %s, so its data source was not searched for." % _DISABLED
        return result
    try:
        result.update(_search(_interpreter(program)))
    except (HostError, OSError, ValueError) as exc:
        result["problem"] = "Cannot check whether cloud-init finds its data source: %s" % exc
    if result["found"] is False:
        result["problem"] = (
            "cloud-init %s finds no data source on this instance. If tokens are required, it must be 23.2.2 or later."
            % result["version"]
        )
    return result


def _search(interpreter: str) -> Result:
    with tempfile.TemporaryDirectory(prefix="imds-") as folder:
        done = run(*isolated(interpreter), "-c", _SCRIPT, folder, _distro(), timeout=_TIMEOUT)
    lines = [line for line in done.output.splitlines() if line.startswith("imds:")]
    if not lines:
        errors = " ".join(done.errors.split())[-300:]
        raise HostError("its search ended with status %d: %s" % (done.status, errors or "no message"))
    found = json.loads(lines[-1][len("imds:") :])
    if not isinstance(found, dict) or not isinstance(found.get("found"), bool):
        raise HostError("its search returned no result")
    return {"version": str(found.get("version")), "found": found["found"]}


def _interpreter(program: str) -> str:
    """Return the Python interpreter that the first line of cloud-init's program names, or else the host's python3."""
    with open(program, "rb") as stream:
        first = stream.readline(256).decode("ascii", "replace")
    named = re.match(r"#!\s*(?:/\S*/env\s+(?:-S\s+)?)?(\S*python[0-9.]*)", first)
    interpreter = named.group(1) if named else "python3"
    return interpreter if interpreter.startswith("/") else find(interpreter) or interpreter


def _distro() -> str:
    """Return cloud-init's name of this distribution, or "debian" for others: the search does not depend on it."""
    try:
        with open("/etc/os-release", encoding="utf-8") as stream:
            named = re.search(r'^ID="?([a-z0-9]+)', stream.read(), re.MULTILINE)
    except OSError:
        named = None
    return named.group(1) if named and named.group(1) in ("debian", "ubuntu", "centos", "fedora", "rhel") else "debian"
