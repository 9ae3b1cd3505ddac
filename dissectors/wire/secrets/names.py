"""Which names mean a secret: of fields, parameters, members, elements, variables, whatever joins their words."""
from __future__ import annotations

from typing import Final

HARMLESS: Final = 0
DOUBTFUL: Final = 1    # a word that is also used for harmless things: `key`, `code`
SECRET: Final = 2

MAX_NAME: Final = 128  # characters of each end of a name that are judged; its whole is searched for what is secret

# Parts of a name, without what separates its words.
_PARTS: Final = (
    "passw", "passphrase", "passcode", "passkey", "pwd", "secret", "token", "apikey", "accesskey", "authkey",
    "privatekey", "authorization", "authorisation", "credential", "cookie", "sessionid", "sessid", "jwt",
    "assertion", "samlresponse", "codeverifier", "clientkey", "sharedkey", "signingkey", "encryptionkey", "masterkey",
    "hmac", "onetimecode",
    "securitycode", "authcode", "verificationcode", "recoverycode", "backupcode", "accesscode", "smscode",
    "csrf", "xsrf",
)
_WHOLE: Final = frozenset((
    "pin", "otp", "pw", "psw", "pword", "psk", "totp", "sas", "creds", "authenticationinfo",
    "cvv", "cvc", "cvv2", "cvc2",
))
_DOUBTFUL: Final = frozenset((
    "key", "code", "sig", "signature", "pass", "auth", "sid", "ticket", "session", "oauth", "keys", "codes",
    "bearer",
))
_CALLS: Final = (
    "login", "logon", "signin", "signup", "authent", "authoriz", "authoris", "oauth", "passw", "token", "credential",
    "secret",
)
# Names that hold one of those parts and mean something else.
_HARMLESS: Final = frozenset((
    "secwebsocketkey", "tokentype", "tokenendpoint", "tokenurl", "authorizationendpoint", "authorizationurl",
    "accesscontrolallowcredentials", "withcredentials", "authorizationserver", "authorizationservers",
    "cookiepolicy", "cookieconsent", "passwordpolicy", "forwardsecret", "showsecrets",
))
# What makes a key a harmless one: of a table, a cache, a keyboard.
_OTHER_KEYS: Final = (
    "publickey", "primarykey", "foreignkey", "cachekey", "surrogatekey", "partitionkey", "sortkey", "idempotencykey",
    "websocketkey", "monkey", "turkey", "donkey", "hotkey", "rowkey", "groupkey", "uniquekey", "objectkey", "indexkey",
    "routingkey", "messagekey", "hockey", "jockey", "whiskey",
)
_PASSES: Final = ("dbpass", "userpass", "mypass", "smtppass", "mailpass", "adminpass", "rootpass", "proxypass")
_MEASURES: Final = ("tokens", "length", "count", "octets", "size", "ns", "seconds", "lifetime", "identities")
_SEPARATORS: Final = {ord(one): None for one in "-_. []$+:/\\\"'"}


def compact(name: str) -> str:
    """`X-Auth_Key` as `xauthkey`."""
    return name[:MAX_NAME].lower().translate(_SEPARATORS)


def _contains(text: str, parts: tuple[str, ...]) -> bool:
    for part in parts:  # noqa: SIM110 - compiled, a generator costs more
        if part in text:
            return True
    return False


_JUDGED: Final[dict[str, int]] = {}
MAX_JUDGED: Final = 4_096     # names whose judgement is remembered


def secrecy(name: str) -> int:
    """SECRET, DOUBTFUL or HARMLESS. name: already decoded, in any case, with any separators."""
    found = _JUDGED.get(name, -1)
    if found < 0:
        if len(_JUDGED) >= MAX_JUDGED:
            _JUDGED.clear()
        if len(name) > MAX_NAME:
            return _judged_long(name)
        found = _judged(name)
        _JUDGED[name] = found
    return found


def _judged_long(name: str) -> int:
    """By what it holds anywhere, and by both of its ends."""
    if _contains(name.lower().translate(_SEPARATORS), _PARTS):
        return SECRET
    return max(_judged(name[:MAX_NAME]), _judged(name[-MAX_NAME:]))


def _judged(name: str) -> int:
    one = compact(name)
    if one in _DOUBTFUL:
        return DOUBTFUL
    if one in _WHOLE:
        return SECRET
    if one in _HARMLESS:
        return HARMLESS
    if "trafficsecret" in one or one.endswith("exportersecret"):
        return HARMLESS     # a label of a key log
    if _contains(one, _PARTS):
        return SECRET
    if one.endswith("key") and not one.endswith(_OTHER_KEYS):
        return SECRET
    if name.lower().endswith(("_pass", "-pass", ".pass")) or one.endswith(_PASSES):
        return SECRET
    if one.rstrip("0123456789").endswith("signature") or (one.endswith("auth") and one.startswith("x")):
        return SECRET
    return HARMLESS


def is_secret_name(name: str) -> bool:
    """A field of this name holds what must not be shown, or may."""
    return secrecy(name) != HARMLESS


def is_secret_call(path: str) -> bool:
    """A method of this name carries what proves who somebody is: `/auth.Auth/Login`."""
    one = compact(path)
    parts = path.lower().replace("/", ".").split(".")
    return _contains(one, _CALLS) or "auth" in parts or "authservice" in parts


def counts(name: str) -> bool:
    """A number under this name is a count or a status, and no secret: `max_tokens`, `cookie_length`, `code`."""
    one = compact(name)
    return one in _DOUBTFUL or one.endswith(_MEASURES)
