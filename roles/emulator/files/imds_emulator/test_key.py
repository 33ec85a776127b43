# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Define the key and the certificate that sign identity documents. The private key is published, for tests only.

`imds-emulator certificate` prints the certificate for verification. Like that of the real service it is self-signed,
RSA-2048 with SHA-256, and the same on every host; its names say that it is for tests only.
"""

from __future__ import annotations

CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIDjzCCAncCBBorPE0wDQYJKoZIhvcNAQELBQAwgYsxCzAJBgNVBAYTAkNOMRAw
DgYDVQQIDAdVbmtub3duMRAwDgYDVQQHDAdVbmtub3duMR8wHQYDVQQKDBZhbGlj
bG91ZC5pbWRzIGVtdWxhdG9yMRIwEAYDVQQLDAl0ZXN0IG9ubHkxIzAhBgNVBAMM
GkVtdWxhdGVkIGluc3RhbmNlIGlkZW50aXR5MB4XDTE4MDIyMzAwMDAwMFoXDTQ4
MDIxODAwMDAwMFowgYsxCzAJBgNVBAYTAkNOMRAwDgYDVQQIDAdVbmtub3duMRAw
DgYDVQQHDAdVbmtub3duMR8wHQYDVQQKDBZhbGljbG91ZC5pbWRzIGVtdWxhdG9y
MRIwEAYDVQQLDAl0ZXN0IG9ubHkxIzAhBgNVBAMMGkVtdWxhdGVkIGluc3RhbmNl
IGlkZW50aXR5MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAp/AQAaaP
eY8oO6+6x0Ue0tQsXjzGp39xc7wu9uBUGL42uA+6BTTwC8eEL4Q/Q4SOsmIzIx1C
bm1OIyiy3NZtjfe99reH78cNN3D1FWg4vEi9iFd6ex8KKpPFtBl+zQQuO1lfqH7h
Qhg8A7XiMxMilULmbHjohr2ODnYPrV0npgfb9xMZC7p4k+f3di+UjT6ssKwUjUpV
KTiUeRvEfHoleIcsp8qKabloHvUMrnewwhXirorOz0yD3Cl2AsM2OMZXZKS3mqqG
LtoQ/tuSYPNhzdATmrxSsr62yqlNrY7YR6BecTJ8aO/yyeYGIcKhTLwPD1GoqUTp
GWqyjMZ2lRbzIQIDAQABMA0GCSqGSIb3DQEBCwUAA4IBAQBxAw0TxKneA3xckLEI
iiXUdilQOGE6p4Z5uoirKfWAtPeUT8/Ca+4f4nTuOPQ/5SUgUe1wZGDSWnrgT5al
mZtIGJsMG5awlx+RDgtFShaT0H87ksTKWia7Ua0ADQVnANenl7VsidXAA+I8tfjR
jKxY/4Cd5YGVbRT28U10B2VirJ1ipiI2mxtuqoyG+igODR+1mtrOASols6PVI9/F
KoqmP3/mEpDdGf49vbKx+OMo/K5q4jIZ+sbRw2YyZ0lgkGm/yfksUoYHf/TXXvdP
OJmVIiQ71CvLofD5kE8XurOjZ/ycVA60r+iKtZW2VBQBvo2EHAC97exgL9TnGYJA
LFpe
-----END CERTIFICATE-----
"""

MODULUS = int(
    "a7f01001a68f798f283bafbac7451ed2d42c5e3cc6a77f7173bc2ef6e05418be36b80fba0534f00bc7842f843f43848e"
    "b26233231d426e6d4e2328b2dcd66d8df7bdf6b787efc70d3770f5156838bc48bd88577a7b1f0a2a93c5b4197ecd042e"
    "3b595fa87ee142183c03b5e23313229542e66c78e886bd8e0e760fad5d27a607dbf713190bba7893e7f7762f948d3eac"
    "b0ac148d4a55293894791bc47c7a2578872ca7ca8a69b9681ef50cae77b0c215e2ae8acecf4c83dc297602c33638c657"
    "64a4b79aaa862eda10fedb9260f361cdd0139abc52b2beb6caa94dad8ed847a05e71327c68eff2c9e60621c2a14cbc0f"
    "0f51a8a944e9196ab28cc6769516f321",
    16,
)

PRIVATE_EXPONENT = int(
    "1a8cc86b0a631a6bb8879f239f475d3525981219f7aa196add4a3dfe87bea3dec695d8dea6de14a93814bcd26292110d"
    "e243c623e207539ff23f7abab4512e26c8a8fead4b4f6c1fb9c920e60e8111bb4a4398d8e34827fa4d3c6f59ac834b0a"
    "e8151c1b6e5bbc704a64a7c7a81d795531ab6e30bb4a3a039063b7dcc7a2720c005fef30ac2fea5c3179a2e85918e781"
    "6723f505db7e439e1290221d3fe48e9b53ee7fd33ae7126719e2208bdafd3419dffec4ab50e37672fe9e98374490b493"
    "f849314b8eca0b7c92e3b0085d0af969b4fddd86b0e2a1b6189f18393b9b9f8cda809ecceac97ad37f6556c413f06deb"
    "6cfc6597a41ac4f7c9dde03e332819f5",
    16,
)
