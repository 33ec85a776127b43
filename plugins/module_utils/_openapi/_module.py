# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Open the API for a module."""

import typing as t

from .._common._protocol import Protocol
from ._ecs import Ecs
from ._options import make_api, max_concurrency
from ._requests import IMPORT_ERROR


class Module(Protocol):
    """The part of AnsibleModule that is needed here."""

    params: t.Dict[str, t.Any]

    def fail_json(self, msg: str, **kwargs: t.Any) -> t.NoReturn: ...

    def warn(self, warning: str) -> None: ...


def open_api(module: Module, explain_missing: t.Callable[[str], str]) -> Ecs:
    """Return the API with the options of *module*; without the requests library, let the module fail.

    *explain_missing* is ``missing_required_lib`` of ansible-core.

    Raises:
        ValueError, ApiError: See ``make_api``.
    """
    if IMPORT_ERROR is not None:
        module.fail_json(msg=explain_missing("requests"), exception=IMPORT_ERROR)
    api = make_api(module.params.__getitem__, max_concurrency(module.params.__getitem__))
    for warning in api.warnings:
        module.warn(warning)
    return api
