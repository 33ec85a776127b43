# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check the arguments of lookups, which ansible-core does not check. Controller only."""

from __future__ import annotations

import difflib
import typing as t

from ._facts import override

# Arguments of ansible-core for each lookup
_OF_CORE = frozenset(("allow_unsafe", "errors", "wantlist"))


def check_options(name: str, known: t.Iterable[str], given: t.Iterable[str]) -> None:
    """Raise ValueError for an option in *given* that the lookup *name* does not have; *known* are its documented options."""
    options = sorted(option for option in known if not option.startswith("_"))
    for option in given:
        if option not in options and option not in _OF_CORE:
            near = difflib.get_close_matches(option, options, 1)
            hint = "Did you mean '%s'?" % near[0] if near else "Its options are %s." % ", ".join(options)
            raise ValueError("The lookup %s has no option '%s'. %s" % (name, option, hint))


def refuse_facts(definitions: t.Mapping[str, t.Any], variables: t.Mapping[str, t.Any] | None) -> None:
    """Raise ValueError if a fact of the host has the name of a variable that sets an option in *definitions*."""
    names = [source["name"] for option in definitions.values() for source in option.get("vars") or ()]
    problem = override(names, (variables or {}).get("ansible_facts"))
    if problem is not None:
        raise ValueError(problem)
