# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Vocabulary of programs: what sends a request, what only prepares one, and what surely does not. Data only."""

import re

# Commands that send requests.
TOOLS = re.compile(
    r"(?<![\w.$/-])(?:[\w./$-]*/)?(?:curl|wget2?|aria2c|axel|lynx|elinks|w3m|uclient-fetch|lwp-request|lwp-download|"
    r"ncat|socat|telnet|netcat|httpie|curlie|xh)(?:\.exe)?(?![\w./=-])"
    r"|(?:^|[|;&(]|\bxargs|\bsudo|\btimeout\s+\S+|\bbusybox|\bexec)\s*(?:-\S+\s+)*(?:nc|https?|fetch|GET|HEAD|ab|links|ftp)\s"
    r"|/dev/tcp/|/inet/(?:tcp|udp)?[46]?/|\b(?:iwr|irm|Invoke-WebRequest|Invoke-RestMethod)\b"
)
# Tools that are installed or searched for, not run.
NOT_RUN = re.compile(
    r"\b(?:apt(?:-get)?|yum|dnf|apk|zypper|pacman|brew|pip3?|microdnf)\b.*\b(?:install|add)\b|\b(?:command\s+-v|which|"
    r"type|hash|rpm\s+-q|dpkg\s+-[sl])\s"
)
OUTPUT_COMMANDS = frozenset(
    "echo printf print log warn error err die info debug fatal fail msg note notice usage help logger ocf_log ocf_exit_reason "
    "ohai say log_info log_error log_warn log_debug log_warning abort whiptail dialog banner figlet notify-send wall cecho".split()
)
# Commands that name an address without sending a request to it.
OTHER_COMMANDS = frozenset(
    "grep egrep fgrep rg ag ack sed gsed tcpdump tshark ss netstat lsof ping ping6 fping arping traceroute tracepath mtr dig host "
    "nslookup getent iptables ip6tables iptables-legacy iptables-nft ebtables nft ipset ip route tc conntrack firewall-cmd ufw csf "
    "shorewall pfctl ipfw test [ [[ case export unset alias git jq yq find cmp diff sort uniq cut tr head tail less more cat tee cp mv "
    "rm ln touch mkdir chmod chown set shift return exit break continue local readonly declare typeset let expr true false : read "
    "sysctl systemctl service chattr nmcli networkctl resolvectl hostnamectl ecs-metadata nmap whois man info kubectl helm docker "
    "podman psql mysql sqlite3 redis-cli etcdctl semanage setsebool augtool crudini netsh New-NetFirewallRule Set-NetFirewallRule "
    "Test-NetConnection tnc Write-Host Write-Output Write-Error Write-Verbose Write-Warning add-apt-repository nmtui route.exe "
    "wait sleep awk gawk printenv dpkg rpm in esac fi done for select function pgrep pkill arp ipcalc ssh-keyscan envsubst lsmod "
    "REM rem title hosts auditctl ausearch journalctl ".split()
)
ASSERTIONS = re.compile(
    r"\bAssert(?:ions?)?(?:\.|::)|(?:->|::|\.)assert\w+\(|"
    r"(?<![\w.])(?:assert\w*|expect|should|refute\w*|it|describe|test)\s*[( ]|parametrize|"
    r"\.(?:toBe|toThrow|should)\b"
)
# Names of what must not be reached, or is no request.
DENIED = re.compile(
    r"(?i)(?:^|[^a-z])(?:den(?:y|ied|ies)|block(?:ed|s|ing|list)?|black_?list\w*|forbid(?:den)?|refus\w*|reject\w*|"
    r"drop(?:ped)?|ssrf|waf|bogons?"
    r"|reserved|restricted|disallow\w*|unsafe|danger\w*|banned?|blackhole\w*|prohibit\w*|guard\w*|no_?proxy\w*|"
    r"non_?proxy_?hosts|proxy_?bypass|bypass"
    r"|exclu\w*|ignor\w*|except|skip\w*|allow(?:ed|list)?|white_?list\w*|trusted|intern(?:al)?|private|sensitive|"
    r"protected|payloads?|routes?"
    r"|cidrs?|networks?|ranges?|regex|patterns?|firewall\w*|policy|policies|acl|sinkhole|quarantin\w*|signatures?|"
    r"invalid|evil|attack\w*|malicious|"
    r"hosts_entry|extra_?hosts|metadata_ips?|link_?local)(?![a-z])"
)
DOCUMENTED = re.compile(
    r"(?i)(?:^|[^a-z])(?:doc|docs|moduledoc|typedoc|documentation|description|desc|summary|help|usage|epilog|message|msg|title|note|"
    r"notes|comment|comments|label|labels|example|examples"
    r"|see|readme|about|hint|text|longdesc|shortdesc|synopsis|banner|motd|error|errors|warning|annotations?|fixme|"
    r"todo|changelog|remark|reason|info)(?![a-z])"
)
# Calls in programs that print or raise a text.
OUTPUT_CALLS = re.compile(
    r"(?i)(?<![\w$])(?:print(?:ln|f)?|puts|echo|say|die|warn|raise|throw|panic|fail|abort|exit|sys\.exit|systemexit|confess|croak|carp"
    r"|(?:\w+\.)*(?:log|logger|logging|console|fmt|stderr|stdout|slog|log4j|errors|syslog|messages?|echo|click|typer)(?:\.|->|::)\w+"
    r"|error_log|printk|write-(?:host|output|error|verbose|warning)|add_argument|argumentparser|add_parser|option|"
    r"document\.write|std::cerr|std::cout"
    r"|throw\s+new\s+\w+|\w*Error|\w*Exception)(?:\s|\(|!|$)"
)
# Calls that send a request, in the libraries of many languages.
CALLS = re.compile(
    r"(?i)(?<![\w])(?:url[o]pen|urlretrieve|urlgrab\w*|requests?\.(?:get|head|request|options|post|delete)|"
    r"httpx\.(?:get|head|request|stream)"
    r"|open_url|fetch_url|getprint|getstore|mirror|file_get_contents|fopen|curl_exec|curl_multi_exec|"
    r"curl_easy_perform|readfile|simplexml_load_file|get_headers"
    r"|wp_remote_get|getjson|http_?get|fromurl|readlines|download\.file|read\.(?:csv|table|lines)|http[s]?\.(?:get|request|"
    r"head)|request_uri|(?<![.>])geturl|http::geturl"
    r"|feignclient|registerrestclient|got|axios|needle|superagent|nodefetch|node_fetch|ky|reqwest::get|blocking::get|"
    r"ureq::get|grequests|jsoup\.connect|openstream|readtext|dialtcp"
    r"|getforobject|getforentity|newcall|getstringasync|getasync|getbytearrayasync|getstreamasync|downloadstring|"
    r"downloadfile|downloaddata|sendasync"
    r"|invoke-restmethod|invoke-webrequest|iwr|irm|start-bitstransfer|string\(contentsof|data\(contentsof|datatask|"
    r"httppoison\.get|httpc:request"
    r"|uri\.open|restclient\.get|httparty\.get|faraday\.get|excon\.get|net::http\.get\w*|typhoeus\.get|open-uri|"
    r"urlread|webread|slurp|uri\.read|lookup"
    r"|getinputstream|getresponsecode|getresponse|getcontent|send_request|urlfetch\.fetch|xmlhttprequest|loadhtml\w*|"
    r"ioutils\.tostring|urltostring)(?![\w-])"
)
# Bare functions that some languages provide.
BARE_CALLS = {
    "javascript": re.compile(r"(?<![\w.$])(?:fetch|axios|got|request|needle|\$\.get|\$\.ajax|ky|nodeFetch)\s*\("),
    "perl": re.compile(r"(?<![\w>$:&])(?:get|head|getprint|getstore|mirror)\s*[(\s]"),
    "ruby": re.compile(r"(?<![\w.])(?:open\s*\(|source\s*[(\"'])"),
    "php": re.compile(r"(?<![\w>:$])(?:file|copy|getimagesize)\s*\("),
    "hash": re.compile(r"(?<![\w.])(?:GET|HEAD|url|scan|source|fromJSON)\s*\("),
    "lua": re.compile(r"(?<![\w.])fetch\s*\("),
    "haskell": re.compile(
        r"(?<![\w.])(?:\w+\.)?(?:get|getWith|simpleHttp|simpleHTTP|getRequest|"
        r"httpLBS|httpLbs|httpBS|httpJSON|parseRequest_?)\s+\S"
    ),
    "clojure": re.compile(r"\(\s*(?:[\w.-]+/(?:get|head|request)|slurp|GET|fetch|http-get)\s"),
    "erlang": re.compile(r"\b(?:httpc:request|hackney:(?:get|request)|ibrowse:send_req|gun:get|lhttpc:request)\s*\("),
    "rust": re.compile(r"(?<![\w.])get\s*\("),
}
# Methods of clients of HTTP.
METHODS = re.compile(
    r"(?i)(?:\.|->|::|:)\s*(?:get|head|options|request|open|fetch|send|execute|do|perform|exchange|retrieve|call|"
    r"connect|newcall|get_response|request_get"
    r"|get_json|send_request|url[o]pen|read_url|getjson|get_url(?=\(\s*[^)\s])|geturl(?=\(\s*[^)\s])|getbody|stream)\b!?\s*(?:[(<]|$|['\"])|"
    r"new\s+URL\([^)]*\)\.text|\.toURL\(\)\.text|->get\b|\.getText\b|\.Do\("
)
NOT_METHODS = re.compile(
    r"(?i)(?:os\.)?environ\.get|\benv\.get|getenv|get_env|process\.env|(?:conf(?:ig)?|cfg|settings?|options?|opts|"
    r"params?|args?|props?|properties|headers?|cache|defaults|map|dict|data|vars|facts)\w*(?:\.|->)get"
    r"|(?:\.|->)get(?:property|ordefault|string(?!async)|header|logger|attribute)\w*|\.headers?\.\w+|logger\.\w+|"
    r"\.open\([^)]*\.(?:txt|json|conf|log)"
)
# Calls that prepare a request or connection, which another call sends.
PREPARED = re.compile(
    r"(?i)httpconnection|create_connection|net::http\.(?:new|start)|io::socket|tcpsocket|fsockopen|"
    r"stream_socket_client|net\.dial\w*|openconnection|newrequest\w*"
    r"|(?-i:(?<!\w)Request\()|request\.builder|newbuilder|net::http::get\.new|http::request|axios\.create|got\.extend|"
    r"ky\.(?:create|extend)|asyncclient\(|httpx\.client\(|curl_init|setopt\w*|curl_easy_setopt"
    r"|(?<=new )httpget\(|webrequest\.create|\.seturl|httprequestmessage|clientsession\(|faraday\.new|resty\.new|createrequest|"
    r"\.connect\((?=\s*[\w\"'(&])|basic_request"
    r"|curl\.new|httpclient\.new|resource\.new|xhr\.open|xmlhttp\.open|urirequest|urlrequest\(|http_request\(|"
    r"dns\.resolve|socket\.socket"
)
# Calls that run a command of the shell.
RUNS = re.compile(
    r"(?i)(?<![\w])(?:system|popen\d?|exec\w*|spawn\w*|subprocess\.\w+|check_output|check_call|run_command|run|call|"
    r"shell_exec|passthru|proc_open|qx|%x|backtick|sh|shell|command|"
    r"getoutput|getstatusoutput|commands\.\w+|open3\.\w+|execsync|spawnsync|processbuilder|runtime|getruntime|"
    r"io\.popen|os\.execute|execution\.execute|setcode|getline|paramiko|exec_command|Command::new|cmd|Process\.Start)(?![\w])"
)
# Calls that only take the answer of a request.
RESPONSES = re.compile(r"(?i)(?:getresponse|getinputstream|getresponsecode|getcontent)(?=\s*\(\s*\)|\s*[^(\w\s]|\s*\Z)")
# Raw requests that a program writes into a connection itself.
RAW_REQUEST = re.compile(r"(?:GET|HEAD)\s+(?:/|%s|\$|\{|#\{|\"|')")
PUT = re.compile(
    r"(?i)(?<![\w])(?:-X\s*[\"']?PUT|--request[ =][\"']?PUT|--method[ =][\"']?PUT|-sT\b|-T\b|\bput\b|"
    r"MethodPut|HttpPut|\.put\w*\()"
)
LIBRARY_CONSTRUCTORS = frozenset(
    "URL URI Uri Url Path Request HttpGet HttpClient WebClient RestClient RestTemplate Client UserAgent Session "
    "String Set List Array Map Object Error Value Addr IP Regexp RegExp Pattern".split()
)
