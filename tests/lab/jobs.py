# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shell scripts of jobs, by name: those that read metadata without a token, in unusual spellings, and those that do not.

FOLDER stands for a folder with the file `elsewhere`, which contains URL.
"""

from __future__ import annotations

ITEM = "/latest/meta-data/instance-id"
URL = "http://100.100.100.200" + ITEM
TOKEN = "X-aliyun-ecs-metadata-token"
GET_TOKEN = f"T=$(curl -s -X PUT -H '{TOKEN}-ttl-seconds: 60' http://100.100.100.200/latest/api/token)\n"
PYTHON_TOKEN = f"""from urllib.request import Request, urlopen
B = "http://100.100.100.200/latest/"
T = urlopen(Request(B + "api/token", method="PUT", headers={{"{TOKEN}-ttl-seconds": "60"}})).read().decode()
"""
READS = {
    "decimal": f"curl -s http://1684301000{ITEM}",
    "hexadecimal": f"curl -s http://0x646464c8{ITEM}",
    "octal": f"curl -s http://0144.0144.0144.0310{ITEM}",
    "three-parts": f"curl -s http://100.100.25800{ITEM}",
    "ipv6": f"curl -sg 'http://[fd00:100::100:200]{ITEM}'",
    "ipv6-long": f"curl -sg 'http://[fd00:0100:0:0:0:0:100:200]{ITEM}'",
    "upper-case": f"curl -s HTTP://100.100.100.200{ITEM}",
    "segments": "curl -s --path-as-is http://100.100.100.200//latest/./meta-data/instance-id",
    "percent": "curl -s http://100.100.100.200/latest/%6deta-data/instance-id",
    "port-and-user": f"curl -s http://me@100.100.100.200:80{ITEM}",
    "query": f"curl -sG -d a=b {URL}",
    "head": f"curl -sI {URL}",
    "empty-token": f"curl -s -H '{TOKEN};' {URL}",
    "dev-tcp": f"exec 3<>/dev/tcp/100.100.100.200/80\nprintf 'GET {ITEM} HTTP/1.0\\r\\n\\r\\n' >&3\ncat <&3",
    "line-feeds": f"exec 3<>/dev/tcp/100.100.100.200/80\nprintf 'GET {ITEM} HTTP/1.0\\n\\n' >&3\ncat <&3",
    "resolve": f"curl -s --resolve imds:80:100.100.100.200 http://imds{ITEM}",
    "connect-to": f"curl -s --connect-to ::100.100.100.200:80 http://imds{ITEM}",
    "proxy": f"curl -s -x http://100.100.100.200:80 http://imds{ITEM}",
    "joined": f'o=100\ncurl -s "http://$o.$o.$o.200{ITEM}"',
    "reversed": f"curl -s $(echo '{URL[::-1]}' | rev)",
    "base64": "echo Y3VybCAtcyBodHRwOi8vMTAwLjEwMC4xMDAuMjAwL2xhdGVzdC9tZXRhLWRhdGEvaW5zdGFuY2UtaWQK | base64 -d | bash",
    "hex-dump": f'curl -s "$(echo {URL.encode().hex()} | xxd -r -p)"',
    "escapes": f"curl -s $'\\x68ttp://\\x3100.100.100.200{ITEM}'",
    "config-file": f"printf 'url = {URL}\\n' | curl -s -K -",
    "from-file": "curl -s $(cat FOLDER/elsewhere)",
    "eval": f'c=curl\neval "$c -s {URL}"',
    "wget-list": f"echo {URL} | wget -qO- -i -",
    "python-parts": f"python3 - <<'P'\nimport urllib.request\nh = '.'.join(['100'] * 3 + ['200'])\n"
    f"print(urllib.request.urlopen('http://' + h + '{ITEM}').read())\nP",
    "python-number": "python3 - <<'P'\nimport http.client, ipaddress\n"
    f"c = http.client.HTTPConnection(str(ipaddress.ip_address(0x646464c8)))\nc.request('GET', '{ITEM}')\n"
    "print(c.getresponse().read())\nP",
    "perl-socket": 'perl -MIO::Socket::INET -e \'$s = IO::Socket::INET->new("100.100.100.200:80") or die; '
    f'print $s "GET {ITEM} HTTP/1.0\\r\\n\\r\\n"; print <$s>\'',
}
HARMLESS = {
    "token": GET_TOKEN + f'curl -s -H "{TOKEN}: $T" {URL}',
    "token-lower-case": GET_TOKEN + f'curl -s -H "{TOKEN.lower()}:$T" {URL}',
    "token-variable": GET_TOKEN + f'H="{TOKEN}: $T"\ncurl -s -H "$H" {URL}',
    "token-array": GET_TOKEN + f'O=(-s -H "{TOKEN}: $T")\ncurl "${{O[@]}}" {URL}',
    "token-file": GET_TOKEN + f'printf "{TOKEN}: %s\\n" "$T" > FOLDER/headers\ncurl -s -H @FOLDER/headers {URL}',
    "token-function": GET_TOKEN
    + f'get() {{ curl -s -H "{TOKEN}: $T" "http://100.100.100.200/latest/$1"; }}\nget meta-data/mac',
    "token-loop": GET_TOKEN
    + f'for i in mac zone-id; do curl -s -H "{TOKEN}: $T" http://100.100.100.200/latest/meta-data/$i; done',
    "token-decimal": GET_TOKEN + f'curl -s -H "{TOKEN}: $T" http://1684301000{ITEM}',
    "token-ipv6": GET_TOKEN + f"curl -sg -H \"{TOKEN}: $T\" 'http://[fd00:100::100:200]{ITEM}'",
    "token-wget": GET_TOKEN + f'wget -qO- --header="{TOKEN}: $T" {URL}',
    "token-pipe": GET_TOKEN + f'curl -s -H "{TOKEN}: $T" {URL} | tr a-z A-Z',
    "token-python": f"python3 - <<'P'\n{PYTHON_TOKEN}print(urlopen(Request(B + 'meta-data/mac', headers={{'{TOKEN}': T}})).read())\nP",
    "token-python-dict": f"python3 - <<'P'\n{PYTHON_TOKEN}h = {{}}\nh['{TOKEN}'] = T\n"
    "print(urlopen(Request(B + 'meta-data/mac', headers=h)).read())\nP",
    "comment": f"# curl -s {URL}\ntrue",
    "here-document": f"cat <<'H'\nNo longer: curl -s {URL}\nH",
    "null-command": f": <<'H'\ncurl -s {URL}\nH",
    "printed": f'echo "Do not use curl {URL}"',
    "usage": f"usage() {{\n  echo 'usage: x, for example instead of curl {URL}'\n}}\n[ $# -eq 0 ] && usage",
    "grep": "grep -rl 100.100.100.200 FOLDER/elsewhere",
    "sed": "sed 's/100.100.100.200/IMDS/g' FOLDER/elsewhere",
    "test": f'u=$(cat FOLDER/elsewhere)\n[ "$u" = {URL} ] && echo same',
    "case": "case ${SSH_CLIENT%% *} in\n  100.100.100.200) exit 1 ;;\nesac",
    "no-proxy": "export no_proxy=localhost,100.100.100.200\ntrue",
    "deny-list": "deny='169.254.169.254 100.100.100.200'\nfor h in $deny; do echo \"$h refused\"; done",
    "route": "ip route get 100.100.100.200",
    "other-address": "getent hosts 100.100.100.201",
    "filter": "echo 'table ip t { chain c { ip daddr 100.100.100.200 drop; }; }' | grep -c drop",
    "python-deny": "python3 - <<'P'\nBLOCKED = ('169.254.169.254', '100.100.100.200')\nprint('10.0.0.1' in BLOCKED)\nP",
    "other-host": "curl -s -m 1 'http://127.0.0.1:9/?host=100.100.100.200'",
    "data": "curl -s -m 1 -d 'url=http://100.100.100.200/' http://127.0.0.1:9/",
}
