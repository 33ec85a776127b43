# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the hardening role and of the playbooks. Each is one call of a function in plugin_utils/_hardening.

Their results contain values of other hosts, so they are marked as untrusted.
"""

from __future__ import annotations

import functools
import socket
import typing as t

from ansible.errors import AnsibleFilterError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible_collections.alicloud.imds.plugins.plugin_utils._hardening import (
    _api,
    _decisions,
    _entry,
    _failure,
    _identity,
    _names,
    _playbooks,
    _remedies,
    _settings,
)
from ansible_collections.alicloud.imds.plugins.plugin_utils._identity import _signature
from ansible_collections.alicloud.imds.plugins.plugin_utils._untrusted import untrusted


def _verify(pkcs7: t.Any, audience: str, certificate: str) -> dict[str, str]:
    try:
        return _signature.verified(pkcs7, audience, certificate)
    except _signature.CannotVerify as exc:
        raise _identity.Unavailable(str(exc)) from exc


def _resolve(name: str) -> list[str]:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(item[4][0]) for item in found))


def _select(pattern: t.Any, groups: _playbooks.Groups) -> t.Sequence[t.Any]:
    inventory = InventoryManager(DataLoader(), parse=False)
    for group, hosts in groups.items():
        inventory.add_group(group)
        for host in hosts:
            inventory.add_host(host, group=group)
    selected: t.Sequence[t.Any] = inventory.get_hosts(pattern)
    return selected


def matching(pattern: t.Any, groups: _playbooks.Groups, conditions: t.Any = None) -> t.Any:
    """Return *pattern* if hosts of *groups* match it; see `_playbooks.matching`."""
    return _playbooks.matching(pattern, groups, _select, conditions)


def identities(hosts: t.Sequence[t.Mapping[str, t.Any]]) -> dict[str, dict[str, t.Any]]:
    """Verify which instance each host is."""
    return _identity.identities(hosts, _verify, _resolve)


_FUNCTIONS: dict[str, t.Callable[..., t.Any]] = {
    "hardening_answers": _api.answers,
    "hardening_calls": _api.calls,
    "hardening_claims": _api.claims,
    "hardening_confirmed": _api.confirmed,
    "hardening_control_plane": _entry.with_control_plane,
    "hardening_decisions": _decisions.decisions,
    "hardening_entry": _entry.entry,
    "hardening_failure": _failure.failure,
    "hardening_identities": identities,
    "hardening_lookups": _remedies.lookups,
    "hardening_matching": matching,
    "hardening_packages": _remedies.packages,
    "hardening_progress": _playbooks.progress,
    "hardening_read_back": _entry.read_back,
    "hardening_record_earlier": _names.earlier_records,
    "hardening_record_names": _names.record_names,
    "hardening_report_hosts": _playbooks.report_hosts,
    "hardening_result": _entry.result,
    "hardening_setting": _settings.normalize_one,
    "hardening_settings": _settings.normalize,
}


def _filter(function: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    @functools.wraps(function)
    def call(*arguments: t.Any) -> t.Any:
        try:
            return untrusted(function(*arguments))
        except _settings.SettingError as exc:
            raise AnsibleFilterError(str(exc)) from exc

    return call


class FilterModule:
    """Provide the filters by name."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return all filters by name."""
        return {name: _filter(function) for name, function in _FUNCTIONS.items()}
