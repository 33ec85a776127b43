# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Import the requests library, or record why it is missing.

All files of this package can be imported without it. Only API calls need it.
"""

import traceback
import typing as t

#: Traceback of the failed import, None if requests is installed.
IMPORT_ERROR: t.Optional[str] = None

try:
    import requests
    import requests.adapters
    import requests.auth
    import requests.exceptions
    import urllib3.exceptions

    AuthBase = requests.auth.AuthBase
except ImportError:
    IMPORT_ERROR = traceback.format_exc()
    AuthBase = object  # type: ignore[assignment,misc]

if t.TYPE_CHECKING:
    from requests import PreparedRequest, Response

    __all__ = ["AuthBase", "IMPORT_ERROR", "PreparedRequest", "Response", "requests", "urllib3"]
