/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What the router says itself to a workload: ARP and echo replies, ICMP errors, TCP resets. The
 * packet is turned round in place and leaves by the device it came from. */
#pragma once

#include "packet.h"

static const __u8 hw_gateway_mac[ETH_ALEN] = {0x00, 0x00, 0x5e, 0x00, 0x01, 0x00};

enum { HW_ARP_ETHERNET = 1, HW_ARP_REQUEST = 1, HW_ARP_REPLY = 2 };

struct hw_arp {
  __be16 hardware, protocol;
  __u8 hardware_length, protocol_length;
  __be16 operation;
  __u8 sender_mac[ETH_ALEN];
  __u8 sender_ip[4];
  __u8 target_mac[ETH_ALEN];
  __u8 target_ip[4];
};

/* Answers go to the port whose packet is in hand. */
static __always_inline bool hw_may_answer(void) {
  struct hw_context *context = hw_context();
  return context && hw_within_budget(context->port, false);
}

static __always_inline int hw_send_back(struct __sk_buff *skb, const __u8 *mac) {
  struct ethhdr eth;
  __builtin_memcpy(eth.h_dest, mac, ETH_ALEN);
  __builtin_memcpy(eth.h_source, hw_gateway_mac, ETH_ALEN);
  bpf_skb_store_bytes(skb, 0, &eth, 2 * ETH_ALEN, 0);
  return bpf_redirect(skb->ifindex, 0);
}

static __noinline int hw_answer_arp(struct __sk_buff *skb, struct hw_port *port, __u32 port_id) {
  struct hw_arp arp;
  if (!port || bpf_skb_load_bytes(skb, HW_L3, &arp, sizeof(arp)) < 0)
    return hw_drop(HW_DROP_malformed);
  if (arp.hardware != bpf_htons(HW_ARP_ETHERNET) || arp.protocol != bpf_htons(ETH_P_IP) ||
      arp.hardware_length != ETH_ALEN || arp.protocol_length != 4)
    return hw_drop(HW_DROP_malformed);
  /* Replies and announcements say nothing that we need. */
  if (arp.operation != bpf_htons(HW_ARP_REQUEST)) return TC_ACT_SHOT;
  __u32 wanted, sender;
  __builtin_memcpy(&wanted, arp.target_ip, 4);
  __builtin_memcpy(&sender, arp.sender_ip, 4);
  /* Its own address: duplicate detection must hear nobody. */
  if (hw_addr_kind(port_id, wanted) == HW_ADDR_OWN) return TC_ACT_SHOT;
  if ((port->flags & HW_PORT_ANTISPOOF) && sender != 0 &&
      hw_addr_kind(port_id, sender) != HW_ADDR_OWN)
    return hw_drop(HW_DROP_spoofed_source);
  arp.operation = bpf_htons(HW_ARP_REPLY);
  __builtin_memcpy(arp.target_mac, arp.sender_mac, ETH_ALEN);
  __builtin_memcpy(arp.target_ip, &sender, 4);
  __builtin_memcpy(arp.sender_mac, hw_gateway_mac, ETH_ALEN);
  __builtin_memcpy(arp.sender_ip, &wanted, 4);
  bpf_skb_store_bytes(skb, HW_L3, &arp, sizeof(arp), 0);
  return hw_send_back(skb, port->mac);
}

static __noinline int hw_answer_echo(struct __sk_buff *skb, struct hw_packet *packet,
                                     struct hw_port *port) {
  if (!packet || !port) return TC_ACT_SHOT;
  __u16 request, reply;
  if (bpf_skb_load_bytes(skb, packet->l4, &request, 2) < 0) return hw_drop(HW_DROP_malformed);
  reply = request & bpf_htons(0x00ff); /* type 0, same code */
  bpf_l4_csum_replace(skb, packet->l4 + 2, request, reply, 2);
  bpf_skb_store_bytes(skb, packet->l4, &reply, 2, 0);
  __u32 addresses[2] = {packet->ip.daddr, packet->ip.saddr};
  bpf_skb_store_bytes(skb, HW_L3 + __builtin_offsetof(struct iphdr, saddr), addresses, 8, 0);
  return hw_send_back(skb, port->mac);
}

struct hw_icmp_error {
  struct iphdr ip;
  struct icmphdr icmp;
};

/* An ICMP error about the packet, from `from_be` (0: from its destination), with as much of it
 * as fits. Not about ICMP errors, later fragments (RFC 1122, 3.2.2) or beyond the budget. */
