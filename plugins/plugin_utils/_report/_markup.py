# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Convert values to HTML. Untrusted text is cut, made printable and escaped; only this file and `_page` create markup. No I/O."""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.alicloud.imds.plugins.module_utils._common._text import printable
from markupsafe import Markup, escape

from ._text import cut

_SHOWN = 600  # characters of one text on the page; the JSON form has all that was kept
_CODE = re.compile("`([^`\n]+)`")
_BREAK = re.compile(r"(?<=[^\s_/][_/])(?=[^\s_/])")


def shown(text: str) -> str:
    """Return *text* as the page displays it: cut, and with unprintable characters escaped."""
    return printable(cut(text, _SHOWN), keep="\n")


def finalized(value: t.Any) -> t.Any:
    """Prepare the value of an expression in a template; the environment escapes it afterwards."""
    if value is None:
        return ""
    return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def prose(text: t.Optional[str]) -> Markup:
    """Return *text* with `code` between backticks as an element."""
    parts = _CODE.split(shown(text or ""))
    return Markup("").join(
        Markup("<code>%s</code>") % breakable(part) if place % 2 else escape(part) for place, part in enumerate(parts)
    )


def breakable(text: str) -> Markup:
    """Return an identifier or path that a line can break after an underscore or slash inside of it, so that its words stay whole."""
    return Markup("<wbr>").join(escape(part) for part in _BREAK.split(shown(text)))


def number(value: int) -> str:
    return format(value, ",")


def attribute(value: t.Any) -> Markup:
    """Return *value*, which must be ours, as JSON for an attribute."""
    return escape(json.dumps(value, separators=(",", ":")))


def data(value: t.Any) -> Markup:
    """Return *value* as JSON for a script element: nothing in it ends the element or opens a comment."""
    text = json.dumps(value, separators=(",", ":"))  # ASCII: line separators are escaped as well
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))
