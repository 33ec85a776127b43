# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan, enable, change, disable and restore the fence on a fake host, and roll back after errors of nft and systemctl."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._common import _programs
from ansible_collections.alicloud.imds.plugins.module_utils._host import (
    _fence,
    _fence_bypass,
    _fence_deny,
    _fence_files,
    _subprocess,
)
from ansible_collections.alicloud.imds.plugins.module_utils._host._subprocess import HostError

from .fakes import FakeHost

# Each test starts programs in the place of nft and systemctl.
pytestmark = pytest.mark.slow

UNIT = "alicloud-imds-fence.service"
TIMER = "alicloud-imds-fence-check.timer"
LISTING = "/run/alicloud-imds-fence.listing"
IN_RUN = {LISTING, LISTING + ".lock"}
FILES = IN_RUN | {
    "/etc/alicloud-imds/fence-egress.nft",
    "/etc/alicloud-imds/fence-loader.sh",
    "/etc/alicloud-imds/fence.json",
    "/etc/alicloud-imds/fence.nft",
    "/etc/systemd/system/alicloud-imds-fence-check.service",
    "/etc/systemd/system/alicloud-imds-fence-check.timer",
    "/etc/systemd/system/alicloud-imds-fence.service",
    "/etc/systemd/system/nftables.service.d/50-alicloud-imds-fence.conf",
    "/etc/systemd/system/sysinit.target.wants/alicloud-imds-fence.service",
    "/etc/systemd/system/timers.target.wants/alicloud-imds-fence-check.timer",
}
NOT_PERMITTED = (1, "Operation not permitted (you must be root)")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    made = FakeHost(tmp_path)
    monkeypatch.setattr(_programs, "_PATH", str(made.bin))
    monkeypatch.setattr(_subprocess, "_SYSTEMD", str(made.root / "run/systemd/system"))
    paths = ("RULES_FILE", "EGRESS_RULES_FILE", "LOADER", "MANIFEST", "_UNITS", "LISTING", "REPAIRS", "_SYS", "_PROC")
    for name in paths:
        monkeypatch.setattr(_fence_files, name, str(made.root) + getattr(_fence_files, name))
    mounts = made.root / "mountinfo"
    mounts.write_text("31 24 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n")
    monkeypatch.setattr(_fence_deny, "_MOUNTS", str(mounts))
    monkeypatch.setattr(_fence_deny, "require_enforcement", lambda: None)  # tests/hosts starts such a unit
    monkeypatch.setattr(_fence_bypass, "_NET", str(made.root / "sys/class/net"))
    monkeypatch.setattr(_fence_bypass, "_MODULES", str(made.root / "proc/modules"))
    return made


Files = Callable[[], dict[str, str]]


@pytest.fixture
def files(host: FakeHost) -> Files:
    """Return a function that lists the files of the fence and their contents by path."""
    return lambda: {path: text for path, text in host.files().items() if path not in ("/mountinfo", "/proc/modules")}


def desired(mode: str, **options: list[str]) -> _fence_files.Desired:
    names = ("users", "groups", "sources", "deny_services", "adjacent_services")
    return _fence_files.Desired(mode, **{name: options.get(name, []) for name in names})


def apply(mode: str, check_only: bool = False, **options: list[str]) -> _fence.Outcome:
    return _fence.apply(desired(mode, **options), check_only)


def test_check_mode_checks_the_rules_and_writes_nothing(host: FakeHost, files: Files) -> None:
    outcome = apply("enforce", check_only=True)
    assert outcome.changed and host.calls() == ["nft --version", "nft list tables", "nft -c -f -"]
    assert files() == {} and host.table is None
    shown = {entry["after_header"].removeprefix(str(host.root)): entry["after"] for entry in outcome.diff}
    assert set(shown) == FILES - IN_RUN
    assert "counter reject" in shown["/etc/alicloud-imds/fence.nft"]


