"""A BGP speaker that sends exactly the bytes it is told to, for what no daemon would send (RFC 4271, 4760, 7606)."""
import ctypes
import os
import socket
import struct
import time

OPEN, UPDATE, NOTIFICATION, KEEPALIVE, REFRESH = 1, 2, 3, 4, 5
VPNV4, RTC = (1, 128), (1, 132)
_libc = ctypes.CDLL(None, use_errno=True)


def socket_in(namespace):
    """A TCP socket of that network namespace; the calling thread is back in its own afterwards."""
    own, other = os.open("/proc/thread-self/ns/net", os.O_RDONLY), os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        if _libc.setns(other, 0) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        made = socket.socket()
        if _libc.setns(own, 0) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        return made
    finally:
        os.close(own)
        os.close(other)


def message(kind, body=b"", marker=b"\xff" * 16, length=None):
    return marker + struct.pack("!HB", length if length is not None else 19 + len(body), kind) + body


def capability(code, value=b""):
    return bytes([code, len(value)]) + value


def family(afi, safi):
    return capability(1, struct.pack("!HBB", afi, 0, safi))


def graceful(restart_time, families=(VPNV4,), restarting=False, preserved=True, notification=False):
    head = (0x8000 if restarting else 0) | (0x4000 if notification else 0) | restart_time
    return capability(64, struct.pack("!H", head) + b"".join(struct.pack("!HBB", afi, safi, 0x80 if preserved else 0)
                                                             for afi, safi in families))


def open_body(asn, router_id, hold=0, capabilities=(), version=4):
    caps = b"".join(capabilities)
    parameters = bytes([2, len(caps)]) + caps if caps else b""
    return struct.pack("!BHH4sB", version, asn if asn < 65536 else 23456, hold, socket.inet_aton(router_id),
                       len(parameters)) + parameters


def attribute(kind, value, flags):
    if len(value) > 255 or flags & 0x10:
        return struct.pack("!BBH", flags | 0x10, kind, len(value)) + value
    return struct.pack("!BBB", flags, kind, len(value)) + value


def rd(asn, number):
    return struct.pack("!HHI", 0, asn, number)


def target(asn, number):
    return struct.pack("!BBHI", 0, 2, asn, number)


def vpn_nlri(prefix, label=1000, distinguisher=rd(64513, 1)):
    address, length = prefix.split("/")
    length = int(length)
    return bytes([88 + length]) + ((label << 4) | 1).to_bytes(3, "big") + distinguisher + socket.inet_aton(address)[: (length + 7) // 8]


def origin(value=b"\x00", flags=0x40):
    return attribute(1, value, flags)


def as_path(*asns, raw=None):
    return attribute(2, raw if raw is not None else bytes([2, len(asns)]) + b"".join(struct.pack("!I", a) for a in asns), 0x40)


def communities(*values):
    return attribute(16, b"".join(values), 0xC0)


def mp_reach(nlri, next_hop="10.9.0.2", afi=1, safi=128, hop=None):
    hop = hop if hop is not None else bytes(8) + socket.inet_aton(next_hop)
    return attribute(14, struct.pack("!HBB", afi, safi, len(hop)) + hop + b"\x00" + nlri, 0x80)


def mp_unreach(nlri, afi=1, safi=128):
    return attribute(15, struct.pack("!HB", afi, safi) + nlri, 0x80)


def update(*attributes, withdrawn=b"", attributes_length=None, withdrawn_length=None, nlri=b""):
    block = b"".join(attributes)
    return message(UPDATE, struct.pack("!H", len(withdrawn) if withdrawn_length is None else withdrawn_length) + withdrawn +
                   struct.pack("!H", len(block) if attributes_length is None else attributes_length) + block + nlri)


def end_of_rib(afi=1, safi=128):
    return update(mp_unreach(b"", afi, safi))


class Closed(AssertionError):
    pass


class Raw:
    """Connects from `host` to `peer` (an address). Messages that came are kept in order in `inbox`."""

    def __init__(self, host, peer, asn=64513, hold=0, capabilities=None, handshake=True, open_message=None):
        self.socket = socket_in(host.ns)
        self.socket.settimeout(20)
        self.socket.connect((peer, 179))
        self.buffer, self.inbox = b"", []
        caps = [family(*VPNV4), capability(2), capability(65, struct.pack("!I", asn))] if capabilities is None else capabilities
        self.send(open_message or message(OPEN, open_body(asn, host.address, hold, caps)))
        if handshake:
            self.expect(OPEN)
            self.send(message(KEEPALIVE))
            self.expect(KEEPALIVE)

    def send(self, *messages):
        self.socket.sendall(b"".join(messages))

    def _next(self, deadline):
        while True:
            if len(self.buffer) >= 19:
                length, kind = struct.unpack("!HB", self.buffer[16:19])
                if len(self.buffer) >= length:
                    body, self.buffer = self.buffer[19:length], self.buffer[length:]
                    return kind, body
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                chunk = self.socket.recv(65536)
            except ConnectionResetError:
                chunk = b""
            except TimeoutError:
                raise AssertionError("no such message in time") from None
            if not chunk:
                raise Closed("the peer closed the connection")
            self.buffer += chunk

    def expect(self, kind, limit=20, where=lambda body: True):
        """The body of the next message of that kind; others go to the inbox. A NOTIFICATION that was not asked for is an error."""
        deadline = time.monotonic() + limit
        while True:
            got, body = self._next(deadline)
            if got == kind and where(body):
                return body
            if got == NOTIFICATION:
                raise AssertionError(f"NOTIFICATION {body[0]}/{body[1]}")
            self.inbox.append((got, body))

    def close(self):
        self.socket.close()
