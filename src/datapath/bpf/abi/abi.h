/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What the BPF programs and the loader agree on: keys and values of the maps. Read by both
 * compilers; padding is explicit. IPv4 addresses are v4-mapped (::ffff:a.b.c.d). Addresses, ports
 * and labels on the wire are in network order where the name ends in _be, in host order otherwise.
 * Any change here raises HW_ABI_VERSION: maps of another version are not adopted. */
#pragma once

#include <linux/types.h>

#include "drop_reasons.h"

#define HW_ABI_VERSION 3
#define HW_BUCKETS 64

struct hw_addr {
  __u32 word_be[4];
};

struct hw_settings { /* settings[0] */
  __u32 abi_version;
  __u32 underlay_ifindex;
  __u32 underlay_address_be;
  __u32 underlay_mtu;
  __u32 last_next_hop; /* the highest id ever given */
};

enum hw_port_flags {
  HW_PORT_ANTISPOOF = 1,
  HW_PORT_PEER = 2, /* a veth whose other end is in another namespace: delivered straight to it */
  HW_PORT_FLOATING = 4,
};

struct hw_port { /* ports[port id] */
  __u64 identity;
  __u64 rules_hash; /* of the rule set as the loader was given it */
  __u32 ifindex;
  __u32 vrf;
  __u32 label;
  __u32 generation; /* of the policy: connections of another are judged again */
  __u32 ingress_set, ingress_count;
  __u32 egress_set, egress_count;
  __u32 gateway_be; /* speaks the ICMP errors; 0: the packet's destination does */
  __u16 mtu;
  __u8 ingress_default, egress_default; /* enum hw_action */
  __u8 flags;
  __u8 mac[6];
  __u8 pad;
};

struct hw_port_addr { /* port_addrs -> enum hw_addr_kind */
  __u32 port;
  struct hw_addr address;
};
enum hw_addr_kind { HW_ADDR_OWN = 1, HW_ADDR_GATEWAY = 2 };

struct hw_route_key { /* LPM: 32 bits of VRF, 128 of address */
  __u32 prefix_length;
  __u32 vrf_be;
  struct hw_addr address;
};
struct hw_route {
  __u64 identity;
  __u32 next_hop; /* the only one, when group is 0 */
  __u32 group;
};
struct hw_group { /* groups[id]: flow hash -> next hop */
  __u32 next_hop[HW_BUCKETS];
};

struct hw_sender { /* senders[…]: a router that speaks for what no workload is behind */
  __u32 vrf;
  __u32 remote_be;
};

enum hw_next_hop_kind { HW_NH_LOCAL = 1, HW_NH_UDP = 2, HW_NH_GRE = 3, HW_NH_REFUSE = 4 };
struct hw_next_hop { /* next_hops[id]; ids grow and are not used again */
  __u32 kind;
  __u32 port;      /* local */
  __u32 remote_be; /* tunnel */
  __u32 label;
  __u32 vrf; /* an id is of one VRF: what one loses, another may keep */
};

struct hw_translation_key { /* protocol and port 0: a floating IP */
  __u32 port;
  struct hw_addr address;
  __u16 l4_port_be;
  __u8 protocol;
  __u8 pad;
};
struct hw_translation {
  struct hw_addr target;
  __u32 vrf;
  __u16 target_port_be;
  __u8 outbound;
  __u8 pad;
};
struct hw_floating { /* floating[port id]: source of connections that the own VRF cannot route */
  struct hw_addr address;
  __u32 vrf;
  __u32 pad;
};

enum hw_action { HW_ALLOW = 0, HW_DENY = 1, HW_PASS = 2 };
enum hw_rule_flags { HW_RULE_IDENTITY = 1, HW_RULE_PREFIX = 2, HW_RULE_LOG = 4 };
struct hw_rule_key {
  __u32 set;
  __u32 index;
};
struct hw_rule {
  __u64 identity;
  struct hw_addr address; /* of the prefix, masked */
  struct hw_addr mask;
  __u32 id;
  __u16 port_first, port_last; /* host order */
  __u8 protocol;               /* 0: any */
  __u8 tier;
  __u8 action;
  __u8 flags;
  __u32 pad;
};

struct hw_conn_key { /* as the workload sees it */
  __u32 port;
  struct hw_addr remote;
  struct hw_addr local;
  __u16 remote_port_be;
  __u16 local_port_be; /* ICMP echo: the identifier, and remote 0 */
  __u8 protocol;
  __u8 pad[3];
};
enum hw_conn_flags {
  HW_CONN_INBOUND = 1,    /* opened towards the workload */
  HW_CONN_TRANSLATED = 2, /* local side is outside.address:outside.port to the network */
  HW_CONN_REPLIED = 4,
  HW_CONN_FIN_IN = 8,
  HW_CONN_FIN_OUT = 16,
  HW_CONN_RESET = 32,
};
struct hw_conn {
  __u64 last_seen; /* coarse monotonic ns */
  __u64 packets_in, bytes_in, packets_out, bytes_out;
  __u64 identity; /* of the remote */
  struct hw_addr outside;
  __u32 next_hop; /* towards the remote */
  __u32 vrf;      /* where the remote is routed */
  __u32 rule_id;
  __u32 generation;
  __u32 tunnel_be; /* whose packets were taken last; 0: nobody's of another host */
  __u32 number;    /* of all that the port opened, modulo 2^32 */
  __u16 outside_port_be;
  __u8 flags;
  __u8 pad[5];
};
struct hw_inside { /* outside[key with the outside address as local] -> */
  struct hw_addr local;
  __u16 local_port_be;
  __u16 pad;
};

struct hw_fragment_key {
  __u32 port;
  struct hw_addr source, destination;
  __u16 id_be;
  __u8 protocol;
  __u8 pad;
};
struct hw_fragment {
  __u16 source_port_be, destination_port_be;
};

struct hw_port_counters { /* per CPU */
  __u64 packets_in, bytes_in, packets_out, bytes_out;
  __u64 second; /* the current one: what was answered to the port and told of it */
  __u32 answers, events;
};

struct hw_event {
  struct hw_addr source, destination;
  __u32 port;
  __u32 rule_id;
  __u16 source_port, destination_port;
  __u8 protocol;
  __u8 reason;
  __u8 pad[2];
};

#define HW_SIZE(type, size) _Static_assert(sizeof(struct type) == (size), #type)
#ifdef __cplusplus
#undef HW_SIZE
#define HW_SIZE(type, size) static_assert(sizeof(struct type) == (size))
#endif
HW_SIZE(hw_settings, 20);
HW_SIZE(hw_port, 64);
HW_SIZE(hw_port_addr, 20);
HW_SIZE(hw_route_key, 24);
HW_SIZE(hw_route, 16);
HW_SIZE(hw_next_hop, 20);
HW_SIZE(hw_sender, 8);
HW_SIZE(hw_translation_key, 24);
HW_SIZE(hw_translation, 24);
HW_SIZE(hw_rule, 56);
HW_SIZE(hw_conn_key, 44);
HW_SIZE(hw_conn, 96);
HW_SIZE(hw_fragment_key, 40);
HW_SIZE(hw_port_counters, 48);
HW_SIZE(hw_event, 48);
