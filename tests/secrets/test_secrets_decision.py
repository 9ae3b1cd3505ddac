"""What is taken for a secret, what is not, and how long that takes."""
from __future__ import annotations

import time

import pytest

from dissectors.kit.event import JsonValue
from dissectors.kit.marks import MAX_MARKED, Marks, quoted, unquoted
from dissectors.wire.secrets.commands import Prompts, command_spans
from dissectors.wire.secrets.data import data_without_secrets, shown_data
from dissectors.wire.secrets.fields import shown_protocols
from dissectors.wire.secrets.forms import Spans
from dissectors.wire.secrets.names import is_secret_call, is_secret_name
from dissectors.wire.secrets.text import shown_text, without_secrets

# What stays, because it is no secret.
HARMLESS = (
    "status 404", "code 404", '{"code":404,"error":{"code":12}}', "grpc-status: 16", "grpc-status=16",
    "error code 0x8 (CANCEL)", "closed with 1000", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Key exchange: X25519", "key share: x25519", "The key: ECDSA P-256", "the code: 404 means", "Basic Constraints: CA",
    "It asks who wants it, with the scheme Basic: Basic authentication", "a bearer token is", "the token bucket",
    "4.3.2.1.e164.arpa NAPTR \"!^.*$!sip:info@shop.test!\"", "mailto:joe@shop.test", "MAIL FROM:<joe@shop.test>",
    "RCPT TO:<joe@shop.test>", "joe@shop.test", "10.0.0.1:443 → 10.0.0.2:51034", "/monkey=1&keyboard=2&passage=3",
    "Access-Control-Allow-Headers: Authorization, X-Token", "WWW-Authenticate: Basic realm=\"shop\"",
    '{"token_type":"Bearer","expires_in":3600,"max_tokens":100}', '{"publicKey":"abc","primary_key":7}',
    "fe80::1%eth0", "Set-Cookie attributes", "password=", "password: null", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "tcp.flags == 0x02 && ip.addr == 10.0.0.1", "http2.type == 3 && http2.rst_stream.error == 8", "Idempotency-Key: 7",
    "The HTTP cap MAX_TOKENS = 5 was reached", "the password is sent in the clear",
    "The password for joe", "pass on to it",
    "pass --show-secrets to see it", "/api/token/refresh", "http://a.test:8080/b@c", "name=joe value=3",
    "a PASS command",
    '{"name":"joe","value":"x"}', '{"value":"x","name":"joe"}', "<input name='joe' value='x'>",
)
# What goes, by the part that must not be left.
SECRET = (
    "password: hunter", "PASSWORD=hunter", "pass_word = hunter", "'password': 'hunter'", '"pwd" : "hunter"',
    "x.Password=hunter;", "user[password]=hunter", "apiKey=hunter", "X-Auth-Key: hunter", "client_secret=hunter",
    "?sig=hunter", "?key=hunter", "?code=hunter", "&x-amz-signature=hunter", "?p%61ssword=hunter",
    "?p%2561ssword=hunter",
    '{"p\\u0061ssword":"hunter"}', "&#112;assword=hunter", "to=%2Fa%3Ftoken%3Dhunter",
    '{"a":"{\\"token\\":\\"hunter\\"}"}',
    '{"a":"{\\"b\\":\\"{\\\\\\"token\\\\\\":\\\\\\"hunter\\\\\\"}\\"}"}', '{"secret":{"a":["hunter"]}}',
    '["token","hunter"]',
    '{"name":"token","value":"hunter"}', "<token>hunter</token>", "<n:Password Type='x'>hunter</n:Password>",
    "<a secret='hunter'/>", "<key>token</key> <string>hunter</string>", '<input name="password" value="hunter">',
    'name="password"\r\n\r\nhunter\r\n--x', "login(password: \"hunter\")", "PASSWORD 'hunter'", "passphrase: a hunter",
    "//joe:hunter@host/", "https://hunter@host/", "CONNECT joe:hunter@host:443", "ftp://joe:hun@hunter@host/",
    "Authorization: Basic hunter", "Authorization: hunter", "Cookie: a=b; c=hunter", "Cookie: hunter",
    "Set-Cookie: a=hunter; Path=/", "Bearer hunter1", "AKIAIOSFODNN7hunter0", "ghp_0123456789hunter0123",
    "-----BEGIN RSA PRIVATE KEY-----\nhunter", "70 61 73 73 77 6f 72 64 3d 68 75 6e 74 65 72",
    "Basic am9lOmh1bnRlcg==", '{"pin":482913, "otp":"hunter"}', "token: 'hunter", '{"token":["a", "hunter',
    "jsessionid=hunter", ";jsessionid=hunter?x=1", "SAMLResponse=hunter", "code_verifier=hunter",
    "X-Csrf-Token: hunter", "password: two hunter", "password is hunter", "login joe password hunter", "PASS hunTer",
    "--password hunter", "DB_PASS=hunter", "cvv: hunter", "token: |\n  a\n  hunter", "passwords:\n- a\n- hunter",
    "?+password+=hunter", "a" * 200 + "password" + "b" * 200 + "=hunter", '{"value":"hunter", "name":"token"}',
    "<input value=hunter name=csrf_token>", "name=password\n\nhunter\n--x", 'password: """hunter "x" """',
    '"password":' + " " * 99 + '"hunter"', "password\r\n7\r\n=hunter\r\n", '{1: "password", 2: "hunter"}',
    "password = hunter", "curl -u joe:hunter", "ftp://joe:a/hunter@host/", "/api/token/hunterA7", "/bot12:hunter77",
)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_secrets(text) == text


