# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decide which step of a run on one host comes next. Pure functions.

A *run* is the state of one use of the role on one host: ``host``, ``check_mode``, the normalized ``settings``, the ``nonce`` of the
run, the ``identities`` of the hosts of the batch, the indexed results of the API check (``plan``) and change (``answers``), and the
result of each step under its name
(``probe``, ``preflight``, ``remedied`` with a result for each remedy, ``tooling``, ``fence``, ``nftables``, ``verify``, ``last_records``
and ``unwatched`` of a watch that is removed, and ``restored_options``, ``restored_fence``, ``restored_tooling``, ``restored_access`` of
a rollback). A skipped step has an empty dictionary. No function fails if the result of a step is missing.
"""

from __future__ import annotations

import typing as t

from . import _remedies
from ._excluded import excluded
from ._failure import failure
from ._names import audience, record_name

_NO_VERDICT = "The probe of the metadata service returned no result."
_NOT_SET = "Cannot set the metadata options of %s: %s"
_UNIDENTIFIED = "Cannot identify the ECS instance of %s: its identity was not verified in this run."

Result = t.Mapping[str, t.Any]
Run = t.Mapping[str, t.Any]

# Findings on a host without sufficient records of the callers watch
_UNWATCHED = ("callers_unknown", "callers_watched_too_briefly")
# The verdict of access_modes_info inside an instance with these options (endpoint, tokens)
_ENFORCED = ("required", "disabled")
_VERDICTS = {("enabled", "required"): "required", ("enabled", "optional"): "optional"}


def step(run: Run, name: str) -> Result:
    """Return the result of the step *name*, empty if it was skipped."""
    result = run.get(name)
    return result if isinstance(result, t.Mapping) else {}


def settings(run: Run) -> Result:
    """Return the normalized settings."""
    return step(run, "settings")


def failed(result: Result) -> bool:
    """Return whether a registered result belongs to a failed task or an unreachable host."""
    return bool(result.get("failed") or result.get("unreachable"))


def is_disabled(run: Run) -> bool:
    """Return whether the endpoint is disabled already, as the settings require, so that no options need to be set."""
    return settings(run)["access"] == "disabled" and step(run, "probe").get("verdict") == "disabled"


def probe_failed(run: Run) -> bool:
    """Return whether the run ends: the probe has no verdict, or the identity must be verified and the service does not respond."""
    verdict = step(run, "probe").get("verdict")
    chosen = settings(run)
    return verdict is None or bool(
        verdict in ("unreachable", "unknown") and chosen["enforce"] and not chosen["instance_id"]
    )


def unready(run: Run) -> t.Optional[str]:
    """Return all reasons for which nothing must be changed on this host, or None: from the probe, its identity and the API check."""
    chosen, plan = settings(run), step(run, "plan")
    found: t.List[t.Optional[str]] = []
    if exclusion(run) is not None:
        return None
    if probe_failed(run):
        seen = step(run, "probe")
        found.append(_of_user(seen.get("msg"), chosen) or " ".join(seen.get("problems") or ()) or _NO_VERDICT)
    elif not chosen["enforce"] or is_disabled(run):
        return None
    else:
        row = planned(run)
        found += [unverified(run), _NOT_SET % (row["instance_id"], row["error"]) if row.get("error") else None]
    found.append(plan.get("message") if chosen["enforce"] else None)
    return " ".join(it for it in found if it) or None


def _of_user(message: t.Optional[str], chosen: Result) -> t.Optional[str]:
    """Add what to do to a message about an unknown user."""
    if not message or "There is no user" not in message:
        return message
    if "There is no user %r" % chosen["verify_user"] in message:
        return "%s Set hardening_verify_user to another user." % message
    return "%s Create it before you enable the fence, or correct hardening_fence_users." % message


def planned(run: Run) -> Result:
    """Return the result of the API check for the instance of this host, empty without one."""
    return step(step(step(run, "plan"), "by_instance"), instance(run).get("instance_id") or "")


def exclusion(run: Run) -> t.Optional[t.Dict[str, str]]:
    """Return why nothing is done on this host although nothing failed, see _excluded.py; None if it is not excluded."""
    return excluded(run, planned(run) if settings(run) and step(run, "identities") else {})


def identity(run: Run) -> Result:
    """Return the verified identity of this host, empty if its options are not to be set; see _identity.py."""
    return step(step(run, "identities"), run["host"])


def instance(run: Run) -> t.Dict[str, t.Any]:
    """Return the instance whose options are to be set: IDs, record name, addresses and access; empty if it was not verified."""
    chosen, verified = settings(run), identity(run)
    if not chosen["enforce"] or is_disabled(run) or not verified or verified["problem"] is not None:
        return {}
    return {
        "instance_id": verified["instance_id"],
        "region_id": verified["region_id"],
        "record_name": record_name(run["host"]),
        "addresses": verified["addresses"],
        "access": chosen["access"],
    }


def answer(run: Run) -> Result:
    """Return what the API module returned for the instance of this host, or {}. An undo finds it by the name of its record."""
    answers = step(run, "answers")
    if step(run, "probe"):
        chosen = instance(run)
        return step(step(answers, "by_instance"), chosen["instance_id"]) if chosen else {}
    return step(step(answers, "by_record"), record_name(run["host"]))


def unverified(run: Run) -> t.Optional[str]:
    """Return why the identity of this host is not verified, or None if it is or need not be."""
    if not settings(run)["enforce"] or is_disabled(run):
        return None
    found = identity(run)
    problem: t.Optional[str] = found["problem"] if found else _UNIDENTIFIED % run["host"]
    return problem


def problem(run: Run) -> t.Optional[str]:
    """Return why the options of this host were not set, or None if they were set or need not be set."""
    if not settings(run)["enforce"] or is_disabled(run):
        return None
    chosen = instance(run)
    if not chosen:
        return unverified(run)
    found = answer(run)
    if found and found.get("error") is None:
        return None
    reason = found.get("error") or step(run, "answers").get("message") or "the API returned no result for it."
    return _NOT_SET % (chosen["instance_id"], reason)


def lost(run: Run) -> bool:
    """Return whether the host became unreachable after its options were set, so that nothing is verified."""
    return bool(step(run, "verify").get("unreachable"))


def unrecorded(run: Run) -> bool:
    """Return whether an undo found no record of this host, although it could read the record."""
    answers, name = step(run, "answers"), record_name(run["host"])
    known = name in step(answers, "by_record") or name in step(answers, "record_errors")
    return bool(settings(run).get("enforce") and answers.get("complete") and not known)


def changed(run: Run) -> bool:
    """Return whether a step changed anything on the host or its options."""
    steps = (step(run, "tooling"), step(run, "nftables"), step(run, "fence"), answer(run), step(run, "unwatched"))
    return any(bool(it.get("changed")) for it in steps) or _remedies.changed(run)


def blocking(run: Run) -> t.List[Result]:
    """Return the findings that block and are not waived: with ``require_watch``, also that the host was not watched long enough."""
    findings, chosen = step(run, "preflight").get("findings") or (), settings(run)
    too = _UNWATCHED if chosen.get("require_watch") else ()
    permitted = ("ack_node",) if chosen.get("allow_ack_nodes") else ()
    serious = [it for it in findings if it["severity"] == "block" or it["id"] in too]
    return [it for it in serious if it.get("waived") is None and it["id"] not in permitted]


def blocked(run: Run) -> bool:
    """Return whether the preflight check stops this host. It does not if the run does not require tokens, because nothing breaks then."""
    chosen = settings(run)
    return chosen["preflight"] == "block" and chosen["enforce"] and bool(blocking(run))


def watch(run: Run) -> t.Optional[bool]:
    """Return whether the callers watch is to be installed before tokens are required; None leaves it as it is.

    ``observe`` is for the time before this host requires tokens. A watch that runs then stays until enforcement is verified.
    """
    chosen = settings(run)
    if chosen["watch"] != "observe":
        return bool(chosen["watch"] == "keep")
    return None if chosen["enforce"] or step(run, "probe").get("verdict") in _ENFORCED else True


def ends_watch(run: Run) -> bool:
    """Return whether the watch has served its purpose: no request in normal mode is possible any more, as far as was verified."""
    if settings(run)["watch"] != "observe" or not step(run, "tooling").get("watch") or run.get("check_mode"):
        return False
    seen = step(run, "verify") or step(run, "probe")
    return seen.get("verdict") in _ENFORCED and not failed(seen)


def needs_verification(run: Run) -> bool:
    """Return whether access must be verified. On an unchanged host with the expected access, the probe was the verification."""
    if not settings(run)["verify"] or run.get("check_mode"):
        return False
    return changed(run) or bool(step(run, "probe").get("unmet") or answer(run).get("unverified"))


def must_install_nftables(run: Run) -> bool:
    """Return whether the fence failed because the host has no program nft, and the role may install it."""
    return bool(settings(run)["fence_install"] and step(run, "fence").get("nft_missing"))


def restored_expectation(run: Run) -> t.Optional[t.List[str]]:
    """Return the verdicts to expect after an undo, or None if no options of this host were restored."""
    return expected(answer(run))


def expected(row: Result) -> t.Optional[t.List[str]]:
    """Return the verdicts to expect inside the instance of *row*, or None if its options are unknown."""
    after = row.get("after")
    if row.get("error") is not None or not after:
        return None
    return [_VERDICTS.get((after["http_endpoint"], after["http_tokens"]), "disabled")]


def _before_options(row: Result) -> t.Optional[t.Dict[str, t.Any]]:
    """Return the options to roll back to, by instance ID; None for the recorded ones, from before a run that was interrupted."""
    if row.get("unverified") or not (row.get("sent") or row.get("planned")):
        return None
    return {row["instance_id"]: row.get("before")}


def _expected_before(run: Run) -> t.Optional[t.List[str]]:
    """Return the verdicts to expect after a rollback."""
    if answer(run).get("unverified"):
        return expected(next(iter(step(run, "restored_options").get("instances") or ()), {}))
    verdict = step(run, "probe").get("verdict")
    return [verdict] if verdict else None


def decisions(run: Run) -> t.Dict[str, t.Any]:
    """Return all decisions that the tasks of the role depend on, by name."""
    probe, chosen, row = step(run, "probe"), settings(run), answer(run)
    gone = any(step(run, name).get("unreachable") for name in ("restored_fence", "restored_tooling", "fence"))
    return {
        "unready": unready(run),
        "excluded": exclusion(run) is not None,
        "audience": audience(run["nonce"], run["host"]) if chosen["enforce"] and run.get("nonce") else None,
        "run_preflight": chosen["preflight"] != "off" and probe.get("verdict") in ("optional", "unknown"),
        "blocked": blocked(run),
        "remedies": _remedies.wanted(run),
        "upgraded": bool(_remedies.upgraded(run)),
        "record_name": record_name(run["host"]),
        "install_nftables": must_install_nftables(run),
        "problem": problem(run),
        "watch": watch(run),
        "ends_watch": ends_watch(run),
        "verify": needs_verification(run),
        # even if the API reported a failure: a response may have been lost, and the record must not stay
        "restore_options": bool(row.get("sent") or row.get("planned") or row.get("unverified")),
        # the options before this run, which differ from the recorded ones on a host that was hardened before; None: the recorded ones
        "before_options": _before_options(row),
        "restore_lost": lost(run) and chosen["lost_host"] == "restore",
        "restore_fence": "before" in step(run, "fence"),
        "restore_tooling": "before" in step(run, "tooling") and not gone,
        "reachable": not gone,  # as far as a rollback or an undo knows
        "unrecorded": unrecorded(run),
        "expect_before": _expected_before(run),
        "expect_restored": restored_expectation(run),
        "has_answer": bool(answer(run)),
        # the last failure that Ansible reports for this host, before this run has failed
        "earlier_failure": failure(run.get("failed_result"), run.get("failed_task")),
    }
