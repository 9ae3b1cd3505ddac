"""Services that are asked: RADIUS, SNMP, SIP and NetBIOS names, answered, refused and left without an answer."""
from __future__ import annotations

import time
from pathlib import Path

from samples.record.case import Case, Shows
from samples.record.cases.hosts import CLIENT, SERVER, Act, pair
from samples.record.lab import Lab

SECRET = "between-the-two"


def radiusd(knows: str = CLIENT) -> Act:
    """FreeRADIUS with one user, and with one device that it knows."""
    def prepare(lab: Lab) -> None:
        folder = lab.scratch
        (folder / "users").write_text('alice Cleartext-Password := "opensesame"\n')
        (folder / "radiusd.conf").write_text(f"""
prefix = /usr
logdir = {folder}
run_dir = {folder}
libdir = /usr/lib/freeradius
pidfile = {folder}/radiusd.pid
max_requests = 256
security {{
  max_attributes = 200
  reject_delay = 0
  status_server = no
}}
client device {{
  ipaddr = {knows}
  secret = {SECRET}
}}
modules {{
  pap {{
  }}
  files {{
    usersfile = {folder}/users
  }}
}}
server default {{
  listen {{
    type = auth
    ipaddr = {SERVER}
    port = 1812
  }}
  authorize {{
    files
    pap
  }}
  authenticate {{
    Auth-Type PAP {{
      pap
    }}
  }}
}}
""")
        folder.chmod(0o755)
        lab.start("server", ["freeradius", "-f", "-l", "stdout", "-d", str(folder), "-n", "radiusd"])
        lab.listening("server", 1812, udp=True)
    return prepare


def enters(*passwords: str) -> Act:
    """The device asks for alice, once with each password."""
    def drive(lab: Lab) -> None:
        for number, password in enumerate(passwords, 1):
            asked = lab.scratch / f"request-{number}"
            asked.write_text(f'User-Name = "alice"\nUser-Password = "{password}"\nNAS-Identifier = "ap-1"\n')
            lab.run("client", ["radclient", "-r", "3", "-t", "1", "-f", str(asked), f"{SERVER}:1812", "auth", SECRET],
                    (0, 1))
    return drive


def snmpd(lab: Lab) -> None:
    config = lab.scratch / "snmpd.conf"
    config.write_text("rocommunity for-reading\nsysLocation cellar\nsysContact nobody\n")
    lab.start("server", ["snmpd", "-f", "-Lo", "-C", "-c", str(config), "-p", str(lab.scratch / "snmpd.pid"),
                         f"udp:{SERVER}:161"], environment={"SNMP_PERSISTENT_DIR": str(lab.scratch)})
    lab.listening("server", 161, udp=True)


def manager(program: str, version: str, community: str, *words: str) -> Act:
    def drive(lab: Lab) -> None:
        lab.run("client", [program, "-v", version, "-c", community, "-r", "3", "-t", "1", "-On", SERVER, *words],
                (0, 1, 2), {"SNMP_PERSISTENT_DIR": str(lab.scratch), "MIBS": ""})
    return drive


def sipp(lab: Lab, *options: str) -> list[str]:
    return ["sipp", "-i", SERVER, "-p", "5060", "-nostdin", *options]


TCP = ("-t", "t1")                 # one connection for all calls


def phones(*options: str) -> Act:
    def prepare(lab: Lab) -> None:
        lab.start("server", sipp(lab, *options))
        lab.listening("server", 5060, udp="-t" not in options)
    return prepare


def _busy(lab: Lab, status: str) -> Path:
    """A scenario that answers each call with this status."""
    path = lab.scratch / "refuses.xml"
    via = "[last_Via:]\n[last_From:]\n[last_To:];tag=[call_number]\n[last_Call-ID:]\n[last_CSeq:]\nContent-Length: 0\n"
    path.write_text(f"""<?xml version="1.0" encoding="us-ascii"?>
<scenario name="refuses">
<recv request="INVITE"/>
<send retrans="500"><![CDATA[

SIP/2.0 {status}
{via}
]]></send>
<recv request="ACK"/>
</scenario>
""")
    return path


