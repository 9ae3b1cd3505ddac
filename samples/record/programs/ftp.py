"""Fetches a file over FTP with TLS on both connections: `ftp.py ADDRESS NAME TRUST KEYS FILE`."""
from __future__ import annotations

import ftplib
import ssl
import sys


def main(arguments: list[str]) -> None:
    address, name, trust, keys, file = arguments
    context = ssl.create_default_context(cafile=trust)
    context.keylog_filename = keys
    with ftplib.FTP_TLS(context=context) as session:
        session.connect(address)
        session.host = name              # what the certificate is compared with
        session.login()                  # says AUTH TLS first
        session.prot_p()
        session.retrbinary(f"RETR {file}", lambda data: None)


if __name__ == "__main__":
    main(sys.argv[1:])
