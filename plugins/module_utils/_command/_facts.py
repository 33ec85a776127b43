# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts of this instance, for the command: just what the module metadata_facts gives. Private to the collection."""

from __future__ import annotations

import typing as t

from .._imds import _gather
from .._imds._client import Client
from .._imds._dmi import read_platform
from ._output import USAGE, Failure


def facts(client: Client, subsets: t.Optional[t.Sequence[str]]) -> t.Tuple[t.Dict[str, t.Any], t.List[str]]:
    """The facts and warnings. Secrets cannot be chosen: facts end up in caches and logs."""
    try:
        chosen = _gather.select(subsets or ["all"])
    except ValueError as exc:
        raise Failure(USAGE, "%s." % exc) from None
    secrets = sorted(chosen & set(_gather.SECRET_SUBSETS))
    if secrets:
        raise Failure(USAGE, "%s: secrets are no facts here; use 'get --show-secrets'." % ", ".join(secrets))
    return _gather.gather(client, read_platform(), chosen)
