# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verify the PKCS#7 signature of an identity document with OpenSSL.

The signer's certificate is the only trust anchor: certificates in the document are ignored, and the chain is not searched. No PKCS#7
parser of our own. Source: Alibaba Cloud, "Use instance identities".
"""

from __future__ import annotations

import base64
import binascii
import os
import typing as t

from ansible_collections.alicloud.imds.plugins.module_utils._common import _programs

from ._document import IdentityError, parse

# The certificate that Alibaba Cloud publishes for all regions, valid until 2038
CERTIFICATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ecs-identity-signer.pem")
CERTIFICATE_VARIABLE = "ALICLOUD_IMDS_IDENTITY_CERTIFICATE"
_LONGEST = 65536  # characters of a document in Base64; the published sample has 1,100
_TIMEOUT = 60.0  # seconds; OpenSSL needs some milliseconds
_SHOWN = 300  # characters of OpenSSL's messages
_Environ = t.Mapping[str, str]


class CannotVerify(Exception):
    """This machine cannot verify signatures; the message has the reason."""


def certificate_path(given: t.Optional[str], environ: t.Optional[_Environ] = None) -> str:
    """Return the path of the certificate: *given*, or from the environment, or that of Alibaba Cloud."""
    path = given or (os.environ if environ is None else environ).get(CERTIFICATE_VARIABLE) or CERTIFICATE
    return os.path.abspath(os.path.expanduser(path))


def verified(pkcs7: str, audience: str, certificate: t.Optional[str] = None) -> t.Dict[str, str]:
    """Return the members of the identity document in *pkcs7* (Base64), which is signed for *audience*.

    Raises:
        IdentityError: The signature or the document is invalid.
        CannotVerify: OpenSSL or the certificate is missing, or OpenSSL does not end.
    """
    return parse(_content(_decode(pkcs7), certificate_path(certificate)), audience)


def _decode(pkcs7: t.Any) -> bytes:
    if not isinstance(pkcs7, str) or not pkcs7 or len(pkcs7) > _LONGEST:
        raise IdentityError("The document is not a text of at most %d characters." % _LONGEST)
    try:
        return base64.b64decode("".join(pkcs7.split()), validate=True)
    except (binascii.Error, ValueError):
        raise IdentityError(
            "The document is not valid Base64. Pass the value of dynamic/instance-identity/pkcs7."
        ) from None


def _content(signed: bytes, certificate: str) -> str:
    """Return the content of a PKCS#7 message whose signature is valid."""
    program = _programs.find("openssl")
    if program is None:
        raise CannotVerify("The controller has no program openssl. Install OpenSSL there.")
    try:
        with open(certificate, "rb"):
            pass
    except OSError as exc:
        raise CannotVerify("Cannot read the certificate %s: %s." % (certificate, exc.strerror)) from exc
    armored = "-----BEGIN CMS-----\n%s-----END CMS-----\n" % base64.encodebytes(signed).decode("ascii")
    # -nointern: only the certificate can be the signer's. -noverify: do not search the issuer of the certificate.
    options = ("-inform", "PEM", "-binary", "-nointern", "-noverify", "-certfile", certificate)
    try:
        done = _programs.run(program, "cms", "-verify", *options, text=armored, timeout=_TIMEOUT)
    except _programs.ProgramError as exc:
        raise CannotVerify(str(exc)) from exc
    if done.status != 0:
        text = "The signature is invalid, or was not made with the key of the certificate %s. %s"
        raise IdentityError(text % (certificate, _reason(done.errors)))
    return done.output


def _reason(errors: str) -> str:
    """Return OpenSSL's messages without process-dependent numbers, as one line of printable ASCII."""
    shown = "; ".join(line.split(":error:")[-1].partition(":../")[0] for line in errors.splitlines())
    printable = "".join(char if " " <= char <= "~" else "?" for char in shown)
    return "OpenSSL: %s." % printable[:_SHOWN].rstrip(". ")
