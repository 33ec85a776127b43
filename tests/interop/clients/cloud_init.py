# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cloud_init.py FOLDER SECONDS: run the AliYun data source of cloud-init as at boot, and print its results.

cloud-init comes from PYTHONPATH and writes only below FOLDER. Two things are replaced: the DMI product name, by which
it recognizes an ECS instance, and the timeout for an unreachable service (SECONDS instead of minutes).
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from cloudinit import distros, dmi, helpers, sources, version
from cloudinit.reporting.events import ReportEventStack

folder = Path(sys.argv[1])
logging.basicConfig(stream=sys.stderr, level=logging.DEBUG)
dmi.read_dmi_data = lambda key: "Alibaba Cloud ECS"

places = {name: str(folder / name) for name in ("cloud_dir", "run_dir")}
for place in places.values():
    Path(place).mkdir()
paths = helpers.Paths(places)
settings = {"datasource": {"AliYun": {"max_wait": int(sys.argv[2]), "timeout": 60}}, "datasource_list": ["AliYun"]}
distro = distros.fetch("debian")("debian", settings, paths)
needs = (sources.DEP_FILESYSTEM, sources.DEP_NETWORK)
reporter = ReportEventStack("interop", "interop", reporting_enabled=False)
packages = ["cloudinit.sources"]


def network(source: sources.DataSource) -> object:
    """Return the network configuration, or an error: 20.4 needs an item that EC2 has and ECS has not."""
    try:
        return source.network_config
    except KeyError as missing:
        return repr(missing)


result: dict[str, object] = {"version": version.version_string(), "found": None}
try:
    source, _name = sources.find_source(settings, distro, paths, needs, ["AliYun"], packages, reporter)
except sources.DataSourceNotFoundException:
    pass
else:
    hostname = source.get_hostname()
    user_data, vendor_data = source.userdata_raw, source.vendordata_raw
    result.update(
        found=source.dsname,
        instance_id=source.get_instance_id(),
        hostname=getattr(hostname, "hostname", hostname),  # a str before 22.4
        keys=source.get_public_ssh_keys(),
        network=network(source),
        user_data=user_data.decode() if isinstance(user_data, bytes) else user_data,
        vendor_data=vendor_data.decode() if isinstance(vendor_data, bytes) else vendor_data,
        metadata=source.metadata,
    )
json.dump(result, sys.stdout, default=repr)
