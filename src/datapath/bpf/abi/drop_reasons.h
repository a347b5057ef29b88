/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Why packets are dropped: number, name. The names are what operators see; numbers stay. */
#pragma once

#define HW_DROP_REASONS(X)                                                        \
  X(1, unknown_port)      /* the device or label belongs to no port */            \
  X(2, malformed)         /* headers are cut short or contradict each other */    \
  X(3, not_ipv4)          /* no ARP, no IPv4 */                                   \
  X(4, spoofed_source)    /* MAC or address is not the port's */                  \
  X(5, multicast)         /* no group forwarding */                               \
  X(6, to_gateway)        /* the gateway answers ping and nothing else */         \
  X(7, no_route)          /* no route in the VRF: ICMP net unreachable */         \
  X(8, refused)           /* a service without ready backend: RST or ICMP */      \
  X(9, policy)            /* a rule denies it */                                  \
  X(10, ttl_exceeded)     /* ICMP time exceeded */                                \
  X(11, too_big)          /* exceeds the tunnel's room: ICMP frag needed if DF */ \
  X(12, unknown_label)    /* tunnel packet with a label of nobody */              \
  X(13, bad_tunnel)       /* tunnel header that we do not speak */                \
  X(14, not_here)         /* the address is not the port's */                     \
  X(15, no_return_route)  /* source unknown in the VRF: a spoof or a leak */      \
  X(16, icmp_unrelated)   /* ICMP error about no known connection */              \
  X(17, fragment_unknown) /* later fragment whose first was not seen */           \
  X(18, hairpin)          /* a service's only backend calls the service */        \
  X(19, encap_failed)     /* the kernel could not make room */                    \
  X(20, map_full)         /* a table of ours has no room */                       \
  X(21, wrong_tunnel)     /* from a host that the source is not routed to */      \
  X(22, vlan)             /* a workload's frame with an 802.1Q tag */             \
  X(23, port_limit)       /* the port has as many connections as it may */        \
  X(24, other_vrf)        /* a connection of another VRF has addresses and ports */
#define HW_DROP_REASON_COUNT 25

enum hw_drop_reason {
#define HW_ENUM(number, name) HW_DROP_##name = number,
  HW_DROP_REASONS(HW_ENUM)
#undef HW_ENUM
};
