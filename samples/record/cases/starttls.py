"""Protocols that begin in clear and change to TLS on the same connection."""
from __future__ import annotations

from samples.record.case import Case, Shows
from samples.record.cases.hosts import SERVER, Act
from samples.record.cases.tls_hosts import CLIENT_HELLO, ROOT, SERVER_HELLO, case, openssl_client
from samples.record.certificates import Authority, Identity
from samples.record.lab import Lab
from samples.record.servers import text_of
from samples.record.upgraded import MAIL, SECRET, USER, dovecot, postfix, postgres, prosody, slapd, vsftpd

MAIL_HOST = "mail.shop.test"
FINISHED = Shows("tls.handshake.type == 20", "Finished, from both sides", 2, 2)
CLIENT_STREAM = ("<stream:stream to='shop.test' version='1.0' xmlns='jabber:client' "
                 "xmlns:stream='http://etherx.jabber.org/streams'>")


def _shown(lab: Lab, name: str = MAIL_HOST) -> Identity:
    return Authority(lab.scratch).identity(name)


def _postfix(lab: Lab) -> None:
    postfix(lab, _shown(lab))


def _dovecot(lab: Lab) -> None:
    dovecot(lab, _shown(lab))


def _vsftpd(lab: Lab) -> None:
    vsftpd(lab, _shown(lab, "files.shop.test"), text_of(2_000))


def _slapd(lab: Lab) -> None:
    slapd(lab, _shown(lab, "directory.shop.test"))


def _postgres(lab: Lab) -> None:
    postgres(lab, _shown(lab, "data.shop.test"))


def _prosody(lab: Lab) -> None:
    prosody(lab, _shown(lab, "shop.test"))


def _curl(*options: str) -> Act:
    """curl, which insists on TLS (--ssl-reqd) and checks the name."""
    def drive(lab: Lab) -> None:
        root = str(lab.scratch / ROOT)
        lab.run("client", ["curl", "-sS", "-o", "/dev/null", "--ssl-reqd", "--cacert", root, *options],
                environment={"SSLKEYLOGFILE": str(lab.keys)})
    return drive


def _send(lab: Lab) -> None:
    letter = lab.scratch / "letter.txt"
    letter.write_text(MAIL, newline="")
    _curl("--mail-from", "ann@shop.test", "--mail-rcpt", "bob@shop.test", "--upload-file", str(letter),
          f"smtp://{MAIL_HOST}")(lab)


def _fetch(lab: Lab) -> None:
    lab.run("client", lab.python("ftp", SERVER, "files.shop.test", lab.scratch / ROOT, lab.keys, "page.txt"))


def _look_up(lab: Lab) -> None:
    host, base = "ldap://directory.shop.test", "dc=shop,dc=test"
    lab.run("client", ["ldapsearch", "-x", "-ZZ", "-H", host, "-b", base, "(cn=Ann)"],
            environment={"SSLKEYLOGFILE": str(lab.keys), "LDAPTLS_CACERT": str(lab.scratch / ROOT)})


def message(kind: str, body: str) -> str:
    """A message of PostgreSQL's protocol: type, length, body. The first one has no type."""
    return kind + (len(body) + 4).to_bytes(4, "big").decode("latin-1") + body


def _query(lab: Lab) -> None:
    start = message("", "\0\3\0\0user\0postgres\0database\0postgres\0\0")
    openssl_client(lab, "-starttls", "postgres", "-quiet", name="data.shop.test", port=5432, words=(
        0.3, start, 0.3, message("Q", "select 'hello'\0"), 0.3, message("X", ""), 0.2))


def _chat(lab: Lab) -> None:
    openssl_client(lab, "-starttls", "xmpp", "-xmpphost", "shop.test", "-quiet", name="shop.test", port=5222, words=(
        0.3, "<?xml version='1.0'?>" + CLIENT_STREAM, 0.4, "</stream:stream>", 0.3))


