# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configure Sphinx for `make docs`, which builds the guides and the pages of plugins and roles without network access."""

project = "alicloud.imds"
title = html_title = "alicloud.imds"
html_short_title = "alicloud.imds"
copyright = "Contributors to the alicloud.imds collection"

extensions = ["sphinx_antsibull_ext"]
default_role = "any"
nitpicky = True
# Labels in ansible-core's documentation: every plugin page links to them, but this site does not contain them.
nitpick_ignore = [
    ("std:ref", name) for name in ("action_plugins", "ansible_configuration_settings", "common_return_values")
]
# Environment variables of ansible-core, such as those of the inventory cache.
nitpick_ignore_regex = [("envvar", "ANSIBLE_.*")]
# Keep quotes and dashes in code as they are typed.
smartquotes = False

highlight_language = "YAML+Jinja"
pygments_style = "ansible"
html_theme = "sphinx_ansible_theme"
html_theme_options = {"titles_only": True, "navigation_depth": 2}
templates_path = ["templates"]
html_static_path = ["static"]
html_css_files = ["guides.css"]
html_show_sphinx = False
html_use_index = False
html_copy_source = False
