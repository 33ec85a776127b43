# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the command ends: exit statuses, messages, signals; and the secrecy of tokens."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._command import _clients, _main
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _client
from ansible_collections.alicloud.imds.plugins.module_utils._imds._client import Client
from ansible_collections.alicloud.imds.plugins.module_utils._imds._dmi import Platform
from ansible_collections.alicloud.imds.plugins.module_utils._imds._errors import Unreachable
from waiting import GIVE_UP_SECONDS, wait_until

from ....addresses import IPV4, IPV6, refused
from ....timing import FakeClock
from ...conftest import Emulators, Instance
from .conftest import NOWHERE, Command, Done

# Each test starts the command.
pytestmark = pytest.mark.slow

KNOWN_TOKEN = "KnownTokenOfThisTest0123456789=="


def ends_with(done: Done, status: int, *texts: str) -> None:
    """Assert the exit status, one line on standard error with all of *texts*, and nothing on standard output."""
    assert (done.status, done.stdout) == (status, b"")
    assert done.stderr.count("\n") == 1
    for text in texts:
        assert text in done.stderr


def test_usage_errors_name_the_option(lonely_command: Command) -> None:
    lines = {
        (): "COMMAND",
        ("get", "--end", NOWHERE, "mac"): "--end",
        ("--timeout", "soon", "ls"): "--timeout",
        ("ls", "--token-ttl", "21601"): "--token-ttl must be 1 to 21600",
        ("token", "--file", "x", "--ttl", "0"): "--ttl must be 1 to 21600",
        ("ls", "--endpoint", "https://127.0.0.1"): "must begin with http://",
        ("facts", "--subset", "nettwork"): "--subset does not have 'nettwork'. Did you mean 'network'?",
        ("callers", "--state-dir", "/nonexistent"): "'/nonexistent': No such file or directory. Check --state-dir.",
        ("callers", "--log-dir", "/nonexistent"): "'/nonexistent': No such file or directory. Check --log-dir.",
        (
            "watch",
            "--status",
            "--state-dir",
            "/nonexistent",
        ): "'/nonexistent': No such file or directory. Check --state-dir.",
    }
    for done, text in zip(lonely_command.each(*lines), lines.values()):
        ends_with(done, 2, text)


def test_an_unreachable_service_has_a_status(lonely_command: Command) -> None:
    ends_with(lonely_command("get", "mac", "--retries", "0"), 5, NOWHERE, "Connection refused")


def test_a_refusal_has_a_status(command: Command, instance: Instance) -> None:
    instance.set(http_endpoint="disabled")
    for done in command.each(("get", "mac"), ("tree",)):
        ends_with(done, 4, "403 Forbidden", "HttpEndpoint")


def test_an_unexpected_reply_has_a_status(command: Command, instance: Instance) -> None:
    instance.fault("redirect", on="token", location="http://127.0.0.1:9/")
    ends_with(command("get", "mac"), 6, "Redirects are not followed")
    instance.fault("empty_token")
    ends_with(command("ls"), 6, "cannot be a token")


def test_settings_come_from_options_then_the_environment(command: Command, instance: Instance) -> None:
    instance.fault("hang", on="data")
    ends_with(command("get", "mac", ALICLOUD_IMDS_DEADLINE="2"), 5, "deadline of 2 s")
    command.environment["ALICLOUD_IMDS_DEADLINE"] = "2"
    before, after = command.each(("--deadline", "1", "get", "mac"), ("get", "mac", "--deadline", "1"))
    ends_with(before, 5, "deadline of 1 s", "Raise --deadline")
    ends_with(after, 5, "deadline of 1 s")
    ends_with(command("get", "mac", "--retries", "0", ALICLOUD_IMDS_TIMEOUT="1"), 5, "raise --timeout")
    ends_with(command("get", "mac", ALICLOUD_IMDS_RETRIES="few"), 2, "ALICLOUD_IMDS_RETRIES")
    ends_with(command("get", "mac", ALICLOUD_IMDS_TOKEN_TTL="0"), 2, "--token-ttl")


def test_no_proxy_is_used(command: Command, instance: Instance) -> None:
    done = command("get", "instance-id", http_proxy=NOWHERE, HTTP_PROXY=NOWHERE, ALL_PROXY=NOWHERE)
    assert done == (0, instance.id.encode(), "")


