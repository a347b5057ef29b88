/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The maps; the loader sets the sizes that Config names. */
#pragma once

#include "abi/abi.h"
#include "kernel.h"

#define HW_MAP(map, kind, key_type, value_type, entries, options) \
  struct {                                                        \
    __uint(type, kind);                                           \
    __type(key, key_type);                                        \
    __type(value, value_type);                                    \
    __uint(max_entries, entries);                                 \
    __uint(map_flags, options);                                   \
  } map SEC(".maps")

HW_MAP(settings, BPF_MAP_TYPE_ARRAY, __u32, struct hw_settings, 1, 0);
HW_MAP(port_of_device, BPF_MAP_TYPE_HASH, __u32, __u32, 4096, BPF_F_NO_PREALLOC);
HW_MAP(ports, BPF_MAP_TYPE_HASH, __u32, struct hw_port, 4096, BPF_F_NO_PREALLOC);
HW_MAP(port_addrs, BPF_MAP_TYPE_HASH, struct hw_port_addr, __u32, 16384, BPF_F_NO_PREALLOC);
HW_MAP(port_counters, BPF_MAP_TYPE_PERCPU_HASH, __u32, struct hw_port_counters, 4096,
       BPF_F_NO_PREALLOC);
HW_MAP(labels, BPF_MAP_TYPE_HASH, __u32, __u32, 4096, BPF_F_NO_PREALLOC);
HW_MAP(routes, BPF_MAP_TYPE_LPM_TRIE, struct hw_route_key, struct hw_route, 262144,
       BPF_F_NO_PREALLOC);
HW_MAP(groups, BPF_MAP_TYPE_HASH, __u32, struct hw_group, 65536, BPF_F_NO_PREALLOC);
HW_MAP(next_hops, BPF_MAP_TYPE_HASH, __u32, struct hw_next_hop, 65536, BPF_F_NO_PREALLOC);
HW_MAP(translations, BPF_MAP_TYPE_HASH, struct hw_translation_key, struct hw_translation, 65536,
       BPF_F_NO_PREALLOC);
HW_MAP(floating, BPF_MAP_TYPE_HASH, __u32, struct hw_floating, 4096, BPF_F_NO_PREALLOC);
HW_MAP(rules, BPF_MAP_TYPE_HASH, struct hw_rule_key, struct hw_rule, 65536, BPF_F_NO_PREALLOC);
HW_MAP(rule_hits, BPF_MAP_TYPE_HASH, __u32, __u64, 65536, BPF_F_NO_PREALLOC);
HW_MAP(conns, BPF_MAP_TYPE_LRU_HASH, struct hw_conn_key, struct hw_conn, 262144, 0);
HW_MAP(senders, BPF_MAP_TYPE_HASH, struct hw_sender, __u32, 4096, BPF_F_NO_PREALLOC);
/* How many connections the port ever opened, modulo 2^32: counted here; and the number up to which
 * it may: the loader's. */
HW_MAP(port_opened, BPF_MAP_TYPE_HASH, __u32, __u32, 4096, BPF_F_NO_PREALLOC);
HW_MAP(port_allowed, BPF_MAP_TYPE_HASH, __u32, __u32, 4096, BPF_F_NO_PREALLOC);
HW_MAP(upkeep, BPF_MAP_TYPE_ARRAY, __u32, __u64, 1, 0); /* until when the loader keeps it, ns */
HW_MAP(outside, BPF_MAP_TYPE_LRU_HASH, struct hw_conn_key, struct hw_inside, 262144, 0);
HW_MAP(fragments, BPF_MAP_TYPE_LRU_HASH, struct hw_fragment_key, struct hw_fragment, 4096, 0);
HW_MAP(drops, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, __u64, HW_DROP_REASON_COUNT, 0);

struct hw_packet {
  struct iphdr ip;
  __u32 l4;        /* offset of the transport header */
  __u16 source_be; /* ports; ICMP echo: identifier as the local side's, 0 as the other's */
  __u16 target_be;
  __u16 length; /* of the IP packet */
  __u8 tcp_flags;
  __u8 tcp_header; /* bytes */
  __u8 icmp_type;
  __u8 icmp_error;
  __u8 later_fragment;
};

/* Working memory of the packet in hand: the stack has 512 bytes for all frames. Programs do not
 * nest on a CPU. */
struct hw_context {
  struct hw_packet packet;
  struct hw_conn_key key;
  struct hw_conn fresh;
  __u32 port;      /* whose connection is looked at */
  __u32 tunnel_be; /* the host that sent it; 0: a port of this host */
  __u32 rule_id;
  __u32 log;
};
HW_MAP(contexts, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct hw_context, 1, 0);

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 65536);
} events SEC(".maps");
