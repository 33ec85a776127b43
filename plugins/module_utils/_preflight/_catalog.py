# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be found, how bad is it, and what helps? Pure; private to the collection.

A finding blocks if what was found cannot read metadata once tokens are mandatory, and nothing on the host shows that it
does not. It is a warning where it breaks only if it is set up to read metadata, and this host does not say so.
"""

from __future__ import annotations

import typing as t

from ._catalog_software import BLOCK, INFO, SOFTWARE, WARN, Kind

SEVERITIES = (BLOCK, WARN, INFO)

CATALOG: t.Dict[str, Kind] = {
    **SOFTWARE,
    # Kubernetes: D10, C20
    "ack_node": Kind(
        BLOCK,
        "This is a node of an ACK cluster",
        "`path`",
        "Make a new node pool with mandatory tokens (cluster 1.28 or later, with the component and image versions that ACK's "
        "documentation asks for) and move the workload; they cannot be changed on a node.",
    ),
    "kubernetes_node": Kind(
        WARN,
        "A kubelet is installed, of a cluster that does not look like ACK",
        "`path`",
        "If this is an ACK node after all, see `ack_node`; else check what the pods use to read metadata.",
    ),
    "containers_not_examined": Kind(
        INFO,
        "There is a store of containers; the software in their images was not examined",
        "`path`",
        "Rely on the records of callers for what runs in containers.",
    ),
    # processes
    "process_runs_deleted_file": Kind(
        BLOCK,
        "A process still runs an old library or program whose file was replaced or deleted",
        "`pid`, `path`",
        "Restart the process.",
    ),
    "process_older_than_package": Kind(
        WARN,
        "A Python process is older than the package in its installation, so it may still use the one before",
        "`pid`, `path` (of the package's metadata), `version`",
        "Restart the process.",
    ),
    "processes_not_examined": Kind(
        INFO,
        "Some processes could not be looked at",
        "`count`",
        "Run the module as root.",
    ),
    # scripts and callers: section 4 of the documentation on finding who still uses the normal mode (D1)
    "script_reads_plain": Kind(
        BLOCK,
        "A script reads metadata without a token",
        "`path`, `line`, `reads` (class of what is read)",
        "Let it ask for a token first, or use the command `ecs-metadata`.",
    ),
    "caller_plain": Kind(
        BLOCK,
        "A program read metadata without a token within the quiet period",
        "`exe`, `unit`, `container`, `uid`, `last_seen`, `count`, as far as the record has them",
        "Upgrade or change the program; then wait for the quiet period.",
    ),
    # C11, C3 - C5
    "caller_noise": Kind(
        WARN,
        "A program that is known to also ask without a token did so within the quiet period",
        "as for `caller_plain`, and `noise` (why it is taken for noise)",
        "Nothing to do if the program is up to date.",
    ),
    "callers_unknown": Kind(
        INFO,
        "There are no records of who called the metadata service",
        "none",
        "Run the callers watch for at least the quiet period before you make tokens mandatory.",
    ),
    "callers_watched_too_briefly": Kind(
        WARN,
        "The records of callers are younger than the quiet period",
        "`since`, `quiet_period`",
        "Wait until the watch has run for the quiet period.",
    ),
    "not_ecs": Kind(
        INFO,
        "The firmware does not say that this host is an ECS instance",
        "`product_name`",
        "Nothing to do if this is meant; the findings hold for an ECS instance with the same software.",
    ),
    # what limits all of the above
    "not_examined": Kind(
        INFO,
        "Something could not be examined",
        "`path`, `check`, `reason`",
        "Look at it yourself if it may hold software that reads metadata.",
    ),
    "search_cut_short": Kind(
        WARN,
        "A check ended early, so there may be more to find",
        "`check`, `reason`",
        "Raise `deadline`, or name fewer directories.",
    ),
    "more_of_the_same": Kind(
        WARN,
        "There are more findings of one kind than are listed",
        "`finding`, `count` (of those left out)",
        "Deal with the listed ones and run the check again.",
    ),
    "waiver_expired": Kind(
        WARN,
        "A waiver has expired and counts no longer",
        "`finding`, `host`, `reason`, `expires`",
        "Remove the waiver, or renew it with a new date.",
    ),
    "waiver_unused": Kind(
        INFO,
        "A waiver for this host matches no finding",
        "`finding`, `host`, `reason`, `expires`",
        "Remove the waiver.",
    ),
}
# What a waiver must not hide: that something was not seen, and the state of the waivers.
NOT_WAIVABLE = frozenset(["waiver_expired", "waiver_unused"])
