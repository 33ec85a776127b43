# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find all problems of a change before anything is changed."""

import typing as t

from .._openapi._errors import ApiError
from ._apply import Writer
from ._plan import Change
from ._record import RecordError, RecordStore

Opened = t.TypeVar("Opened")


class Problems:
    """The problems that were found; each step may depend on the results of earlier ones."""

    def __init__(self) -> None:
        self.found: t.List[str] = []

    def of(self, step: t.Callable[[], Opened]) -> t.Optional[Opened]:
        """Return the result of *step*, or None if it failed, which is a problem."""
        try:
            return step()
        except (ApiError, RecordError, ValueError) as exc:
            self.found.append(str(exc))
            return None

    def message(self) -> t.Optional[str]:
        """Return all problems as one text, or None."""
        return " ".join(self.found) or None


def check_record(opened: t.Callable[[], t.Optional[RecordStore]]) -> t.Optional[RecordStore]:
    """Return the record; raise RecordError or ValueError if it cannot be read or written."""
    record = opened()
    if record is not None:
        record.check_writable()
    return record


def check_permission(api: Writer, changes: t.Sequence[Change]) -> None:
    """Raise ApiError if the access key may not change the first instance that needs a change.

    ModifyInstanceMetadataOptions has no dry run. So this sets the instance to the options that it has. An error that is not about
    permissions is ignored: the change reports it.
    """
    for change in changes:
        instance, present = change.instance, change.instance.options
        if change.after is None or present is None or not present.http_endpoint or not present.http_tokens:
            continue
        try:
            api.modify_metadata_options(
                instance.region_id,
                instance.instance_id,
                present.http_endpoint,
                present.http_tokens,
                present.instance_metadata_tags,
            )
        except ApiError as exc:
            if exc.kind in ("forbidden", "credentials"):
                raise
        return
