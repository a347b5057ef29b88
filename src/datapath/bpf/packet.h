/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* A parsed IPv4 packet, and the small helpers that everything needs. Headers are copied to the
 * stack, so that nothing depends on packet pointers that a helper invalidates. */
#pragma once

#include "icmp.h"
#include "maps.h"

#define HW_L3 ETH_HLEN
#define HW_MORE_FRAGMENTS 0x2000
#define HW_FRAGMENT_OFFSET 0x1fff
#define HW_DONT_FRAGMENT 0x4000
#define HW_VLAN_ID 0x0fff

static __always_inline struct hw_addr hw_v4(__u32 address_be) {
  struct hw_addr address = {{0, 0, bpf_htonl(0xffff), address_be}};
  return address;
}

static __always_inline struct hw_settings *hw_config(void) {
  __u32 zero = 0;
  return bpf_map_lookup_elem(&settings, &zero);
}

static __always_inline struct hw_context *hw_context(void) {
  __u32 zero = 0;
  return bpf_map_lookup_elem(&contexts, &zero);
}

static __always_inline __u32 hw_addr_kind(__u32 port, __u32 address_be) {
  struct hw_port_addr key = {};
  key.port = port;
  key.address = hw_v4(address_be);
  __u32 *kind = bpf_map_lookup_elem(&port_addrs, &key);
  return kind ? *kind : 0;
}

#define HW_ANSWERS_A_SECOND 1000
#define HW_EVENTS_A_SECOND 100

/* One more of n a second, port and CPU? */
static __always_inline bool hw_within_budget(__u32 port, bool event) {
  struct hw_port_counters *budget = bpf_map_lookup_elem(&port_counters, &port);
  __u64 second = bpf_ktime_get_coarse_ns() >> 30;
  if (!budget) return false;
  if (budget->second != second) {
    budget->second = second;
    budget->answers = 0;
    budget->events = 0;
  }
  __u32 *used = event ? &budget->events : &budget->answers;
  if (*used >= (event ? HW_EVENTS_A_SECOND : HW_ANSWERS_A_SECOND)) return false;
  ++*used;
  return true;
}

static __always_inline int hw_drop(__u32 reason) {
  __u64 *count = bpf_map_lookup_elem(&drops, &reason);
  if (count) ++*count;
  return TC_ACT_SHOT;
}

static __noinline int hw_drop_told(struct hw_packet *packet, __u32 reason, __u32 port,
                                   __u32 rule_id) {
  if (packet && hw_within_budget(port, true)) {
    struct hw_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
    if (event) {
      event->source = hw_v4(packet->ip.saddr);
      event->destination = hw_v4(packet->ip.daddr);
      event->port = port;
      event->rule_id = rule_id;
      event->source_port = bpf_ntohs(packet->source_be);
      event->destination_port = bpf_ntohs(packet->target_be);
      event->protocol = packet->ip.protocol;
      event->reason = reason;
      event->pad[0] = event->pad[1] = 0;
      bpf_ringbuf_submit(event, 0);
    }
  }
  return hw_drop(reason);
}

static __always_inline bool hw_is_icmp_error(__u8 type) {
  return type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB ||
         type == ICMP_SOURCE_QUENCH;
}

/* Ports of the transport header at `offset`. 0: read; -1: cut short. `outgoing`: the packet comes
 * from the workload, so an echo's identifier is its source port. */
static __always_inline int hw_ports(struct __sk_buff *skb, __u8 protocol, __u32 offset,
                                    bool outgoing, __u16 *source_be, __u16 *target_be) {
  __u16 words[4] = {};
  *source_be = *target_be = 0;
  if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP) {
    if (bpf_skb_load_bytes(skb, offset, words, 4) < 0) return -1;
    *source_be = words[0];
    *target_be = words[1];
  } else if (protocol == IPPROTO_ICMP) {
    if (bpf_skb_load_bytes(skb, offset, words, 8) < 0) return -1;
    __u8 type = *(__u8 *)words;
    if (type == ICMP_ECHO || type == ICMP_ECHOREPLY) *(outgoing ? source_be : target_be) = words[2];
  }
  return 0;
}

