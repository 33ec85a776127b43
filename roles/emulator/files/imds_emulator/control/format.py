# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Encode results and errors in JSON or XML."""

from __future__ import annotations

import json
import typing as t
import uuid
from html import escape  # xml.sax.saxutils imports ssl

from .errors import ApiError

JSON_TYPE, XML_TYPE = "application/json;charset=utf-8", "text/xml;charset=utf-8"


class Prepared(t.NamedTuple):
    """A value with a cached JSON text. `data` returns the same value for XML."""

    text: t.Callable[[], str]
    data: t.Callable[[], t.Any]


def result(action: str, fields: t.Mapping[str, t.Any], xml: bool) -> t.Tuple[bytes, str]:
    """Return (body, content type) of a result."""
    whole: t.Dict[str, t.Any] = {"RequestId": request_id()}
    whole.update(fields)
    return _encoded(action + "Response", whole, xml)


def error(problem: ApiError, host: str, xml: bool) -> t.Tuple[bytes, str]:
    """Return (body, content type) of an error."""
    fields = {"RequestId": request_id(), "HostId": host, "Code": problem.code, "Message": problem.message}
    return _encoded("Error", fields, xml)


def request_id() -> str:
    """Return a new request ID."""
    return str(uuid.uuid4()).upper()


def _encoded(name: str, fields: t.Mapping[str, t.Any], xml: bool) -> t.Tuple[bytes, str]:
    if xml:
        text = '<?xml version="1.0" encoding="UTF-8"?>\n' + _element(name, fields)
        return text.encode("utf-8", "replace"), XML_TYPE
    members = ("%s:%s" % (json.dumps(key), _json(value)) for key, value in fields.items())
    return ("{%s}" % ",".join(members)).encode("utf-8", "replace"), JSON_TYPE


def _json(value: t.Any) -> str:
    if isinstance(value, Prepared):
        return value.text()
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _element(name: str, value: t.Any) -> str:
    """Return an XML element. A list becomes one element per item."""
    if isinstance(value, Prepared):
        value = value.data()
    if isinstance(value, list):
        return "".join(_element(name, item) for item in value)
    if isinstance(value, dict):
        inner = "".join(_element(key, item) for key, item in value.items())
    elif isinstance(value, bool):
        inner = "true" if value else "false"
    else:
        inner = escape(str(value), quote=False)
    return "<%s>%s</%s>" % (name, inner, name)
