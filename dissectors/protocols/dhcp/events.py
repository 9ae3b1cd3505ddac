"""What is told of DHCP: one class a kind of message, and what nobody answered."""
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
from dissectors.kit.identity import HOST, UNIQUE, Identity, host_of, hosts_in, hosts_of_urls
from dissectors.kit.inputs import Datagram
from dissectors.kit.units import duration
from dissectors.kit.waiting import Attempts, AttemptsUnanswered
from dissectors.protocols.dhcp.options import name_of, seconds, value_of
from dissectors.protocols.dhcp.wire import (
    CLIENT,
    DOMAIN,
    FQDN,
    HOST_NAME,
    LEASE,
    MESSAGE,
    NAME_SERVER,
    RELAY,
    RENEWAL,
    REQUESTED,
    ROUTER,
    SEARCH,
    SERVER,
    TYPE,
    DhcpMessage,
    address,
)

MAX_OPTIONS: Final = 64      # that an event lists
NAMING: Final = frozenset((HOST_NAME, DOMAIN, FQDN, SEARCH, 40, 66))      # options whose texts are names of hosts
ROOT_PATH: Final = 17         # which may begin with the host that has it (RFC 2132 §3.19)
SOME_OCTETS: Final = 8        # digits of octets that are nobody's by chance

# What a REQUEST is for (RFC 2131 §4.3.2).
SELECTING: Final = "selecting"        # it takes an offer
REBOOTING: Final = "init-reboot"      # it wants the address that it had before
RENEWING: Final = "renewing"          # it asks the server that gave it
REBINDING: Final = "rebinding"        # it asks any server, since that one is silent


class Asked(Attempts):
    """What a client waits for an answer to. kind: the message type.     purpose: of a REQUEST."""

    def __init__(self, message: DhcpMessage, purpose: str) -> None:
        super().__init__()
        self.kind = message.kind
        self.purpose = purpose
        self.message = message


