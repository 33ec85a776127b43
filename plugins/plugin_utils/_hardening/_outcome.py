# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the outcome of a run on one host and its reason. Pure functions; none fails if a variable or result is missing."""

from __future__ import annotations

import typing as t

from ansible_collections.alicloud.imds.plugins.module_utils._common._text import printable

from . import _remedies
from ._decisions import (
    Result,
    Run,
    answer,
    blocking,
    changed,
    exclusion,
    failed,
    instance,
    lost,
    problem,
    settings,
    step,
    unready,
    unrecorded,
    unverified,
)
from ._failure import STOPPED, failure, with_variables
from ._names import record_name

_SHOWN = 3
ROLLED_BACK = "The host was rolled back to its previous state."
_NOT_ROLLED_BACK = (
    "The host could not be rolled back completely: %s Correct this, then run the role with hardening_state=absent;"
    " the record is kept until then."
)
_INTERRUPTED = "The metadata options are those that were recorded before an earlier run, which was interrupted."
_FINISHED = "An earlier run was interrupted before it verified the host. This run verified it."
_LOST = "The host became unreachable before its access was verified: %s"
_KEPT = (
    "%s The API requires tokens for %s, and it is not verified that the host reads metadata. Run the role again when the host is reachable,"
    " or undo it with hardening_state=absent, which restores the options also while the host is unreachable."
)
_OPTIONS_ONLY = (
    "The metadata options were restored through the API. The fence and the command stay on the host. Run the role with"
    " hardening_state=absent when the host is reachable again."
)
_UNREACHABLE = "The host is unreachable, so the fence and the command stay on it: %s"
_NO_RECORD = "There is no record of %s in %s on %s"
_OTHER_RECORD = (
    "Undo it with the record that was written when it was hardened (hardening_api_host, hardening_record_dir), or set hardening_undo_to to"
    " optional (normal mode) or keep (no failure)."
)
_NOT_UNDONE = "Cannot undo everything: %s Correct this and run the role with hardening_state=absent again."
_BLOCKED = "Blocked by %s. %s"
_NOTHING, _UPGRADED = "Nothing was changed.", "Nothing else was changed than the upgraded packages: %s."


def reason_of_rollback(run: Run) -> str:
    """Return the original error of a run that is being rolled back.

    The results of the run take precedence: ansible_failed_result may belong to an earlier failure on this host, which is in
    ``earlier_failure``.
    """
    if lost(run):
        return _LOST % failure(step(run, "verify"), None)
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
    upgraded = _remedies.upgraded(run)
    done = _UPGRADED % ", ".join(upgraded) if upgraded else _NOTHING
    sentences = [_BLOCKED % (count + "; ".join(shown + more), done), *_remedies.reasons(run, found)]
    return " ".join(sentences) + "".join(_expired(run))


def _expired(run: Run) -> t.Iterator[str]:
    """Yield a sentence for each expired waiver."""
    for it in step(run, "preflight").get("findings") or ():
        evidence = it.get("evidence")
        if it["id"] == "waiver_expired" and isinstance(evidence, t.Mapping):
            yield " The waiver of %s expired on %s." % (evidence.get("finding"), evidence.get("expires"))


def messages(results: t.Iterable[Result]) -> t.List[str]:
    """Return the messages of failed results; a successful result has no message."""
    return [str(it["msg"]) for it in results if it.get("msg")]


def outcome(run: Run, ending: str) -> t.Dict[str, t.Optional[str]]:
    """Return ``result`` and ``reason`` of a run with this *ending*, one of the keys below."""
    outcomes: t.Dict[str, t.Callable[[Run], t.Tuple[str, t.Optional[str]]]] = {
        "audited": _excluded,
        "excluded": _excluded,
        "blocked": lambda run: ("blocked", blocked_reason(run)),
        "unready": lambda run: ("failed", "%s Nothing was changed." % with_variables(unready(run) or "")),
        "enforced": _enforced,
        "rolled_back": _rolled_back,
        "undone": _undone,
    }
    result, reason = outcomes[ending](run)
    # messages and evidence come from hosts, and the role displays the reason
    return {"result": result, "reason": None if reason is None else printable(reason, keep="\n")}


