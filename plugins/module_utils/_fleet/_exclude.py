# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exclude instances by ID, tag or pattern of the name. No I/O."""

import fnmatch
import typing as t

from ._instance import Instance

_KEYS = ("instance_ids", "names", "tags")


class Exclude(t.NamedTuple):
    """Instances to exclude: those with one of the IDs, one of the tags, or a name that matches one of the patterns.

    The value None of a tag matches every value.
    """

    instance_ids: t.FrozenSet[str] = frozenset()
    tags: t.Mapping[str, t.Optional[str]] = {}
    names: t.Tuple[str, ...] = ()

    def rule(self, instance: Instance) -> t.Optional[str]:
        """Return the rule that excludes *instance*, such as ``names: build-*``, or None."""
        if instance.instance_id in self.instance_ids:
            return "instance_ids: " + instance.instance_id
        for pattern in self.names:
            if fnmatch.fnmatchcase(instance.name, pattern):
                return "names: " + pattern
        for key, value in self.tags.items():
            if key in instance.tags and value in (None, instance.tags[key]):
                return "tags: " + (key if value is None else "%s=%s" % (key, value))
        return None


def parse(value: t.Optional[t.Mapping[str, t.Any]]) -> Exclude:
    """Return the option ``exclude``; raise ValueError for an unknown key or an invalid value."""
    given = value or {}
    unknown = sorted(str(key) for key in given if key not in _KEYS)
    if unknown:
        raise ValueError("'exclude' has no key '%s'. Its keys are %s." % (unknown[0], ", ".join(_KEYS)))
    return Exclude(
        instance_ids=frozenset(text_list(given.get("instance_ids"), "exclude.instance_ids")),
        tags=tag_filter(given.get("tags"), "exclude.tags"),
        names=tuple(text_list(given.get("names"), "exclude.names")),
    )


def text_list(value: t.Any, option: str) -> t.List[str]:
    """Return a list of text, also for a single text; raise ValueError naming *option* for other types."""
    items = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(items, (list, tuple)) or not all(isinstance(item, str) for item in items):
        raise ValueError("'%s' must be a list of text." % option)
    return [str(item) for item in items]


def tag_filter(value: t.Any, option: str) -> t.Dict[str, t.Optional[str]]:
    """Return tags as a dictionary of text or None; raise ValueError naming *option* for other types."""
    if value is None:
        return {}
    if not isinstance(value, dict) or any(isinstance(item, (dict, list)) for item in value.values()):
        raise ValueError("'%s' must be a dictionary of tag keys and values." % option)
    return {str(key): None if item is None else str(item) for key, item in value.items()}
