# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths of control groups by number, also of removed ones. Ordinary directories stand in for groups."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._watch import _cgroups
from ansible_collections.alicloud.imds.plugins.module_utils._watch._cgroups import Groups, Ownership


def number(folder: Path) -> int:
    return folder.stat().st_ino


def test_groups_that_existed_before(tmp_path: Path) -> None:
    (tmp_path / "system.slice/a.service").mkdir(parents=True)
    groups = Groups(str(tmp_path))
    assert groups.path(number(tmp_path)) == "/"
    assert groups.path(number(tmp_path / "system.slice/a.service")) == "/system.slice/a.service"
    groups.close()


def test_groups_that_are_created_and_removed_at_once(tmp_path: Path) -> None:
    (tmp_path / "system.slice").mkdir()
    groups = Groups(str(tmp_path))
    outer = tmp_path / "system.slice/b.service"
    inner = outer / "payload"
    inner.mkdir(parents=True)
    numbers = [number(outer), number(inner)]
    groups.read_events()
    inner.rmdir()
    outer.rmdir()
    groups.read_events()
    assert [groups.path(one) for one in numbers] == ["/system.slice/b.service", "/system.slice/b.service/payload"]
    assert len(groups._watched) == 2  # the watches of removed groups are gone
    groups.close()


def test_an_unknown_number_is_looked_up_once(tmp_path: Path) -> None:
    groups = Groups(str(tmp_path))
    assert groups.path(1 << 60) is None
    made = tmp_path / "c.service"
    made.mkdir()
    assert groups.path(number(made)) == "/c.service"  # looked up before its event was read
    groups.close()
    assert groups.fileno() == -1


class Reports:
    """A replacement of the kernel's reports about new groups."""

    def __init__(self) -> None:
        self.unread: list[tuple[int, str]] = []
        self.closed = False

    def read(self) -> list[tuple[int, str]]:
        unread, self.unread = self.unread, []
        return unread

    def close(self) -> None:
        self.closed = True


def test_a_reported_group_is_known_although_it_was_removed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_cgroups, "_ROOT_NUMBER", number(tmp_path))  # the root of the hierarchy
    reports = Reports()
    groups = Groups(str(tmp_path), reports)
    reports.unread = [(1 << 32 | 77, "/system.slice/a.service")]
    groups.read_events()
    assert groups.path(1 << 32 | 77) == "/system.slice/a.service"
    assert groups.path(2 << 32 | 77) is None  # the kernel uses the lower half of a number again
    reports.unread = [(1 << 32 | 78, "/b.service")]
    assert groups.path(1 << 32 | 78) == "/b.service"  # reported after the last events were read
    groups.close()
    assert reports.closed


def test_reports_in_a_container_begin_at_the_root_of_the_hierarchy(tmp_path: Path) -> None:
    reports = Reports()
    groups = Groups(str(tmp_path), reports)
    reports.unread = [(70, "/docker/one/a.service")]
    groups.read_events()
    assert groups.path(70) is None  # it may belong to another container
    lives = tmp_path / "lives.service"
    lives.mkdir()
    reports.unread = [
        (71, "/docker/two/lives.service"),
        (number(lives), "/docker/one/lives.service"),
        (72, "/docker/one/b.service"),
        (73, "/docker/one2/c.service"),
        (74, "/docker/two/docker/one/d.service"),
    ]
    groups.read_events()
    assert [groups.path(one) for one in (number(lives), 71, 72, 73, 74)] == [
        "/lives.service", None, "/b.service", None, None
    ]  # fmt: skip
    groups.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to another user")
def test_only_names_that_root_has_chosen_are_trusted(tmp_path: Path) -> None:
    service = tmp_path / "system.slice/app.service"
    (service / "nginx.service/docker").mkdir(parents=True)
    os.chown(service, 33, 33)  # delegated
    trusted = Ownership({"": str(tmp_path), "name=systemd": str(tmp_path / "none")}).trusted
    assert trusted("", "/system.slice/app.service/nginx.service/docker") == "/system.slice/app.service"
    assert trusted("", "/system.slice/removed.service") == "/system.slice/removed.service"
    assert trusted("", "/system.slice/removed.service/nginx.service") == "/system.slice/removed.service"
    assert trusted("", "/") == "/"
    assert trusted("", "/../other.service") == "/"  # outside of the visible hierarchy
    assert trusted("name=systemd", "/a.service") == trusted("memory", "/a.service") == "/"


def test_groups_that_are_created_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user with a delegated group can create groups as fast as they are added. The watch has other work, too."""
    groups = Groups(str(tmp_path))
    add, created = groups._add, [tmp_path / "0"]

    def add_and_create(folder: str) -> None:
        assert len(created) < 100
        add(folder)
        created.append(tmp_path / str(len(created)))
        created[-1].mkdir()

    monkeypatch.setattr(groups, "_add", add_and_create)
    created[0].mkdir()
    for _time in range(3):
        groups.read_events()
    assert len(created) == 4
    groups.close()