def test_modes_prints_the_verdict_and_the_checks(command: Command, instance: Instance) -> None:
    done = command("modes")
    assert (done.status, done.stderr) == (0, "")
    assert done.text.splitlines() == [
        "verdict: required",
        "normal_mode_read: 403, no metadata returned",
        "token_read: 200, metadata returned",
        "forwarded_token_request: 403, refused",
        "invalid_ttl_token_request: 400, refused",
        "invalid_token_read: 401, refused",
    ]
    instance.set(http_tokens="optional")
    done = command("modes", "--json")
    assert done.status == 10
    assert json.loads(done.stdout)["verdict"] == "optional"
    assert json.loads(done.stdout)["checks"]["normal_mode_read"] == {"status": 200, "answered": True}
    instance.set(http_endpoint="disabled")
    done = command("modes")
    assert (done.status, done.text.splitlines()[0]) == (0, "verdict: disabled")


def test_modes_of_an_unreachable_service(lonely_command: Command) -> None:
    done = lonely_command("modes", "--retries", "0")
    assert (done.status, done.stdout) == (5, b"verdict: unreachable\n")
    assert "Connection refused" in done.stderr


def test_outside_of_alibaba_cloud_one_attempt_is_made(monkeypatch: Any, capfd: Any) -> None:
    """Pass many retries, whose pauses would last until the deadline of 15 s."""
    clock = FakeClock()
    monkeypatch.setattr(_clients, "read_platform", lambda: Platform(False, "Standard PC"))
    monkeypatch.setattr(_clients, "Client", lambda settings: Client(settings, clock.clock))
    monkeypatch.delenv("ALICLOUD_IMDS_ENDPOINT", raising=False)
    with refused(IPV4) as ipv4, refused(IPV6) as ipv6:
        monkeypatch.setattr(_client, "ENDPOINTS", (ipv4.url, ipv6.url))
        assert _main.main(["get", "mac", "--retries", "20"]) == 5
    assert clock.pauses == []
    expected = "%s: no answer (Connection refused), nor at %s (Connection refused)" % (ipv4.url, ipv6.url)
    assert expected in capfd.readouterr().err


def test_a_service_that_accepts_a_connection_may_reply_late(
    instance: Instance, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    """The default options on a busy host that is not an ECS instance, such as one with the emulator."""
    monkeypatch.setattr(_clients, "read_platform", lambda: Platform(False, "Standard PC"))
    monkeypatch.setattr(_client, "ENDPOINTS", (instance.endpoint,))
    monkeypatch.delenv("ALICLOUD_IMDS_ENDPOINT", raising=False)
    limits: list[tuple[float, ...]] = []
    monkeypatch.setattr(Client, "connect", lambda _client, *seconds: limits.append(seconds))
    assert _main.main(["get", "instance-id"]) == 0
    assert limits == [(0.3, 2.0)] and capfd.readouterr().out.strip() == instance.id

    def late(_client: Client, *_seconds: float) -> None:
        error = Unreachable("PUT /", instance.endpoint, "no answer", "")
        error.connected = True
        raise error

    monkeypatch.setattr(Client, "connect", late)
    assert _main.main(["modes"]) == 0
    assert capfd.readouterr().out.startswith("verdict: required\n")


def test_outside_of_alibaba_cloud_the_service_is_unreachable(lonely_command: Command) -> None:
    """Use the default address in a network namespace without interfaces."""
    unshare = ["unshare", "--net", "--user", "--map-root-user"]
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode:
        pytest.skip("unshare --net --user is not allowed here")
    vendor = Path("/sys/class/dmi/id/sys_vendor")
    if vendor.exists() and "Alibaba" in vendor.read_text(errors="replace"):
        pytest.skip("this is an ECS instance")
    del lonely_command.environment["ALICLOUD_IMDS_ENDPOINT"]
    lonely_command.environment["ALICLOUD_IMDS_RETRIES"] = "20"
    words = [*unshare, lonely_command.launcher, "get", "mac"]
    done = subprocess.run(words, check=False, capture_output=True, text=True, env=lonely_command.environment)
    assert (done.returncode, done.stdout) == (5, "")
    assert (
        "http://100.100.100.200: no answer (Network is unreachable), nor at http://[fd00:100::100:200] (" in done.stderr
    )


def test_a_closed_pipe_ends_the_command_silently(command: Command) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    with command.start("get", "mac", stdout=theirs) as process:
        os.close(theirs)
        assert process.communicate(timeout=GIVE_UP_SECONDS)[1] == b""
    assert process.returncode == -signal.SIGPIPE  # 141 in a shell


def test_output_that_cannot_be_written_is_an_error(command: Command) -> None:
    done = command.shell(
        '"$command" get mac >/dev/full; echo $?; "$command" get mac >&-; echo $?; "$command" --help >/dev/full; echo $?'
    )
    assert done.text == "1\n1\n1\n"
    assert "No space left on device" in done.stderr
    assert "standard output is closed" in done.stderr
    done = command.shell('"$command" get nope 2>&-; echo $?')
    assert (done.text, done.stderr) == ("3\n", "")


def test_an_interrupted_command_ends_at_once(command: Command, instance: Instance) -> None:
    instance.fault("hang", on="data")

    def listen_to_sigint() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # it is ignored if the tests run in the background of a script

    with command.start("tree", "--timeout", "600", "--deadline", "600", preexec_fn=listen_to_sigint) as process:
        wait_until(lambda: instance.journal() or process.poll() is not None, "a request")
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=GIVE_UP_SECONDS) == (b"", b"")
    assert process.returncode == -signal.SIGINT  # 130 in a shell


