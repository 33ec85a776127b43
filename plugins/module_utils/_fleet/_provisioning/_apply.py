# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Create versions of launch templates and make them the default, each template with its own result."""

import concurrent.futures
import threading
import time
import typing as t

from ..._common._protocol import Protocol
from ..._openapi._errors import ApiError
from .._change_log import ACCEPTED, FAILED, SENDING, UNKNOWN, ChangeLog, Item, is_unknown
from .._record_file import RecordError
from ._plan import Change, changed_fields, is_same
from ._survey import Reader
from ._template import Template, UnknownFieldsError, Version, parse_version

_TRIES = 3
_READS, _FIRST_PAUSE = 6, 0.5


class Writer(Reader, Protocol):
    """The part of the API that changes launch templates."""

    def create_version(self, region: str, template_id: str, parameters: t.Mapping[str, t.Any]) -> int:
        """Create a version and return its number."""

    def set_default_version(self, region: str, template_id: str, number: int) -> t.Optional[str]:
        """Make a version the default, and return the RequestId, if it is known."""


class Record(Protocol):
    """The record of former default versions."""

    def add(self, template: Template) -> None:
        """Record the present default version."""


class Outcome(t.NamedTuple):
    """The result of a change: the version with the desired options, the default version now, and the error or None."""

    change: Change
    changed: bool
    version: t.Optional[int]
    default_version: int
    error: t.Optional[str] = None


class Apply:
    """Apply changes with *api*. Former default versions are added to *record* first, and the changes to *log*, if there are any."""

    def __init__(
        self,
        api: Writer,
        record: t.Optional[Record] = None,
        sleep: t.Callable[[float], None] = time.sleep,
        log: t.Optional[ChangeLog] = None,
    ) -> None:
        self._api = api
        self._record = record
        self._log = log
        self._sleep = sleep
        self._forbidden: t.Optional[str] = None
        self._succeeded = threading.Event()

    def all(self, changes: t.Sequence[Change], workers: int) -> t.List[Outcome]:
        """Return the outcomes in the same order. A failed change does not stop the others.

        After a missing permission no other change is sent, unless one succeeded before.
        """
        with concurrent.futures.ThreadPoolExecutor(max_workers=workers) as pool:
            return list(pool.map(self._one, changes))

    def _one(self, change: Change) -> Outcome:
        template = change.template
        outcome = Outcome(change, False, change.version, template.default_version, change.refusal)
        if not change.needed:
            return outcome
        if self._forbidden is not None:
            return outcome._replace(error="Not sent, because another change was refused: " + self._forbidden)
        try:
            if change.make_default and self._record is not None:
                self._record.add(template)
            if self._log is not None:
                self._log.write(_item(outcome), SENDING)
        except RecordError as exc:
            return outcome._replace(error=str(exc))
        outcome, request_id, unknown = self._send(change, outcome)
        if self._log is not None:
            result = ACCEPTED if outcome.error is None else UNKNOWN if unknown else FAILED
            self._log.write_outcome(_item(outcome), result, request_id, outcome.error)
        if outcome.error is None:
            self._succeeded.set()
        return outcome

    def _send(self, change: Change, outcome: Outcome) -> t.Tuple[Outcome, t.Optional[str], bool]:
        """Return the outcome, the RequestId of the last request, if it is known, and whether it is unknown if a request took effect."""
        template, request_id = change.template, None
        try:
            if change.parameters is not None:
                number, created = self._create(template, change.parameters)
                outcome = outcome._replace(version=number, changed=created)
                self._verify(template, number, change.parameters)
            if change.make_default and outcome.version is not None:
                request_id = self._api.set_default_version(template.region_id, template.template_id, outcome.version)
                outcome = outcome._replace(default_version=outcome.version, changed=True)
        except UnknownFieldsError as exc:
            return outcome._replace(error=str(exc)), None, False
        except ApiError as exc:
            if exc.kind == "forbidden" and not self._succeeded.is_set():
                self._forbidden = str(exc)
            return outcome._replace(error=str(exc)), exc.request_id, is_unknown(exc)
        return outcome, request_id, False

    def _create(self, template: Template, parameters: t.Mapping[str, t.Any]) -> t.Tuple[int, bool]:
        """Return the number of a new version. After a failure, use a version that the failed call created nevertheless."""
        region, name = template.region_id, template.template_id
        for remaining in reversed(range(_TRIES)):
            try:
                return self._api.create_version(region, name, parameters), True
            except ApiError as exc:
                if exc.kind != "transient" or exc.after_deadline:
                    raise
                self._sleep(_FIRST_PAUSE)
                same = [
                    it.number for it in map(parse_version, self._api.versions(region, name)) if is_same(it, parameters)
                ]
                if same:
                    return max(same), True
                if not remaining:
                    raise
        raise AssertionError("unreachable")

    def _verify(self, template: Template, number: int, parameters: t.Mapping[str, t.Any]) -> None:
        """Read the new version and compare all its fields; raise UnknownFieldsError if they differ."""
        version = self._read(template, number)
        if version is None:
            raise UnknownFieldsError(
                "The version %d was created, but the API does not return it. It was not made the default. Run the task again."
                % number
            )
        different = changed_fields(version, parameters)
        if different:
            raise UnknownFieldsError(
                "The new version %d differs in other fields: %s. It was not made the default."
                % (number, ", ".join(different))
            )

    def _read(self, template: Template, number: int) -> t.Optional[Version]:
        for attempt in range(_READS):
            found = self._api.versions(template.region_id, template.template_id, number)
            for version in map(parse_version, found):
                if version.number == number:
                    return version
            self._sleep(_FIRST_PAUSE * 2**attempt)
        return None


def _item(outcome: Outcome) -> Item:
    """Return the change for the log. Before the first request, the number of a version to create is unknown (None)."""
    change, template = outcome.change, outcome.change.template
    before = change.base.options.as_dict() if change.base is not None else {}
    after = change.options.as_dict() if change.options is not None else before
    default = outcome.version if change.make_default else template.default_version
    return Item(
        "launch_template",
        template.template_id,
        template.region_id,
        None,
        {"default_version": template.default_version, **before},
        {"default_version": default, "version": outcome.version, **after},
    )
