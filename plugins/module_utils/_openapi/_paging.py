# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read all pages of an operation with PageNumber and PageSize."""

import typing as t

from . import _errors

Fields = t.Dict[str, t.Any]


def numbered_pages(
    call: t.Callable[[t.Mapping[str, t.Any]], Fields],
    rows_of: t.Callable[[Fields], t.List[Fields]],
    identity: t.Callable[[Fields], t.Any],
    where: _errors.Where,
    size: int,
) -> t.Iterator[Fields]:
    """Yield the rows of all pages, each row once. *call* gets the paging parameters and returns a response.

    Raises:
        ApiError: A call failed, or a page is inconsistent with TotalCount.
    """
    seen, number, rows_read = set(), 1, 0
    while True:
        page = call({"PageNumber": number, "PageSize": size})
        rows, total = rows_of(page), page.get("TotalCount")
        if not isinstance(total, int) or (not rows and rows_read < total):
            raise _errors.unexpected(where, "a page that is inconsistent with TotalCount")
        rows_read += len(rows)
        for row in rows:
            name = identity(row)
            if name not in seen:  # a row moves to the next page if another one is created meanwhile
                seen.add(name)
                yield row
        if rows_read >= total:
            return
        number += 1


def requested(rows: t.List[Fields], key: str, ids: t.Collection[str], where: _errors.Where) -> t.List[Fields]:
    """Return *rows*; raise ApiError if one was not requested: it would be changed, although nobody selected it."""
    if all(row[key] in ids for row in rows):
        return rows
    raise _errors.unexpected(where, "a response with items that were not requested")