@pytest.mark.parametrize("text", SECRET)
def test_what_is_a_secret_goes(text: str) -> None:
    shown = without_secrets(text)
    assert "[redacted]" in shown
    assert "hunter" not in shown
    assert "482913" not in shown
    assert "68 75 6e" not in shown
    assert "am9l" not in shown


@pytest.mark.parametrize("text", SECRET)
def test_twice_is_once(text: str) -> None:
    shown = without_secrets(text)
    assert without_secrets(shown) == shown
    assert without_secrets(f"He said “{shown}” then.").count("[redacted]") == shown.count("[redacted]")


# Of which too little is a secret by its form, or which end with the sign that tells.
NEED_MORE = (
    "AKIA", "ghp_", "https://hunter@", "CONNECT", "Bearer", "ftp://", "72 64", "PASS hun", "/", '{"value',
    "<input value",
)


@pytest.mark.parametrize("text", [one for one in SECRET if "hunter" in one and not one.startswith(NEED_MORE)])
def test_a_text_may_be_cut_anywhere(text: str) -> None:
    """As long as the name is there, nothing of its value is left."""
    begin = text.index("hunter")
    for end in range(begin + 1, begin + 6):
        assert without_secrets(text[:end]).rstrip('"').endswith("[redacted]"), text[:end]


