# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The installed program ecs-metadata: a shell script that finds a Python and runs the command with it."""

LAUNCHER = r"""#!/bin/sh
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Starts the command ecs-metadata from where its files are, next to this one:
#
#   installed:  /usr/local/bin/ecs-metadata
#               /usr/local/lib/ecs-metadata/alicloud_imds/   (files of plugins/module_utils, unchanged)
#   checkout:   command/ecs-metadata
#               plugins/module_utils/
#
# The folder becomes the Python package alicloud_imds; Ansible is not needed.

if ! command -v python3 >/dev/null; then
    echo 'ecs-metadata: there is no python3 on the PATH. Install Python 3.8 or later.' >&2
    exit 1
fi

# -I: no PYTHON* variable and no file of the working directory decides what runs. -S: nothing but the standard library.
exec python3 -IS -c '
import os, signal, sys
if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # as other commands do: end at once, and the loop of a shell as well
if sys.version_info < (3, 8):
    sys.stderr.write("ecs-metadata: python3 on the PATH is %d.%d. Install Python 3.8 or later.\n" % sys.version_info[:2])
    sys.exit(1)
launcher = os.path.realpath(sys.argv.pop(1))
prefix = os.path.dirname(os.path.dirname(launcher))
folders = [os.path.join(prefix, "lib", "ecs-metadata", "alicloud_imds"), os.path.join(prefix, "plugins", "module_utils")]
folders = [folder for folder in folders if os.path.isfile(os.path.join(folder, "_command", "_main.py"))]
if not folders:
    sys.stderr.write("ecs-metadata: the files of the command are not below %s. Install it again.\n" % prefix)
    sys.exit(1)
package = type(sys)("alicloud_imds")
package.__path__ = folders[:1]
sys.modules["alicloud_imds"] = package
sys.modules["ssl"] = None  # the service has no TLS, and loading it is a seventh of the time to start
from alicloud_imds._command._main import main
sys.exit(main(sys.argv[1:]))
' "$0" "$@"
"""
