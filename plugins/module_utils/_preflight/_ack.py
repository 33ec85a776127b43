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
    "/etc/containerd/config.toml",
    "/etc/systemd/system/kubelet.service.d",
    "/etc/systemd/system/kubelet.service",
    "/usr/lib/systemd/system/kubelet.service.d",
    "/etc/sysconfig/kubelet",
    "/etc/default/kubelet",
    "/var/lib/kubelet/config.yaml",
    "/var/lib/kubelet/kubeadm-flags.env",
)
# The tag and labels of ACK nodes (kubernetes/cloud-provider-alibaba-cloud), and the name of the cloud provider. The provider ID is
# REGION.INSTANCE-ID (gardener-extension-provider-alicloud). That the kubelet's settings hold them is inferred.
_SIGNS = re.compile(
    rb"ack\.aliyun\.com|alibabacloud\.com/|\.alicontainer\.com|\.cs\.aliyuncs\.com|registry[\w.-]*\.aliyuncs\.com/acs/"
    rb"|system:node:[a-z]{2}-[a-z]+(?:-\d)?\.|provider-id[=:\s\"']+[a-z]{2}-[a-z]+(?:-\d)?\.i-|(?:provider|cloud)[-_a-z]*[=:\s\"']+(?:alicloud|alibaba)",
    re.I,
)
_SYSTEMS = ("/etc/os-release", "/usr/lib/os-release")
# ContainerOS, also called LifseaOS, is a system for nodes of ACK. Source of the ID: the entry point of
# kubernetes-sigs/alibaba-cloud-csi-driver.
_CONTAINER_OS = re.compile(rb"(?mi)^ID=[\"']?lifsea")
# The network plugin of ACK. Source: AliyunContainerService/terway init.sh.
_TERWAY = ("/etc/cni/net.d/10-terway.conflist", "/etc/cni/net.d/10-terway.conf", "/opt/cni/bin/terway")
# Keys and certificates are not read.
_NOT_READ = (".key", ".pem", ".crt")


def check(files: Files) -> t.Iterator[Finding]:
    """Yield a finding if this host is a Kubernetes node, and one for each container store."""
    kubelet = next((path for path in _KUBELET if os.path.exists(files.real(path))), None)
    system = next(
        (path for path in _SYSTEMS if _CONTAINER_OS.search(files.read(files.real(path), 1 << 16) or b"")), None
    )
    terway = next((path for path in _TERWAY if os.path.exists(files.real(path))), None)
    if system is not None or terway is not None:
        yield finding(
            "ack_node",
            "Detected by %s." % ("its operating system" if system else "its network plugin"),
            path=system or terway,
        )
    elif kubelet is not None:
        sign = next(_signs(files), None) or _running(files)
        if sign is not None:
            yield finding("ack_node", "Detected by the settings of its kubelet.", path=sign)
        else:
            yield finding("kubernetes_node", path=kubelet)
    for store in container_stores(files):
        yield finding("containers_not_examined", path=store)


def _running(files: Files) -> t.Optional[str]:
    """Return the path of the command line of a running kubelet that names ACK; command lines are not returned."""
    try:
        listed = sorted(name for name in os.listdir(files.real("/proc")) if name.isdigit())
    except OSError:
        return None
    for name in listed:
        try:
            with open(files.real("/proc/%s/cmdline" % name), "rb") as stream:
                command = stream.read(1 << 15)
        except OSError:
            continue
        program = command.partition(b"\0")[0].rpartition(b"/")[2]
        if program in (b"kubelet", b"hyperkube") and _SIGNS.search(command.replace(b"\0", b" ")):
            return "/proc/%s/cmdline" % name
    return None


def _signs(files: Files) -> t.Iterator[str]:
    """Yield the paths of kubelet settings that name ACK."""
    for start in _SETTINGS:
        for path in files.walk(start, ["pki"], depth=3):
            if not path.endswith(_NOT_READ) and _SIGNS.search(files.read(path, 1 << 20) or b""):
                yield files.shown(path)