class DhcpSaid(Event):
    """A message. source: the address that sent it.    asked: what it answers, or is one more attempt at; None for
    nothing that was seen.

    attempt: of what the client sends, 1 for the first.     waited_ns: since the first one, -1 where that was not seen.
    """

    phase: ClassVar[str] = "lease"
    normally: ClassVar[str] = LINED
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 2131 §3.1"

    def __init__(self, datagram: Datagram, message: DhcpMessage, asked: Asked | None = None) -> None:
        super().__init__(datagram.time, datagram.direction, evidence_of(datagram))
        self.message = message
        self.source = address(datagram.source)
        self.to_all = datagram.to_all
        self.asked = asked
        self.attempt = max(asked.count, 1) if asked is not None else 1
        self.waited_ns = self.time - asked.times[0] if asked is not None and asked.times else -1

    def label(self) -> str:
        return self.message.name

    @property
    def server(self) -> str:
        """Who answers: what the message says, which a relay passes on, else where it comes from."""
        return self.message.one(SERVER) or self.source or "a server"

    @property
    def client(self) -> str:
        """The hardware address, and what the machine calls itself."""
        message = self.message
        name = message.text(HOST_NAME)
        return f"{message.client() or 'a client'}{f' ({name})' if name else ''}"

    def leased(self) -> str:
        """`10.0.1.50/24 for 1 h`."""
        message = self.message
        bits = message.bits()
        term = message.number(LEASE)
        text = f"{message.yiaddr or message.ciaddr or 'no address'}{f'/{bits}' if bits >= 0 else ''}"
        if term >= 0:
            text += f" {seconds(term)}" if term == 0xFFFFFFFF else f" for {seconds(term)}"
        return text

    def beside(self) -> str:
        """What comes with an address: `: router 10.0.1.1, name server 10.0.1.2, domain lan.test`."""
        message = self.message
        said = [
            f"{name_of(code)} {value_of(code, message.options[code])}"
            for code in (ROUTER, NAME_SERVER, DOMAIN) if code in message.options
        ]
        if said and ROUTER not in message.options:
            said.insert(0, "no router")
        return f": {', '.join(said)}" if said else ""

    def relayed(self) -> str:
        """By whom it was passed on, in a sentence."""
        return f" The relay {self.message.giaddr} passes it on." if self.message.giaddr else ""

    def again(self) -> str:
        if self.attempt < 2:
            return ""
        return f" This is attempt {self.attempt}, {duration(self.waited_ns)} after the first."

    def detail(self) -> str:
        return f"{self.client}, transaction {self.message.xid:#010x}"

    def fields(self) -> dict[str, JsonValue]:
        message = self.message
        options: dict[str, JsonValue] = {}
        for code, held in list(message.options.items())[:MAX_OPTIONS]:
            if code != TYPE:
                said = value_of(code, held)
                options[f"{code} {name_of(code)}"] = said
        found: dict[str, JsonValue] = {
            "type": message.kind, "transaction": message.xid, "client": message.client(), "options": options,
        }
        for name, value in (
            ("client_address", message.ciaddr), ("your_address", message.yiaddr), ("next_server", message.siaddr),
            ("relay", message.giaddr),
        ):
            if value:
                found[name] = value
        if message.hops:
            found["hops"] = message.hops
        if self.waited_ns >= 0:
            found["waited_ns"] = self.waited_ns
        return found

    def frame_record(self) -> dict[str, JsonValue] | None:
        return {"type": self.message.kind} if self.message.kind else None

    def identifies(self) -> list[Identity]:
        found: list[Identity] = []
        for code, held in list(self.message.options.items())[:MAX_OPTIONS]:
            said = value_of(code, held)
            if code in NAMING:
                found += [(HOST, name) for name in said.partition(", the ")[0].split(", ") if name]
            elif code in (CLIENT, RELAY, 97):
                found += [(UNIQUE, word) for word in said.split() if ":" not in word]
            elif code == MESSAGE:
                found.append((UNIQUE, said))       # in words of the server's own
            elif code != TYPE:
                found += hosts_of_urls(said) or hosts_in(said)
                if code == ROOT_PATH and "." not in said.partition(":")[0]:
                    found += host_of(said)
                elif len(said) >= SOME_OCTETS and held.hex().startswith(said.removesuffix("…")):
                    found.append((UNIQUE, said))    # shown as octets, in which names may lie
        return found


class Discover(DhcpSaid):
    name: ClassVar[str] = "dhcp.discover"
    spec: ClassVar[str] = "RFC 2131 §3.1"
    WHY: ClassVar[str] = (
        "A machine that has just joined a network has no address and knows no server. So it asks everybody on the "
        "link, from the address 0.0.0.0, and is known by its hardware address and the number of the transaction until "
        "it has one. Without an answer it asks again, after longer and longer waits."
    )

    def what(self) -> str:
        wished = self.message.one(REQUESTED)
        wish = f" It would like {wished}." if wished else ""
        return f"{self.client} has no address yet and asks everybody for one.{wish}{self.again()}{self.relayed()}"


class Offer(DhcpSaid):
    name: ClassVar[str] = "dhcp.offer"
    spec: ClassVar[str] = "RFC 2131 §3.1"
    WHY: ClassVar[str] = (
        "A server offers an address and keeps it aside for a short while. There may be several servers, and the client "
        "chooses. The answer goes to everybody, or to the hardware address of the client, which cannot be spoken to by "
        "an IP address that it does not have yet."
    )

    def detail(self) -> str:
        return f"{self.server}: {self.leased()}"

    def what(self) -> str:
        return f"{self.server} offers {self.leased()}{self.beside()}.{self.relayed()}"


