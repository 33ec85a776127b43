# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Create sample fleets for reports, which depend only on the size and the day."""

from __future__ import annotations

import random
from typing import Any

from ansible_collections.alicloud.imds.plugins.module_utils._preflight._catalog import CATALOG

Entry = dict[str, Any]

REGIONS = ("cn-hangzhou", "cn-shanghai", "cn-beijing", "cn-shenzhen", "ap-southeast-1", "eu-central-1", "us-west-1")
SHARES = (30, 25, 15, 12, 9, 6, 3)
KINDS = ("web", "api", "db", "cache", "batch", "gateway")

# The evidence of some findings; the catalog of the preflight check has their other fields.
EVIDENCE = {
    "cloud_init_too_old": "version: 20.4.1, path: /usr/bin/cloud-init, first_good: 23.1",
    "python_credentials_too_old": "path: /opt/billing/venv/lib/python3.9/site-packages/alibabacloud_credentials-0.3.5.dist-info, "
    "version: 0.3.5, first_good: 0.3.6",
    "caller_normal_mode": "exe: /usr/local/bin/backup.sh, unit: cron.service, uid: 0, last_seen: 2026-11-23T03:00:12Z, count: 48",
    "script_normal_mode": "path: /etc/cron.d/inventory, line: 3, reads: metadata",
    "ossutil_normal_mode": "path: /usr/local/bin/ossutil, version: 1.7.19",
    "process_older_than_package": "pid: 812, path: /opt/billing/venv/lib/python3.9/site-packages/oss2-2.19.1.dist-info, version: 2.19.1",
    "not_examined": "path: /srv/containers, check: libraries, reason: Permission denied",
}
CALLERS = (
    ("/usr/local/bin/backup.sh", "cron.service", "root", "identity"),
    ("/opt/billing/venv/bin/python3.9", "billing.service", "billing", "role credentials"),
    ("/usr/bin/curl", "user@1000.service", "deploy", "network"),
    ("/usr/bin/java", "docker-3f1c9a.scope", "uid 10001", "role credentials"),
)


def fleet(size: int, hardened: float = 0.93, seed: int = 7) -> list[Entry]:
    """Return *size* hosts, of which the share *hardened* requires tokens."""
    return [_host(number, None, random.Random(seed * 100_000 + number), hardened) for number in range(size)]


def future(size: int) -> dict[str, Any]:
    """Return what provisioning_info returns for *size* launch templates, scaling configurations, images and scaling groups each."""
    verdicts = ("compliant", "optional", "blocked_by_image", "unknown", "endpoint_disabled")
    kinds = (("launch_template", "lt"), ("scaling_configuration", "asc"), ("image", "m"), ("scaling_group", "asg"))
    rows = [
        {
            "kind": kind,
            "id": f"{short}-bp1{number:017}",
            "region_id": REGIONS[number % len(REGIONS)],
            "name": f"shop-{KINDS[number % len(KINDS)]}-{short}",
            "version": number + 1 if short == "lt" else None,
            "default": number % 2 == 0 if short == "lt" else None,
            "image_id": f"m-bp1{number:017}",
            "verdict": verdicts[(number + place) % len(verdicts)],
            "reason": "The image m-bp10000000000000001 has ImdsSupport v1. Tokens cannot be required."
            if short == "m"
            else None,
        }
        for number in range(size)
        for place, (kind, short) in enumerate(kinds)
    ]
    failed = [{"region_id": "me-east-1", "error": "DescribeLaunchTemplates is not permitted (Forbidden.RAM)."}]
    return {"resources": rows, "failed_regions": failed, "errors": []}


def three() -> list[Entry]:
    """Return a host that is ready, one that is blocked and a compliant one."""
    chance = random.Random(1)
    hosts = [_host(number, "cn-hangzhou", chance, 1.0) for number in range(3)]
    for host, name in zip(hosts, ("web1", "billing1", "db1")):
        host.update(host=name, name="shop-" + name, callers=[], findings=[], outcome=None, fence=None, batch=None)
    for host in hosts[:2]:
        _open(host)
    hosts[1]["findings"] = [_finding("python_credentials_too_old"), _finding("ossutil_normal_mode")]
    hosts[1]["callers"] = [_caller(CALLERS[1], chance)]
    return hosts


