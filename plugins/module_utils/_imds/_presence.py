# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find out quickly whether a host has a metadata service, so that hosts outside of Alibaba Cloud do not wait for all retries."""

import typing as t

from . import _errors
from ._client import PROBE_SECONDS, Client
from ._dmi import Platform


def absence(client: Client, platform: Platform) -> t.Optional[_errors.MetadataError]:
    """Return why this host has no metadata service, or None if it has one, or must have one.

    An ECS instance has one, and so has an endpoint that was set explicitly: there, an error is an error. PROBE_SECONDS limit the
    connection only. A service that accepts it may be slow, as on a busy host.
    """
    if platform.is_ecs or client.settings.endpoint is not None:
        return None
    timeout = client.settings.timeout
    try:
        client.connect(min(PROBE_SECONDS, timeout), timeout)
    except _errors.MetadataError as exc:
        return None if _may_succeed_later(exc) else exc
    return None


def _may_succeed_later(error: _errors.MetadataError) -> bool:
    """Return whether the service is there but throttles or has an error; the requests that follow are retried."""
    return error.status is not None and (error.status == 429 or error.status >= 500)


def check(client: Client, platform: Platform) -> None:
    """Raise MetadataError if this host has no metadata service, see `absence`."""
    error = absence(client, platform)
    if error is not None:
        raise error