class DhcpRequest(DhcpSaid):
    """purpose: what it is for (RFC 2131 §4.3.2)."""

    name: ClassVar[str] = "dhcp.request"
    spec: ClassVar[str] = "RFC 2131 §4.3.2"
    WHY: ClassVar[str] = (
        "The client asks for one address by name: it takes an offer, which the other servers hear and take theirs "
        "back; or it wants to go on with the address that it has. Half of the lease later it asks its server alone, "
        "and near the end any server that hears it."
    )

    def __init__(self, datagram: Datagram, message: DhcpMessage, asked: Asked | None, purpose: str) -> None:
        super().__init__(datagram, message, asked)
        self.purpose = purpose

    @property
    def wanted(self) -> str:
        return self.message.one(REQUESTED) or self.message.ciaddr or "an address"

    def detail(self) -> str:
        return f"{self.wanted}, {self.purpose}"

    def what(self) -> str:
        wanted = self.wanted
        text = {
            SELECTING: f"{self.client} takes the offer of {self.message.one(SERVER)}: {wanted}.",
            REBOOTING: f"{self.client} asks whether it may go on with {wanted}, which it had before.",
            RENEWING: f"{self.client} asks the server that gave it {wanted} for more time.",
            REBINDING: f"{self.client} asks all servers for more time with {wanted}.",
        }.get(self.purpose, f"{self.client} asks for {wanted}.")
        return f"{text}{self.again()}{self.relayed()}"

    def fields(self) -> dict[str, JsonValue]:
        return super().fields() | {"purpose": self.purpose}


class Ack(DhcpSaid):
    """since: when the client first asked for what this ends, in ns, -1 where that was not seen."""

    name: ClassVar[str] = "dhcp.ack"
    normally: ClassVar[str] = TOLD
    spec: ClassVar[str] = "RFC 2131 §3.1"
    WHY: ClassVar[str] = (
        "Only now the address is the client's, until the lease runs out. With it come the router, the name servers and "
        "whatever else the client asked for: what is wrong here goes wrong later, in every program of that machine."
    )

    def __init__(self, datagram: Datagram, message: DhcpMessage, asked: Asked | None, since: int) -> None:
        super().__init__(datagram, message, asked)
        self.since = since

    def detail(self) -> str:
        return f"{self.server}: {self.leased()}"

    def what(self) -> str:
        text = f"{self.server} leases {self.leased()} to {self.client}{self.beside()}."
        renewal = self.message.number(RENEWAL)
        if renewal >= 0:
            text += f" The client is to renew it after {seconds(renewal)}."
        return text + self.relayed()

    def headline(self) -> Headline:
        since = self.since if self.since >= 0 else self.time
        return Headline(
            "DHCP", f"{self.leased()} to {self.client}, by {self.server}", min(since, self.time), self.time
        )

    def phase_facts(self) -> list[str]:
        facts = [f"{self.leased()} by {self.server}"]
        if self.since >= 0:
            facts.append(f"{duration(self.time - self.since)}")
        return facts


class Informed(DhcpSaid):
    """The answer to an INFORM, which leases nothing."""

    name: ClassVar[str] = "dhcp.informed"
    normally: ClassVar[str] = TOLD
    spec: ClassVar[str] = "RFC 2131 §3.4"
    WHY: ClassVar[str] = (
        "The server tells what it knows of the network to a machine that has an address already, and lends it none."
    )

    def what(self) -> str:
        return f"{self.server} tells {self.client} about its network{self.beside()}."

    def headline(self) -> Headline:
        since = self.time - max(self.waited_ns, 0)
        return Headline("DHCP", f"told {self.client} about the network, by {self.server}", since, self.time)

    def phase_facts(self) -> list[str]:
        return [f"told by {self.server}"]


class Nak(DhcpSaid):
    name: ClassVar[str] = "dhcp.nak"
    normally: ClassVar[str] = TOLD
    spec: ClassVar[str] = "RFC 2131 §4.3.2"
    WHY: ClassVar[str] = (
        "The server knows that the client must not have this address here: it has moved to another network, the lease "
        "ran out, or somebody else has the address. The client gives it up at once and begins anew."
    )

    def reason(self) -> str:
        return self.message.text(MESSAGE)

    def what(self) -> str:
        wanted = ""
        if self.asked is not None:
            asked = self.asked.message
            wanted = asked.one(REQUESTED) or asked.ciaddr
        reason = self.reason()
        return f"{self.server} refuses {wanted or 'the address'} to {self.message.client() or 'the client'}" \
            f"{f': {reason}' if reason else ''}.{self.relayed()}"

    def phase_facts(self) -> list[str]:
        return [f"refused by {self.server}"]


