# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that verifies signed instance identity documents."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.alicloud.imds.plugins.plugin_utils._identity._document import IdentityError
from ansible_collections.alicloud.imds.plugins.plugin_utils._identity._signature import CannotVerify, verified


def verified_identity(pkcs7: t.Any, audience: t.Any, certificate: str | None = None) -> dict[str, str]:
    """Return the members of the document; raise AnsibleFilterError if it does not identify an instance."""
    if not isinstance(audience, str) or not audience:
        raise AnsibleFilterError("'audience' must be a text that is not empty, and that nobody can predict.")
    try:
        return verified(pkcs7, str(audience), certificate)
    except (IdentityError, CannotVerify) as exc:
        raise AnsibleFilterError("Cannot verify the identity: %s" % exc) from exc


class FilterModule:
    """Provide the filter by name."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by name."""
        return {"verified_identity": verified_identity}
