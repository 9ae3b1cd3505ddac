"""What is told of DHCPv6: one class a kind of message, and what nobody answered."""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.event import (
    CORE,
    EXTRA,
    LINED,
    TOLD,
    Event,
    Headline,
    JsonValue,
    evidence_of,
)
from dissectors.kit.identity import HOST, UNIQUE, Identity, hosts_in, hosts_of_urls
from dissectors.kit.inputs import Datagram
from dissectors.kit.units import duration, plural
from dissectors.kit.waiting import Attempts, AttemptsUnanswered
from dissectors.protocols.dhcpv6.options import fqdn, lasts, name_of, value_of
from dissectors.protocols.dhcpv6.wire import (
    CLIENT_ID,
    DOMAINS,
    FQDN,
    IA_NA,
    IA_PD,
    IA_TA,
    INFORMATION_REQUEST,
    NAME_SERVERS,
    RELAYED,
    SERVER_ID,
    STATUS,
    STATUSES,
    Dhcp6Message,
    Lent,
    address,
    owner,
)

MAX_SHOWN: Final = 64      # options that an event lists
NAMED: Final = 3           # addresses and prefixes that a sentence names
NAMING: Final = frozenset((DOMAINS, FQDN, 21, 64))      # options whose texts are names of hosts
OF_RELAYS: Final = frozenset((CLIENT_ID, SERVER_ID, 18, 37, 38, 79))      # what is nobody else's


class Asked6(Attempts):
    """What a client waits for an answer to. kind: the message type."""

    def __init__(self, message: Dhcp6Message) -> None:
        super().__init__()
        self.kind = message.kind
        self.message = message


