# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fleet report: the entries of all hosts as an HTML page, JSON, CSV, JUnit XML and SARIF. Controller only.

`_options` is the argument specification. `_hosts` and `_views` derive the state of each host, `_future` what creates instances,
`_drift` compares two reports, `_document` assembles the JSON form, `_gate` tells which conditions it meets. `_page` (with the templates
in `page`, in the words of `_language`), `_csv`, `_junit` and `_sarif` render that document; `_report` decides which files to write,
`_writer` writes them.
"""
