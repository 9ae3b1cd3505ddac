"""Configurations of the real servers the cases start."""
from __future__ import annotations

from samples.record.lab import Lab


def text_of(length: int) -> str:
    """A body of exactly that many bytes, the same each time, in lines a person can follow in a hex view."""
    line = "the quick brown fox jumps over the lazy dog, line by line"
    lines = (f"{number:06d} {line}\n" for number in range(length // 60))
    return ("".join(lines) + "." * length)[:length]


def web(lab: Lab, host: str, files: dict[str, int], listen: str = "80", listen_more: str = "",
        more: str = "", site: str = "") -> None:
    """Starts nginx in the foreground on a host, with files of the given lengths.

    listen, listen_more: address or port, and parameters, of the `listen` directive. more, site: other directives of
    the http and of the server block.
    """
    root = lab.scratch / f"www-{host}"
    root.mkdir()
    root.chmod(0o755)
    lab.scratch.chmod(0o755)
    for name, length in files.items():
        (root / name).write_text(text_of(length))
    config = lab.scratch / f"nginx-{host}.conf"
    config.write_text(f"""
daemon off;
worker_processes 1;
user root;
pid {lab.scratch}/nginx-{host}.pid;
error_log stderr warn;
events {{ worker_connections 64; }}
http {{
  access_log off;
  sendfile on;
  default_type text/plain;
  client_body_temp_path {lab.scratch}/body;
  proxy_temp_path {lab.scratch}/proxy;
  fastcgi_temp_path {lab.scratch}/fastcgi;
  uwsgi_temp_path {lab.scratch}/uwsgi;
  scgi_temp_path {lab.scratch}/scgi;
  {more}
  server {{ listen {listen} {listen_more}; root {root}; {site} }}
}}
""")
    lab.start(host, ["nginx", "-c", str(config), "-e", "stderr"])
    lab.listening(host, int(listen.rsplit(":", 1)[-1]))


def named(lab: Lab, host: str, zones: dict[str, str], options: str = "") -> None:
    """Starts BIND as an authoritative server: zone name ("." is the root) to zone text or to a finished file."""
    folder = lab.scratch / f"named-{host}"
    folder.mkdir()
    stanzas: list[str] = []
    for zone, text in zones.items():
        file = folder / f"{zone.strip('.') or 'root'}.zone"
        file.write_text(text)
        stanzas.append(f'zone "{zone}" {{ type primary; file "{file}"; }};')
    config = folder / "named.conf"
    config.write_text(f"""
options {{
  directory "{folder}"; pid-file "{folder}/named.pid"; session-keyfile "{folder}/session.key";
  listen-on {{ any; }}; listen-on-v6 {{ none; }};
  recursion no; dnssec-validation no; notify no; version "authoritative"; hostname none; server-id none;
  managed-keys-directory "{folder}"; minimal-responses yes;
  {options}
}};
controls {{ }};
""" + "\n".join(stanzas))
    lab.start(host, ["named", "-g", "-n", "1", "-c", str(config)])
    lab.listening(host, 53, udp=True)


def unbound(lab: Lab, host: str, root: str, options: str = "") -> None:
    """Starts unbound as a resolver that knows one root server."""
    folder = lab.scratch / f"unbound-{host}"
    folder.mkdir()
    hints = folder / "root.hints"
    hints.write_text(f". 3600000 IN NS a.root-servers.test.\na.root-servers.test. 3600000 IN A {root}\n")
    config = folder / "unbound.conf"
    config.write_text(f"""
server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: "{folder}/unbound.pid"
  use-syslog: no
  do-daemonize: no
  interface: 0.0.0.0
  access-control: 10.0.0.0/8 allow
  do-ip6: no
  root-hints: "{hints}"
  module-config: "iterator"
  hide-identity: yes
  hide-version: yes
  qname-minimisation: yes
  local-zone: "test." nodefault
  {options}
remote-control:
  control-enable: no
""")
    lab.start(host, ["unbound", "-d", "-c", str(config)])
    lab.listening(host, 53, udp=True)