class Dhcp6Said(Event):
    """A message. source: the address that sent it.     asked: what it answers, or is one more attempt at; None for
    nothing that was seen.

    attempt: of what the client sends, 1 for the first.     waited_ns: since the first one, -1 where that was not seen.
    """

    phase: ClassVar[str] = "lease"
    normally: ClassVar[str] = LINED
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 8415 §5"

    def __init__(self, datagram: Datagram, message: Dhcp6Message, asked: Asked6 | None = None) -> None:
        super().__init__(datagram.time, datagram.direction, evidence_of(datagram))
        self.message = message
        self.source = address(datagram.source) if len(datagram.source) == 16 else ""
        self.asked = asked
        self.attempt = max(asked.count, 1) if asked is not None else 1
        self.waited_ns = self.time - asked.times[0] if asked is not None and asked.times else -1

    def label(self) -> str:
        return self.message.name

    @property
    def server(self) -> str:
        """Who answers: where it comes from, and behind a relay whom the message names."""
        named = owner(self.message.one(SERVER_ID))
        return (named if self.message.relays else "") or self.source or named or "a server"

    @property
    def client(self) -> str:
        """The link-layer address or DUID, and what the machine calls itself."""
        message = self.message
        name = fqdn(message.one(FQDN))
        return f"{owner(message.one(CLIENT_ID)) or 'a client'}{f' ({name})' if name else ''}"

    def wants(self) -> str:
        """`an address and a prefix`."""
        kinds = {one.kind for one in self.message.associations}
        words = [
            word for kind, word in ((IA_NA, "an address"), (IA_TA, "temporary addresses"), (IA_PD, "a prefix"))
            if kind in kinds
        ]
        return " and ".join(words) or "settings"

    def given(self) -> str:
        """`2001:db8::50 for 1 h and 2001:db8:1::/56 for 1 day`."""
        lent = self.message.lent()
        words = [f"{one.text} {lasts(one.valid)}" for one in lent[:NAMED]]
        if len(lent) > NAMED:
            words.append(f"{len(lent) - NAMED} more")
        return " and ".join(words)

    def has(self) -> str:
        """What the client already has, or had."""
        words = [one.text for each in self.message.associations for one in each.lent]
        return " and ".join(words[:NAMED]) or "what it has"

    def beside(self) -> str:
        """What comes with it: `: name servers 2001:db8::53, search list lan.test`."""
        said = [
            f"{name_of(code)} {value_of(code, self.message.one(code))}"
            for code in (NAME_SERVERS, DOMAINS) if self.message.one(code)
        ]
        return f": {', '.join(said)}" if said else ""

    def refusal(self) -> str:
        """`NoAddrsAvail, no address is left for this client ("all leased")`, "" where nothing is refused."""
        words = []
        for code, says in self.message.refusals():
            name, meaning = STATUSES.get(code, (f"status {code}", ""))
            words.append(f"{name}{f', {meaning}' if meaning else ''}{f' ({says})' if says else ''}")
        return "; ".join(words)

    def relayed(self) -> str:
        relays = self.message.relays
        if not relays:
            return ""
        through = f" and {plural(len(relays) - 1, 'more relay')}" if len(relays) > 1 else ""
        inner = relays[-1]
        link = f" for the link of {inner.link}" if inner.link != "::" else ""
        return f" A relay{through} passes it on{link}."

    def again(self) -> str:
        if self.attempt < 2:
            return ""
        return f" This is attempt {self.attempt}, {duration(self.waited_ns)} after the first."

    def detail(self) -> str:
        return f"{self.client}, transaction {self.message.xid:#08x}"

    def fields(self) -> dict[str, JsonValue]:
        message = self.message
        options: dict[str, JsonValue] = {
            f"{code} {name_of(code)}": value_of(code, held[0])
            for code, held in list(message.options.items())[:MAX_SHOWN] if code not in (IA_NA, IA_TA, IA_PD, RELAYED)
        }
        found: dict[str, JsonValue] = {
            "type": message.kind, "transaction": message.xid, "client": owner(message.one(CLIENT_ID)),
            "options": options,
        }
        lent: list[JsonValue] = [_lent(one) for each in message.associations for one in each.lent][:MAX_SHOWN]
        if lent:
            found["leases"] = lent
        if message.relays:
            found["relays"] = [one.link for one in message.relays]
        if self.waited_ns >= 0:
            found["waited_ns"] = self.waited_ns
        return found

    def frame_record(self) -> dict[str, JsonValue] | None:
        return {"type": self.message.kind} if self.message.kind else None

    def identifies(self) -> list[Identity]:
        found: list[Identity] = []
        for code, held in list(self.message.options.items())[:MAX_SHOWN]:
            said = value_of(code, held[0])
            if code in NAMING:
                found += [(HOST, name) for name in said.split(", ") if name]
            elif code in OF_RELAYS:
                found += [(UNIQUE, word) for word in said.split() if ":" not in word and word != "DUID"]
            elif code == STATUS:
                found += [(UNIQUE, held[0][2:].decode("utf-8", "replace").strip("\0 "))] if len(held[0]) > 2 else []
            else:
                found += hosts_of_urls(said) or hosts_in(said)
                if held[0] and held[0].hex().startswith(said.removesuffix("…")):
                    found.append((UNIQUE, said))       # shown as octets, in which names may lie
        found += [(UNIQUE, each.says) for each in self.message.associations if each.says]
        return found


def _lent(one: Lent) -> JsonValue:
    return {"lease": one.text, "preferred_s": one.preferred, "valid_s": one.valid, "status": one.status}


class Solicit(Dhcp6Said):
    name: ClassVar[str] = "dhcpv6.solicit"
    spec: ClassVar[str] = "RFC 8415 §18.2.1"
    WHY: ClassVar[str] = (
        "A machine that wants addresses from a server asks all servers of its link, by a group address that relays "
        "listen to as well. Without an answer it asks again, after longer and longer waits."
    )

    def what(self) -> str:
        return f"{self.client} asks all servers for {self.wants()}.{self.again()}{self.relayed()}"


