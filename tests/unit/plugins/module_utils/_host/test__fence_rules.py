# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Render the fence's rules and units; nft loads the rules in a network namespace of its own, if that can be created."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._host import _fence_rules as rules

ALLOWED = rules.Allowed([0, 33, 1000], [7], ["172.17.0.0/16"])


def listing(text: str) -> str:
    """Return what nft lists after loading *text* twice."""
    nft = shutil.which("nft", path=os.environ["PATH"] + ":/usr/sbin")
    if os.geteuid() != 0 or nft is None:
        pytest.skip("loading rules needs root, and nft (package nftables)")
    script = '"$0" -f - <<<"$1" && "$0" -f - <<<"$1" && "$0" -s list ruleset'
    command = ["unshare", "--net", "bash", "-c", script, nft, text]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("allowed", [rules.Allowed([0], [], []), ALLOWED])
def test_rules_loaded_twice_make_one_table(allowed: rules.Allowed) -> None:
    for mode in (rules.AUDIT, rules.ENFORCE):
        found = listing(rules.rules(mode, allowed))
        assert found.count("table ") == 1 and found.count("jump local") == 1


def test_only_mode_enforce_rejects() -> None:
    assert "reject" not in listing(rules.rules(rules.AUDIT, ALLOWED))
    assert listing(rules.rules(rules.ENFORCE, ALLOWED)).count("reject") == 2


def test_the_rules_match_only_the_address_and_port_of_the_service() -> None:
    for line in listing(rules.rules(rules.ENFORCE, ALLOWED)).splitlines():
        if "daddr" in line:
            assert "ip daddr 100.100.100.200 tcp dport 80 tcp flags syn / syn,ack jump" in line
        assert "drop" not in line


def test_the_rules_contain_users_groups_and_sources() -> None:
    text = rules.rules(rules.ENFORCE, ALLOWED)
    assert "meta skuid { 0, 33, 1000 } counter return" in text
    assert "meta skgid { 7 } counter return" in text
    assert "ip saddr { 172.17.0.0/16 } counter return" in text


@pytest.mark.parametrize(
    "unit", ["nginx.service", "php8.2-fpm.service", "app@1.service", "app@.service", r"a\x2db.service"]
)
def test_the_drop_in_of_a_service_denies_the_address(unit: str) -> None:
    assert rules.deny(unit).endswith("[Service]\nIPAddressDeny=100.100.100.200/32\n")


def test_the_drop_in_of_a_slice_has_the_section_slice() -> None:
    assert "[Slice]" in rules.deny("user.slice")


@pytest.mark.parametrize("unit", ["nginx", "../x.service", "a b.service", "x.timer", "", "a/b.service", "x.service\n"])
def test_an_invalid_unit_name_is_an_error(unit: str) -> None:
    with pytest.raises(ValueError, match="is not a unit name"):
        rules.deny(unit)
