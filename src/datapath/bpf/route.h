/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Longest match in a VRF, and the choice of a group's member by flow hash. */
#pragma once

#include "packet.h"

static __always_inline struct hw_route *hw_route_of(__u32 vrf, __u32 address_be) {
  struct hw_route_key key = {};
  key.prefix_length = 32 + 128;
  key.vrf_be = bpf_htonl(vrf);
  key.address = hw_v4(address_be);
  return bpf_map_lookup_elem(&routes, &key);
}

static __always_inline bool hw_leads_to(__u32 next_hop, __u32 port) {
  struct hw_next_hop *found = bpf_map_lookup_elem(&next_hops, &next_hop);
  return found && found->kind == HW_NH_LOCAL && found->port == port;
}

/* The id of the next hop. A backend that calls its own service is sent to another one. */
static __noinline __u32 hw_choose(struct hw_route *route, __u32 hash, __u32 self) {
  if (!route) return 0;
  __u32 id = route->group;
  if (!id) return route->next_hop;
  struct hw_group *group = bpf_map_lookup_elem(&groups, &id);
  if (!group) return 0;
  __u32 first = group->next_hop[hash % HW_BUCKETS];
  if (!hw_leads_to(first, self)) return first;
  for (__u32 i = 1; i < HW_BUCKETS; ++i) {
    __u32 other = group->next_hop[(hash + i) % HW_BUCKETS];
    if (other != first) return other;
  }
  return first;
}