HOSTILE = (
    "password", "password=", "password: ", '"password":', '"token":"', "{", "[", '"', "\\", '\\"', "%", "%25", "&#112;",
    "eyJ-", "eyJaaaa.", "//", "@", "a:b@", "//a@", "Bearer ", "basic aaaa ", "-----BEGIN PRIVATE KEY", "<password>",
    "<token ", "</key>", 'name="password"', "name=\"password\"\r\n", "key", "a" * 7, "7b ", "aa", "Cookie: ",
    "cookie:a;",
    "response=", "sk-", "ghp_a", "token'", "token ", ":=", "\\u0070", "password\\", "{\"token\":{", "x-", "_",
    "password ", "password is ", "token:\n", "password:\n ", "name=password ",
    '"name":"token"}', '"value":"', "<a name=token ",
    "/token/", "-u a:", "curl -u a:b ", "<methodname>login", "cGFzc3dvcmQ9",
    "//a:b/", "password\r\n1\r\n", "password: a ",
    '"""', 'token: """', "private-lines putty-user-key-", "%2525252525", "key.",
    "Authorization: ",
)


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_grows_with_the_text_and_no_faster(piece: str) -> None:
    """Four times the text in less than ten times the time, or in hardly any."""
    def taken(length: int) -> float:
        text = piece * (length // len(piece))
        best = 1e9
        for _ in range(2):
            began = time.process_time()
            without_secrets(text)
            best = min(best, time.process_time() - began)
        return best

    short = taken(20_000)
    assert taken(80_000) < max(10 * short, 0.05)


def test_lists_and_objects_keep_their_shape() -> None:
    value: JsonValue = {
        "passwords": ["a", 7, None, True], "secret": {"a": "b"}, "plain": [{"name": "token", "value": "x"}],
        "headers": [["cookie", "a=b; c=d"], ["accept", "x"]], "code": "x", "text": "password: x", "max_tokens": 9,
    }
    assert data_without_secrets(value) == {
        "passwords": ["[redacted]", "[redacted]", None, True], "secret": "[redacted]",
        "plain": [{"name": "token", "value": "[redacted]"}],
        "headers": [["cookie", "a=[redacted]; c=[redacted]"], ["accept", "x"]], "code": "[redacted]",
        "text": "password: [redacted]", "max_tokens": 9,
    }


def test_depth_is_bounded() -> None:
    value: JsonValue = "x"
    for _ in range(300):
        value = [value]
    assert "[redacted]" in str(data_without_secrets(value))


def test_names() -> None:
    assert all(is_secret_name(name) for name in ("PassWord", "x_auth_key", "api.key", "pwd", "sig", "code"))
    assert not any(is_secret_name(name) for name in ("Sec-WebSocket-Key", "token_type", "monkey", "status", "keyboard"))
    assert is_secret_call("/auth.Auth/Login")
    assert not is_secret_call("/books.Author/Get")


def test_subprotocols() -> None:
    assert shown_protocols(["chat", "bearer", "abc", "v4.channel.k8s.io"]) == [
        "chat", "bearer", "[redacted]", "v4.channel.k8s.io",
    ]
    assert shown_protocols(["graphql-transport-ws", "v12.stomp", "json.webpubsub.azure.v1"]) == [
        "graphql-transport-ws", "v12.stomp", "json.webpubsub.azure.v1",
    ]


def test_marked_values_are_known_again() -> None:
    marks = Marks()
    marks.mark(b"sw0rdfish99")
    for text in ("sw0rdfish99", "say sw0rdfish99!", "c3cwcmRmaXNoOTk", "73773072646669736839 39".replace(" ", "")):
        assert "[redacted]" in shown_text(text, marks)
    assert "sw0rdfish99" not in str(shown_data({"a": ["sw0rdfish99"]}, marks))
    marks.mark(b"ab")
    assert shown_text("about ab", marks) == "about [redacted]"
    assert shown_text("sw0rdfish99", Marks(True)) == "sw0rdfish99"


def test_marks_are_bounded() -> None:
    marks = Marks()
    for index in range(MAX_MARKED + 1):
        assert not marks.full
        marks.mark(b"%d" % index)
    assert marks.full
    assert len(marks.values) == MAX_MARKED


def test_raw_bytes_are_quoted_only_when_asked_for() -> None:
    text = f"The line {quoted('some thing')} has no colon."
    assert shown_text(text, Marks()) == "The line '[redacted]' has no colon."
    assert shown_text(text, Marks(True)) == "The line 'some thing' has no colon."
    assert shown_text(text[:-25], Marks()) == "The line '[redacted]"
    assert shown_text(f"{quoted('zz')} is no chunk size", Marks()) == "'zz' is no chunk size"


def test_an_error_of_parsing_quotes_raw_bytes_only_when_asked_for() -> None:
    with pytest.raises(ValueError, match="hunter22") as caught:
        int("hunter22")
    message = unquoted(caught.value)
    assert "hunter22" not in shown_text(message, Marks())
    assert shown_text(message, Marks(True)) == str(caught.value)
    ours = AttributeError("'TcpHalf' object has no attribute 'peer'")
    assert shown_text(unquoted(ours), Marks()) == str(ours)


def test_a_password_that_is_typed_octet_by_octet_is_hidden() -> None:
    prompts = Prompts()
    prompts.add(1, 0, "login: ")
    prompts.add(0, 0, "joe\r\n")
    prompts.add(1, 7, "Password: ")
    for at, one in enumerate("hunter2\r\n"):
        prompts.add(0, 5 + at, one)
        prompts.add(0, 5 + at, one)      # sent again
    prompts.add(1, 17, "$ ")
    prompts.add(0, 14, "ls\r\n")
    assert [(start, end) for _side, start, end in prompts.places] == [(at, at + 1) for at in range(5, 12)]


@pytest.mark.parametrize("text", [
    "\xff\xf4\xff\xf2PASS Xy", "NOOP\rAUTHPLAIN Xy", "a1 LOGIN joe Xy", "oper joe Xy", "$4\r\nAUTH\r\n$2\r\nXy\r\n",
    "SITE CHPASS Xy", "PRIVMSG x :IDENTIFY Xy", "AUTHENTICATE \"PLAIN\" {2+}\r\nXy",
])
def test_the_arguments_of_a_login_are_found(text: str) -> None:
    found: Spans = []
    command_spans(text, found)
    assert any(start <= text.index("Xy") and text.index("Xy") + 2 <= end for start, end in found)


@pytest.mark.parametrize("text", [
    "PASV\r\nSTOR x", "Author: me", "please login to see", "LOGIN", "PASSIVE", "$4\r\nAUTO\r\n",
])
def test_what_is_no_login_is_left(text: str) -> None:
    found: Spans = []
    command_spans(text, found)
    assert found == []


def test_a_hostile_text_takes_time_in_proportion() -> None:
    for unit in ("\xff\xfb", "\r" + "\0" * 31, "\nLOGIN ", "sip:a:", "$4\r\nAUTH\r\n$1\r\n"):
        began = time.process_time()
        command_spans(unit * (400_000 // len(unit)), [])
        assert time.process_time() - began < 5
