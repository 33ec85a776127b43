# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The messages of failures: the cause and the next step."""

from __future__ import annotations

import errno
import os

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _errors
from ansible_collections.alicloud.imds.plugins.module_utils._imds._http import TransportError

REQUEST = "GET /latest/meta-data/mac"
ENDPOINT = "http://100.100.100.200"


@pytest.mark.parametrize(
    ("cause", "uid", "hint"),
    [
        (TransportError("connect", "x", errno.EPERM), 1000, "a firewall rejects this user (uid 1000); run as root"),
        (TransportError("answer", "x", timed_out=True), 0, "The connection was accepted, but the reply did not arrive"),
        (TransportError("connect", "x", timed_out=True), 0, "packets to the service are dropped"),
        (TransportError("connect", "x", errno.ECONNREFUSED), 1000, "(uid 1000); try again as root"),
        (TransportError("connect", "x", errno.ECONNREFUSED), 0, "a firewall rejects the connection"),
        (TransportError("answer", "x", errno.ECONNRESET), 0, "closed the connection; try again"),
    ],
)
def test_an_unreachable_service_has_the_likely_cause(monkeypatch, cause: TransportError, uid: int, hint: str) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    message = str(_errors.unreachable(REQUEST, ENDPOINT, cause))
    assert message.startswith("%s at %s: no answer (x). " % (REQUEST, ENDPOINT))
    assert hint in message
    assert message.endswith(".") and "DMI" in message


def test_an_endpoint_that_was_chosen_is_to_be_checked() -> None:
    """Whether this host is an ECS instance does not matter for an emulator."""
    message = str(
        _errors.unreachable(REQUEST, "http://127.0.0.1:8100", TransportError("connect", "x", errno.ECONNREFUSED))
    )
    assert message.endswith(
        ": no answer (x). Check 'endpoint', and whether the emulator or the service behind it runs."
    )


def test_an_unknown_status_has_no_reason() -> None:
    error = _errors.from_status(REQUEST, ENDPOINT, 299)
    assert (error.kind, error.status) == ("unexpected_reply", 299)
    assert str(error).startswith("%s at %s: 299. " % (REQUEST, ENDPOINT))
