"""Configurations of the servers that begin in clear and change to TLS: mail, files, directory, database, chat."""
from __future__ import annotations

import shutil
from pathlib import Path

from samples.record.certificates import Identity
from samples.record.lab import Lab

HOST = "server"
USER, SECRET = "ann", "not-a-real-secret"
MAIL = "Subject: Tuesday\r\nFrom: ann@shop.test\r\nTo: bob@shop.test\r\n\r\nThe delivery comes on Tuesday.\r\n"


def _folder(lab: Lab, name: str) -> Path:
    folder = lab.scratch / name
    folder.mkdir()
    lab.scratch.chmod(0o755)
    return folder


def postfix(lab: Lab, shown: Identity) -> None:
    """SMTP on port 25; mail for shop.test is thrown away."""
    folder = _folder(lab, "postfix")
    for name in ("spool", "data"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix")
    (folder / "main.cf").write_text(f"""
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = /dev/stdout
myhostname = mail.shop.test
mydestination =
relay_domains = shop.test
relay_transport = discard
inet_interfaces = all
inet_protocols = ipv4
smtpd_peername_lookup = no
smtpd_tls_security_level = may
smtpd_tls_chain_files = {shown.key} {shown.chain}
smtpd_relay_restrictions = permit_auth_destination, reject
disable_dns_lookups = yes
local_recipient_maps =
alias_maps =
""")
    table = {
        "smtp": "inet n - n - - smtpd", "cleanup": "unix n - n - 0 cleanup", "qmgr": "unix n - n 300 1 qmgr",
        "tlsmgr": "unix - - n 1000? 1 tlsmgr", "rewrite": "unix - - n - - trivial-rewrite",
        "bounce": "unix - - n - 0 bounce", "defer": "unix - - n - 0 bounce", "trace": "unix - - n - 0 bounce",
        "discard": "unix - - n - - discard", "anvil": "unix - - n - 1 anvil", "proxymap": "unix - - n - - proxymap",
        "postlog": "unix-dgram n - n - 1 postlogd",
    }
    (folder / "master.cf").write_text("".join(f"{name} {row}\n" for name, row in table.items()))
    lab.start(HOST, ["postfix", "-c", str(folder), "start-fg"])
    lab.listening(HOST, 25)


def dovecot(lab: Lab, shown: Identity) -> None:
    """IMAP on port 143 and POP3 on port 110, with one message in ann's box."""
    folder = _folder(lab, "dovecot")
    box = folder / "box"
    for name in ("cur", "new", "tmp"):
        (box / name).mkdir(parents=True)
    (box / "new" / "1.mail.shop.test").write_text(MAIL, newline="")
    for path in (box, *box.rglob("*")):
        shutil.chown(path, "mail", "mail")
    config = folder / "dovecot.conf"
    config.write_text(f"""
protocols = imap pop3
base_dir = {folder}/run
state_dir = {folder}/state
log_path = /dev/stderr
listen = 0.0.0.0
ssl = yes
ssl_cert = <{shown.chain}
ssl_key = <{shown.key}
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = yes
mail_location = maildir:{box}
first_valid_uid = 1
passdb {{
  driver = static
  args = password={SECRET}
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={folder}
}}
""")
    lab.start(HOST, ["dovecot", "-F", "-c", str(config)])
    lab.listening(HOST, 143)
    lab.listening(HOST, 110)


def vsftpd(lab: Lab, shown: Identity, text: str) -> None:
    """FTP on port 21 with one file, for everybody; control and data must be encrypted."""
    root = _folder(lab, "ftp")
    root.chmod(0o555)
    file = root / "page.txt"
    file.write_text(text)
    file.chmod(0o444)
    (lab.scratch / "empty").mkdir()
    config = lab.scratch / "vsftpd.conf"
    config.write_text(f"""
listen=YES
background=NO
seccomp_sandbox=NO
secure_chroot_dir={lab.scratch}/empty
anonymous_enable=YES
anon_root={root}
local_enable=NO
no_anon_password=NO
ssl_enable=YES
allow_anon_ssl=YES
force_anon_logins_ssl=YES
force_anon_data_ssl=YES
require_ssl_reuse=NO
ssl_ciphers=HIGH
rsa_cert_file={shown.chain}
rsa_private_key_file={shown.key}
pasv_min_port=50000
pasv_max_port=50010
""")
    config.chmod(0o600)
    lab.start(HOST, ["vsftpd", str(config)])
    lab.listening(HOST, 21)


def slapd(lab: Lab, shown: Identity) -> None:
    """LDAP on port 389 with one person in dc=shop,dc=test."""
    folder = _folder(lab, "slapd")
    (folder / "db").mkdir()
    config = folder / "slapd.conf"
    config.write_text(f"""
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
TLSCertificateFile {shown.chain}
TLSCertificateKeyFile {shown.key}
database mdb
suffix "dc=shop,dc=test"
directory {folder}/db
""")
    entries = folder / "entries.ldif"
    entries.write_text("""dn: dc=shop,dc=test
objectClass: dcObject
objectClass: organization
o: Shop
dc: shop

dn: cn=Ann,dc=shop,dc=test
objectClass: person
cn: Ann
sn: Example
telephoneNumber: +1 555 0100
""")
    lab.quiet(HOST, ["slapadd", "-f", str(config), "-l", str(entries)])
    lab.start(HOST, ["slapd", "-d", "0", "-h", "ldap:///", "-f", str(config)])
    lab.listening(HOST, 389)


def postgres(lab: Lab, shown: Identity) -> None:
    """PostgreSQL on port 5432; everybody is believed to be who they say."""
    folder = _folder(lab, "postgres")
    shutil.chown(folder, "postgres", "postgres")
    data = folder / "data"
    as_postgres = ["runuser", "-u", "postgres", "--"]
    bin_folder = Path(shutil.which("postgres") or "postgres").resolve().parent
    lab.quiet(HOST, [*as_postgres, str(bin_folder / "initdb"), "-D", str(data), "-A", "trust", "--no-sync"])
    for file, name in ((shown.chain, "server.crt"), (shown.key, "server.key")):
        copied = Path(shutil.copy(file, data / name))
        shutil.chown(copied, "postgres", "postgres")
        copied.chmod(0o600)
    with (data / "pg_hba.conf").open("a") as table:
        table.write("hostssl all all 10.0.0.0/8 trust\n")
    lab.start(HOST, [*as_postgres, "postgres", "-D", str(data), "-c", "listen_addresses=*", "-c", "ssl=on",
                     "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"])
    lab.listening(HOST, 5432)


def prosody(lab: Lab, shown: Identity) -> None:
    """XMPP for clients on port 5222 of shop.test."""
    folder = _folder(lab, "prosody")
    (folder / "data").mkdir()
    config = folder / "prosody.cfg.lua"
    config.write_text(f"""
run_as_root = true
data_path = "{folder}/data"
pidfile = "{folder}/prosody.pid"
interfaces = {{ "*" }}
modules_enabled = {{ "roster", "saslauth", "tls", "disco" }}
modules_disabled = {{ "s2s" }}
c2s_require_encryption = true
log = {{ info = "*console" }}
VirtualHost "shop.test"
  ssl = {{ certificate = "{shown.chain}"; key = "{shown.key}" }}
""")
    lab.start(HOST, ["prosody", "-F", "--config", str(config)])
    lab.listening(HOST, 5222)