def test_enabling_writes_the_files_and_loads_the_rules(host: FakeHost, files: Files) -> None:
    assert apply("enforce").changed
    assert set(files()) == FILES
    assert host.table is not None and "counter reject" in host.table
    assert files()[LISTING] == "# devices: eth0 \n" + host.table
    assert host.active == {UNIT, TIMER}
    calls = host.calls()
    assert calls.index("systemctl daemon-reload") < calls.index(f"nft -f {host.root}/etc/alicloud-imds/fence.nft")


def test_a_second_run_changes_nothing(host: FakeHost) -> None:
    apply("enforce")
    host.calls()
    outcome = apply("enforce")
    assert not outcome.changed and outcome.diff == []
    listed = ["nft list tables", "nft -s -t list table inet alicloud_imds"]  # by the loader, which compares them
    assert host.calls() == ["nft --version", "nft list tables", *listed, f"systemctl is-active {TIMER}"]


def test_a_change_of_the_mode_replaces_the_table(host: FakeHost) -> None:
    apply("audit", users=["nobody"])
    assert host.table is not None and "reject" not in host.table
    assert apply("enforce").changed
    assert "counter reject" in host.table


@pytest.mark.parametrize("table", ["table inet alicloud_imds {\n}\n", None], ids=["changed", "deleted"])
def test_rules_that_were_changed_in_the_kernel_are_loaded_again(host: FakeHost, table: str | None) -> None:
    apply("enforce")
    right = host.table
    host.load(table)
    planned = apply("enforce", check_only=True)
    assert planned.changed and [entry["after_header"] for entry in planned.diff] == [
        "nftables: table inet alicloud_imds"
    ]
    assert planned.diff[0]["before"] == (table or "")
    assert apply("enforce").changed and host.table == right


def test_denied_services_get_a_drop_in_in_mode_enforce_only(host: FakeHost, files: Files) -> None:
    drop_in = "/etc/systemd/system/nginx.service.d/50-alicloud-imds-fence.conf"
    apply("audit", deny_services=["nginx.service"])
    assert drop_in not in files()
    apply("enforce", deny_services=["nginx.service"])
    assert files()[drop_in].endswith("[Service]\nIPAddressDeny=100.100.100.200/32 fd00:100::100:200/128\n")


def test_off_removes_everything(host: FakeHost, files: Files) -> None:
    apply("enforce")
    planned = apply("off", check_only=True)
    assert planned.changed and set(files()) == FILES
    outcome = apply("off")
    assert outcome.changed and files() == {} and host.table is None and host.active == set()
    assert not apply("off").changed


def test_off_removes_a_table_without_files(host: FakeHost) -> None:
    host.load("table inet alicloud_imds {\n}\n")
    assert apply("off").changed and host.table is None
    assert "nft delete table inet alicloud_imds" in host.calls()


def test_off_does_not_need_nft(host: FakeHost) -> None:
    (host.bin / "nft").unlink()
    assert not apply("off").changed
    with pytest.raises(HostError, match="no program nft on this host. Install the package nftables"):
        apply("audit")


def test_off_needs_nft_if_the_rules_are_loaded(host: FakeHost, files: Files) -> None:
    apply("enforce")
    (host.bin / "nft").rename(host.bin / "nft.gone")
    with pytest.raises(HostError, match="rules of the fence are loaded, but there is no program nft"):
        apply("off")
    assert set(files()) == FILES


@pytest.mark.parametrize("mode", ["off", "audit", "enforce"])
@pytest.mark.parametrize("call", ["nft list tables", "nft -s -t list table inet alicloud_imds"])
def test_an_error_of_nft_is_not_read_as_no_table(host: FakeHost, files: Files, mode: str, call: str) -> None:
    apply("enforce")
    host.fail({call: NOT_PERMITTED})
    with pytest.raises(HostError, match="nft.* failed.*: Operation not permitted .you must be root"):
        apply(mode)
    host.fail({})
    assert set(files()) == FILES and host.table is not None and host.active == {UNIT, TIMER}


def test_an_error_of_nft_is_not_read_as_changed_rules(host: FakeHost) -> None:
    """In check mode nothing else would notice it."""
    apply("enforce")
    host.fail({"nft -s -t list table inet alicloud_imds": NOT_PERMITTED})
    with pytest.raises(HostError, match="Cannot list the rules of the fence: nft failed: .*Operation not permitted"):
        apply("enforce", check_only=True)


