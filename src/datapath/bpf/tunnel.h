/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* MPLS-in-UDP (RFC 7510) and MPLS-in-GRE (RFC 4023), one label, IPv4 outside.
 *
 * Growing: a veth hands over the same skb, so one that was decapsulated still carries the kernel's
 * encapsulation state and cannot be encapsulated again (-EALREADY). Hence packets that are not GSO
 * grow without ENCAP flags, GSO packets with them, and without when that is refused. */
#pragma once

#include "packet.h"

#define HW_UDP_PORT 6635
#define HW_GRE_MPLS 0x8847

struct hw_udp_header {
  struct iphdr ip;
  struct udphdr udp;
  __be32 mpls;
};
struct hw_gre_header {
  struct iphdr ip;
  __be16 flags, protocol;
  __be32 mpls;
};

static __always_inline int hw_grow(struct __sk_buff *skb, __s32 bytes, __u64 l4) {
  if (skb->gso_size) {
    __u64 flags = BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | l4 | BPF_F_ADJ_ROOM_ENCAP_L2(4ULL) |
                  BPF_F_ADJ_ROOM_FIXED_GSO;
    if (bpf_skb_adjust_room(skb, bytes, BPF_ADJ_ROOM_MAC, flags) == 0) return 0;
  }
  return bpf_skb_adjust_room(skb, bytes, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO);
}

static __always_inline void hw_outer_ip(struct iphdr *ip, const struct hw_packet *packet,
                                        __u32 source_be, __u32 remote_be, __u8 protocol,
                                        __u32 total) {
  ip->version = 4;
  ip->ihl = 5;
  ip->tos = packet->ip.tos;
  /* Segmentation writes the lengths of a GSO packet anew. */
  ip->tot_len = bpf_htons(total > 0xffff ? 0xffff : total);
  ip->frag_off = bpf_htons(HW_DONT_FRAGMENT);
  ip->ttl = 64;
  ip->protocol = protocol;
  ip->saddr = source_be;
  ip->daddr = remote_be;
  ip->check = hw_fold(bpf_csum_diff(0, 0, (void *)ip, sizeof(*ip), 0));
}

static __noinline int hw_send_tunnel(struct __sk_buff *skb, struct hw_packet *packet,
                                     struct hw_next_hop *next_hop) {
  struct hw_settings *config = hw_config();
  if (!packet || !next_hop || !config) return TC_ACT_SHOT;
  __u32 hash = hw_flow_hash(packet);
  __be32 mpls = bpf_htonl((next_hop->label << 12) | 0x100 | packet->ip.ttl);
  if (next_hop->kind == HW_NH_UDP) {
    struct hw_udp_header header = {};
    if (hw_grow(skb, sizeof(header), BPF_F_ADJ_ROOM_ENCAP_L4_UDP) < 0)
      return hw_drop(HW_DROP_encap_failed);
    hw_outer_ip(&header.ip, packet, config->underlay_address_be, next_hop->remote_be, IPPROTO_UDP,
                packet->length + sizeof(header));
    /* The flow's entropy, RFC 7510, 3. */
    header.udp.source = bpf_htons(0xc000 | (hash & 0x3fff));
    header.udp.dest = bpf_htons(HW_UDP_PORT);
    __u32 length = packet->length + sizeof(header.udp) + 4;
    header.udp.len = bpf_htons(length > 0xffff ? 0xffff : length);
    header.mpls = mpls;
    bpf_skb_store_bytes(skb, HW_L3, &header, sizeof(header), 0);
  } else {
    struct hw_gre_header header = {};
    if (hw_grow(skb, sizeof(header), BPF_F_ADJ_ROOM_ENCAP_L4_GRE) < 0)
      return hw_drop(HW_DROP_encap_failed);
    hw_outer_ip(&header.ip, packet, config->underlay_address_be, next_hop->remote_be, IPPROTO_GRE,
                packet->length + sizeof(header));
    header.protocol = bpf_htons(HW_GRE_MPLS);
    header.mpls = mpls;
    bpf_skb_store_bytes(skb, HW_L3, &header, sizeof(header), 0);
  }
  return bpf_redirect_neigh(config->underlay_ifindex, 0, 0, 0);
}

/* The label and the source of a tunnel packet, and the bytes before the inner packet. 0: not a
 * tunnel of ours; negative: -reason. */
static __noinline int hw_tunnel_header(struct __sk_buff *skb, __u32 *label, __u32 *source_be) {
  struct hw_settings *config = hw_config();
  struct iphdr ip;
  __be32 mpls;
  __u32 at;
  if (!label || !source_be || !config || bpf_skb_load_bytes(skb, HW_L3, &ip, sizeof(ip)) < 0)
    return 0;
  if (ip.version != 4 || ip.daddr != config->underlay_address_be) return 0;
  if (bpf_ntohs(ip.frag_off) & HW_FRAGMENT_OFFSET) return 0; /* no ports: the host's, or useless */
  at = HW_L3 + sizeof(ip);
  if (ip.protocol == IPPROTO_UDP) {
    struct udphdr udp;
    if (ip.ihl != 5 || bpf_skb_load_bytes(skb, at, &udp, sizeof(udp)) < 0) return 0;
    if (udp.dest != bpf_htons(HW_UDP_PORT)) return 0;
    at += sizeof(udp);
  } else if (ip.protocol == IPPROTO_GRE) {
    __be16 gre[2];
    if (ip.ihl != 5 || bpf_skb_load_bytes(skb, at, gre, sizeof(gre)) < 0) return 0;
    if (gre[1] != bpf_htons(HW_GRE_MPLS)) return 0;
    __u16 flags = bpf_ntohs(gre[0]);
    if (flags & ~0xb000) return -HW_DROP_bad_tunnel; /* routing, version: not RFC 2784/2890 */
    at += 4 + (flags & 0x8000 ? 4 : 0) + (flags & 0x2000 ? 4 : 0) + (flags & 0x1000 ? 4 : 0);
  } else {
    return 0;
  }
  if (bpf_ntohs(ip.frag_off) & HW_MORE_FRAGMENTS) return -HW_DROP_bad_tunnel;
  if (at > HW_L3 + 64 || bpf_skb_load_bytes(skb, at, &mpls, sizeof(mpls)) < 0)
    return -HW_DROP_bad_tunnel;
  if (!(mpls & bpf_htonl(0x100))) return -HW_DROP_bad_tunnel; /* one label */
  if (ip.saddr == 0) return -HW_DROP_bad_tunnel; /* nobody, which here means a port of this host */
  *label = bpf_ntohl(mpls) >> 12;
  *source_be = ip.saddr;
  return (int)(at + 4 - HW_L3);
}
