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

struct hw_member_search {
  __u32 group, remote_be, last;
  __u32 found; /* out */
};

static __always_inline bool hw_tunnel_to(__u32 next_hop, __u32 remote_be) {
  struct hw_next_hop *found = bpf_map_lookup_elem(&next_hops, &next_hop);
  return found && (found->kind == HW_NH_UDP || found->kind == HW_NH_GRE) &&
         found->remote_be == remote_be;
}

static long hw_member_is(__u32 index, struct hw_member_search *search) {
  struct hw_group *group = bpf_map_lookup_elem(&groups, &search->group);
  if (!group || index >= HW_BUCKETS) return 1;
  __u32 id = group->next_hop[index];
  if (id == search->last) return 0; /* buckets of one member often lie side by side */
  search->last = id;
  search->found = hw_tunnel_to(id, search->remote_be);
  return search->found;
}

/* Whether the route leads to that host, by any of its members. */
static __noinline bool hw_routed_to(struct hw_route *route, __u32 remote_be) {
  if (!route) return false;
  if (!route->group) return hw_tunnel_to(route->next_hop, remote_be);
  struct hw_member_search search = {route->group, remote_be, 0, 0};
  bpf_loop(HW_BUCKETS, hw_member_is, &search, 0);
  return search.found;
}

/* Whether that host may send packets whose source the route leads to: it is one of the route's next
 * hops, or the source is nobody's workload and it is a router of the VRF, maybe one that we would
 * not choose ourselves: ways are often not the same in both directions. */
static __always_inline bool hw_may_send(struct hw_route *route, __u32 vrf, __u32 remote_be) {
  struct hw_sender sender = {vrf, remote_be};
  if (!route) return false;
  if (hw_routed_to(route, remote_be)) return true;
  return route->identity == 0 && bpf_map_lookup_elem(&senders, &sender);
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