class Advertise(Dhcp6Said):
    name: ClassVar[str] = "dhcpv6.advertise"
    spec: ClassVar[str] = "RFC 8415 §18.3.9"
    WHY: ClassVar[str] = (
        "Each server says what it would give. The client takes the best offer it hears; one that says that no address "
        "is left it leaves aside, and goes on asking."
    )

    def detail(self) -> str:
        return f"{self.server}: {self.given() or self.refusal() or 'nothing'}"

    def what(self) -> str:
        given = self.given()
        refused = self.refusal()
        if not given and refused:
            return f"{self.server} has nothing for {self.client}: {refused}.{self.relayed()}"
        but = f" It refuses the rest: {refused}." if refused else ""
        return f"{self.server} offers {given or 'no address'}{self.beside()}.{but}{self.relayed()}"


class Request6(Dhcp6Said):
    name: ClassVar[str] = "dhcpv6.request"
    spec: ClassVar[str] = "RFC 8415 §18.2.2"
    WHY: ClassVar[str] = "The client names the server whose offer it takes. Only the reply makes the address its own."

    def what(self) -> str:
        return f"{self.client} takes the offer: {self.has()}.{self.again()}{self.relayed()}"


class Confirm(Dhcp6Said):
    name: ClassVar[str] = "dhcpv6.confirm"
    spec: ClassVar[str] = "RFC 8415 §18.2.3"
    WHY: ClassVar[str] = (
        "A machine that may have moved to another link asks whether its addresses belong there. Without an answer it "
        "goes on to use them."
    )

    def what(self) -> str:
        return f"{self.client} asks whether {self.has()} belongs to this link.{self.again()}{self.relayed()}"


class Renew(Dhcp6Said):
    name: ClassVar[str] = "dhcpv6.renew"
    spec: ClassVar[str] = "RFC 8415 §18.2.4"
    WHY: ClassVar[str] = (
        "After the time T1 that the server gave, the client asks this server to let it keep its addresses for longer."
    )

    def what(self) -> str:
        return f"{self.client} asks the server that gave it {self.has()} for more time.{self.again()}{self.relayed()}"


class Rebind(Dhcp6Said):
    name: ClassVar[str] = "dhcpv6.rebind"
    spec: ClassVar[str] = "RFC 8415 §18.2.5"
    WHY: ClassVar[str] = (
        "The server that gave the addresses is silent until the time T2, so the client asks any server for more time. "
        "Where none answers, it has to stop using them when they run out."
    )

    def what(self) -> str:
        return f"{self.client} asks all servers for more time with {self.has()}.{self.again()}{self.relayed()}"


class Reply6(Dhcp6Said):
    """since: when the client first asked for what this ends, in ns, -1 where that was not seen."""

    name: ClassVar[str] = "dhcpv6.reply"
    normally: ClassVar[str] = TOLD
    spec: ClassVar[str] = "RFC 8415 §18.3"
    WHY: ClassVar[str] = (
        "The server's last word: the addresses are the client's for as long as it says, or a status says why they are "
        "not. Name servers come with it, the router does not."
    )

    def __init__(self, datagram: Datagram, message: Dhcp6Message, asked: Asked6 | None, since: int) -> None:
        super().__init__(datagram, message, asked)
        self.since = since

    def detail(self) -> str:
        return f"{self.server}: {self.given() or self.refusal() or 'settings'}"

    def what(self) -> str:
        given, refused = self.given(), self.refusal()
        if refused and not given:
            return f"{self.server} refuses {self.client}: {refused}.{self.relayed()}"
        but = f" It refuses the rest: {refused}." if refused else ""
        if given:
            return f"{self.server} leases {given} to {self.client}{self.beside()}.{but}{self.relayed()}"
        if self.message.one(NAME_SERVERS) or self.message.one(DOMAINS):
            return f"{self.server} tells {self.client} about its network{self.beside()}.{self.relayed()}"
        return f"{self.server} agrees with {self.client}.{self.relayed()}"

    def headline(self) -> Headline | None:
        given = self.given()
        since = min(self.since, self.time) if self.since >= 0 else self.time
        if given:
            return Headline("DHCPv6", f"{given} to {self.client}, by {self.server}", since, self.time)
        if self.asked is not None and self.asked.kind == INFORMATION_REQUEST:
            return Headline("DHCPv6", f"told {self.client} about the network, by {self.server}", since, self.time)
        return None

    def phase_facts(self) -> list[str]:
        facts = [f"{self.given() or self.refusal() or 'answered'} by {self.server}"]
        if self.since >= 0:
            facts.append(duration(self.time - self.since))
        return facts


