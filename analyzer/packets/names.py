"""Names for what is not decoded: EtherTypes, IP protocols and others, as their registries name them."""
from __future__ import annotations

from typing import Final

# IANA "IEEE 802 Numbers" and the IEEE's public list of EtherTypes; those that are met in captures.
ETHERTYPES: Final[dict[int, str]] = {
    0x0600: "XNS", 0x0800: "IPv4", 0x0806: "ARP", 0x0842: "Wake-on-LAN", 0x0BAD: "VINES", 0x2000: "CDP",
    0x22EA: "SRP", 0x22F0: "AVTP", 0x22F3: "TRILL", 0x22F4: "L2 IS-IS", 0x4305: "B.A.T.M.A.N.", 0x6002: "MOP",
    0x6003: "DECnet", 0x6004: "LAT", 0x6558: "transparent Ethernet bridging", 0x6559: "Frame Relay",
    0x8035: "RARP", 0x809B: "AppleTalk", 0x80F3: "AppleTalk ARP", 0x8100: "802.1Q VLAN", 0x8137: "IPX",
    0x814C: "SNMP", 0x86DD: "IPv6", 0x876B: "TCP/IP compression", 0x8808: "Ethernet flow control",
    0x8809: "slow protocols", 0x880B: "PPP", 0x880C: "GSMP", 0x8847: "MPLS", 0x8848: "MPLS multicast",
    0x8863: "PPPoE discovery", 0x8864: "PPPoE session", 0x886D: "Intel teaming", 0x8870: "jumbo LLC",
    0x887B: "HomePlug", 0x888E: "EAPOL", 0x8892: "PROFINET", 0x8899: "Realtek", 0x889A: "HyperSCSI",
    0x88A2: "ATA over Ethernet", 0x88A4: "EtherCAT", 0x88A8: "802.1ad VLAN", 0x88AB: "Ethernet Powerlink",
    0x88B4: "WAPI", 0x88B5: "local experimental 1", 0x88B6: "local experimental 2", 0x88B7: "OUI extended",
    0x88B8: "GOOSE", 0x88B9: "GSE", 0x88BA: "sampled values", 0x88BB: "LWAPP", 0x88BE: "ERSPAN II",
    0x88C7: "802.11i pre-authentication", 0x88CA: "TIPC", 0x88CC: "LLDP", 0x88CD: "SERCOS III", 0x88D8: "MEF-8",
    0x88D9: "LLTD", 0x88DC: "WSMP", 0x88E1: "HomePlug AV", 0x88E3: "PROFINET MRP", 0x88E5: "MACsec",
    0x88E7: "802.1ah backbone service", 0x88EE: "E-LMI", 0x88F5: "MVRP", 0x88F6: "MMRP", 0x88F7: "PTP",
    0x88F8: "NC-SI", 0x88FB: "PRP", 0x8902: "connectivity fault management", 0x8906: "FCoE",
    0x8909: "Cisco metadata", 0x890D: "802.11 encapsulation", 0x8914: "FCoE initialisation", 0x8915: "RoCE",
    0x8917: "media independent handover", 0x891D: "TTEthernet", 0x8926: "VN-Tag", 0x892B: "Ethernet II for WiMAX",
    0x892D: "bluecom", 0x892F: "HSR", 0x893A: "IEEE 1905", 0x893F: "802.1BR E-Tag", 0x8940: "ECP",
    0x894F: "NSH", 0x9000: "Ethernet loopback", 0x9100: "stacked VLAN", 0x9200: "stacked VLAN",
    0x9999: "Realtek loop detection", 0xA0ED: "LoWPAN", 0xAEFE: "eCPRI", 0xD28B: "Arista", 0xF1C1: "802.1CB R-Tag",
}