def refuses(status: str, *options: str) -> Act:
    def prepare(lab: Lab) -> None:
        phones("-sf", str(_busy(lab, status)), *options)(lab)
    return prepare


def _deaf(lab: Lab) -> None:
    lab.start("server", lab.python("probe", "deaf", SERVER, 5060))
    lab.listening("server", 5060, udp=True)


def _wins(lab: Lab) -> None:
    """Samba's nmbd, which holds what machines register with it."""
    config = lab.scratch / "smb.conf"
    folders = "\n".join(f"{name} directory = {lab.scratch}" for name in ("lock", "state", "cache", "pid", "private"))
    config.write_text(f"""[global]
netbios name = SHOP
workgroup = FLOOR
wins support = yes
interfaces = {SERVER}/24
bind interfaces only = yes
local master = no
domain master = no
preferred master = no
log file = {lab.scratch}/nmbd.log
ncalrpc dir = {lab.scratch}
{folders}
""")
    lab.start("server", ["nmbd", "--foreground", "--no-process-group", "-s", str(config)])
    lab.listening("server", 137, udp=True)
    time.sleep(8)                       # it registers its own names first


def _deaf_to_names(lab: Lab) -> None:
    lab.start("server", lab.python("probe", "deaf", SERVER, 137))
    lab.listening("server", 137, udp=True)


def asks_for(*names: str) -> Act:
    def drive(lab: Lab) -> None:
        config = lab.scratch / "client.conf"
        config.write_text(f"[global]\nnetbios name = CLIENT\nlock directory = {lab.scratch}\n")
        lab.run("client", lab.python("probe", "ping", SERVER, 1))
        for name in names:
            lab.run("client", ["nmblookup", "-s", str(config), "--recursion", f"--unicast={SERVER}", name], (0, 1))
        time.sleep(1.2)
        lab.run("client", lab.python("probe", "ping", SERVER, 1))
    return drive


def _listens(lab: Lab) -> None:
    lab.start("server", lab.python("tcp", "listen", SERVER, 5060, "open", "eof", "close"))
    lab.listening("server", 5060)


def calls(lab: Lab, *options: str) -> None:
    lab.run("client", ["sipp", "-sn", "uac", "-i", CLIENT, "-p", "5060", "-m", "1", "-d", "500", "-nostdin",
                       "-max_retrans", "4", "-s", "bob", *options, SERVER], (0, 1, 255))


def calls_over_tcp(*options: str) -> Act:
    def drive(lab: Lab) -> None:
        calls(lab, *TCP, *options)
    return drive


def case(protocol: str, name: str, title: str, summary: str, prepare: Act, drive: Act, *shows: Shows) -> Case:
    return Case(protocol, name, title, summary, pair(), drive, shows, prepare, seconds=30, settle_s=1.5)


ACCEPT, REJECT, ASKED = (f"radius.code == {code}" for code in (2, 3, 1))