CASES: tuple[Case, ...] = (
    case("starttls-smtp", "STARTTLS in SMTP",
         "curl hands a letter to Postfix. The server offers STARTTLS in its greeting, the client asks for it, and the "
         "TLS handshake follows on the same connection; after it EHLO is said again.",
         _postfix, _send,
         Shows('smtp.command_line contains "STARTTLS"', "STARTTLS", 1, 1), CLIENT_HELLO, SERVER_HELLO, FINISHED,
         Shows('smtp.req.command == "EHLO"', "EHLO, in clear and again encrypted", 2, 2),
         Shows('smtp.req.command == "DATA"', "The letter, decrypted", 1, 1), names=(MAIL_HOST,)),
    case("starttls-imap", "STARTTLS in IMAP",
         "curl reads a message from Dovecot. The login waits until STARTTLS has encrypted the connection.",
         _dovecot, _curl("-u", f"{USER}:{SECRET}", f"imap://{MAIL_HOST}/INBOX;MAILINDEX=1"),
         Shows('imap.request.command == "STARTTLS"', "STARTTLS", 1, 1), CLIENT_HELLO, SERVER_HELLO, FINISHED,
         Shows('imap.request.command == "FETCH"', "The message is fetched, decrypted", 1, 1), names=(MAIL_HOST,)),
    case("starttls-pop3", "STLS in POP3",
         "curl fetches a message from Dovecot over POP3, whose word for STARTTLS is STLS.",
         _dovecot, _curl("-u", f"{USER}:{SECRET}", f"pop3://{MAIL_HOST}/1"),
         Shows('pop.request.command == "STLS"', "STLS", 1, 1), CLIENT_HELLO, SERVER_HELLO, FINISHED,
         Shows('pop.request.command == "RETR"', "The message is fetched, decrypted", 1, 1), names=(MAIL_HOST,)),
    case("starttls-ftp", "AUTH TLS in FTP",
         "Python's ftplib fetches a file from vsftpd. AUTH TLS encrypts the control connection, PROT P the data "
         "connection, which has a handshake of its own.",
         _vsftpd, _fetch,
         Shows('ftp.request.command == "AUTH"', "AUTH TLS", 1, 1),
         Shows("tls.handshake.type == 1", "ClientHello on both connections", 2, 2),
         Shows('ftp.request.command == "PROT"', "The data connection shall be encrypted", 1, 1),
         Shows('ftp.request.command == "RETR"', "The file is asked for", 1, 1)),
    case("starttls-ldap", "StartTLS in LDAP",
         "ldapsearch asks OpenLDAP's server for one person. StartTLS is an extended operation of LDAP (RFC 4511).",
         _slapd, _look_up,
         Shows('ldap.requestName == "1.3.6.1.4.1.1466.20037"', "StartTLS is asked for", 1, 1),
         CLIENT_HELLO, SERVER_HELLO, FINISHED,
         Shows("ldap.searchRequest_element || ldap.protocolOp == 3", "The search, decrypted", 1, 1),
         names=("directory.shop.test",)),
    case("starttls-postgresql", "TLS in PostgreSQL",
         "The client asks with eight bytes (SSLRequest) whether the server speaks TLS, and the server answers with a "
         "single S. Inside the session: a login and one query.",
         _postgres, _query,
         Shows("tcp.len == 8 && tcp.dstport == 5432 && pgsql", "SSLRequest", 1, 1),
         Shows("tcp.len == 1 && tcp.srcport == 5432", "S: yes", 1, 1),
         Shows("tls.handshake.type == 1", "ClientHello, and once more after a HelloRetryRequest", 2, 2), FINISHED,
         Shows('pgsql.query == "select \'hello\'"', "The query, decrypted", 1, 1)),
    case("starttls-xmpp", "STARTTLS in XMPP",
         "A chat client opens a stream at Prosody, is told that TLS is required, asks for it with a starttls element "
         "and is told to proceed.",
         _prosody, _chat,
         Shows("xmpp.starttls", "starttls", 1, 1), Shows("xmpp.proceed", "proceed", 1, 1),
         CLIENT_HELLO, SERVER_HELLO, FINISHED),
)
