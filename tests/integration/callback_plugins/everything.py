# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: everything
type: notification
short_description: Writes all that a log collector could see to a file, one JSON document per event
description: For tests only.
options: {}
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "everything"

    def v2_on_any(self, *args, **kwargs):
        events = [getattr(event, "_result", repr(event)) for event in (*args, *kwargs.values())]
        with open(os.environ["EVERYTHING_FILE"], "a", encoding="utf-8") as stream:
            stream.write(json.dumps(events, default=repr) + "\n")