class Decline(DhcpSaid):
    name: ClassVar[str] = "dhcp.decline"
    normally: ClassVar[str] = TOLD
    spec: ClassVar[str] = "RFC 2131 §4.4.4"
    WHY: ClassVar[str] = (
        "Before it uses an address, a client asks the link whether somebody has it already (ARP). Where somebody does, "
        "it gives the address back and begins anew, and the server must not give it to others."
    )

    def what(self) -> str:
        reason = self.message.text(MESSAGE)
        return f"{self.client} does not take {self.message.one(REQUESTED) or 'the address'} after all" \
            f"{f': {reason}' if reason else ': somebody else uses it'}."

    def phase_facts(self) -> list[str]:
        return [f"{self.message.one(REQUESTED) or 'the address'} was declined"]


class Release(DhcpSaid):
    name: ClassVar[str] = "dhcp.release"
    normally: ClassVar[str] = TOLD
    spec: ClassVar[str] = "RFC 2131 §4.4.6"
    WHY: ClassVar[str] = (
        "A machine that leaves in good order gives its address back, so that the server may give it to another one. "
        "Nothing answers, and nothing has to."
    )

    def what(self) -> str:
        return f"{self.client} gives {self.message.ciaddr or 'its address'} back."

    def phase_facts(self) -> list[str]:
        return ["given back"]


class Inform(DhcpSaid):
    name: ClassVar[str] = "dhcp.inform"
    spec: ClassVar[str] = "RFC 2131 §3.4"
    WHY: ClassVar[str] = (
        "A machine whose address was set by hand may still ask for the rest: name servers, a proxy, a domain."
    )

    def what(self) -> str:
        return f"{self.client} has the address {self.message.ciaddr or 'that it has'} and asks for everything else." \
            f"{self.again()}"


class DhcpMessageSeen(DhcpSaid):
    """Any other message: BOOTP without options, questions about leases, a server that wants a renewal."""

    name: ClassVar[str] = "dhcp.message"
    normally: ClassVar[str] = TOLD
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 951; RFC 3203; RFC 4388"
    WHY: ClassVar[str] = (
        "DHCP grew out of BOOTP, which knows no leases: machines that boot over the network still speak it. Relays ask "
        "servers about leases in messages of their own."
    )

    def what(self) -> str:
        message = self.message
        who = message.client() or "a client"
        if message.kind:
            return f"{message.name} about {who}."
        if message.op == 1:
            return f"{who} asks for an address and a file to boot from (BOOTP)."
        return f"{who} is given {message.yiaddr or 'no address'} (BOOTP)."


class DhcpUnanswered(AttemptsUnanswered):
    name: ClassVar[str] = "dhcp.unanswered"
    on_wire: ClassVar[bool] = False
    phase: ClassVar[str] = "lease"
    spec: ClassVar[str] = "RFC 2131 §4.1"
    WHY: ClassVar[str] = (
        "No server hears it, none has an address left or none is meant to serve this client; a relay is missing where "
        "the server is on another link; or the answer took a way that this capture does not see."
    )

    def __init__(self, asked: Asked, direction: int, how: str) -> None:
        super().__init__(asked, direction, how)
        self.asked = asked

    def request(self) -> str:
        asked = self.asked
        return f"{asked.message.name} of {asked.message.client() or 'a client'}"

    def phase_facts(self) -> list[str]:
        return [f"{self.asked.message.name} unanswered"]

    def fields(self) -> dict[str, JsonValue]:
        asked = self.asked
        said: dict[str, JsonValue] = {"type": asked.kind, "purpose": asked.purpose, "client": asked.message.client()}
        return said | super().fields()
