# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Sphinx makes HTML of the guides and of the pages that antsibull-docs writes. `make docs` uses it; no network is."""

project = "alicloud.imds"
title = html_title = "alicloud.imds"
html_short_title = "alicloud.imds"
copyright = "Contributors to the alicloud.imds collection"

extensions = ["sphinx_antsibull_ext"]
default_role = "any"
nitpicky = True
# Of ansible-core's own documentation, which is linked from every plugin's page, but is not part of this site.
nitpick_ignore = [("std:ref", "common_return_values"), ("std:ref", "ansible_configuration_settings")]
# Quotes and dashes stay as they are typed.
smartquotes = False

highlight_language = "YAML+Jinja"
pygments_style = "ansible"
html_theme = "sphinx_ansible_theme"
html_static_path = ["static"]
html_css_files = ["guides.css"]
html_show_sphinx = False
html_use_index = False
html_copy_source = False