/* 0, or the reason to drop it. */
static __noinline int hw_parse(struct __sk_buff *skb, struct hw_packet *packet, bool outgoing) {
  if (!packet || bpf_skb_load_bytes(skb, HW_L3, &packet->ip, sizeof(packet->ip)) < 0)
    return HW_DROP_malformed;
  struct iphdr *ip = &packet->ip;
  __u32 header = ip->ihl * 4;
  packet->length = bpf_ntohs(ip->tot_len);
  if (ip->version == 6) return HW_DROP_not_ipv4; /* inside a tunnel */
  if (ip->version != 4 || header < sizeof(*ip) || packet->length < header) return HW_DROP_malformed;
  if (skb->gso_size == 0 && HW_L3 + packet->length > skb->len) return HW_DROP_malformed;
  packet->l4 = HW_L3 + header;
  packet->source_be = packet->target_be = 0;
  packet->tcp_flags = packet->tcp_header = 0;
  packet->icmp_type = 0;
  packet->icmp_error = false;
  packet->later_fragment = (bpf_ntohs(ip->frag_off) & HW_FRAGMENT_OFFSET) != 0;
  if (packet->later_fragment) return 0;
  if (hw_ports(skb, ip->protocol, packet->l4, outgoing, &packet->source_be, &packet->target_be) < 0)
    return HW_DROP_malformed;
  if (ip->protocol == IPPROTO_TCP) {
    __u8 offset_flags[2];
    if (bpf_skb_load_bytes(skb, packet->l4 + 12, offset_flags, 2) < 0) return HW_DROP_malformed;
    packet->tcp_header = (offset_flags[0] >> 4) * 4;
    packet->tcp_flags = offset_flags[1];
  } else if (ip->protocol == IPPROTO_ICMP) {
    if (bpf_skb_load_bytes(skb, packet->l4, &packet->icmp_type, 1) < 0) return HW_DROP_malformed;
    packet->icmp_error = hw_is_icmp_error(packet->icmp_type);
  }
  return 0;
}

static __always_inline void hw_fragment_key_of(struct hw_fragment_key *key,
                                               const struct hw_packet *packet, __u32 port) {
  __builtin_memset(key, 0, sizeof(*key));
  key->port = port;
  key->source = hw_v4(packet->ip.saddr);
  key->destination = hw_v4(packet->ip.daddr);
  key->id_be = packet->ip.id;
  key->protocol = packet->ip.protocol;
}

/* Later fragments carry no ports: they are those of the first. 0, or the reason to drop it. */
static __noinline int hw_fragment_ports(struct hw_packet *packet, __u32 port) {
  if (!packet) return HW_DROP_malformed;
  if (!packet->later_fragment) return 0;
  struct hw_fragment_key key;
  hw_fragment_key_of(&key, packet, port);
  struct hw_fragment *first = bpf_map_lookup_elem(&fragments, &key);
  if (!first) return HW_DROP_fragment_unknown;
  packet->source_be = first->source_port_be;
  packet->target_be = first->destination_port_be;
  return 0;
}

/* Of a first fragment, for the later ones. Before the packet is rewritten, and after its sender was
 * found to be one that may send it: nobody else says what the others are taken for. */
static __noinline void hw_remember_fragment(struct hw_packet *packet, __u32 port) {
  if (!packet || packet->later_fragment) return;
  if (!(packet->ip.frag_off & bpf_htons(HW_MORE_FRAGMENTS))) return;
  struct hw_fragment_key key;
  hw_fragment_key_of(&key, packet, port);
  struct hw_fragment first = {packet->source_be, packet->target_be};
  bpf_map_update_elem(&fragments, &key, &first, BPF_ANY);
}

static __always_inline __u32 hw_mix(__u32 hash, __u32 word) {
  hash ^= word;
  hash *= 0x85ebca6b;
  hash ^= hash >> 13;
  hash *= 0xc2b2ae35;
  hash ^= hash >> 16;
  return hash;
}

static __always_inline __u32 hw_flow_hash(const struct hw_packet *packet) {
  __u32 hash = hw_mix(packet->ip.protocol, packet->ip.saddr);
  hash = hw_mix(hash, packet->ip.daddr);
  return hw_mix(hash, ((__u32)packet->source_be << 16) | packet->target_be);
}

static __always_inline __u16 hw_fold(__u32 sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (__u16)~sum;
}
