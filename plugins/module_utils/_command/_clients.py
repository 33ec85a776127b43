# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make the client of a command line, and find out quickly that a host has no metadata service."""

import argparse
import typing as t

from .._imds._client import Client, Settings
from .._imds._dmi import read_platform
from .._imds._errors import MetadataError, Unreachable
from .._imds._presence import absence
from ._parser import settings

if t.TYPE_CHECKING:
    from .._imds._access_modes import Modes


def client_of(arguments: argparse.Namespace) -> Client:
    """Return a client for the chosen settings; on a host that is not an ECS instance, raise MetadataError quickly.

    An explicit endpoint or timeout is used as it is.
    """
    client = Client(settings(arguments))
    reason = _absence(client)
    if reason is not None:
        raise reason
    return client


def modes_of(arguments: argparse.Namespace) -> "Modes":
    """Return the access modes. A service that accepts a connection is not unreachable, however slow it is."""
    from .._imds._access_modes import probe, unreachable

    client = Client(settings(arguments))
    reason = _absence(client)
    return unreachable(str(reason)) if isinstance(reason, Unreachable) and not reason.connected else probe(client)


def _absence(client: Client) -> t.Optional[MetadataError]:
    explicit = client.settings.timeout != Settings().timeout
    return None if explicit else absence(client, read_platform())
