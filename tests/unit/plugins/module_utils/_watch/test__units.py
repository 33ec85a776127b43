# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The systemd unit and the container of a control group's path."""

from __future__ import annotations

from ansible_collections.alicloud.imds.plugins.module_utils._watch._units import Place, best, place

HEX = "0123456789abcdef" * 4


PLACES = [
    ("/", None, None),
    ("/system.slice/cron.service", "cron.service", None),
    ("/user.slice/user-1000.slice/session-3.scope", "session-3.scope", None),
    ("/user.slice/user-1000.slice/user@1000.service/app.slice/x.service", "x.service", None),
    ("/user.slice/user-1000.slice/user@1000.service/init.scope", "user@1000.service", None),
    ("/init.scope", "init.scope", None),
    ("/machine.slice", "machine.slice", None),
    ("/system.slice/docker-%s.scope" % HEX, "docker-%s.scope" % HEX, "docker:0123456789ab"),
    ("/docker/" + HEX, None, "docker:0123456789ab"),
    ("/machine.slice/libpod-%s.scope/container" % HEX, "libpod-%s.scope" % HEX, "libpod:0123456789ab"),
    ("/kubepods.slice/kubepods-pod1.slice/cri-containerd-%s.scope" % HEX, "cri-containerd-%s.scope" % HEX,
     "cri-containerd:0123456789ab"),
    ("/kubepods/burstable/pod1/" + HEX, None, "kubepods:0123456789ab"),
    ("/lxc.payload.web", None, "lxc:web"),
    ("/machine.slice/machine-web.scope/payload/system.slice/nginx.service", "machine-web.scope", "machine:web"),
    ("/machine.slice/machine-web.scope/payload/docker/" + HEX, "machine-web.scope", "machine:web"),
    ("/docker/%s/system.slice/nginx.service" % HEX, None, "docker:0123456789ab"),
    ("/kubepods-pod1.slice:cri-containerd:" + HEX, None, "cri-containerd:0123456789ab"),
    ("/../../system.slice/x.service", "x.service", None),
    ("/system.slice/_cgroup.service", "cgroup.service", None),
]  # fmt: skip


def test_units_and_containers() -> None:
    for path, unit, container in PLACES:
        assert place(path) == Place(unit and unit[:128], container), path


def test_the_most_specific_of_several_hierarchies() -> None:
    assert best(["/", "/docker/" + HEX, "/system.slice/docker.service"]).container == "docker:0123456789ab"
    assert best(["/", "/user.slice", "/system.slice/x.service"]).unit == "x.service"
    assert best([]) == Place(None, None)
