# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fleet report: what is known of each host, as a page, JSON, CSV and JUnit. Private to the collection.

`_options` says what comes in, `_hosts` and `_views` judge it, `_drift` compares, `_document` puts the JSON form together;
`_page*`, `_csv` and `_junit` show that document; `_report` decides what is written, `_writer` writes.
"""
