# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""End the module with one sentence if the managed node's Python is too old for the files that are imported after this one.

ansible-core 2.16 also runs modules with Python 2.7, for example on CentOS 7. So modules and this file have only syntax that Python 2.7
accepts, and modules import this file first. It then imports `_zip_import`, which makes the imports of the other files faster.
"""

import json
import sys

if sys.version_info < (3, 6):
    sys.stdout.write(
        json.dumps(
            {
                "failed": True,
                "msg": "The collection alicloud.imds needs Python 3.6 or later on managed nodes; %s is Python %d.%d. Install a newer"
                " Python, and name it in ansible_python_interpreter."
                % ((sys.executable,) + tuple(sys.version_info[:2])),
            }
        )
    )
    raise SystemExit(1)

from . import _zip_import  # noqa: F401  # pylint: disable=unused-import,wrong-import-position
