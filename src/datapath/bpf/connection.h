/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The connection table: one entry a port and connection, for both directions, keyed as the workload
 * sees it. An entry pins the id of the next hop towards the remote, never a resolved header. */
#pragma once

#include "policy.h"

#define HW_TCP_FIN 0x01
#define HW_TCP_SYN 0x02
#define HW_TCP_RST 0x04
#define HW_TCP_ACK 0x10

static __always_inline void hw_key(struct hw_context *context, bool outgoing) {
  struct hw_packet *packet = &context->packet;
  struct hw_conn_key *key = &context->key;
  __builtin_memset(key, 0, sizeof(*key));
  key->port = context->port;
  key->local = hw_v4(outgoing ? packet->ip.saddr : packet->ip.daddr);
  key->remote = hw_v4(outgoing ? packet->ip.daddr : packet->ip.saddr);
  key->local_port_be = outgoing ? packet->source_be : packet->target_be;
  key->remote_port_be = outgoing ? packet->target_be : packet->source_be;
  key->protocol = packet->ip.protocol;
}

/* A SYN on a finished connection opens another. */
static __always_inline bool hw_reopens(const struct hw_conn *conn, const struct hw_packet *packet) {
  const __u8 both = HW_CONN_FIN_IN | HW_CONN_FIN_OUT;
  if (packet->ip.protocol != IPPROTO_TCP ||
      (packet->tcp_flags & (HW_TCP_SYN | HW_TCP_ACK)) != HW_TCP_SYN)
    return false;
  return (conn->flags & HW_CONN_RESET) || (conn->flags & both) == both;
}

static __always_inline bool hw_same(const struct hw_addr *a, const struct hw_addr *b) {
  return a->word_be[0] == b->word_be[0] && a->word_be[1] == b->word_be[1] &&
         a->word_be[2] == b->word_be[2] && a->word_be[3] == b->word_be[3];
}

/* Opened by the workload with a floating IP that is not its any more. */
static __always_inline bool hw_source_lost(const struct hw_conn *conn, __u32 port_id) {
  if (!(conn->flags & HW_CONN_TRANSLATED) || (conn->flags & HW_CONN_INBOUND)) return false;
  struct hw_floating *floats = bpf_map_lookup_elem(&floating, &port_id);
  return !floats || !hw_same(&floats->address, &conn->outside);
}

/* The workload itself opens what somebody in another VRF has opened towards it: it comes first. */
static __always_inline bool hw_yields(const struct hw_conn *conn, const struct hw_packet *packet,
                                      const struct hw_port *port) {
  return (conn->flags & HW_CONN_INBOUND) && conn->vrf != port->vrf &&
         packet->ip.protocol == IPPROTO_TCP &&
         (packet->tcp_flags & (HW_TCP_SYN | HW_TCP_ACK)) == HW_TCP_SYN;
}

static __always_inline void hw_touch(struct __sk_buff *skb, struct hw_conn *conn,
                                     const struct hw_packet *packet, bool outgoing) {
  __u8 flags = conn->flags;
  if (packet->ip.protocol == IPPROTO_TCP) {
    if (packet->tcp_flags & HW_TCP_FIN) flags |= outgoing ? HW_CONN_FIN_OUT : HW_CONN_FIN_IN;
    if (packet->tcp_flags & HW_TCP_RST) flags |= HW_CONN_RESET;
  }
  if (outgoing == !!(flags & HW_CONN_INBOUND)) flags |= HW_CONN_REPLIED;
  if (flags != conn->flags) conn->flags = flags;
  __u32 count = skb->gso_segs > 1 ? skb->gso_segs : 1;
  if (outgoing) {
    conn->packets_out += count;
    conn->bytes_out += packet->length;
  } else {
    conn->packets_in += count;
    conn->bytes_in += packet->length;
  }
  conn->last_seen = bpf_ktime_get_coarse_ns();
}

/* Gives the connection its number; false: the port may have no more. Nobody sweeps: no limit. */
static __always_inline bool hw_count(struct hw_context *context) {
  __u32 zero = 0;
  __u32 *opened = bpf_map_lookup_elem(&port_opened, &context->port);
  __u32 *allowed = bpf_map_lookup_elem(&port_allowed, &context->port);
  __u64 *until = bpf_map_lookup_elem(&upkeep, &zero);
  if (!opened || !allowed || !until) return true; /* nobody counts */
  if (*until > bpf_ktime_get_coarse_ns() && (__s32)(*allowed - *opened) <= 0) return false;
  context->fresh.number = __sync_fetch_and_add(opened, 1) + 1;
  return true;
}

/* Stores context->fresh; a translated one also under its outside address, which is how its packets
 * from the network are found. 0, or the reason to drop the packet. A workload that is reached in
 * several VRFs sees one remote where two have the same address and ports: who came first stays, or
 * the other one would get what the workload sends. */
static __noinline int hw_store(struct hw_context *context) {
  if (!context) return HW_DROP_malformed;
  struct hw_conn *known = bpf_map_lookup_elem(&conns, &context->key);
  if (known && (context->fresh.flags & HW_CONN_INBOUND) && known->vrf != context->fresh.vrf &&
      !hw_reopens(known, &context->packet) && !hw_source_lost(known, context->port))
    return HW_DROP_other_vrf;
  if (known)
    context->fresh.number = known->number; /* in place of that one */
  else if (!hw_count(context))
    return HW_DROP_port_limit;
  context->fresh.last_seen = bpf_ktime_get_coarse_ns();
  if (context->fresh.flags & HW_CONN_TRANSLATED) {
    struct hw_conn_key key = context->key;
    struct hw_inside inside = {};
    inside.local = key.local;
    inside.local_port_be = key.local_port_be;
    key.local = context->fresh.outside;
    key.local_port_be = context->fresh.outside_port_be;
    if (bpf_map_update_elem(&outside, &key, &inside, BPF_ANY) < 0) return HW_DROP_map_full;
  }
  if (bpf_map_update_elem(&conns, &context->key, &context->fresh, BPF_ANY) < 0)
    return HW_DROP_map_full;
  return 0;
}
