"""Logins that are refused, once, again and again with the same password, or with one after the other."""
from __future__ import annotations

from samples.record.case import Case, Shows
from samples.record.cases.hosts import SERVER, Act, pair
from samples.record.certificates import Authority
from samples.record.lab import Lab
from samples.record.servers import web
from samples.record.upgraded import postfix

GUESSES = ("123456", "sunshine", "qwerty", "letmein", "dragon", "monkey", "shadow7", "master1", "summer", "winter9",
           "hunter2", "hello99")
USERS = "ann:{PLAIN}not-a-real-secret\n"


def _files(lab: Lab) -> None:
    """vsftpd for users of the system, of whom the client is none."""
    (lab.scratch / "empty").mkdir()
    lab.scratch.chmod(0o755)
    config = lab.scratch / "vsftpd.conf"
    config.write_text(f"""
listen=YES
background=NO
seccomp_sandbox=NO
secure_chroot_dir={lab.scratch}/empty
anonymous_enable=NO
local_enable=YES
delay_failed_login=0
max_login_fails=3
""")
    config.chmod(0o600)
    lab.start("server", ["vsftpd", str(config)])
    lab.listening("server", 21)


def _pages(lab: Lab) -> None:
    users = lab.scratch / "users"
    users.write_text(USERS)
    lab.scratch.chmod(0o755)
    users.chmod(0o644)
    web(lab, "server", {"page.txt": 300}, site=f'auth_basic "shop"; auth_basic_user_file {users};')


def _mail(lab: Lab) -> None:
    postfix(lab, Authority(lab.scratch).identity("mail.shop.test"))


def logs_in(url: str, user: str, passwords: tuple[str, ...], allowed: tuple[int, ...]) -> Act:
    def drive(lab: Lab) -> None:
        for password in passwords:
            lab.run("client", ["curl", "-sS", "-o", "/dev/null", "-m", "8", "-u", f"{user}:{password}", url], allowed)
    return drive


def _sends(lab: Lab) -> None:
    letter = lab.scratch / "letter.txt"
    letter.write_text("Subject: Tuesday\r\n\r\nThe delivery comes on Tuesday.\r\n", newline="")
    lab.run("client", ["curl", "-sS", "--mail-from", "ann@shop.test", "--mail-rcpt", "bob@elsewhere.test",
                       "--upload-file", str(letter), f"smtp://{SERVER}"], (0, 55, 56, 67))


def case(name: str, title: str, summary: str, prepare: Act, drive: Act, *shows: Shows) -> Case:
    return Case("login", name, f"Login: {title}", summary, pair(), drive, shows, prepare, seconds=40)


FTP_REFUSES = "ftp.response.code == 530"
CASES: tuple[Case, ...] = (
    case("ftp-guessed", "passwords of FTP are guessed", "One client tries twelve passwords for ann at an FTP server, "
         "each on a connection of its own.", _files, logs_in(f"ftp://{SERVER}/", "ann", GUESSES, (67,)),
         Shows(FTP_REFUSES, "Refusals", 12, 12)),
    case("ftp-old-password", "a program with an old password", "A program tries the same password at an FTP server six "
         "times.", _files, logs_in(f"ftp://{SERVER}/", "ann", GUESSES[:1] * 6, (67,)),
         Shows(FTP_REFUSES, "Refusals", 6, 6)),
    case("http-guessed", "passwords of a page are guessed", "One client tries twelve passwords for ann at a page that "
         "wants one.", _pages, logs_in(f"http://{SERVER}/page.txt", "ann", GUESSES, (0,)),
         Shows("http.response.code == 401", "Refusals", 12, 12)),
    case("mail-refused", "a mail server that does not take a letter", "The server takes mail for shop.test alone, and "
         "refuses a letter for somebody elsewhere with 554.", _mail, _sends,
         Shows("smtp.response.code == 554", "The refusal", 1, 1)),
)
