# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the outcome of a run on one host and its reason. Pure functions; none fails if a variable or result is missing."""

from __future__ import annotations

import typing as t

from ansible_collections.alicloud.imds.plugins.module_utils._common._text import printable

from ._decisions import Result, Run, answer, blocking, changed, failed, problem, step, unverified
from ._failure import STOPPED, failure, with_variables
from ._names import record_name

_SHOWN = 3
ROLLED_BACK = "The host was rolled back to its previous state."
_NOT_ROLLED_BACK = (
    "The host could not be rolled back completely: %s Correct this, then run the role with hardening_state=absent;"
    " the record is kept until then."
)
_NOT_UNDONE = "Cannot undo everything: %s Correct this and run the role with hardening_state=absent again."
_BLOCKED = "Blocked by %s. Nothing was changed."


def reason_of_rollback(run: Run) -> str:
    """Return the original error of a run that is being rolled back.

    The results of the run take precedence: ansible_failed_result may belong to an earlier failure on this host, which is in
    ``earlier_failure``.
    """
    for result in (step(run, "verify"), _api_failure(run), step(run, "fence"), step(run, "tooling")):
        if failed(result):
            return failure(result, None)
    reported = failure(run.get("failed_result"), run.get("failed_task"))
    return STOPPED if reported == run.get("earlier_failure") else reported


def blocked_reason(run: Run) -> str:
    """Return a message with title, ID and evidence of the first findings that block the host, and the number of the others."""
    found = blocking(run)
    shown = ["%s (%s%s)" % (it["title"].rstrip("."), it["id"], _evidence(it)) for it in found[:_SHOWN]]
    more = ["and %d more" % (len(found) - _SHOWN)] if len(found) > _SHOWN else []
    count = "1 finding: " if len(found) == 1 else "%d findings: " % len(found)
    return _BLOCKED % (count + "; ".join(shown + more))


def messages(results: t.Iterable[Result]) -> t.List[str]:
    """Return the messages of failed results; a successful result has no message."""
    return [str(it["msg"]) for it in results if it.get("msg")]


def outcome(run: Run, ending: str) -> t.Dict[str, t.Optional[str]]:
    """Return ``result`` and ``reason`` of a run with this *ending*: audited, unidentified, blocked, enforced, rolled_back or undone."""
    outcomes: t.Dict[str, t.Callable[[Run], t.Tuple[str, t.Optional[str]]]] = {
        "audited": lambda run: ("unchanged", None),
        "blocked": lambda run: ("failed", blocked_reason(run)),
        "unidentified": lambda run: ("failed", "%s Nothing was changed." % unverified(run)),
        "enforced": lambda run: ("changed" if changed(run) else "unchanged", None),
        "rolled_back": _rolled_back,
        "undone": _undone,
    }
    result, reason = outcomes[ending](run)
    # messages and evidence come from hosts, and the role displays the reason
    return {"result": result, "reason": None if reason is None else printable(reason, keep="\n")}


def _rolled_back(run: Run) -> t.Tuple[str, t.Optional[str]]:
    names = ("restored_options", "restored_fence", "restored_tooling", "restored_access")
    found = messages(step(run, name) for name in names)
    reason = with_variables(reason_of_rollback(run))
    if found:
        return "failed", "%s %s" % (reason, _NOT_ROLLED_BACK % " ".join(found))
    return "rolled_back", "%s %s" % (reason, ROLLED_BACK)


def _undone(run: Run) -> t.Tuple[str, t.Optional[str]]:
    answers, own = step(run, "answers"), answer(run)
    # The error of this instance or, if the API returned no result for any instance, the message of the task.
    no_results = not step(answers, "by_instance")
    record = step(answers, "record_errors").get(record_name(run["host"]))
    api = {"msg": own.get("error") or record or (answers.get("message") if no_results else None)}
    found = messages([api, step(run, "fence"), step(run, "tooling"), step(run, "verify")])
    if found:
        return "failed", with_variables(_NOT_UNDONE % " ".join(found))
    return "changed" if changed(run) else "unchanged", None


def _api_failure(run: Run) -> Result:
    message = problem(run) if step(run, "answers") else None
    return {"failed": True, "msg": message} if message else {}


def _evidence(finding: Result) -> str:
    evidence = finding.get("evidence")
    if isinstance(evidence, t.Mapping):
        evidence = ", ".join("%s: %s" % item for item in evidence.items() if item[1] is not None)
    return ": %s" % evidence if evidence else ""