# IANA "Assigned Internet Protocol Numbers" (RFC 5237).
IP_PROTOCOLS: Final[dict[int, str]] = {
    0: "HOPOPT", 1: "ICMP", 2: "IGMP", 3: "GGP", 4: "IPv4", 5: "ST", 6: "TCP", 7: "CBT", 8: "EGP", 9: "IGP",
    10: "BBN-RCC-MON", 11: "NVP-II", 12: "PUP", 13: "ARGUS", 14: "EMCON", 15: "XNET", 16: "CHAOS", 17: "UDP",
    18: "MUX", 19: "DCN-MEAS", 20: "HMP", 21: "PRM", 22: "XNS-IDP", 23: "TRUNK-1", 24: "TRUNK-2", 25: "LEAF-1",
    26: "LEAF-2", 27: "RDP", 28: "IRTP", 29: "ISO-TP4", 30: "NETBLT", 31: "MFE-NSP", 32: "MERIT-INP", 33: "DCCP",
    34: "3PC", 35: "IDPR", 36: "XTP", 37: "DDP", 38: "IDPR-CMTP", 39: "TP++", 40: "IL", 41: "IPv6", 42: "SDRP",
    43: "IPv6-Route", 44: "IPv6-Frag", 45: "IDRP", 46: "RSVP", 47: "GRE", 48: "DSR", 49: "BNA", 50: "ESP", 51: "AH",
    52: "I-NLSP", 53: "SWIPE", 54: "NARP", 55: "Min-IPv4", 56: "TLSP", 57: "SKIP", 58: "IPv6-ICMP",
    59: "IPv6-NoNxt", 60: "IPv6-Opts", 62: "CFTP", 64: "SAT-EXPAK", 65: "KRYPTOLAN", 66: "RVD", 67: "IPPC",
    69: "SAT-MON", 70: "VISA", 71: "IPCV", 72: "CPNX", 73: "CPHB", 74: "WSN", 75: "PVP", 76: "BR-SAT-MON",
    77: "SUN-ND", 78: "WB-MON", 79: "WB-EXPAK", 80: "ISO-IP", 81: "VMTP", 82: "SECURE-VMTP", 83: "VINES",
    84: "IPTM", 85: "NSFNET-IGP", 86: "DGP", 87: "TCF", 88: "EIGRP", 89: "OSPF", 90: "Sprite-RPC", 91: "LARP",
    92: "MTP", 93: "AX.25", 94: "IPIP", 95: "MICP", 96: "SCC-SP", 97: "ETHERIP", 98: "ENCAP", 100: "GMTP",
    101: "IFMP", 102: "PNNI", 103: "PIM", 104: "ARIS", 105: "SCPS", 106: "QNX", 107: "A/N", 108: "IPComp",
    109: "SNP", 110: "Compaq-Peer", 111: "IPX-in-IP", 112: "VRRP", 113: "PGM", 115: "L2TP", 116: "DDX",
    117: "IATP", 118: "STP", 119: "SRP", 120: "UTI", 121: "SMP", 122: "SM", 123: "PTP", 124: "IS-IS over IPv4",
    125: "FIRE", 126: "CRTP", 127: "CRUDP", 128: "SSCOPMCE", 129: "IPLT", 130: "SPS", 131: "PIPE", 132: "SCTP",
    133: "FC", 134: "RSVP-E2E-IGNORE", 135: "Mobility Header", 136: "UDPLite", 137: "MPLS-in-IP", 138: "manet",
    139: "HIP", 140: "Shim6", 141: "WESP", 142: "ROHC", 143: "Ethernet", 144: "AGGFRAG", 145: "NSH",
    146: "Homa", 147: "BIT-EMU", 253: "experiment 1", 254: "experiment 2",
}

# IEEE "LLC address" list: destination service access points.
SAPS: Final[dict[int, str]] = {
    0x00: "null", 0x04: "SNA", 0x06: "IPv4", 0x42: "spanning tree", 0x7E: "X.25", 0x80: "XNS", 0xAA: "SNAP",
    0xBC: "VINES", 0xE0: "IPX", 0xF0: "NetBIOS", 0xF8: "HP extended", 0xFE: "OSI network layer",
}

# IANA "PPP Numbers", protocol field.
PPP_PROTOCOLS: Final[dict[int, str]] = {
    0x0021: "IPv4", 0x0023: "OSI", 0x002B: "IPX", 0x002D: "compressed TCP/IP", 0x002F: "uncompressed TCP/IP",
    0x003D: "multilink", 0x0049: "serial data", 0x0053: "encrypted", 0x0057: "IPv6", 0x00FB: "compressed link",
    0x00FD: "compressed", 0x0281: "MPLS", 0x0283: "MPLS multicast", 0x8021: "IPCP", 0x8057: "IPV6CP",
    0x80FD: "CCP", 0x8281: "MPLSCP", 0xC021: "LCP", 0xC023: "PAP", 0xC025: "link quality", 0xC223: "CHAP",
    0xC227: "EAP",
}


def ethertype_name(number: int) -> str:
    """`EtherType 0x88cc LLDP`."""
    return _named(f"EtherType 0x{number:04x}", ETHERTYPES.get(number))


def ip_protocol_name(number: int) -> str:
    """`IP protocol 50 ESP`."""
    return _named(f"IP protocol {number}", IP_PROTOCOLS.get(number))


def sap_name(number: int) -> str:
    """`LLC SAP 0x42 spanning tree`."""
    return _named(f"LLC SAP 0x{number:02x}", SAPS.get(number))


def ppp_protocol_name(number: int) -> str:
    """`PPP protocol 0xc021 LCP`."""
    return _named(f"PPP protocol 0x{number:04x}", PPP_PROTOCOLS.get(number))


def _named(number: str, name: str | None) -> str:
    return number if name is None else f"{number} {name}"
