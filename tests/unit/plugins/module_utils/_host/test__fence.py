# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan, enable, change, disable and restore the fence on a fake host, and roll back after errors of nft and systemctl."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._common import _programs
from ansible_collections.alicloud.imds.plugins.module_utils._host import _fence, _fence_files, _subprocess
from ansible_collections.alicloud.imds.plugins.module_utils._host._subprocess import HostError

from .fakes import FakeHost

# Each test starts programs in the place of nft and systemctl.
pytestmark = pytest.mark.slow

UNIT = "alicloud-imds-fence.service"
FILES = {
    "/etc/alicloud-imds/fence.json",
    "/etc/alicloud-imds/fence.nft",
    "/etc/systemd/system/alicloud-imds-fence.service",
    "/etc/systemd/system/nftables.service.d/50-alicloud-imds-fence.conf",
    "/etc/systemd/system/sysinit.target.wants/alicloud-imds-fence.service",
    "/run/alicloud-imds-fence.listing",
}
NOT_PERMITTED = (1, "Operation not permitted (you must be root)")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    made = FakeHost(tmp_path)
    monkeypatch.setattr(_programs, "_PATH", str(made.bin))
    monkeypatch.setattr(_subprocess, "_SYSTEMD", str(made.root / "run/systemd/system"))
    for name in ("RULES_FILE", "MANIFEST", "_UNITS", "LISTING"):
        monkeypatch.setattr(_fence_files, name, str(made.root) + getattr(_fence_files, name))
    return made


def desired(mode: str, **options: list[str]) -> _fence_files.Desired:
    names = ("users", "groups", "sources", "deny_services", "adjacent_services")
    return _fence_files.Desired(mode, **{name: options.get(name, []) for name in names})


def apply(mode: str, check_only: bool = False, **options: list[str]) -> _fence.Outcome:
    return _fence.apply(desired(mode, **options), check_only)


def test_check_mode_checks_the_rules_and_writes_nothing(host: FakeHost) -> None:
    outcome = apply("enforce", check_only=True)
    assert outcome.changed and host.calls() == ["nft list tables", "nft -c -f -"]
    assert host.files() == {} and host.table is None
    shown = {entry["after_header"].removeprefix(str(host.root)): entry["after"] for entry in outcome.diff}
    assert set(shown) == FILES - {"/run/alicloud-imds-fence.listing"}
    assert "counter reject" in shown["/etc/alicloud-imds/fence.nft"]


def test_enabling_writes_the_files_and_loads_the_rules(host: FakeHost) -> None:
    assert apply("enforce").changed
    assert set(host.files()) == FILES
    assert host.table is not None and "counter reject" in host.table
    assert host.files()["/run/alicloud-imds-fence.listing"] == host.table
    assert host.active == {UNIT}
    calls = host.calls()
    assert calls.index("systemctl daemon-reload") < calls.index(f"nft -f {host.root}/etc/alicloud-imds/fence.nft")


def test_a_second_run_changes_nothing(host: FakeHost) -> None:
    apply("enforce")
    host.calls()
    outcome = apply("enforce")
    assert not outcome.changed and outcome.diff == []
    assert host.calls() == ["nft list tables", "nft -s -t list table inet alicloud_imds"]


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


def test_denied_services_get_a_drop_in_in_mode_enforce_only(host: FakeHost) -> None:
    drop_in = "/etc/systemd/system/nginx.service.d/50-alicloud-imds-fence.conf"
    apply("audit", deny_services=["nginx.service"])
    assert drop_in not in host.files()
    apply("enforce", deny_services=["nginx.service"])
    assert host.files()[drop_in].endswith("[Service]\nIPAddressDeny=100.100.100.200/32\n")


def test_off_removes_everything(host: FakeHost) -> None:
    apply("enforce")
    planned = apply("off", check_only=True)
    assert planned.changed and set(host.files()) == FILES
    outcome = apply("off")
    assert outcome.changed and host.files() == {} and host.table is None and host.active == set()
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


def test_off_needs_nft_if_the_rules_are_loaded(host: FakeHost) -> None:
    apply("enforce")
    (host.bin / "nft").rename(host.bin / "nft.gone")
    with pytest.raises(HostError, match="rules of the fence are loaded, but there is no program nft"):
        apply("off")
    assert set(host.files()) == FILES


@pytest.mark.parametrize("mode", ["off", "audit", "enforce"])
@pytest.mark.parametrize("call", ["nft list tables", "nft -s -t list table *"])
def test_an_error_of_nft_is_not_read_as_no_table(host: FakeHost, mode: str, call: str) -> None:
    apply("enforce")
    host.fail({call: NOT_PERMITTED})
    with pytest.raises(HostError, match="list table.* failed with status 1: Operation not permitted .you must be root"):
        apply(mode)
    host.fail({})
    assert set(host.files()) == FILES and host.table is not None and host.active == {UNIT}


def test_an_error_of_nft_is_not_read_as_no_refused_users(host: FakeHost) -> None:
    apply("enforce")
    for call in ("nft list tables", "nft -j list set *"):
        host.fail({call: NOT_PERMITTED})
        with pytest.raises(HostError, match="Operation not permitted"):
            _fence.refused()


