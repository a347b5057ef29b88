/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The last leg, into the workload's device: for packets out of a tunnel and for those of another
 * port of this host. context->port is the receiving port, context->packet parsed as incoming. */
#pragma once

#include "answer.h"
#include "connection.h"
#include "rewrite.h"
#include "route.h"

static __noinline int hw_into_device(struct __sk_buff *skb, struct hw_context *context,
                                     struct hw_port *port) {
  if (!context || !port) return TC_ACT_SHOT;
  struct ethhdr eth;
  __builtin_memcpy(eth.h_dest, port->mac, ETH_ALEN);
  __builtin_memcpy(eth.h_source, hw_gateway_mac, ETH_ALEN);
  bpf_skb_store_bytes(skb, 0, &eth, 2 * ETH_ALEN, 0);
  struct hw_port_counters *counters = bpf_map_lookup_elem(&port_counters, &context->port);
  if (counters) {
    counters->packets_in += skb->gso_segs > 1 ? skb->gso_segs : 1;
    counters->bytes_in += context->packet.length;
  }
  if (!(port->flags & HW_PORT_PEER)) return bpf_redirect(port->ifindex, 0);
  if (skb->pkt_type != 0) bpf_skb_change_type(skb, 0); /* PACKET_HOST: the peer takes it as is */
  return bpf_redirect_peer(port->ifindex, 0);
}

/* Whether a connection's packet may come from the host that sent it: the one whose packets were
 * taken last (a workload that moves: what is still on its way), the connection's next hop, or one
 * that may send what comes from the remote. What a port of this host sends was judged there. */
static __noinline bool hw_tunnel_fits(struct hw_context *context, struct hw_conn *conn) {
  if (!context || !conn) return false;
  __u32 sender = context->tunnel_be;
  if (sender == 0 || sender == conn->tunnel_be) return true;
  if (!hw_tunnel_to(conn->next_hop, sender) &&
      !hw_may_send(hw_route_of(conn->vrf, context->key.remote.word_be[3]), conn->vrf, sender))
    return false;
  conn->tunnel_be = sender;
  return true;
}

/* An ICMP error about a packet that the workload sent: its quotation is of the translated packet,
 * and is translated back. The quoted header's sum does not change when its address and its checksum
 * change together, so of the quotation only the port shows in the ICMP checksum. */
static __noinline int hw_error_in(struct __sk_buff *skb, struct hw_context *context,
                                  struct hw_port *port) {
  if (!context || !port) return TC_ACT_SHOT;
  struct hw_packet *packet = &context->packet;
  struct hw_conn_key *key = &context->key;
  struct iphdr quoted;
  __u32 at = packet->l4 + sizeof(struct icmphdr);
  __u16 sport, dport;
  if (bpf_skb_load_bytes(skb, at, &quoted, sizeof(quoted)) < 0) return hw_drop(HW_DROP_malformed);
  __u32 l4 = at + quoted.ihl * 4;
  if (hw_ports(skb, quoted.protocol, l4, true, &sport, &dport) < 0)
    return hw_drop(HW_DROP_malformed);
  hw_key(context, false);
  key->protocol = quoted.protocol;
  key->local = hw_v4(quoted.saddr);
  key->remote = hw_v4(quoted.daddr);
  key->local_port_be = sport;
  key->remote_port_be = dport;
  struct hw_conn *conn = bpf_map_lookup_elem(&conns, key);
  if (!conn || (conn->flags & HW_CONN_TRANSLATED)) {
    struct hw_inside *inside = bpf_map_lookup_elem(&outside, key);
    if (!inside) return hw_drop(HW_DROP_icmp_unrelated);
    key->local = inside->local;
    key->local_port_be = inside->local_port_be;
    conn = bpf_map_lookup_elem(&conns, key);
  }
  if (!conn || packet->ip.daddr != quoted.saddr) return hw_drop(HW_DROP_icmp_unrelated);
  if (!hw_tunnel_fits(context, conn))
    return hw_drop_told(packet, HW_DROP_wrong_tunnel, context->port, 0);
  hw_remember_fragment(packet, context->port);
  struct hw_inside to = {key->local, key->local_port_be, 0};
  if (conn->flags & HW_CONN_TRANSLATED) hw_rewrite_quoted(skb, context, &quoted, true, &to);
  return hw_into_device(skb, context, port);
}

/* Own address, or the address of a translation. 0: key->local is the workload's, *translated says
 * which; else the drop reason. */
