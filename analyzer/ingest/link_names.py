"""The link types of the tcpdump.org registry by name, for messages.

12 and 14 are what some systems wrote for raw IP before LINKTYPE_RAW was 101.
"""
from __future__ import annotations

from typing import Final

LINK_NAMES: Final[dict[int, str]] = {
    0: "BSD loopback", 1: "Ethernet", 3: "AX.25", 6: "Token Ring", 7: "ARCNET (BSD)", 8: "SLIP", 9: "PPP",
    10: "FDDI", 12: "raw IP", 14: "raw IP", 50: "PPP in HDLC framing",
    51: "PPPoE session", 99: "Symantec Enterprise Firewall",
    100: "ATM, RFC 1483", 101: "raw IP", 104: "Cisco HDLC", 105: "IEEE 802.11", 107: "Frame Relay",
    108: "OpenBSD loopback", 109: "OpenBSD IPsec", 113: "Linux cooked v1", 114: "LocalTalk", 117: "OpenBSD pflog",
    119: "IEEE 802.11 with a Prism header", 122: "IP over Fibre Channel", 123: "SunATM",
    127: "IEEE 802.11 with radiotap", 128: "Tazmen Sniffer", 129: "ARCNET (Linux)", 130: "Juniper MLPPP",
    131: "Juniper MLFR", 132: "Juniper encryption services", 133: "Juniper GGSN", 134: "Juniper MFR",
    135: "Juniper ATM 2", 136: "Juniper services", 137: "Juniper ATM 1", 138: "Apple IP over IEEE 1394",
    139: "SS7 MTP2 with a pseudo-header", 140: "SS7 MTP2", 141: "SS7 MTP3", 142: "SS7 SCCP", 143: "DOCSIS",
    144: "Linux IrDA", 147: "private use 0", 148: "private use 1", 149: "private use 2", 150: "private use 3",
    151: "private use 4", 152: "private use 5", 153: "private use 6", 154: "private use 7", 155: "private use 8",
    156: "private use 9", 157: "private use 10", 158: "private use 11", 159: "private use 12",
    160: "private use 13", 161: "private use 14", 162: "private use 15",
    163: "IEEE 802.11 with an AVS header", 164: "Juniper monitoring", 165: "BACnet MS/TP",
    166: "PPP with direction", 167: "Juniper PPPoE", 168: "Juniper PPPoE over ATM", 169: "GPRS LLC",
    170: "GFP with transparent mapping", 171: "GFP with frame mapping", 174: "Juniper PIC peer",
    175: "Endace ERF with a header", 176: "Endace ERF over PoS", 177: "Linux LAPD", 178: "Juniper Ethernet",
    179: "Juniper PPP", 180: "Juniper Frame Relay", 181: "Juniper Cisco HDLC", 182: "FRF.16 Frame Relay",
    183: "Juniper VoIP", 187: "Bluetooth HCI", 186: "USB with FreeBSD's header", 188: "IEEE 802.16",
    189: "USB with Linux' header", 190: "CAN 2.0B", 191: "IEEE 802.15.4 with Linux' padding", 192: "PPI",
    193: "IEEE 802.16 with radiotap", 195: "IEEE 802.15.4 with FCS", 196: "SITA WAN", 197: "Endace ERF",
    199: "IPMB", 200: "Juniper secure tunnel", 201: "Bluetooth HCI with direction",
    202: "AX.25 with a KISS header", 203: "LAPD", 204: "PPP with direction", 205: "Cisco HDLC with direction",
    206: "Frame Relay with direction", 209: "IPMB (Linux)", 210: "FlexRay", 211: "MOST", 212: "LIN",
    215: "IEEE 802.15.4 with PHY data", 216: "Linux evdev", 219: "MPLS", 220: "USB with Linux' padded header",
    224: "Fibre Channel FC-2", 225: "Fibre Channel FC-2 with delimiters", 226: "Solaris IPNET", 227: "SocketCAN",
    228: "raw IPv4", 229: "raw IPv6", 230: "IEEE 802.15.4 without FCS", 231: "D-Bus", 235: "DVB-CI", 236: "MUX27010",
    237: "STANAG 5066", 239: "Linux netfilter log", 240: "Hilscher netANALYZER",
    241: "Hilscher netANALYZER, transparent", 242: "IP over InfiniBand", 243: "MPEG-2 transport stream",
    244: "ng4T", 245: "NFC LLCP", 247: "InfiniBand", 248: "SCTP", 249: "USBPcap", 250: "serial line of an RTAC",
    251: "Bluetooth Low Energy", 252: "Wireshark upper PDU", 253: "Linux netlink", 254: "Bluetooth Linux monitor",
    255: "Bluetooth basic rate baseband", 256: "Bluetooth Low Energy with a radio header", 257: "PROFIBUS",
    258: "Apple PKTAP", 259: "Ethernet passive optical network", 260: "IPMI HPM.2", 261: "Z-Wave R1 and R2",
    262: "Z-Wave R3", 263: "WattStopper", 264: "ISO 14443", 265: "radio data system", 266: "USB (macOS)",
    268: "SDLC", 270: "LoRaTap", 271: "virtio vsock", 272: "Nordic Bluetooth Low Energy", 273: "DOCSIS 3.1 XRA-31",
    274: "Ethernet mPacket", 275: "DisplayPort AUX", 276: "Linux cooked v2", 278: "OpenVizsla USB",
    279: "Elektrobit high speed capture", 280: "VPP graph dispatch", 281: "Broadcom switch tag",
    282: "Broadcom switch tag, prepended", 283: "IEEE 802.15.4 with TAP", 284: "Marvell DSA", 285: "Marvell EDSA",
    286: "ELEE lawful intercept", 287: "Z-Wave serial", 288: "USB 2.0", 289: "ATSC ALP",
    290: "Event Tracing for Windows",
    292: "ZBOSS NCP", 293: "USB 2.0 low speed", 294: "USB 2.0 full speed", 295: "USB 2.0 high speed",
    296: "Auerswald log", 297: "Z-Wave TAP", 298: "Silicon Labs debug channel", 299: "FIRA UCI", 300: "MDB",
    301: "DECT NR",
}


def link_name(link: int) -> str:
    """`Ethernet`, or `link type 9999` for one without a name here."""
    return LINK_NAMES.get(link, f"link type {link}")