def test_an_error_of_nft_is_not_read_as_no_refused_users(host: FakeHost) -> None:
    apply("enforce")
    for call in ("nft list tables", "nft list table *"):
        host.fail({call: NOT_PERMITTED})
        with pytest.raises(HostError, match="Operation not permitted"):
            _fence.refused()


def test_refused_users_are_listed_by_number_of_connections(host: FakeHost) -> None:
    nothing = {"refused": [], "refused_others": 0, "refused_forwarded": 0, "refused_direct": 0, "repairs": []}
    assert _fence.refused() == nothing
    apply("audit")
    elements = "65534 counter packets 2 bytes 120, 4294967294 counter packets 7 bytes 420"
    host.listed("table inet alicloud_imds {\n\tset refused {\n\t\telements = { %s }\n\t}\n}\n" % elements)
    assert _fence.refused()["refused"] == [
        {"uid": 4294967294, "user": "4294967294", "connections": 7},
        {"uid": 65534, "user": "nobody", "connections": 2},
    ]


def test_rules_that_nft_rejects_change_nothing(host: FakeHost, files: Files) -> None:
    host.fail({"nft -c -f -": (1, "/dev/stdin:21:9-14: Error: syntax error, unexpected reject")})
    with pytest.raises(HostError, match="nft rejects the rules .*syntax error, unexpected reject"):
        apply("enforce")
    assert files() == {}


FAILURES = {
    "load": ("nft -f *", "Error: Could not process rule: Operation not supported"),
    "listing": ("nft -s -t list table *", "netlink: Error: cache initialization failed"),
    "daemon-reload": ("systemctl daemon-reload", "Failed to reload daemon: Connection timed out"),
    "start": ("systemctl start *", "Job for alicloud-imds-fence.service failed"),
}


@pytest.mark.parametrize("step", FAILURES)
def test_a_failed_step_is_rolled_back_to_no_fence(host: FakeHost, files: Files, step: str) -> None:
    call, message = FAILURES[step]
    host.fail({call: (1, message)})
    with pytest.raises(HostError, match=message):
        apply("enforce")
    assert files() == {} and host.table is None and host.active == set()


def test_a_failed_change_is_rolled_back_to_the_previous_rules(host: FakeHost, files: Files) -> None:
    apply("audit")
    installed, table = files(), host.table
    host.on_load("if /bin/grep -q reject $2; then echo 'Error: Could not process rule' >&2; exit 1; fi")
    with pytest.raises(HostError, match="failed with status 1: Error: Could not process rule"):
        apply("enforce")
    assert files() == installed and host.table == table


def test_a_failed_roll_back_is_reported_with_the_original_error(host: FakeHost) -> None:
    apply("audit")
    host.fail({"nft -f *": (1, "Error: Could not process rule: No space left on device")})
    with pytest.raises(
        HostError, match="No space left on device Rolling back failed as well: .*No space left on device"
    ):
        apply("enforce")


def test_a_listing_that_cannot_be_written_is_rolled_back(host: FakeHost) -> None:
    (host.root / "run/alicloud-imds-fence.listing.new").mkdir()
    with pytest.raises(
        HostError, match="fence-loader.sh load' failed .*alicloud-imds-fence.listing.new: Is a directory"
    ):
        apply("enforce")
    assert not (host.root / "etc/alicloud-imds").exists() and host.table is None


@pytest.mark.parametrize("mode", ["off", "audit"])
def test_restore_undoes_a_change(host: FakeHost, files: Files, mode: str) -> None:
    apply("enforce", groups=["daemon"])
    installed, table = files(), host.table
    before = json.loads(json.dumps(apply(mode).before))
    assert host.table != table
    assert _fence.restore(before) is True
    assert files() == installed and host.table == table and host.active == {UNIT, TIMER}
    assert _fence.restore(before) is False


def test_restore_removes_a_fence_that_was_not_there(host: FakeHost, files: Files) -> None:
    before = apply("enforce").before
    assert _fence.restore(before) is True
    assert files() == {} and host.table is None and host.active == set()


