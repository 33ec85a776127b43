# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes of ACK and other Kubernetes clusters, and container stores."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("path", "content", "sign"),
    [
        ("/etc/systemd/system/kubelet.service.d/10-kubeadm.conf", "--node-labels=ack.aliyun.com=c1", True),
        ("/etc/default/kubelet", "ARGS=--node-labels=alibabacloud.com/nodepool-id=np1", True),
        ("/var/lib/kubelet/kubeadm-flags.env", 'X="--cloud-provider=alicloud"', True),
        ("/etc/kubernetes/pki/x.conf", "ack.aliyun.com", False),
        ("/etc/kubernetes/x.key", "ack.aliyun.com", False),
        ("/etc/default/kubelet", "--cloud-provider=external", False),
    ],
)
def test_kubelet_settings_distinguish_ack_from_other_clusters(host, path, content, sign) -> None:
    host.write(path, content)
    assert host.found("ack") == []
    host.write("/usr/bin/kubelet")
    expected = ("ack_node", path, None) if sign else ("kubernetes_node", "/usr/bin/kubelet", None)
    assert expected in host.found("ack") and len(host.found("ack")) <= 2


def test_container_stores_are_reported_and_not_searched(host) -> None:
    host.write(
        "/var/lib/docker/overlay2/x/diff/usr/lib/python3/dist-packages/oss2-2.0.dist-info/METADATA",
        "Name: oss2\nVersion: 2.0\n",
    )
    assert host.found("python", "ack") == [("containers_not_examined", "/var/lib/docker", None)]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/etc/os-release", 'NAME="LifseaOS"\nID=lifsea\n'),
        ("/etc/cni/net.d/10-terway.conflist", "{}"),
    ],
)
def test_systems_that_only_ack_uses_are_nodes(host, path, content) -> None:
    host.write(path, content)
    assert host.found("ack") == [("ack_node", path, None)]


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("/usr/bin/kubelet\0--provider-id=cn-hangzhou.i-bp1\0", "ack_node"),
        ("kubelet\0--pod-infra-container-image=registry-vpc.cn-beijing.aliyuncs.com/acs/pause:3.5\0", "ack_node"),
        ("/usr/bin/kubelet\0--node-ip=10.0.0.1\0", "kubernetes_node"),
        ("/usr/bin/other\0--provider-id=cn-hangzhou.i-bp1\0", "kubernetes_node"),
    ],
)
def test_a_running_kubelet_is_judged_by_its_command_line(host, command, kind) -> None:
    host.write("/usr/bin/kubelet")
    host.write("/proc/71/cmdline", command)
    assert [one for one, _path, _version in host.found("ack")] == [kind]
