# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module options of the record, of addresses and of options to restore."""

import typing as t

from ._change_log import ChangeLog, open_log
from ._instance import Options
from ._record import Earlier, RecordDirectory, RecordStore, open_record
from ._record_file import normalized_endpoint

Params = t.Mapping[str, t.Any]


def options_before(given: t.Optional[Params]) -> t.Optional[t.Dict[str, Options]]:
    """Return the options by instance ID in the option ``before``; raise ValueError if it is invalid."""
    if given is None:
        return None
    try:
        return {
            key: Options(**{name: str(it[name]) for name in Options._fields if it.get(name) is not None})
            for key, it in given.items()
        }
    except (AttributeError, TypeError) as exc:
        raise ValueError("'before' must have the options of each instance by name.") from exc


def addresses(params: Params) -> t.Dict[str, t.List[str]]:
    """Return the lists of addresses by instance ID in the option ``private_addresses``."""
    return {
        key: [str(item) for item in (it if isinstance(it, list) else [it]) if item]
        for key, it in (params["private_addresses"] or {}).items()
    }


def record_of(params: Params) -> t.Optional[RecordStore]:
    """Return the record, or None without the option ``record``.

    Raises:
        RecordError: It cannot be used.
        ValueError: An option is invalid.
    """
    if not params["record"]:
        return None
    try:
        earlier = {
            key: Earlier(str(it["name"]), it.get("instance_ids"))
            for key, it in (params["record_earlier"] or {}).items()
        }
    except (AttributeError, KeyError, TypeError) as exc:
        raise ValueError("Each element of 'record_earlier' must be a dictionary with a 'name'.") from exc
    endpoint = normalized_endpoint(params["api_endpoint"])
    record = open_record(params["record"], params["record_names"], params["record_only"], earlier, endpoint)
    record.check()
    return record


def log_of(params: Params, record: t.Optional[RecordStore]) -> t.Optional[ChangeLog]:
    """Return the log of changes beside the record, or None without a record; raise RecordError."""
    if record is None:
        return None
    return open_log(record.path, isinstance(record, RecordDirectory), params["state"])
