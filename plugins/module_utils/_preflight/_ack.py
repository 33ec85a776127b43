# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Detect nodes of ACK and other Kubernetes clusters, and container stores.

ACK sets the metadata options of a node pool when it is created; changing them on one node is not supported (D10 in
`_catalog`).
"""

import os
import re
import typing as t

from ._files import Files
from ._findings import Finding, finding
from ._inventory import container_stores

_KUBELET = (
    "/usr/bin/kubelet",
    "/usr/local/bin/kubelet",
    "/etc/kubernetes/kubelet.conf",
    "/var/lib/kubelet/config.yaml",
)
_SETTINGS = (
    "/etc/kubernetes",
    "/etc/systemd/system/kubelet.service.d",
    "/etc/systemd/system/kubelet.service",
    "/usr/lib/systemd/system/kubelet.service.d",
    "/etc/sysconfig/kubelet",
    "/etc/default/kubelet",
    "/var/lib/kubelet/config.yaml",
    "/var/lib/kubelet/kubeadm-flags.env",
)
# The tag and labels of ACK nodes, and the name of the cloud provider. That the kubelet's settings hold them is inferred.
_SIGNS = re.compile(
    rb"ack\.aliyun\.com|alibabacloud\.com/|(?:provider|cloud)[-_a-z]*[=:\s\"']+(?:alicloud|alibaba)", re.I
)
# Keys and certificates are not read.
_NOT_READ = (".key", ".pem", ".crt")


def check(files: Files) -> t.Iterator[Finding]:
    """Yield a finding if this host is a Kubernetes node, and one for each container store."""
    kubelet = next((path for path in _KUBELET if os.path.exists(files.real(path))), None)
    if kubelet is not None:
        sign = next(_signs(files), None)
        if sign is not None:
            yield finding("ack_node", "Detected by the settings of its kubelet.", path=sign)
        else:
            yield finding("kubernetes_node", path=kubelet)
    for store in container_stores(files):
        yield finding("containers_not_examined", path=store)


def _signs(files: Files) -> t.Iterator[str]:
    """Yield the paths of kubelet settings that name ACK."""
    for start in _SETTINGS:
        for path in files.walk(start, ["pki"], depth=3):
            if not path.endswith(_NOT_READ) and _SIGNS.search(files.read(path, 1 << 20) or b""):
                yield files.shown(path)
