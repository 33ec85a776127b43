# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Serve the content of any URL, as preview and transcoding services do. VULNERABLE ON PURPOSE.

``GET /?url=http://...`` answers with the body of that URL. It listens on port 8081.
"""

from __future__ import annotations

import http.server
import urllib.error
import urllib.parse
import urllib.request


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        url = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)["url"][0]
        try:
            with urllib.request.urlopen(url, timeout=3) as answer:
                status, body = answer.status, answer.read()
        except urllib.error.HTTPError as exc:
            status, body = exc.code, exc.read()
        except OSError as exc:
            status, body = 502, str(exc).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


http.server.ThreadingHTTPServer(("0.0.0.0", 8081), Page).serve_forever()