class Release6(Dhcp6Said):
    name: ClassVar[str] = "dhcpv6.release"
    normally: ClassVar[str] = TOLD
    spec: ClassVar[str] = "RFC 8415 §18.2.7"
    WHY: ClassVar[str] = "A machine that leaves in good order gives its addresses back, so that others may have them."

    def what(self) -> str:
        return f"{self.client} gives {self.has()} back.{self.again()}{self.relayed()}"


class Decline6(Dhcp6Said):
    name: ClassVar[str] = "dhcpv6.decline"
    normally: ClassVar[str] = TOLD
    spec: ClassVar[str] = "RFC 8415 §18.2.8"
    WHY: ClassVar[str] = (
        "Before it uses an address, a machine asks the link whether somebody has it (duplicate address detection). "
        "Where somebody does, it gives the address back."
    )

    def what(self) -> str:
        return f"{self.client} does not take {self.has()}: somebody else uses it already.{self.again()}{self.relayed()}"


class InformationRequest(Dhcp6Said):
    name: ClassVar[str] = "dhcpv6.information_request"
    spec: ClassVar[str] = "RFC 8415 §18.2.6"
    WHY: ClassVar[str] = (
        "A machine that makes its addresses by itself still asks for the rest, such as name servers. Routers say in "
        "their advertisements that it should (O flag)."
    )

    def what(self) -> str:
        return f"{self.client} asks all servers for settings alone.{self.again()}{self.relayed()}"


class Dhcp6MessageSeen(Dhcp6Said):
    """Any other message: a server that wants to be asked anew, questions of relays about leases."""

    name: ClassVar[str] = "dhcpv6.message"
    normally: ClassVar[str] = TOLD
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 8415 §18.3.11; RFC 5007"
    WHY: ClassVar[str] = "A server can call its clients, and relays ask about leases, in messages of their own."

    def what(self) -> str:
        return f"{self.message.name} about {self.client}.{self.relayed()}"


class Dhcp6Unanswered(AttemptsUnanswered):
    name: ClassVar[str] = "dhcpv6.unanswered"
    on_wire: ClassVar[bool] = False
    phase: ClassVar[str] = "lease"
    spec: ClassVar[str] = "RFC 8415 §15"
    WHY: ClassVar[str] = (
        "No server hears it, or none is meant to serve this client; a relay is missing where the server is on another "
        "link; or the answer took a way that this capture does not see."
    )

    def __init__(self, asked: Asked6, direction: int, how: str) -> None:
        super().__init__(asked, direction, how)
        self.asked = asked

    def request(self) -> str:
        asked = self.asked
        return f"{asked.message.name} of {owner(asked.message.one(CLIENT_ID)) or 'a client'}"

    def phase_facts(self) -> list[str]:
        return [f"{self.asked.message.name} unanswered"]

    def fields(self) -> dict[str, JsonValue]:
        said: dict[str, JsonValue] = {"type": self.asked.kind, "client": owner(self.asked.message.one(CLIENT_ID))}
        return said | super().fields()

    def identifies(self) -> list[Identity]:
        return [
            (UNIQUE, word) for word in owner(self.asked.message.one(CLIENT_ID)).split()
            if ":" not in word and word != "DUID"
        ]