CASES: tuple[Case, ...] = (
    case("radius", "accepted", "RADIUS: a user is let in",
         "A device asks whether alice may enter, with the right password.", radiusd(), enters("opensesame"),
         Shows(ASKED, "The question", 1, 1), Shows(ACCEPT, "She may", 1, 1)),
    case("radius", "rejected", "RADIUS: a user is kept out",
         "A device asks for alice with three passwords, none of which is right.", radiusd(),
         enters("opensesam", "sesame", "opensezame"), Shows(REJECT, "Kept out", 3, 3)),
    case("radius", "unanswered", "RADIUS: a device that the server does not know",
         "The server runs, and its list of devices has another address. It says nothing to this one, which asks four "
         "times.", radiusd("10.0.1.99"), enters("opensesame"),
         Shows(ASKED, "The questions, each of them twice", 4), Shows(f"{ACCEPT} || {REJECT}", "No answer", 0, 0)),
    case("snmp", "walk", "SNMP: a manager reads a device",
         "The manager walks through what the device says of itself (version 1), until there is nothing more of it.",
         snmpd, manager("snmpwalk", "1", "for-reading", "1.3.6.1.2.1.1.9.1.2"),
         Shows("snmp.get_next_request_element", "What comes next?", 3),
         Shows("snmp.get_response_element", "Answers", 3)),
    case("snmp", "unanswered", "SNMP: another community",
         "The manager asks with a community that the device does not know. The device says nothing.",
         snmpd, manager("snmpget", "2c", "for-writing", "1.3.6.1.2.1.1.1.0"),
         Shows("snmp.get_request_element", "The question, again and again", 3),
         Shows("snmp.get_response_element", "No answer", 0, 0)),
    case("snmp", "refused", "SNMP: reading is not writing",
         "The manager sets a value with a community that may only read.",
         snmpd, manager("snmpset", "2c", "for-reading", "1.3.6.1.2.1.1.6.0", "s", "attic"),
         Shows("snmp.error_status == 6 || snmp.error_status == 16 || snmp.error_status == 17", "It is refused", 1)),
    case("netbios", "name-found", "NetBIOS: a name server knows a name",
         "A name server of NetBIOS (Samba) is asked for its own name, which it knows, and for one that nobody has "
         "registered, of which it says so.", _wins, asks_for("SHOP#20", "ATTIC#20"),
         Shows("nbns.flags.response == 0", "The questions", 2),
         Shows("nbns.flags.response == 1", "Both have an answer", 2)),
    case("netbios", "unanswered", "NetBIOS: a name server that is none",
         "The client has a machine as its name server that speaks no NetBIOS. It asks twice for each of two names, and "
         "hears nothing.", _deaf_to_names, asks_for("SHOP#20", "ATTIC#20"),
         Shows("nbns.flags.response == 0", "The question, again and again", 3),
         Shows("nbns.flags.response == 1", "No answer", 0, 0)),
    case("sip", "call", "SIP: a call",
         "One telephone calls another (SIPp), which takes the call; half a second later it hangs up.",
         phones("-sn", "uas"), calls, Shows("sip.Method == INVITE", "The call", 1),
         Shows("sip.Method == BYE", "Its end", 1)),
    case("sip", "refused", "SIP: a number that there is not",
         "The server answers the call with 404 Not Found.", refuses("404 Not Found"), calls,
         Shows("sip.Status-Code == 404", "Not found", 1)),
    case("sip", "failed", "SIP: a server that cannot",
         "The server answers the call with 503 Service Unavailable.", refuses("503 Service Unavailable"), calls,
         Shows("sip.Status-Code == 503", "It cannot", 1)),
    case("sip", "busy", "SIP: the other side is busy",
         "The telephone answers the call with 486 Busy Here. Nothing is wrong with the network.",
         refuses("486 Busy Here"), calls, Shows("sip.Status-Code == 486", "Busy", 1)),
    case("sip", "unanswered", "SIP: nobody answers",
         "Something holds the port of the server and answers nobody. The telephone sends its call again and again.",
         _deaf, calls, Shows("sip.Method == INVITE", "The call, again and again", 4),
         Shows("sip.Status-Code", "No answer", 0, 0)),
    case("sip", "call-over-tcp", "SIP: two calls over TCP",
         "One telephone calls another twice over one TCP connection. Each call is taken, and ended half a second "
         "later.",
         phones("-sn", "uas", *TCP), calls_over_tcp("-m", "2", "-r", "2"),
         Shows("sip.Method == INVITE && tcp", "The calls", 2), Shows("sip.Method == BYE", "Their ends", 2)),
    case("sip", "refused-over-tcp", "SIP: a number that there is not, over TCP",
         "The server answers the call with 404 Not Found, over TCP.", refuses("404 Not Found", *TCP), calls_over_tcp(),
         Shows("sip.Status-Code == 404 && tcp", "Not found", 1)),
    case("sip", "unanswered-over-tcp", "SIP: nobody answers, over TCP",
         "The server takes the connection and reads, and answers nothing. After six seconds the telephone gives up.",
         _listens, calls_over_tcp("-recv_timeout", "6000", "-nd"),
         Shows("sip.Method == INVITE && tcp", "The call", 1), Shows("sip.Status-Code", "No answer", 0, 0)),
)
