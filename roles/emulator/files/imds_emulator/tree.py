# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Resolve paths to listings and values, and build `meta-data/all`.

A listing has one name per line, in byte order, separated by LF without a final one. Below `meta-data`, names of
directories end with a slash, which counts in the order; elsewhere they do not.
"""

from __future__ import annotations

import json
import typing as t
from urllib.parse import unquote_to_bytes

from .content import MULTI_VALUE

VERSIONS = ("2016-01-01", "latest")


def segments(path: str, switches: t.Mapping[str, t.Any]) -> t.Tuple[t.List[str], bool]:
    """Return (names, whether the path ends with a slash) of a request path.

    Names are decoded after splitting, so `%2F` is a character of a name. `.` and `..` are ordinary names, which do not
    exist.
    """
    slash = path.endswith("/")
    parts = path[1:].split("/")
    if parts[-1] == "":
        parts.pop()
    if switches["double_slash"] == "merge":
        parts = [part for part in parts if part]
    if switches["percent_encoding"] == "decode" and "%" in path:
        parts = [unquote_to_bytes(part.encode("latin-1")).decode("utf-8", "replace") for part in parts]
    return parts, slash


def find(root: t.Mapping[str, t.Any], names: t.List[str], switches: t.Mapping[str, t.Any]) -> t.Any:
    """Return the directory or value at *names*, the first of which is the version, or None if it does not exist."""
    node: t.Any = root
    for depth, name in enumerate(names):
        if not isinstance(node, dict):
            return None
        found = name if name in node else _other_case(node, names, depth, switches["ignore_case"])
        if found is None:
            return None
        node = node[found]
    return node


def _other_case(node: t.Mapping[str, t.Any], names: t.List[str], depth: int, rule: str) -> t.Optional[str]:
    if rule == "ram-only":
        return "ram" if depth == 2 and names[1:3] == ["meta-data", "Ram"] and "ram" in node else None
    if rule == "all":
        for candidate in node:
            if candidate.lower() == names[depth].lower():
                return candidate
    return None


def listing(node: t.Mapping[str, t.Any], names: t.List[str], switches: t.Mapping[str, t.Any]) -> t.Optional[str]:
    """Return the listing of a directory, or None if the service has no listing of it."""
    if len(names) == 1:
        lines = _version_names(node, switches)
    elif names[1:] == ["global-config"] and not switches["list_global_config"]:
        return None
    else:
        slash = "/" if names[1:2] == ["meta-data"] else ""
        lines = [name + slash if isinstance(child, dict) else name for name, child in node.items()]
        if len(names) == 2 and not switches["list_all"]:
            lines = [line for line in lines if line != "all"]
    return "\n".join(sorted(lines, key=lambda line: line.encode("utf-8", "replace"))) if lines else None


def _version_names(node: t.Mapping[str, t.Any], switches: t.Mapping[str, t.Any]) -> t.List[str]:
    names = {"dynamic", "global-config", "maintenance", "meta-data"}
    if "user-data" in node or switches["list_unset_user_data"]:
        names.add("user-data")
    if "vendor-data" in node and switches["list_vendor_data"]:
        names.add("vendor-data")
    return list(names)


def root(
    content: t.Mapping[str, t.Any], switches: t.Mapping[str, t.Any], settings: t.Mapping[str, t.Any]
) -> t.Dict[str, t.Any]:
    """Return the tree below `/`. Both versions have the same content; `metadata: {"all": null}` removes `all`."""
    below = dict(content)
    meta = below["meta-data"]
    if switches["all"] and "all" not in settings["metadata"]:
        below["meta-data"] = dict(meta, all=all_document(meta, switches, settings["metadata_all"]))
    return dict.fromkeys(VERSIONS, below)


def all_document(meta: t.Mapping[str, t.Any], switches: t.Mapping[str, t.Any], extra: t.Mapping[str, t.Any]) -> str:
    """Return `meta-data/all`: one JSON object, nested by directory, with the text values of single items."""
    hidden = {"tags", "public-keys", "ram"} - set(switches["all_includes"])
    result = _copy({name: child for name, child in meta.items() if name not in hidden})
    if switches["all_multi_value"] == "array":
        for directory, leaf in MULTI_VALUE:
            values = result.get(directory)
            if isinstance(values, dict) and isinstance(values.get(leaf), str):
                values[leaf] = values[leaf].splitlines()
    return json.dumps(_merge(result, extra), ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _copy(node: t.Any) -> t.Any:
    return {name: _copy(child) for name, child in node.items()} if isinstance(node, dict) else node


def _merge(into: t.Dict[str, t.Any], extra: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    for key, value in extra.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value
    return into
