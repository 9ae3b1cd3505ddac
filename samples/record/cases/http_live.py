"""HTTP for what goes on: server-sent events, polling, streams; and HTTP through a proxy."""
from __future__ import annotations

from samples.record.browser import chromium
from samples.record.case import Case, Shows
from samples.record.cases.hosts import CLIENT, SERVER
from samples.record.cases.http_hosts import SITE, URL, case, curl, python_web
from samples.record.cases.tls_hosts import ROOT, nginx_tls
from samples.record.lab import Lab
from samples.record.network import Host, Nic
from samples.record.servers import web

PROXY = "10.0.1.15"
PROXY_PORT = 8080
THREE_HOSTS = (
    Host("client", (Nic((f"{CLIENT}/24",), 4),), names=("127.0.0.1 localhost", f"{PROXY} proxy.test")),
    Host("proxy", (Nic((f"{PROXY}/24",), 4),), names=("127.0.0.1 localhost", f"{SERVER} {SITE}")),
    Host("server", (Nic((f"{SERVER}/24",), 8),)),
)
MASTER = """#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=64000,RESOLUTION=320x180
low.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=128000,RESOLUTION=640x360
high.m3u8
"""
MANIFEST = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT3S" minBufferTime="PT1S">
 <Period><AdaptationSet mimeType="video/mp4" segmentAlignment="true">
  <Representation id="low" bandwidth="64000" width="320" height="180">
   <SegmentTemplate media="low-$Number$.m4s" initialization="low.mp4" duration="1" timescale="2"/>
  </Representation>
  <Representation id="high" bandwidth="128000" width="640" height="360">
   <SegmentTemplate media="high-$Number$.m4s" initialization="high.mp4" duration="1" timescale="2"/>
  </Representation>
 </AdaptationSet></Period>
