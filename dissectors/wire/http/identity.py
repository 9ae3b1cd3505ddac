"""What in a head of HTTP identifies a person or a machine."""
from __future__ import annotations

import re
from typing import Final

from dissectors.kit.identity import HOST, UNIQUE, USER, Identity, host_of, hosts_in, hosts_of_urls
from dissectors.wire.http.message import Head, Pairs, as_text

# Fields whose values are, or begin with, the name of a host (RFC 9110 §7.2, RFC 7239, and what proxies write).
_ONE_HOST: Final = frozenset((
    b"host", b"x-forwarded-host", b"x-forwarded-server", b"server-name", b"x-served-by", b"x-server", b"x-hostname",
    b"x-backend", b"x-backend-server", b"x-host", b"x-node", b"x-forwarded-for", b"x-real-ip",
    b"cache-status", b"proxy-status", b"cdn-loop",      # an item begins with who adds it (RFC 9211, 9209, 8586: §2)
))
# Fields that carry who logged in, as proxies write them.
_USERS: Final = frozenset((
    b"x-remote-user", b"x-forwarded-user", b"x-forwarded-email", b"x-forwarded-preferred-username", b"x-webauth-user",
    b"remote-user", b"from",
))
# Fields that say in free words which device this is (UPnP).
_FREE: Final = frozenset((b"x-friendly-name", b"cpfn.upnp.org", b"hue-bridgeid"))
# Fields in which every name with a dot is a host.
_HOSTS: Final = frozenset((
    b"alt-svc", b"set-cookie", b"via", b"forwarded", b"origin", b"x-cache", b"x-cache-lookup",
    b"content-security-policy",
))
# What servers call themselves (RFC 9110 §10.2.4); another word there may be the name of the machine.
_PRODUCTS: Final = frozenset((
    "apache", "apache-coyote", "nginx", "nginx-unit", "openresty", "tengine", "caddy", "lighttpd", "litespeed",
    "cloudflare", "microsoft-iis", "microsoft-httpapi", "gunicorn", "uvicorn", "hypercorn", "daphne", "werkzeug",
    "python", "cpython", "simplehttp", "basehttp", "wsgiserver", "aiohttp", "tornadoserver", "tornado",
    "twistedweb", "websockets", "node.js", "express", "jetty", "undertow", "tomcat", "kestrel", "envoy",
    "istio-envoy", "traefik", "haproxy", "varnish", "squid", "h2o", "gws", "gse", "esf", "sffe", "amazons3",
    "cloudfront", "akamaighost", "fastly", "vercel", "netlify", "cowboy", "mini_httpd", "thttpd", "boa", "goahead",
    "goahead-webs", "micro_httpd", "busybox", "upnp", "dlnadoc", "miniupnpd", "openssl", "mod_ssl", "php", "perl",
    "ruby", "puma", "webrick", "phusion", "passenger", "unix", "linux", "ubuntu", "debian", "centos", "fedora",
    "red", "hat", "enterprise", "win32", "win64", "windows", "freebsd", "rocky", "alpine", "almalinux", "nghttpd",
    "nghttp2", "quic-go", "aioquic", "quiche", "ngtcp2", "nghttp3", "hyper", "rocket", "actix-web", "grpc",
    "mitmproxy", "server", "http", "https", "rtsp", "custom", "with", "and", "the", "web", "proxy", "unknown",
))
_WORD: Final = re.compile(r"(?<![\w./-])[A-Za-z][\w.-]*[\w-]")   # without the version behind its slash
_VIA: Final = re.compile(r"(?:^|,)\s*\S+\s+([\w.-]+)")            # RFC 9110 §7.6.3: protocol, then who received
_FORWARDED: Final = re.compile(r"(?i)\b(?:host|by|for)=\"?([\w.-]+)")   # RFC 7239 §4
_ALTERNATIVE: Final = re.compile(r"=\"([\w.-]+):\d+\"")          # RFC 7838 §3
_UUID: Final = re.compile(r"(?i)\buuid:([\w-]+)")                # of a device (UPnP Device Architecture 2.0 §1.1.4)
_FROM: Final = re.compile(r"(?i)\b(?:hit|miss)\S* from ([\w.-]+)")       # as Squid writes it
_DOMAIN: Final = re.compile(r"(?i);\s*domain=\.?([\w.-]+)")            # RFC 6265 §4.1.2.3
_WITH_PORT: Final = re.compile(r"(?<![\w.-])([\w.-]+):\d+")             # CSP Level 3 §2.3.1
_REALM: Final = re.compile(r"(?i)\brealm=\"([^\"]+)\"")                # RFC 9110 §11.5
_PATTERNS: Final = {
    b"via": _VIA, b"forwarded": _FORWARDED, b"alt-svc": _ALTERNATIVE, b"x-cache": _FROM, b"x-cache-lookup": _FROM,
    b"set-cookie": _DOMAIN, b"content-security-policy": _WITH_PORT,
}
_USERNAME: Final = re.compile(r"(?i)\busername=\"([^\"]+)\"")     # RFC 7616 §3.4


def identities_of(head: Head | None, trailers: Pairs = ()) -> list[Identity]:
    """Hosts and users in the target and the fields of a request or a response."""
    if head is None:
        return []
    found = host_of(head.authority) + hosts_of_urls(head.target)
    if head.method == "CONNECT":
        found += host_of(head.target)
    for name, value in (*head.pairs, *trailers):
        key = name.lower()
        text = as_text(value)
        found += hosts_of_urls(text)
        if key in _ONE_HOST:
            for part in text.split(","):
                found += host_of(part.partition(";")[0])
        elif key in _HOSTS:
            found += hosts_in(text)
            pattern = _PATTERNS.get(key)
            for host in pattern.findall(text) if pattern is not None else ():
                found += host_of(host)
        elif key == b"server":
            found += [(HOST, word) for word in _WORD.findall(text) if word.lower() not in _PRODUCTS]
        elif key == b"usn":
            found += [(UNIQUE, device) for device in _UUID.findall(text)]
        elif key in _USERS:
            domain, _between, user = text.strip().rpartition("\\")      # `CORP\\alice`
            found += [(USER, user), *host_of(domain)]
        elif key in _FREE:
            found.append((UNIQUE, text))
        elif key in (b"www-authenticate", b"proxy-authenticate"):
            found += [(UNIQUE, realm) for realm in _REALM.findall(text)]
        elif key in (b"authorization", b"proxy-authorization"):
            found += [(USER, user) for user in _USERNAME.findall(text)]
    return found
