# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Open the API for a module."""

import concurrent.futures
import typing as t

from .._common._protocol import Protocol
from ._assume_role import Role
from ._ecs import Ecs
from ._errors import ApiError
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


class Opened(t.NamedTuple):
    """The APIs of accounts, and the errors of accounts whose role cannot be assumed. The keys are ARNs of roles, None without a role."""

    apis: t.Dict[t.Optional[str], Ecs]
    failures: t.Dict[str, ApiError]


def open_apis(module: Module, explain_missing: t.Callable[[str], str], roles: t.Sequence[t.Optional[Role]]) -> Opened:
    """Return the APIs with the credentials of *roles*, where None stands for the credentials of the options. Assumes all roles.

    Raises:
        ValueError, ApiError: See ``make_api``.
    """
    if list(roles) == [None]:
        return Opened({None: open_api(module, explain_missing)}, {})
    if IMPORT_ERROR is not None:
        module.fail_json(msg=explain_missing("requests"), exception=IMPORT_ERROR)
    get_option = module.params.__getitem__
    connections = max_concurrency(get_option)
    apis = {None if it is None else it.arn: make_api(get_option, connections, role=it) for it in roles}
    for warning in sorted({warning for api in apis.values() for warning in api.warnings}):
        module.warn(warning)
    failures: t.Dict[str, ApiError] = {}

    def assume(arn: str) -> None:
        try:
            apis[arn].transport.authenticate()
        except ApiError as exc:
            failures[arn] = exc

    with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(assume, [arn for arn in apis if arn is not None]))
    return Opened({arn: api for arn, api in apis.items() if arn not in failures}, failures)