static __noinline int hw_open_in(struct hw_context *context, struct hw_port *port) {
  if (!context || !port) return HW_DROP_malformed;
  struct hw_packet *packet = &context->packet;
  struct hw_conn *fresh = &context->fresh;
  __builtin_memset(fresh, 0, sizeof(*fresh));
  fresh->vrf = port->vrf;
  fresh->flags = HW_CONN_INBOUND;
  fresh->generation = port->generation;
  hw_key(context, false);
  if (hw_addr_kind(context->port, packet->ip.daddr) != HW_ADDR_OWN) {
    struct hw_translation_key key = {};
    key.port = context->port;
    key.address = context->key.local;
    key.protocol = packet->ip.protocol;
    key.l4_port_be = packet->target_be;
    struct hw_translation *found = bpf_map_lookup_elem(&translations, &key);
    if (!found) {
      key.protocol = 0;
      key.l4_port_be = 0;
      found = bpf_map_lookup_elem(&translations, &key);
    }
    if (found) {
      fresh->vrf = found->vrf;
      fresh->flags |= HW_CONN_TRANSLATED;
      fresh->outside = context->key.local;
      fresh->outside_port_be = context->key.local_port_be;
      context->key.local = found->target;
      if (found->target_port_be) context->key.local_port_be = found->target_port_be;
    } else if (port->flags & HW_PORT_ANTISPOOF) {
      return HW_DROP_not_here;
    } /* else the workload forwards for others */
  }
  if ((port->flags & HW_PORT_ANTISPOOF) &&
      hw_addr_kind(context->port, packet->ip.saddr) == HW_ADDR_OWN)
    return HW_DROP_spoofed_source;
  struct hw_route *route = hw_route_of(fresh->vrf, packet->ip.saddr);
  if (!route) return HW_DROP_no_return_route;
  if (context->tunnel_be && !hw_may_send(route, fresh->vrf, context->tunnel_be))
    return HW_DROP_wrong_tunnel;
  fresh->tunnel_be = context->tunnel_be;
  fresh->identity = route->identity;
  fresh->next_hop = hw_choose(route, hw_flow_hash(packet), 0);
  return 0;
}

/* The connection that the packet belongs to, or null. Leaves the workload's view in context->key.
 */
static __noinline struct hw_conn *hw_find_in(struct hw_context *context) {
  if (!context) return 0;
  hw_key(context, false);
  struct hw_conn *conn = bpf_map_lookup_elem(&conns, &context->key);
  if (!conn || (conn->flags & HW_CONN_TRANSLATED)) {
    struct hw_inside *inside = bpf_map_lookup_elem(&outside, &context->key);
    if (!inside) return 0;
    context->key.local = inside->local;
    context->key.local_port_be = inside->local_port_be;
    conn = bpf_map_lookup_elem(&conns, &context->key);
    if (!conn || !(conn->flags & HW_CONN_TRANSLATED) ||
        conn->outside.word_be[3] != context->packet.ip.daddr ||
        conn->outside_port_be != context->packet.target_be)
      return 0;
  }
  if (hw_reopens(conn, &context->packet) || hw_source_lost(conn, context->port)) return 0;
  return conn;
}

/* Rules changed since the connection was allowed: it is judged again, in its own direction. */
static __noinline bool hw_still_allowed(struct hw_context *context, struct hw_port *port,
                                        struct hw_conn *conn) {
  if (!context || !port || !conn) return false;
  if (conn->generation == port->generation) return true;
  struct hw_route *route = hw_route_of(conn->vrf, context->key.remote.word_be[3]);
  if (route) conn->identity = route->identity;
  if (!hw_allowed(context, port, conn->flags & HW_CONN_INBOUND, conn->identity)) return false;
  conn->rule_id = context->rule_id;
  conn->generation = port->generation;
  return true;
}

static __noinline int hw_deliver(struct __sk_buff *skb, struct hw_context *context) {
  if (!context) return TC_ACT_SHOT;
  struct hw_packet *packet = &context->packet;
  struct hw_port *port = bpf_map_lookup_elem(&ports, &context->port);
  if (!port) return hw_drop(HW_DROP_unknown_port);
  int reason = hw_fragment_ports(packet, context->port);
  if (reason) return hw_drop(reason);
  if (packet->icmp_error) return hw_error_in(skb, context, port);
  struct hw_conn *conn = hw_find_in(context);
  if (conn) {
    if (!hw_tunnel_fits(context, conn))
      return hw_drop_told(packet, HW_DROP_wrong_tunnel, context->port, 0);
    if (!hw_still_allowed(context, port, conn)) return hw_denied(context);
  } else {
    reason = hw_open_in(context, port);
    if (reason) return hw_drop_told(packet, reason, context->port, 0);
    if (!hw_allowed(context, port, true, context->fresh.identity)) return hw_denied(context);
    context->fresh.rule_id = context->rule_id;
    reason = hw_store(context);
    if (reason) return hw_drop_told(packet, reason, context->port, 0);
    conn = bpf_map_lookup_elem(&conns, &context->key);
    if (!conn) return hw_drop(HW_DROP_map_full);
  }
  hw_remember_fragment(packet, context->port);
  hw_touch(skb, conn, packet, false);
  if (conn->flags & HW_CONN_TRANSLATED)
    hw_rewrite(skb, packet, false, context->key.local.word_be[3], context->key.local_port_be);
  return hw_into_device(skb, context, port);
}
