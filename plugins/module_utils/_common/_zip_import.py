# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compile each file of a module's payload once, not twice.

Ansible runs a module from a ZIP archive of sources. Python's zipimport compiles a source to return its file name, discards the result,
and compiles the source again to run it (https://github.com/python/cpython/issues/141276). Most of the time that a module takes to start is
used to compile it. `_python` imports this file before the others; only imports of this collection from an archive are affected.
"""

import os
import sys
import typing as t
import zipimport

_FOLDER = os.path.dirname(os.path.dirname(__file__))


class _Importer(zipimport.zipimporter):
    def get_filename(self, fullname: str) -> str:
        """Return the path of the source, which is certain: a payload has no compiled files."""
        name = self.prefix + fullname.rpartition(".")[2]
        if self.is_package(fullname):
            name = os.path.join(name, "__init__")
        return os.path.join(self.archive, name + ".py")


def _is_below(path: str) -> bool:
    return (path + os.sep).startswith(_FOLDER + os.sep)


def _importer(path: str) -> _Importer:
    """Return the importer of a folder of this collection, as the items of ``sys.path_hooks`` do."""
    if not _is_below(path):
        raise ImportError
    return _Importer(path)


if isinstance(globals().get("__loader__"), zipimport.zipimporter):
    sys.path_hooks.insert(0, t.cast(t.Any, _importer))
    for known in filter(_is_below, list(sys.path_importer_cache)):
        del sys.path_importer_cache[known]
