/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Changes of addresses and ports with their checksums, incremental and right for packets whose
 * checksum the device still owes (CHECKSUM_PARTIAL). */
#pragma once

#include "packet.h"

static __always_inline int hw_checksum_offset(__u8 protocol) {
  if (protocol == IPPROTO_TCP) return __builtin_offsetof(struct tcphdr, check);
  if (protocol == IPPROTO_UDP) return __builtin_offsetof(struct udphdr, check);
  return -1;
}

/* Replaces source (or destination) address and port. port_be 0: the port stays. */
static __noinline int hw_rewrite(struct __sk_buff *skb, struct hw_packet *packet, bool source,
                                 __u32 address_be, __u16 port_be) {
  if (!packet) return -1;
  __u32 old_address = source ? packet->ip.saddr : packet->ip.daddr;
  __u16 old_port = source ? packet->source_be : packet->target_be;
  int checksum = packet->later_fragment ? -1 : hw_checksum_offset(packet->ip.protocol);
  __u64 mangled = packet->ip.protocol == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
  __u32 l4 = packet->l4;
  if (l4 > HW_L3 + 60) return -1;
  bpf_l3_csum_replace(skb, HW_L3 + __builtin_offsetof(struct iphdr, check), old_address, address_be,
                      4);
  if (checksum >= 0)
    bpf_l4_csum_replace(skb, l4 + checksum, old_address, address_be,
                        BPF_F_PSEUDO_HDR | mangled | 4);
  bpf_skb_store_bytes(skb,
                      HW_L3 + (source ? __builtin_offsetof(struct iphdr, saddr)
                                      : __builtin_offsetof(struct iphdr, daddr)),
                      &address_be, 4, 0);
  if (checksum >= 0 && port_be && port_be != old_port) {
    bpf_l4_csum_replace(skb, l4 + checksum, old_port, port_be, mangled | 2);
    bpf_skb_store_bytes(skb, l4 + (source ? 0 : 2), &port_be, 2, 0);
  }
  if (source) {
    packet->ip.saddr = address_be;
    if (port_be) packet->source_be = port_be;
  } else {
    packet->ip.daddr = address_be;
    if (port_be) packet->target_be = port_be;
  }
  return 0;
}

static __always_inline void hw_decrement_ttl(struct __sk_buff *skb, struct hw_packet *packet) {
  __u16 before, after;
  __builtin_memcpy(&before, &packet->ip.ttl, 2); /* TTL and protocol are one word */
  --packet->ip.ttl;
  __builtin_memcpy(&after, &packet->ip.ttl, 2);
  bpf_l3_csum_replace(skb, HW_L3 + __builtin_offsetof(struct iphdr, check), before, after, 2);
  bpf_skb_store_bytes(skb, HW_L3 + __builtin_offsetof(struct iphdr, ttl), &packet->ip.ttl, 1, 0);
}

/* The local side of the packet that an ICMP error quotes becomes `to`: its source when the workload
 * sent it (`source`), its destination when the workload received it; and the same address of the
 * error itself, which goes the other way. */
static __noinline void hw_rewrite_quoted(struct __sk_buff *skb, struct hw_context *context,
                                         struct iphdr *quoted, bool source,
                                         const struct hw_inside *to) {
  if (!context || !quoted || !to) return;
  __u32 at = context->packet.l4 + sizeof(struct icmphdr);
  __u32 address_be = to->local.word_be[3];
  __u16 port_be = to->local_port_be;
  __u32 old_address = source ? quoted->saddr : quoted->daddr;
  __u32 field =
      source ? __builtin_offsetof(struct iphdr, saddr) : __builtin_offsetof(struct iphdr, daddr);
  bpf_l3_csum_replace(skb, at + __builtin_offsetof(struct iphdr, check), old_address, address_be,
                      4);
  bpf_skb_store_bytes(skb, at + field, &address_be, 4, 0);
  if (quoted->protocol == IPPROTO_TCP || quoted->protocol == IPPROTO_UDP) {
    __u32 port_at = at + quoted->ihl * 4 + (source ? 0 : 2);
    __u16 old_port;
    if (bpf_skb_load_bytes(skb, port_at, &old_port, 2) == 0 && old_port != port_be) {
      bpf_l4_csum_replace(skb, context->packet.l4 + __builtin_offsetof(struct icmphdr, checksum),
                          old_port, port_be, 2);
      bpf_skb_store_bytes(skb, port_at, &port_be, 2, 0);
    }
  }
  hw_rewrite(skb, &context->packet, !source, address_be, 0);
}