def test_refused_users_are_listed_by_number_of_connections(host: FakeHost) -> None:
    assert _fence.refused() == []
    apply("audit")
    elements = [(65534, 2), (4294967294, 7)]
    host.refused([{"elem": {"val": uid, "counter": {"packets": n, "bytes": 60 * n}}} for uid, n in elements])
    assert _fence.refused() == [
        {"uid": 4294967294, "user": "4294967294", "connections": 7},
        {"uid": 65534, "user": "nobody", "connections": 2},
    ]


def test_rules_that_nft_rejects_change_nothing(host: FakeHost) -> None:
    host.fail({"nft -c -f -": (1, "/dev/stdin:21:9-14: Error: syntax error, unexpected reject")})
    with pytest.raises(HostError, match="nft rejects the rules .*syntax error, unexpected reject"):
        apply("enforce")
    assert host.files() == {}


FAILURES = {
    "load": ("nft -f *", "Error: Could not process rule: Operation not supported"),
    "listing": ("nft -s -t list table *", "netlink: Error: cache initialization failed"),
    "daemon-reload": ("systemctl daemon-reload", "Failed to reload daemon: Connection timed out"),
    "start": ("systemctl start *", "Job for alicloud-imds-fence.service failed"),
}


@pytest.mark.parametrize("step", FAILURES)
def test_a_failed_step_is_rolled_back_to_no_fence(host: FakeHost, step: str) -> None:
    call, message = FAILURES[step]
    host.fail({call: (1, message)})
    with pytest.raises(HostError, match=message):
        apply("enforce")
    assert host.files() == {} and host.table is None and host.active == set()


def test_a_failed_change_is_rolled_back_to_the_previous_rules(host: FakeHost) -> None:
    apply("audit")
    files, table = host.files(), host.table
    host.on_load("if /bin/grep -q reject $2; then echo 'Error: Could not process rule' >&2; exit 1; fi")
    with pytest.raises(HostError, match="failed with status 1: Error: Could not process rule"):
        apply("enforce")
    assert host.files() == files and host.table == table


def test_a_failed_roll_back_is_reported_with_the_original_error(host: FakeHost) -> None:
    apply("audit")
    host.fail({"nft -f *": (1, "Error: Could not process rule: No space left on device")})
    with pytest.raises(
        HostError, match="No space left on device Rolling back failed as well: .*No space left on device"
    ):
        apply("enforce")


def test_a_listing_that_cannot_be_written_is_rolled_back(host: FakeHost) -> None:
    (host.root / "run/alicloud-imds-fence.listing").mkdir()
    with pytest.raises(HostError, match="Cannot change the fence: .*Is a directory.*alicloud-imds-fence.listing"):
        apply("enforce")
    assert not (host.root / "etc/alicloud-imds").exists() and host.table is None


@pytest.mark.parametrize("mode", ["off", "audit"])
def test_restore_undoes_a_change(host: FakeHost, mode: str) -> None:
    apply("enforce", groups=["daemon"])
    files, table = host.files(), host.table
    before = json.loads(json.dumps(apply(mode).before))
    assert host.table != table
    assert _fence.restore(before) is True
    assert host.files() == files and host.table == table and host.active == {UNIT}
    assert _fence.restore(before) is False


def test_restore_removes_a_fence_that_was_not_there(host: FakeHost) -> None:
    before = apply("enforce").before
    assert _fence.restore(before) is True
    assert host.files() == {} and host.table is None and host.active == set()


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


def test_an_adjacent_service_that_becomes_unreachable_rolls_the_change_back(host: FakeHost, service) -> None:
    process, address = service
    port = address.rpartition(":")[2]
    code = f"import socket\nwhile socket.socket().connect_ex(('127.0.0.1', {port})) == 0: pass"
    host.on_load(f"kill -9 {process.pid}; {sys.executable} -c {shlex.quote(code)}")
    with pytest.raises(HostError) as caught:
        apply("enforce", adjacent_services=[address])
    assert str(caught.value).startswith(
        f"The fence made these addresses unreachable: {address} (connected, now refused). The change was rolled back."
    )
    assert host.files() == {} and host.table is None


def test_a_service_that_was_unreachable_before_does_not_count(host: FakeHost, free_port: int) -> None:
    assert apply("enforce", adjacent_services=[f"127.0.0.1:{free_port}"]).changed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"users": ["no-such-user"]}, "There is no user 'no-such-user' on this host. Create it before"),
        ({"groups": ["no-such-group"]}, "There is no group 'no-such-group' on this host. Create it before"),
        (
            {"sources": ["fd00::/8"]},
            "'fd00::/8' in 'allowed_sources' is not an IPv4 network such as 172.17.0.0/16: .*'fd00::'.$",
        ),
        ({"deny_services": ["nginx"]}, "'nginx' in 'deny_services' is not a unit name such as nginx.service"),
    ],
)
def test_invalid_options_change_nothing(host: FakeHost, options: dict[str, list[str]], message: str) -> None:
    with pytest.raises(HostError, match=message):
        apply("enforce", **options)
    assert host.files() == {} and host.calls() == []