</MPD>
"""
TYPES = "types { application/vnd.apple.mpegurl m3u8; video/mp2t ts; application/dash+xml mpd; video/iso.segment m4s; " \
    "video/mp4 mp4; }"


def playlist(quality: str) -> str:
    entries = "".join(f"#EXTINF:0.5,\n{quality}-{n}.ts\n" for n in range(1, 7))
    return f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n{entries}#EXT-X-ENDLIST\n"


def _streams(lab: Lab) -> None:
    """Two qualities of one film, six segments each. The segments hold text: what counts is how they are fetched."""
    sizes = {f"{quality}-{n}.{kind}": length for quality, length in (("low", 4_000), ("high", 8_000))
             for n in range(1, 7) for kind in ("ts", "m4s")}
    web(lab, "server", {**sizes, "low.mp4": 700, "high.mp4": 700}, more=TYPES)
    root = lab.scratch / "www-server"
    (root / "film.m3u8").write_text(MASTER)
    (root / "film.mpd").write_text(MANIFEST)
    for quality in ("low", "high"):
        (root / f"{quality}.m3u8").write_text(playlist(quality))


def _page(lab: Lab) -> None:
    pictures = {f"picture-{n}.svg": 1_500 for n in range(1, 9)}
    web(lab, "server", {"style.css": 600, "favicon.ico": 200, **pictures}, site="limit_rate 20k;",
        more="types { text/html html; text/css css; image/svg+xml svg; image/x-icon ico; }")
    images = "".join(f'<img src="/{name}">' for name in pictures)
    (lab.scratch / "www-server" / "index.html").write_text(
        f'<!doctype html><title>Shop</title><link rel="stylesheet" href="/style.css">{images}\n')


def _browse(lab: Lab) -> None:
    chromium(lab, f"{URL}/index.html")


def _play_hls(lab: Lab) -> None:
    lab.run("client", lab.python("visitor", "player", SITE, 80, "/film.m3u8"))


def _play_dash(lab: Lab) -> None:
    lab.run("client", lab.python("visitor", "player", SITE, 80, "/film.mpd"))


def _listen(lab: Lab) -> None:
    lab.run("client", lab.python("visitor", "events", SITE, 80, "/events", 2))


def _proxied(lab: Lab, secure: bool) -> None:
    if secure:
        nginx_tls(lab, {"page.txt": 2_000})
    else:
        web(lab, "server", {"page.txt": 2_000})
    config = lab.scratch / "tinyproxy.conf"
    config.write_text(f"Port {PROXY_PORT}\nTimeout 30\nMaxClients 10\nLogLevel Warning\nConnectPort 443\n"
                      'ViaProxyName "proxy.test"\n')
    lab.start("proxy", ["tinyproxy", "-d", "-c", str(config)])
    lab.listening("proxy", PROXY_PORT)


def _tunnelled(lab: Lab) -> None:
    lab.run("client", ["curl", "-sS", "-o", "/dev/null", "-x", f"http://proxy.test:{PROXY_PORT}", "--cacert",
                       str(lab.scratch / ROOT), f"https://{SITE}/page.txt"],
            environment={"SSLKEYLOGFILE": str(lab.keys)})


def _asked(lab: Lab) -> None:
    lab.run("client", ["curl", "-sS", "-o", "/dev/null", "-x", f"http://proxy.test:{PROXY_PORT}", f"{URL}/page.txt"])


def _refused(lab: Lab) -> None:
    lab.run("client", ["curl", "-sS", "-o", "/dev/null", "-x", f"http://proxy.test:{PROXY_PORT}",
                       f"https://{SITE}:8443/page.txt"], allowed=(56,))


def _strict(lab: Lab) -> None:
    nginx_tls(lab, {"page.txt": 900}, site="add_header Strict-Transport-Security max-age=31536000;",
              more=f"server {{ listen 80; return 301 https://{SITE}$request_uri; }}")


def _to_https(lab: Lab) -> None:
    lab.run("client", ["curl", "-sS", "-o", "/dev/null", "-L", "--cacert", str(lab.scratch / ROOT), f"{URL}/page.txt"],
            environment={"SSLKEYLOGFILE": str(lab.keys)})


CASES: tuple[Case, ...] = (
    case("server-sent-events", "server-sent events",
         "A client listens to a stream of events. The server ends it after five; the client comes back half a second "
         "later, says which event it saw last, and is sent the next ones.",
         python_web, _listen, Shows("http.request", "It listens, twice", 2, 2),
         Shows('http.request.line contains "Last-Event-ID: 5"', "The second time it says where it was", 1, 1),
         Shows('tcp contains "event: price"', "Events", 4)),
    case("long-polling", "long polling",
         "The client asks for news, and the server answers when there is some, after 0.7 s; then the client asks again "
         "at once. One request for each piece of news.",
         python_web, curl(*[f"{URL}/wait"] * 5), Shows("http.request", "Asked five times", 5, 5),
         Shows("http.response && http.time > 0.6", "Answered when there is news", 5, 5)),
    case("polling", "plain polling",
         "The client asks twice a second whether there is news. There is none, but each question costs a request and a "
         "response.",
         python_web, curl("--rate", "120/m", *[f"{URL}/news"] * 8), Shows("http.request", "Asked eight times", 8, 8),
         Shows("http.response && http.time < 0.2", "Nothing new, at once", 8, 8)),
    case("hls", "a film in segments (HLS)",
         "A player reads a playlist with two qualities, then the list of each, and fetches a segment every half "
         "second, the last three in the higher quality.",
         _streams, _play_hls,
         Shows('http.content_type contains "mpegurl"', "Playlists", 3, 3),
         Shows('http.content_type == "video/mp2t"', "Segments", 6, 6)),
    case("dash", "a film in segments (DASH)",
         "A player reads a manifest with two qualities and fetches a segment every half second, the last three in the "
         "higher quality.",
         _streams, _play_dash,
         Shows('http.content_type == "application/dash+xml"', "The manifest", 1, 1),
         Shows('http.content_type == "video/iso.segment"', "Segments", 6, 6)),
    case("browser", "a browser loads a page",
         "Chromium loads a page with a style sheet and eight pictures from nginx: HTTP/1.1 carries one exchange at a "
         "time, so the browser opens several connections, six at most.",
         _page, _browse, Shows('http.request.uri == "/index.html"', "The page", 1, 1),
         Shows('http.request.uri contains "picture"', "The pictures", 8, 8),
         Shows("tcp.flags.syn == 1 && tcp.flags.ack == 0", "Connections", 2, 7)),
    case("https-only", "from http to https",
         "A page asked for over http is moved to https. There the server says that for a year nothing else shall be "
         "used (HSTS).",
         _strict, _to_https, Shows("http.response.code == 301", "Moved to https", 1, 1),
         Shows("tls.handshake.type == 1", "The handshake", 1, 1),
         Shows('http.response.line contains "Strict-Transport-Security"', "The page, and the promise", 1, 1)),
    Case("http1", "proxy", "HTTP: through a proxy",
         "curl asks a proxy for the page: the request line has the whole URL, and the proxy asks the server. Captured "
         "at the client, which never speaks to the server.",
         THREE_HOSTS, _asked, (
             Shows('http.request.uri == "http://www.shop.test/page.txt"', "The request for the proxy", 1, 1),
             Shows("http.response.code == 200", "The page", 1, 1),
             Shows("ip.addr == 10.0.1.20", "Nothing from the server itself", 0, 0),
         ), lambda lab: _proxied(lab, False)),
    Case("http1", "connect", "HTTP: a tunnel through a proxy",
         "curl asks the proxy to connect to the server (CONNECT) and speaks TLS inside that tunnel. The proxy learns "
         "the name and nothing else.",
         THREE_HOSTS, _tunnelled, (
             Shows('http.request.method == "CONNECT"', "The tunnel is asked for", 1, 1),
             Shows("http.response.code == 200", "It is open; then the page", 1, 2),
             Shows("tls.handshake.type == 1", "The handshake inside", 1, 1),
             Shows('http.request.method == "GET"', "The request, decrypted", 1, 1),
         ), lambda lab: _proxied(lab, True)),
    Case("http1", "connect-refused", "HTTP: a tunnel that the proxy refuses",
         "curl asks the proxy for a tunnel to a port that it does not allow: 403.",
         THREE_HOSTS, _refused, (
             Shows('http.request.method == "CONNECT"', "The tunnel is asked for", 1, 1),
             Shows("http.response.code == 403", "Refused", 1, 1),
         ), lambda lab: _proxied(lab, False)),
)