static __noinline int hw_answer_error(struct __sk_buff *skb, struct hw_packet *packet,
                                      struct hw_port *port, __u32 type_code_mtu, __u32 from_be) {
  if (!packet || !port) return TC_ACT_SHOT;
  if (packet->icmp_error || packet->later_fragment) return TC_ACT_SHOT;
  if (!hw_may_answer()) return TC_ACT_SHOT;
  /* Of a TCP packet whose checksum the device still owes, the kernel refuses to cut more. */
  __u32 quoted = packet->length < 48 ? packet->length : 48;
  __u32 echoed[12] = {};
  if (quoted < 20 || quoted > 48) return TC_ACT_SHOT;
  if (bpf_skb_load_bytes(skb, HW_L3, echoed, quoted) < 0) return TC_ACT_SHOT;
  if (bpf_skb_change_tail(skb, HW_L3 + quoted, 0) < 0) return TC_ACT_SHOT;
  if (bpf_skb_adjust_room(skb, sizeof(struct hw_icmp_error), BPF_ADJ_ROOM_MAC, 0) < 0)
    return TC_ACT_SHOT;
  struct hw_icmp_error header = {};
  header.ip.version = 4;
  header.ip.ihl = 5;
  header.ip.tot_len = bpf_htons(sizeof(header) + quoted);
  header.ip.ttl = 64;
  header.ip.protocol = IPPROTO_ICMP;
  header.ip.saddr = from_be ? from_be : packet->ip.daddr;
  header.ip.daddr = packet->ip.saddr;
  header.ip.check = hw_fold(bpf_csum_diff(0, 0, (void *)&header.ip, sizeof(header.ip), 0));
  header.icmp.type = type_code_mtu >> 24;
  header.icmp.code = (type_code_mtu >> 16) & 0xff;
  header.icmp.sequence_or_mtu = bpf_htons(type_code_mtu & 0xffff);
  __u32 sum = bpf_csum_diff(0, 0, (void *)&header.icmp, sizeof(header.icmp), 0);
  header.icmp.checksum = hw_fold(bpf_csum_diff(0, 0, echoed, sizeof(echoed), sum));
  bpf_skb_store_bytes(skb, HW_L3, &header, sizeof(header), 0);
  return hw_send_back(skb, port->mac);
}

#define HW_ICMP(type, code, mtu) (((__u32)(type) << 24) | ((__u32)(code) << 16) | (mtu))

struct hw_pseudo {
  __u32 source_be, destination_be;
  __u8 zero, protocol;
  __be16 length;
};

/* RFC 9293, 3.10.7.1: a segment for a closed port. */
static __noinline int hw_answer_reset(struct __sk_buff *skb, struct hw_packet *packet,
                                      struct hw_port *port) {
  if (!packet || !port) return TC_ACT_SHOT;
  struct tcphdr tcp;
  if (packet->later_fragment || (packet->tcp_flags & 0x04) || packet->ip.ihl != 5 ||
      bpf_skb_load_bytes(skb, packet->l4, &tcp, sizeof(tcp)) < 0)
    return TC_ACT_SHOT;
  if (skb->gso_size || !hw_may_answer()) return TC_ACT_SHOT;
  __u32 used = packet->length - 20 - tcp.doff * 4 + tcp.syn + tcp.fin;
  struct tcphdr reset = {};
  reset.source = tcp.dest;
  reset.dest = tcp.source;
  reset.doff = 5;
  reset.rst = 1;
  if (tcp.ack) {
    reset.seq = tcp.ack_seq;
  } else {
    reset.ack = 1;
    reset.ack_seq = bpf_htonl(bpf_ntohl(tcp.seq) + used);
  }
  struct iphdr ip = {};
  ip.version = 4;
  ip.ihl = 5;
  ip.tot_len = bpf_htons(40);
  ip.frag_off = bpf_htons(HW_DONT_FRAGMENT);
  ip.ttl = 64;
  ip.protocol = IPPROTO_TCP;
  ip.saddr = packet->ip.daddr;
  ip.daddr = packet->ip.saddr;
  ip.check = hw_fold(bpf_csum_diff(0, 0, (void *)&ip, sizeof(ip), 0));
  struct hw_pseudo pseudo = {ip.saddr, ip.daddr, 0, IPPROTO_TCP, bpf_htons(20)};
  __u32 sum = bpf_csum_diff(0, 0, (void *)&pseudo, sizeof(pseudo), 0);
  reset.check = hw_fold(bpf_csum_diff(0, 0, (void *)&reset, sizeof(reset), sum));
  if (bpf_skb_change_tail(skb, HW_L3 + 40, 0) < 0) return TC_ACT_SHOT;
  bpf_skb_store_bytes(skb, HW_L3, &ip, sizeof(ip), 0);
  bpf_skb_store_bytes(skb, HW_L3 + 20, &reset, sizeof(reset), 0);
  return hw_send_back(skb, port->mac);
}
