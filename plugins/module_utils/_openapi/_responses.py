# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parse the responses of the API, and create errors for other responses. No I/O."""

import json
import typing as t
from urllib.parse import quote

from . import _errors
from ._credentials import Credentials
from ._http import ApiResponse

_MAX_RETRY_AFTER = 60.0


def parsed(where: _errors.Where, response: ApiResponse, credentials: Credentials, now: float) -> t.Dict[str, t.Any]:
    """Return the JSON object of a successful response; raise ApiError for any other response."""
    try:
        content = json.loads(response.body)
    except ValueError:
        content = None
    if response.status == 200 and isinstance(content, dict):
        return content
    if response.status >= 400 and isinstance(content, dict) and content.get("Code"):
        scrubbed = dict(content, Message=_without_secrets(str(content.get("Message") or ""), credentials))
        error = _errors.refused(where, response.status, scrubbed, response.headers.get("Date"), now)
    elif response.status == 429 or response.status >= 500:
        error = _errors.refused(where, response.status, {"Message": _description(response, content)}, None, now)
    else:
        text = "status %d with %s, which is not a response of the API" % (
            response.status,
            _description(response, content),
        )
        error = _errors.unexpected(where, text, status=response.status)
    error.retry_after = _retry_after(response.headers)
    raise error


def _description(response: ApiResponse, content: t.Any) -> str:
    if 300 <= response.status < 400:
        return "a redirect (which is not followed)"
    if "html" in response.headers.get("Content-Type", "") or response.body.lstrip()[:1] == b"<":
        return "an HTML page" if b"html" in response.body[:1000].lower() else "an XML document"
    if content is not None or response.body.strip() == b"null":
        return "JSON without the expected fields"
    return "invalid JSON of %d bytes" % len(response.body) if response.body else "an empty body"


def _without_secrets(message: str, credentials: Credentials) -> str:
    for secret in (credentials.access_key_secret, credentials.security_token):
        if secret:
            for form in (secret, quote(secret, safe="~"), quote(quote(secret, safe="~"), safe="~")):
                message = message.replace(form, "***")
    return message


def _retry_after(headers: t.Mapping[str, str]) -> t.Optional[float]:
    """Return the seconds to wait that the API requests: its own header is in milliseconds, the standard one in seconds."""
    for name, unit in (("x-acs-retry-after", 0.001), ("Retry-After", 1.0)):
        value = headers.get(name, "")
        if value.isdigit() and len(value) < 9:
            return min(int(value) * unit, _MAX_RETRY_AFTER)
    return None
