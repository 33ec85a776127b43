# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The four ways to run the module metadata_options: dry run, confirmation, restoration and change.

Each returns the message of a failure or None, and the result of the module.
"""

import typing as t

from .._common._protocol import Protocol
from .._openapi import _module
from .._openapi._errors import ApiError
from . import _exclude, _operations, _report
from ._apply import Apis, Outcome
from ._causes import grouped
from ._change_log import ChangeLog
from ._instance import Options
from ._operations import ExecutionOptions
from ._options import selection, too_few
from ._plan import Change, Permissions
from ._progress import ProgressFile
from ._record import RecordError, RecordStore
from ._record_options import addresses, log_of, options_before, record_of

ERRORS = (ApiError, RecordError, ValueError)
Ended = t.Tuple[t.Optional[str], t.Dict[str, t.Any]]
Opener = t.Callable[[], Apis]
_Value = t.TypeVar("_Value")


class Module(_module.Module, Protocol):
    """The part of AnsibleModule that is needed here."""

    check_mode: bool
    tmpdir: str


def all_accounts(opened: _module.Opened) -> Apis:
    """Return the APIs of all accounts; raise ValueError if one cannot be used: a change of a part would look complete."""
    if opened.failures:
        causes = grouped(((arn, str(exc)) for arn, exc in opened.failures.items()), "roles")
        raise ValueError(
            "Cannot assume %d of the roles in 'assume_role'. %s Nothing was changed." % (len(opened.failures), causes)
        )
    return opened.apis


def run(module: Module, open_api: Opener, missing_library: t.Optional[str]) -> Ended:
    """Run the module as its options require. *missing_library* is the message about a library that *open_api* needs, or None.

    Raises:
        ERRORS: Nothing was changed, or the record could not be written.
    """
    if module.params["dry_run"]:
        return _dry_run(module, open_api, missing_library)
    record = record_of(module.params)
    if module.params["state"] == "verified":
        return _confirm(module, record)
    log = log_of(module.params, record)
    return _change(module, record, open_api(), log)


def _dry_run(module: Module, open_api: Opener, missing_library: t.Optional[str]) -> Ended:
    """Find all problems at once and change nothing.

    Without check mode, a call that the API refuses for its values tests the permission to change instances (see `refuse_forbidden`).
    """
    params, problems = module.params, _Problems()
    record = problems.of(lambda: _writable_record(params))
    if missing_library is not None:
        problems.found.append(missing_library)
        return problems.message(), _result([], {}, {}, {})
    apis = problems.of(open_api)
    if apis is None or not (params["instance_ids"] or params["state"] == "restored"):
        return problems.message(), _result([], {}, {}, {})
    plan = problems.of(lambda: _plan(apis, params, record, _execution(module))) or []
    changes = plan if module.check_mode else problems.of(lambda: _operations.refuse_forbidden(apis, plan)) or plan
    planned = [it._replace(changed=False) for it in _report.planned(changes)]
    refusal = _report.problem(planned, tolerate_refusals=params["refused"] == "report")
    problems.found += [refusal] if refusal else []
    unverified = record.unverified() if record and params["record_unverified"] else {}
    others = sorted({name for key, name in unverified.items() if key not in (params["instance_ids"] or ())})
    if record and others:
        names = ", ".join(others[:10] + ["..."] * (len(others) > 10))
        module.warn(
            "The record %s has changes that were not verified: %s. Another run may be in progress. If an earlier run was"
            " interrupted, harden these hosts again, or undo them." % (record.path, names)
        )
    return problems.message(), _result(planned, record.names() if record else {}, {}, unverified)


class _Problems:
    """The problems that were found; each step may depend on the results of earlier ones."""

    def __init__(self) -> None:
        self.found: t.List[str] = []

    def of(self, step: t.Callable[[], _Value]) -> t.Optional[_Value]:
        """Return the result of *step*, or None if it failed, which is a problem."""
        try:
            return step()
        except ERRORS as exc:
            self.found.append(str(exc))
            return None

    def message(self) -> t.Optional[str]:
        """Return all problems as one text, or None."""
        return " ".join(self.found) or None


def _writable_record(params: t.Mapping[str, t.Any]) -> t.Optional[RecordStore]:
    record = record_of(params)
    if record is not None:
        record.check_writable()
        log_of(params, record)
    return record


def _confirm(module: Module, record: t.Optional[RecordStore]) -> Ended:
    """Remove the marks of unverified changes from the record."""
    if record is None:
        return None, {"changed": False, "instances": []}
    confirmed = list(record.unverified()) if module.check_mode else record.confirm()
    return None, {"changed": bool(confirmed), "instances": []}


def _change(module: Module, record: t.Optional[RecordStore], apis: Apis, log: t.Optional[ChangeLog]) -> Ended:
    """Apply the desired options, or restore the recorded ones. In check mode, only plan this."""
    params, execution = module.params, _execution(module)._replace(log=log)
    names = record.names() if record else {}
    unverified = record.unverified() if record and params["record_unverified"] else {}
    errors = record.errors() if record and params["state"] == "restored" else {}
    changes = _plan(apis, params, record, execution)
    error, warning = too_few(params, len([it for it in changes if not it.excluded]))
    if error is not None:
        raise ValueError(error + " Nothing was changed.")
    if warning is not None:
        module.warn(warning)
    planned, tolerant = _report.planned(changes), params["refused"] == "report"
    refusal = _report.problem(planned, tolerant) or (None if tolerant else " ".join(errors.values()) or None)
    if refusal is not None:
        unchanged = [it._replace(changed=False) for it in planned]
        return refusal + " Nothing was changed.", _result(unchanged, names, errors, unverified)
    if module.check_mode:
        return None, _result(planned, names, errors, unverified)
    if record is not None and params["state"] == "restored":
        outcomes = _operations.restore(apis, changes, record, execution)
    else:
        outcomes = _operations.apply(apis, changes, record, execution)
        names = record.names() if record else {}
    if log is not None and log.problem is not None:
        module.warn(log.problem)
    return _report.problem(outcomes, tolerant), _result(outcomes, names, errors, unverified)


def _plan(
    apis: Apis, params: t.Mapping[str, t.Any], record: t.Optional[RecordStore], execution: ExecutionOptions
) -> t.List[Change]:
    each, exclude = params["refused"] == "report", _exclude.parse(params["exclude"])
    if record is not None and params["state"] == "restored":
        before = options_before(params["before"])
        return _operations.plan_restore(apis, record, params["instance_ids"], before, each, exclude)
    if not (params["all_instances"] or any(params[name] for name in ("instance_ids", "tags", "name", "vpc_id"))):
        raise ValueError(
            "No instances are selected. Set 'instance_ids', 'tags', 'name' or 'vpc_id', or 'all_instances: true'."
        )
    desired = Options(params["http_endpoint"], params["http_tokens"], params["instance_metadata_tags"])
    permissions = Permissions(params["allow_windows"], params["allow_ack_nodes"])
    changes = _operations.plan_desired(
        apis, selection(params), desired, permissions, execution, addresses(params), each, exclude
    )
    return _operations.refuse_conflicts(changes, record)


def _execution(module: Module) -> ExecutionOptions:
    params = module.params
    return ExecutionOptions(
        params["max_concurrency"],
        params["wait_timeout"] if params["wait"] else None,
        ProgressFile(lambda: module.tmpdir),
        params["record_unverified"],
    )


def _result(
    outcomes: t.Sequence[Outcome],
    names: t.Mapping[str, str],
    errors: t.Mapping[str, str],
    unverified: t.Mapping[str, str],
) -> t.Dict[str, t.Any]:
    done = _report.changed(outcomes, names)
    for row in done["instances"]:
        row["unverified"] = row["instance_id"] in unverified
    return dict(done, record_errors=errors)