def test_modes_of_a_service_with_two_addresses(
    emulator: Emulators, instance: Instance, monkeypatch: Any, capfd: Any
) -> None:
    ipv6 = emulator.add_instance(listen="[::1]:0", http_tokens="optional")
    monkeypatch.setattr(_client, "ENDPOINTS", (instance.endpoint, ipv6.endpoint))
    monkeypatch.setattr(_clients, "read_platform", lambda: Platform(True, "Alibaba Cloud ECS"))
    monkeypatch.delenv("ALICLOUD_IMDS_ENDPOINT", raising=False)
    assert _main.main(["modes", "--timeout", "60"]) == 10
    expected = ["verdict: optional", "%s: required" % instance.endpoint, "%s: optional" % ipv6.endpoint]
    assert capfd.readouterr().out.splitlines()[:3] == expected


def test_a_read_on_an_instance_without_ipv4(emulator: Emulators, monkeypatch: Any, capfd: Any) -> None:
    ipv6 = emulator.add_instance(listen="[::1]:0")
    monkeypatch.setattr(_clients, "read_platform", lambda: Platform(True, "Alibaba Cloud ECS"))
    monkeypatch.delenv("ALICLOUD_IMDS_ENDPOINT", raising=False)
    with refused(IPV4) as ipv4:
        monkeypatch.setattr(_client, "ENDPOINTS", (ipv4.url, ipv6.endpoint))
        assert _main.main(["get", "instance-id", "--timeout", "60"]) == 0
    assert capfd.readouterr().out.strip() == ipv6.id


def test_an_internal_error_shows_no_value(command: Command, instance: Instance, tmp_path: Path) -> None:
    """Damage an installed file, so that it fails with a value in its message."""
    library = tmp_path / "lib/ecs-metadata/alicloud_imds"
    shutil.copytree(Path(command.launcher).parents[1] / "plugins/module_utils", library)
    (library / "_imds/_items.py").write_text("raise RuntimeError('some secret')\n")
    shutil.copy(command.launcher, tmp_path / "bin/ecs-metadata")
    command.launcher = str(tmp_path / "bin/ecs-metadata")
    ends_with(command("get", "mac"), 1, "Internal error (RuntimeError in _items.py:1)")


@pytest.fixture
def known_token_service() -> Iterator[Any]:
    """Run a server that issues one known token; it replies to reads with ``status``, or at the end of the test for 0."""
    the_end = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self._answer(200, KNOWN_TOKEN.encode())

        def do_GET(self) -> None:
            self.server.seen.append(self.headers.get("X-aliyun-ecs-metadata-token"))  # type: ignore[attr-defined]
            if not self.server.status:  # type: ignore[attr-defined]
                the_end.wait(GIVE_UP_SECONDS)
            self._answer(self.server.status or 200, b"")  # type: ignore[attr-defined]

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.status, server.seen = True, 200, []
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    the_end.set()
    server.shutdown()
    server.server_close()


def test_the_token_is_in_no_message_argument_or_variable(lonely_command: Command, known_token_service: Any) -> None:
    lonely_command.environment["ALICLOUD_IMDS_ENDPOINT"] = "http://127.0.0.1:%d" % known_token_service.server_port
    for status, expected in ((401, 4), (404, 3), (500, 6)):
        known_token_service.status = status
        done = lonely_command("get", "mac", "--retries", "0")
        assert done.status == expected
        assert KNOWN_TOKEN not in done.stderr
    known_token_service.status = 0
    sent = len(known_token_service.seen)
    with lonely_command.start("get", "mac", "--retries", "0", "--timeout", "600", "--deadline", "600") as process:
        wait_until(lambda: len(known_token_service.seen) > sent or process.poll() is not None, "the read")
        for name in ("cmdline", "environ"):
            assert KNOWN_TOKEN.encode() not in Path("/proc/%d/%s" % (process.pid, name)).read_bytes()
        process.kill()
    assert set(known_token_service.seen) == {KNOWN_TOKEN}
