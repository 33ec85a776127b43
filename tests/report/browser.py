# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drive a headless Chromium through ChromeDriver, with the few WebDriver commands that these tests need."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from waiting import GIVE_UP_SECONDS, wait_until

PROGRAMS = ("chromium", "chromedriver")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"Enter": "\ue007", "Tab": "\ue004"}


class Browser:
    """A browser window, which records the errors that the page or the browser logs."""

    def __init__(self, port: int, profile: str) -> None:
        self._port = port
        options = {"args": [*FLAGS, "--user-data-dir=" + profile], "binary": shutil.which("chromium")}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        made = self._send("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = "/session/" + made["sessionId"]

    def open(
        self, path: Path, width: int = 1400, height: int = 1000, scheme: str = "light", scripts: bool = True
    ) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.cdp("Emulation.setDeviceMetricsOverride", **size)
        self.cdp("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.prefer(scheme)
        self.errors()  # those of the page before
        self._command("POST", "/url", {"url": path.as_uri()})
        if scripts:
            wait_until(lambda: self.run("return !document.querySelector('.loading')"), "the page to load")

    def prefer(self, scheme: str, media: str = "screen") -> None:
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.cdp("Emulation.setEmulatedMedia", media=media, features=[feature])

    def run(self, script: str, *args: Any) -> Any:
        """Return the result of the JavaScript *script*."""
        return self._command("POST", "/execute/sync", {"script": script, "args": list(args)})

    def click(self, selector: str) -> None:
        self._command("POST", f"/element/{self._find(selector)}/click", {})

    def type(self, selector: str, text: str) -> None:
        self._command("POST", f"/element/{self._find(selector)}/value", {"text": text})

    def press(self, key: str) -> None:
        """Press *key* in the focused element."""
        active = self._command("GET", "/element/active")[ELEMENT]
        self._command("POST", f"/element/{active}/value", {"text": KEYS[key]})

    def errors(self) -> list[str]:
        """Return the errors since the page was opened, or since the last call."""
        entries = self._command("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] in ("SEVERE", "WARNING")]

    def screenshot(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self._command("GET", "/screenshot")))

    def cdp(self, command: str, **params: Any) -> Any:
        return self._command("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def close(self) -> None:
        self._command("DELETE", "")

    def _find(self, selector: str) -> str:
        found = self._command("POST", "/element", {"using": "css selector", "value": selector})
        return str(found[ELEMENT])

    def _command(self, method: str, path: str, body: Any = None) -> Any:
        return self._send(method, self._session + path, body)

    def _send(self, method: str, path: str, body: Any) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=GIVE_UP_SECONDS)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(answer, dict) and "error" in answer:
            raise AssertionError(f"{method} {path}: {answer['error']}: {answer['message']}")
        return answer


@contextmanager
def start() -> Iterator[Browser]:
    """Yield a browser with an empty profile; end it and its driver afterwards."""
    with tempfile.TemporaryDirectory(prefix="imds-browser-", ignore_cleanup_errors=True) as scratch:
        # Without these, the browser logs an error about the missing message bus.
        environment = dict(os.environ, DBUS_SESSION_BUS_ADDRESS="disabled:", HOME=scratch)
        command = ["chromedriver", "--port=0", "--log-path=" + os.path.join(scratch, "driver.log")]
        output = Path(scratch, "output")
        with output.open("wb") as stream:
            driver = subprocess.Popen(command, env=environment, stdout=stream, stderr=subprocess.DEVNULL)
        try:
            browser = Browser(_port(output, driver), os.path.join(scratch, "profile"))
            yield browser
            browser.close()
        finally:
            driver.terminate()
            try:
                driver.wait(GIVE_UP_SECONDS)
            except subprocess.TimeoutExpired:
                driver.kill()
                driver.wait()


def _port(output: Path, driver: subprocess.Popen[bytes]) -> int:
    """Return the port that ChromeDriver has chosen, once it accepts connections there."""

    def started() -> re.Match[str] | None:
        assert driver.poll() is None, f"chromedriver ended with status {driver.returncode}"
        return re.search(r"started successfully on port (\d+)", output.read_text())

    return int(wait_until(started, "chromedriver")[1])