def _excluded(run: Run) -> t.Tuple[str, t.Optional[str]]:
    found = exclusion(run)
    return (found["result"], found["reason"]) if found else ("unchanged", None)


def _enforced(run: Run) -> t.Tuple[str, t.Optional[str]]:
    if lost(run):
        reason = reason_of_rollback(run)
        return "failed", _KEPT % (reason, instance(run)["instance_id"]) if instance(run) else reason
    return "changed" if changed(run) else "unchanged", _FINISHED if answer(run).get("unverified") else None


def _rolled_back(run: Run) -> t.Tuple[str, t.Optional[str]]:
    options = step(run, "restored_options")
    host = [step(run, name) for name in ("restored_fence", "restored_tooling", "restored_access")]
    reason = with_variables(reason_of_rollback(run))
    found = messages([options, *host])
    if options.get("instances") and not messages([options]) and any(it.get("unreachable") for it in host):
        return "failed", "%s %s" % (reason, _OPTIONS_ONLY)
    if found:
        return "failed", "%s %s" % (reason, _NOT_ROLLED_BACK % " ".join(found))
    text = "%s %s" % (ROLLED_BACK, _INTERRUPTED) if answer(run).get("unverified") else ROLLED_BACK
    return "rolled_back", "%s %s" % (reason, text)


def _undone(run: Run) -> t.Tuple[str, t.Optional[str]]:
    if run.get("windows"):
        return _excluded(run)
    answers, own = step(run, "answers"), answer(run)
    # The error of this instance or, if the API returned no result for any instance, the message of the task.
    no_results = not step(answers, "by_instance")
    record = step(answers, "record_errors").get(record_name(run["host"]))
    api = {"msg": own.get("error") or record or (answers.get("message") if no_results else None)}
    missing = no_record(run)
    if unrecorded(run):
        api = {"msg": missing if settings(run)["undo_to"] != "keep" else None}
    host = [{**it, "msg": _UNREACHABLE % it["msg"]} if it.get("unreachable") else it for it in _host_steps(run)]
    found = messages([api, *host])
    if found and not api["msg"] and own.get("after") and not unrecorded(run):
        found.insert(0, "The metadata options are restored.")
    if found:
        return "failed", with_variables(_NOT_UNDONE % " ".join(found))
    return "changed" if changed(run) else "unchanged", missing


def _host_steps(run: Run) -> t.List[Result]:
    return [it for it in (step(run, name) for name in ("fence", "tooling", "verify")) if it.get("msg")]


def no_record(run: Run) -> t.Optional[str]:
    """Return why the options of a host without a record were not undone, or None if it is known that normal mode is permitted."""
    if not unrecorded(run):
        return None
    after, row = answer(run).get("after") or {}, answer(run)
    where = _NO_RECORD % (run["host"], settings(run)["record_dir"], settings(run)["api_host"])
    if row.get("error") or not after:
        reason = row.get("error") or step(run, "answers").get("message") or _why_unknown(run)
        return "%s, and it is unknown whether tokens are required. %s %s" % (where, reason, _OTHER_RECORD)
    if after.get("http_endpoint") == "disabled":
        return "%s; its endpoint stays disabled. %s" % (where, _OTHER_RECORD)
    if after.get("http_tokens") == "optional":
        return None
    return "%s; its options stay `required`. %s" % (where, _OTHER_RECORD)


def _why_unknown(run: Run) -> str:
    if not step(run, "probe") or step(run, "probe").get("unreachable"):
        return "The host is unreachable."
    return str(unverified(run) or "The API returned no result for its instance.")


def _api_failure(run: Run) -> Result:
    message = problem(run) if step(run, "answers") else None
    return {"failed": True, "msg": message} if message else {}


def _evidence(finding: Result) -> str:
    evidence = finding.get("evidence")
    if isinstance(evidence, t.Mapping):
        evidence = ", ".join("%s: %s" % item for item in evidence.items() if item[1] is not None)
    return ": %s" % evidence if evidence else ""
