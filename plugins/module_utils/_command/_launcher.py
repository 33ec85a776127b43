# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The installed program ecs-metadata: a shell script that finds a Python and runs the command with it."""

import shlex
import typing as t

# Python interpreters in the checkout, by order of preference.
_CHECKOUT = "for python in python3; do"
# Used if the interpreter that installed the command was removed, for example by an upgrade of the distribution.
_FALLBACK = ("/usr/bin/python3", "/usr/libexec/platform-python", "/usr/local/bin/python3")

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

# Installed: the interpreter that Ansible used, then those of the system. Checkout: python3 on the PATH.
# shellcheck disable=SC2043
for python in python3; do
    if command -v "$python" >/dev/null; then break; fi
    python=
done
if [ -z "$python" ]; then
    echo 'ecs-metadata: there is no Python interpreter. Install Python 3.6 or later.' >&2
    exit 1
fi

# -I: no PYTHON* variable and no file of the working directory decides what runs. -S: nothing but the standard library.
exec "$python" -IS -c '
import os, signal, sys
if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # as other commands do: end at once, and the loop of a shell as well
if sys.version_info < (3, 6):
    sys.stderr.write("ecs-metadata: %s is Python %d.%d. Install Python 3.6 or later.\n" % ((sys.executable,) + sys.version_info[:2]))
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


def launcher(python: str) -> str:
    """Return the program to install on a host, which runs with the interpreter *python* (an absolute path)."""
    candidates: t.List[str] = [python]
    candidates += [path for path in _FALLBACK if path != python]
    return LAUNCHER.replace(_CHECKOUT, "for python in %s; do" % " ".join(map(shlex.quote, candidates)), 1)
