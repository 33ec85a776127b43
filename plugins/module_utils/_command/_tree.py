# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command ``tree`` of ecs-metadata."""

import json
import typing as t

from .._common._text import printable
from .._imds._client import Client
from .._imds._errors import NotFound
from .._imds._facts import from_tree
from .._imds._service import VERSIONS
from .._imds._tree import Entry, Tree, decode, is_secret, parse_listing, quote, without_newline
from .._imds._walk import Walk

# Close to the root, the service lists these directories without a slash.
_LISTED_LIKE_LEAVES = {"meta-data", "dynamic", "dynamic/instance-identity", "global-config", "maintenance"}


class ReadTree:
    """Read everything below a directory; ``refused`` has the unsafe names that were not followed."""

    def __init__(self, client: Client, show_secrets: bool) -> None:
        self.refused: t.List[str] = []
        self._client = client
        self._show_secrets = show_secrets

    def run(self, target: str) -> Tree:
        """Return the tree at *target*, a request target that ends in a slash. A secret that is not shown is None."""
        return self._with_secrets(self._read(target), target)

    def _read(self, target: str) -> Tree:
        entries, refused = parse_listing(self._client.get(target))
        self.refused += refused
        walk = Walk(self._client, target)
        walk.run(entry for entry in entries if not _is_directory(target, entry) and not _is_whole_tree(target, entry))
        self.refused += walk.refused
        tree = walk.tree
        for entry in entries:
            if _is_directory(target, entry):
                try:
                    tree[entry.name] = self._read(target + quote(entry.name) + "/")
                except NotFound:
                    pass  # it is listed, but has no value
        return tree

    def _with_secrets(self, tree: Tree, target: str) -> Tree:
        """Return *tree*, sorted, with None or the value in place of the empty text that a walk leaves for a secret."""
        result: Tree = {}
        for name, value in sorted(tree.items()):
            below = target + quote(name)
            if isinstance(value, dict):
                result[name] = self._with_secrets(value, below + "/")
            elif not is_secret(below):
                result[name] = value
            elif not self._show_secrets:
                result[name] = None
            else:
                try:
                    result[name] = without_newline(decode(self._client.get(below)))
                except NotFound:
                    pass  # it is listed, but not set
        return result


def as_lines(tree: Tree, target: str) -> t.List[str]:
    """Return *tree* as lines to display: indented names, with typed values as JSON."""
    return list(_lines(tree, target.strip("/").split("/"), ""))


def _lines(tree: Tree, path: t.List[str], indent: str) -> t.Iterator[str]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield "%s%s/" % (indent, printable(name))
            yield from _lines(value, path + [name], indent + "  ")
        else:
            shown = "(secret)" if value is None else _typed(value, path + [name])
            yield "%s%s: %s" % (indent, printable(name), shown)


def _typed(text: str, path: t.List[str]) -> str:
    """Return the value that the facts have for *text* at *path*, as JSON."""
    value: t.Any = text
    if text and path[1:2] == ["meta-data"]:
        for name in reversed(path[2:]):
            value = {name: value}
        value = from_tree(value)
        while isinstance(value, dict):
            value = next(iter(value.values()), text)  # `from_tree` leaves out tags, which are always text
    return printable(json.dumps(value, ensure_ascii=False))


def _is_directory(target: str, entry: Entry) -> bool:
    path = (target + entry.name).strip("/")
    return path in VERSIONS or path.partition("/")[2] in _LISTED_LIKE_LEAVES


def _is_whole_tree(target: str, entry: Entry) -> bool:
    """Return whether *entry* is meta-data/all, which contains the whole tree again."""
    return entry.name == "all" and target.partition("/")[2].partition("/")[2] == "meta-data/"
