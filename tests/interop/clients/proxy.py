# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print a port on 127.0.0.1 and serve a forward proxy there, which adds its client's address to requests."""

from __future__ import annotations

import http.client
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Forward(BaseHTTPRequestHandler):
    def forward(self) -> None:
        address = urlsplit(self.path)
        headers = {name: value for name, value in self.headers.items() if not name.lower().startswith("proxy-")}
        headers["X-Forwarded-For"] = self.client_address[0]
        server = http.client.HTTPConnection(address.netloc, timeout=10)
        server.request(self.command, address.path, headers=headers)
        answer = server.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = forward

    def log_message(self, *_: object) -> None:
        pass


proxy = ThreadingHTTPServer(("127.0.0.1", 0), Forward)
print(proxy.server_port, flush=True)
proxy.serve_forever()