def test_restore_reports_an_error_of_nft(host: FakeHost) -> None:
    before = apply("enforce").before
    host.fail({"nft list tables": NOT_PERMITTED})
    with pytest.raises(HostError, match="Operation not permitted"):
        _fence.restore(before)


@pytest.fixture
def service() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that accepts connections, as an adjacent service does, and its address."""
    code = "import socket, time; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, "127.0.0.1:" + process.stdout.readline().strip()
        process.kill()


def test_a_reachable_adjacent_service_lets_the_change_pass(host: FakeHost, service) -> None:
    assert apply("enforce", adjacent_services=[service[1]]).changed


def test_an_adjacent_service_that_becomes_unreachable_rolls_the_change_back(
    host: FakeHost, files: Files, service
) -> None:
    process, address = service
    port = address.rpartition(":")[2]
    code = f"import socket\nwhile socket.socket().connect_ex(('127.0.0.1', {port})) == 0: pass"
    host.on_load(f"kill -9 {process.pid}; {sys.executable} -c {shlex.quote(code)}")
    with pytest.raises(HostError) as caught:
        apply("enforce", adjacent_services=[address])
    assert str(caught.value).startswith(
        f"The fence made these addresses unreachable: {address} (connected, now refused). The change was rolled back."
    )
    assert files() == {} and host.table is None


def test_a_service_that_was_unreachable_before_does_not_count(host: FakeHost, free_port: int) -> None:
    assert apply("enforce", adjacent_services=[f"127.0.0.1:{free_port}"]).changed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"users": ["no-such-user"]}, "There is no user 'no-such-user' on this host. Create it before"),
        ({"groups": ["no-such-group"]}, "There is no group 'no-such-group' on this host. Create it before"),
        (
            {"sources": ["172.17.0.1/16"]},
            "'172.17.0.1/16' in 'allowed_sources' is not an IP network such as 172.17.0.0/16 or fd00:1::/64: .* host bits set.$",
        ),
        ({"sources": ["fe80::%eth0/128"]}, "is not an IP network .*: a network has no zone.$"),
        ({"sources": ["fe80::%0 } accept\n#"]}, "is not an IP network"),
        ({"deny_services": ["nginx"]}, "'nginx' in 'deny_services' is not a unit name such as nginx.service"),
    ],
)
def test_invalid_options_change_nothing(
    host: FakeHost, files: Files, options: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(HostError, match=message):
        apply("enforce", **options)
    assert files() == {} and host.calls() == []


def test_services_that_do_not_exist_change_nothing(host: FakeHost, files: Files) -> None:
    host.without_units("no-such-unit.service", "web@1.service")
    message = "There is no unit no-such-unit.service, web@1.service on this host, so nothing would be denied. Correct 'deny_services'"
    for mode in ("audit", "enforce"):
        with pytest.raises(HostError, match=message):
            apply(mode, deny_services=["cron.service", "no-such-unit.service", "web@1.service"])
    assert files() == {} and host.table is None


def test_an_error_of_systemctl_is_not_read_as_an_existing_unit(host: FakeHost) -> None:
    host.fail({"systemctl show *": (1, "Failed to connect to bus")})
    with pytest.raises(
        HostError, match="Cannot find out whether the unit cron.service exists: Failed to connect to bus"
    ):
        apply("enforce", deny_services=["cron.service"])


def test_denied_services_need_control_groups_v2(host: FakeHost, files: Files) -> None:
    v1 = "25 24 0:22 / /sys/fs/cgroup ro shared:8 - tmpfs tmpfs ro\n26 25 0:23 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw\n"
    private = "99 24 0:27 / /mnt/cgroup rw - cgroup2 none rw\n"
    (host.root / "mountinfo").write_text(v1 + private)
    for check_only in (True, False):
        with pytest.raises(
            HostError, match="needs control groups v2, and this host uses version 1 .*unified_cgroup_hierarchy"
        ):
            apply("enforce", check_only, deny_services=["nginx.service"])
    assert files() == {}
    assert apply("audit", deny_services=["nginx.service"]).changed
    (host.root / "mountinfo").write_text(v1 + "27 25 0:24 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n")  # hybrid
    assert apply("enforce", deny_services=["nginx.service"]).changed


@pytest.mark.parametrize(
    "address",
    ["[]", "", ":53", "100.100.2.136", "100.100.2.136:", "100.100.2.136:0", "100.100.2.136:65536", "100.100.2.136:+53",
     "100.100.2.136:５３", "1.2.3:53", "fd00::1:53", "[fd00::g]:53", "[fd00::1]", "a b:53", "['x']:1", "x" * 300 + ":53"],
)  # fmt: skip
def test_a_malformed_address_of_an_adjacent_service_changes_nothing(host: FakeHost, files: Files, address: str) -> None:
    with pytest.raises(HostError, match="in 'adjacent_services' .* is not an address such as 100.100.2.136:53"):
        apply("audit", adjacent_services=[address])
    assert files() == {} and host.calls() == []


def test_numbers_are_users_and_groups(host: FakeHost, files: Files) -> None:
    apply("enforce", users=["4294960000"], groups=["4294960001"])
    rules = files()["/etc/alicloud-imds/fence.nft"]
    assert "meta skuid { 0, 4294960000 }" in rules and "meta skgid { 4294960001 }" in rules


def test_an_nft_that_is_too_old_is_refused_and_off_removes_the_table(host: FakeHost, files: Files) -> None:
    host.version("0.9.0")
    host.load("table inet alicloud_imds {\n}\n")
    with pytest.raises(
        HostError, match="nftables 0.9.0 on this host is too old: the fence needs 0.9.3 or later. Update"
    ):
        apply("audit")
    assert files() == {} and host.table is not None
    assert apply("off").changed and host.table is None
    assert not apply("off").changed


@pytest.mark.parametrize("version", ["0.9.3", "0.9.8", "1.1.0", "unknown"])
def test_newer_versions_of_nft_are_accepted(host: FakeHost, version: str) -> None:
    host.version(version)
    assert apply("audit").changed and not apply("audit").changed


def check(host: FakeHost) -> str:
    """Run the periodic check as its unit does, and return its messages."""
    loader = host.root / "etc/alicloud-imds/fence-loader.sh"
    return subprocess.run(["/bin/sh", loader, "check"], check=True, capture_output=True, text=True).stderr


@pytest.mark.parametrize("egress", [False, True], ids=["", "with egress hook"])
def test_the_check_loads_flushed_rules_again_and_records_it(host: FakeHost, egress: bool) -> None:
    if egress:
        host.support_egress()
    apply("enforce")
    loaded = host.table, host.egress
    assert check(host) == "" and _fence.refused()["repairs"] == []
    host.flush()
    assert "rules of the metadata firewall were removed by another program. They were loaded again" in check(host)
    assert (host.table, host.egress) == loaded and (host.egress is not None) == egress
    host.load("table inet alicloud_imds {\n}\n")
    assert "were changed by another program" in check(host)
    assert (host.table, host.egress) == loaded
    assert check(host) == ""
    repairs = _fence.refused()["repairs"]
    assert [repair["reason"] for repair in repairs] == ["removed", "changed"]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", repair["time"]) for repair in repairs)
    assert not apply("enforce").changed


def test_the_record_of_repairs_is_bounded(host: FakeHost) -> None:
    apply("enforce")
    repairs = host.root / "run/alicloud-imds-fence.repairs"
    repairs.write_text("2026-01-01T00:00:00Z removed\n" * 500)
    host.flush()
    check(host)
    assert len(repairs.read_text().splitlines()) == 100


@pytest.mark.parametrize("command", ["nft list tables", "nft -s -t list table inet *"])
def test_the_check_reports_an_error_of_nft_and_keeps_the_rules(host: FakeHost, command: str) -> None:
    """An error is not read as rules that another program removed: the check loads nothing."""
    apply("enforce")
    host.fail({command: NOT_PERMITTED})
    host.calls()
    with pytest.raises(subprocess.CalledProcessError) as caught:
        check(host)
    assert "Operation not permitted" in caught.value.stderr and host.table is not None
    assert [call for call in host.calls() if call.startswith("nft -f")] == []


def test_the_check_does_nothing_without_rules(host: FakeHost) -> None:
    apply("enforce")
    loader = (host.root / "etc/alicloud-imds/fence-loader.sh").read_text()
    apply("off")
    host.calls()
    subprocess.run(["/bin/sh", "-c", loader, "loader", "check"], check=True)
    assert host.calls() == []


def test_a_new_network_card_gets_the_egress_rules(host: FakeHost) -> None:
    host.support_egress()
    host.cards("eth0")
    (host.root / "sys/class/net/docker0").mkdir()
    apply("enforce")
    assert host.egress is not None and 'devices = { "eth0" }' in host.egress
    host.cards("eth0", "eth1", 'e"1')
    assert not apply("enforce").changed, "the next check loads the rules"
    assert check(host) == ""
    assert 'devices = { "eth0","eth1" }' in host.egress and _fence.refused()["repairs"] == []


NONE = "0" * 32
IPV4_ROUTES = "docker0\t0002010A\t00000000\t0001\nens5\t00000000\t0102010A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
IPV6_ROUTES = f"{NONE} 00 {NONE} 00 fe800000 00000400 00000001 00000000 00000003     ens5\n"
# The kernel adds such an entry to each network namespace.
IPV6_ROUTES += f"{NONE} 00 {NONE} 00 {NONE} ffffffff 00000001 00000000 00200200       lo\n"


@pytest.mark.parametrize(("file", "route"), [("route", IPV4_ROUTES), ("ipv6_route", IPV6_ROUTES)])
def test_a_device_with_a_default_route_gets_the_egress_rules(host: FakeHost, file: str, route: str) -> None:
    host.support_egress()
    host.cards()
    for name in ("ens5", "docker0"):
        (host.root / "sys/class/net" / name).mkdir()
    (host.root / "proc/net" / file).write_text(route)
    apply("enforce")
    assert host.egress is not None and 'devices = { "ens5" }' in host.egress


def test_devices_that_bypass_the_rules_are_a_warning_where_the_egress_hook_is_missing(host: FakeHost) -> None:
    assert apply("enforce").warnings == []
    (host.root / "proc/modules").write_text("veth 36864 0 - Live 0x0\nmacvlan 32768 1 macvtap, Live 0x0\n")
    (host.root / "sys/class/net/eth0/brport").mkdir()
    (warning,) = apply("enforce").warnings
    signs = "the kernel module macvlan is loaded; the network card eth0 is a port of a bridge"
    assert warning.startswith(
        f"Containers can bypass the fence: {signs}, and rules for such devices cannot be loaded (Error"
    )
    host.support_egress()
    apply("off")
    assert apply("enforce").warnings == []


def test_virtual_functions_are_a_warning(host: FakeHost) -> None:
    host.support_egress()
    (host.root / "sys/class/net/eth0/device/sriov_numvfs").write_text("4\n")
    (warning,) = apply("enforce").warnings
    assert "the network card eth0 has 4 virtual functions (SR-IOV)" in warning


def test_a_stopped_timer_is_started_again(host: FakeHost) -> None:
    apply("enforce")
    subprocess.run([host.bin / "systemctl", "stop", TIMER], check=True)
    assert apply("enforce", check_only=True).changed and TIMER not in host.active
    assert apply("enforce").changed and TIMER in host.active


def test_no_unit_removes_the_rules(host: FakeHost, files: Files) -> None:
    """systemd stops a unit that reached its start limit, so stopping must not remove the rules."""
    apply("enforce")
    for path, text in files().items():
        if path.endswith((".service", ".timer", ".conf")):
            assert "delete" not in text and "ExecStop=" not in text and "ExecStopPost=/" not in text
    for unit in ("alicloud-imds-fence.service", "alicloud-imds-fence-check.service"):
        assert "\nStartLimitIntervalSec=0\n" in files()["/etc/systemd/system/" + unit]