def _host(number: int, region: str | None, chance: random.Random, hardened: float) -> Entry:
    region = region or chance.choices(REGIONS, SHARES)[0]
    kind = chance.choice(KINDS)
    host: Entry = {
        "host": "%s-%04d.%s.example.com" % (kind, number, region),
        "instance_id": "i-%s%017d" % ({"cn-hangzhou": "bp1"}.get(region, "uf6"), number * 7919),
        "region_id": region,
        "name": "shop-%s-%d" % (kind, number),
        "control_plane": _control("required", "compliant"),
        "in_guest": {"verdict": "required", "problems": []},
        "findings": [],
        "callers": [],
        "fence": {"mode": "enforce", "counters": {"accepted": chance.randrange(9000), "refused": chance.randrange(40)}},
        "outcome": {"result": "unchanged", "reason": None},
        "batch": "3 of 3",
    }
    if chance.random() > hardened:
        _open(host)
        for name in chance.sample(sorted(EVIDENCE), chance.choice((0, 0, 1, 1, 2, 4))):
            host["findings"].append(_finding(name))
        if any(it["id"] == "caller_normal_mode" for it in host["findings"]) or chance.random() < 0.1:
            host["callers"] = [_caller(it, chance) for it in chance.sample(CALLERS, chance.choice((1, 2)))]
    else:
        _rare(host, chance.random())
    if host["callers"] is not None:
        host["callers"].append(
            {
                **_caller(("/usr/bin/cloud-init", "cloud-init.service", "root", "all"), chance),
                "mode": "token_authenticated",
            }
        )
    return host


def _rare(host: Entry, dice: float) -> None:
    if dice < 0.015:
        host["control_plane"] = _control(
            "optional", "exempt", "It is a node of the ACK cluster c3f0, whose options are fixed."
        )
        host.update(in_guest={"verdict": "optional", "problems": []}, fence=None, outcome={"result": "skipped"})
    elif dice < 0.025:
        host["control_plane"] = dict(_control("required", "endpoint_disabled"), http_endpoint="disabled")
        host["in_guest"] = {"verdict": "disabled", "problems": []}
    elif dice < 0.030:
        host.update(control_plane=None, in_guest={"verdict": "unreachable", "problems": ["No answer within 5 s."]})
        host.update(
            findings=None, callers=None, fence=None, outcome={"result": "unreachable", "reason": "SSH timed out."}
        )
    elif dice < 0.033:
        host["in_guest"] = {"verdict": "optional", "problems": []}
    elif dice < 0.06:
        waiver = {"reason": "Replaced with the next image", "expires": "2099-01-31"}
        host["findings"] = [dict(_finding("ossutil_normal_mode"), waived=waiver)]
    elif dice < 0.4:
        host["outcome"] = {"result": "changed", "reason": None}


def _open(host: Entry) -> None:
    host.update(control_plane=_control("optional", "optional"), in_guest={"verdict": "optional", "problems": []})
    host.update(fence={"mode": "audit", "counters": {"would refuse": 12}}, outcome=None, batch=None)


def _control(tokens: str, verdict: str, reason: str | None = None) -> Entry:
    view = {"http_tokens": tokens, "http_endpoint": "enabled", "instance_metadata_tags": "disabled"}
    return {**view, "verdict": verdict, "reason": reason}


def _finding(name: str) -> Entry:
    kind = CATALOG[name]
    texts = {"title": kind.title, "impact": kind.impact, "remedy": kind.remedy}
    return {"id": name, "severity": kind.severity, **texts, "evidence": EVIDENCE[name], "waived": None}


def _caller(told: tuple[str, str, str, str], chance: random.Random) -> Entry:
    exe, unit, user, path_class = told
    day = chance.randrange(10, 24)
    seen = {"first_seen": "2026-11-01T06:25:00Z", "last_seen": "2026-11-%02dT%02d:00:12Z" % (day, chance.randrange(24))}
    named = {"mode": "normal_mode", "exe": exe, "unit": unit, "user": user, "path_class": path_class}
    return {**named, **seen, "count": chance.randrange(1, 900), "noise": None}
