# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configure Sphinx for `make docs`, which builds the guides and the pages of plugins and roles without network access."""

import re

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

# Guides have the name NAME in English and NAME.zh_CN in Chinese.
_LABEL = "ansible_collections.alicloud.imds.docsite."
_TITLE = re.compile(r"^(\S.*\n={3,}\n)", re.MULTILINE)


def _link_translation(_app, document, source):
    """Add a link to the page in the other language below the title of a guide."""
    if not document.startswith("docsite/"):
        return
    name, _dot, chinese = document.removeprefix("docsite/").partition(".")
    link = f":ref:`English <{_LABEL}{name}>`" if chinese else f":ref:`中文 <{_LABEL}{name}.zh_CN>`"
    source[0] = _TITLE.sub(rf"\1\n{link}\n", source[0], count=1)


def _set_language(_app, document, _template, context, _doctree):
    """Set the language of Chinese pages, for screen readers and the choice of fonts."""
    if document.endswith(".zh_CN"):
        context["language"] = "zh_CN"


def setup(app):
    app.connect("source-read", _link_translation)
    app.connect("html-page-context", _set_language)
