"""What crosses the underlay: tunnel packets with their outer and inner addresses, by tcpdump and a small reader."""
import ipaddress
import struct
import subprocess
import time
from collections import namedtuple

Packet = namedtuple("Packet", "outer_source outer_target encapsulation label source target protocol sport dport")

LINUX_SLL2 = 276
ETHERNET = 1


def network_layer(link, data):
    if link == LINUX_SLL2:
        return struct.unpack_from("!H", data)[0], data[20:]
    if link == ETHERNET:
        return struct.unpack_from("!H", data, 12)[0], data[14:]
    raise ValueError(f"link type {link}")


def address(data, at):
    return str(ipaddress.ip_address(data[at:at + 4]))


def decode(link, data):
    """A tunnel packet, or None."""
    kind, ip = network_layer(link, data)
    if kind != 0x0800 or len(ip) < 20:
        return None
    at = (ip[0] & 15) * 4
    if ip[9] == 17 and struct.unpack_from("!H", ip, at + 2)[0] == 6635:
        name, at = "MPLSoUDP", at + 8
    elif ip[9] == 47 and struct.unpack_from("!H", ip, at + 2)[0] == 0x8847:
        name, at = "MPLSoGRE", at + 4
    else:
        return None
    inner = ip[at + 4:]
    if len(inner) < 24:
        return None
    label = struct.unpack_from("!I", ip, at)[0] >> 12
    l4 = (inner[0] & 15) * 4
    ports = struct.unpack_from("!HH", inner, l4) if inner[9] in (6, 17) else (0, 0)
    return Packet(address(ip, 12), address(ip, 16), name, label, address(inner, 12), address(inner, 16), inner[9], *ports)


def packets(stream):
    """Of a pcap file in host byte order, as tcpdump writes it."""
    header = struct.unpack("=IHHiIII", stream.read(24))
    if header[0] not in (0xA1B2C3D4, 0xA1B23C4D):
        raise ValueError("not a capture")
    link = header[6] & 0xFFFF
    while len(head := stream.read(16)) == 16:
        data = stream.read(struct.unpack("=IIII", head)[2])
        packet = decode(link, data)
        if packet:
            yield packet


class Capture:
    """tcpdump on all devices of a node, from construction to stop()."""

    def __init__(self, lab, node, directory):
        self.file = directory / f"{node}.pcap"
        self.process = subprocess.Popen(
            lab.netns_command(node, "tcpdump", "--immediate-mode", "-U", "-s", "160", "-i", "any", "-w", str(self.file),
                              "udp port 6635 or ip proto 47"),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:  # until it listens
            if "listening on" in line:
                return
        raise RuntimeError(f"tcpdump did not start on {node}")

    def stop(self):
        time.sleep(0.2)  # what is in the kernel's buffer
        self.process.terminate()
        self.process.wait()
        with open(self.file, "rb") as stream:
            return list(packets(stream))
