# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How does text become HTML? Elements whose text and attributes are always escaped. No I/O; private to the collection."""

from __future__ import annotations

import html
import json
import typing as t

from ._text import cut, visible

_VOID = {"meta", "input", "br", "col"}
_SHOWN = 600  # characters of one text on the page; the JSON form has all that was kept


class Html(str):
    """Text that is markup already. Only `tag`, `join` and constants of ours make it."""

    __slots__ = ()


Child = t.Union[str, int, None, t.Iterable[t.Any]]


def tag(element: str, /, *children: Child, **attributes: t.Union[str, int, bool, None]) -> Html:
    """An element. A child that is no `Html` is escaped; attributes drop a trailing ``_``, ``_`` within is ``-``; None is left out."""
    opened = "<%s%s>" % (element, "".join(_attribute(*it) for it in attributes.items()))
    return Html(opened if element in _VOID else "%s%s</%s>" % (opened, join(*children), element))


def join(*children: Child) -> Html:
    return Html("".join(_child(it) for it in children))


def shown(text: str, keep: str = "") -> str:
    """*text* as people may see it: cut, and without anything invisible."""
    return visible(cut(text, _SHOWN), keep)


def data(value: t.Any) -> Html:
    """*value* as JSON that can stand in a script element: nothing in it ends the element or opens a comment."""
    text = json.dumps(value, separators=(",", ":"))  # ASCII: line separators are escaped as well
    return Html(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def _child(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return child
    if isinstance(child, (str, int)):
        return html.escape(shown(str(child), keep="\n"), quote=False)
    return "".join(_child(it) for it in child)


def _attribute(name: str, value: t.Union[str, int, bool, None]) -> str:
    if value is None or value is False:
        return ""
    key = name.rstrip("_").replace("_", "-")
    return " " + key if value is True else ' %s="%s"' % (key, html.escape(shown(str(value))))
