// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The two programs of a host. from_port: what a workload sends; from_underlay: what arrives in a
 * tunnel. A packet's life: docs/modules/datapath.md. Library functions return a drop reason or a
 * final verdict of TC; 0 means go on. */
#include "deliver.h"
#include "tunnel.h"

char LICENSE[] SEC("license") = "Dual Apache/GPL";

static __noinline int hw_refuse(struct __sk_buff *skb, struct hw_packet *packet,
                                struct hw_port *port) {
  if (!packet || !port) return TC_ACT_SHOT;
  hw_drop(HW_DROP_refused);
  if (packet->ip.protocol == IPPROTO_TCP) return hw_answer_reset(skb, packet, port);
  __u8 code = packet->ip.protocol == IPPROTO_UDP ? ICMP_PORT_UNREACH : ICMP_HOST_UNREACH;
  return hw_answer_error(skb, packet, port, HW_ICMP(ICMP_DEST_UNREACH, code, 0), 0);
}

static __noinline int hw_unroutable(struct __sk_buff *skb, struct hw_context *context,
                                    struct hw_port *port) {
  if (!context || !port) return TC_ACT_SHOT;
  hw_drop_told(&context->packet, HW_DROP_no_route, context->port, 0);
  return hw_answer_error(skb, &context->packet, port,
                         HW_ICMP(ICMP_DEST_UNREACH, ICMP_NET_UNREACH, 0), port->gateway_be);
}

/* A connection that the workload opens: route, rules, member. 0: context->fresh is complete. */
static __noinline int hw_open_out(struct __sk_buff *skb, struct hw_context *context,
                                  struct hw_port *port) {
  if (!context || !port) return TC_ACT_SHOT;
  struct hw_packet *packet = &context->packet;
  struct hw_conn *fresh = &context->fresh;
  __builtin_memset(fresh, 0, sizeof(*fresh));
  fresh->vrf = port->vrf;
  fresh->generation = port->generation;
  struct hw_route *route = hw_route_of(port->vrf, packet->ip.daddr);
  if (!route && (port->flags & HW_PORT_FLOATING)) {
    struct hw_floating *floats = bpf_map_lookup_elem(&floating, &context->port);
    if (floats) {
      route = hw_route_of(floats->vrf, packet->ip.daddr);
      fresh->vrf = floats->vrf;
      fresh->flags = HW_CONN_TRANSLATED;
      fresh->outside = floats->address;
      fresh->outside_port_be = packet->source_be;
    }
  }
  if (!route) return hw_unroutable(skb, context, port);
  fresh->identity = route->identity;
  if (!hw_allowed(context, port, false, route->identity)) return hw_denied(context);
  fresh->rule_id = context->rule_id;
  fresh->next_hop = hw_choose(route, hw_flow_hash(packet), context->port);
  struct hw_next_hop *next_hop = bpf_map_lookup_elem(&next_hops, &fresh->next_hop);
  if (!next_hop) return hw_unroutable(skb, context, port);
  if (next_hop->kind == HW_NH_REFUSE) return hw_refuse(skb, packet, port);
  return 0;
}

/* The pinned next hop, or another when it is gone. Null: none, and the packet is answered. */
static __noinline struct hw_next_hop *hw_next_hop_of(struct hw_context *context,
                                                     struct hw_conn *conn) {
  if (!context || !conn) return 0;
  __u32 id = conn->next_hop;
  struct hw_next_hop *next_hop = bpf_map_lookup_elem(&next_hops, &id);
  if (next_hop) return next_hop;
  struct hw_route *route = hw_route_of(conn->vrf, context->packet.ip.daddr);
  if (!route) return 0;
  id = hw_choose(route, hw_flow_hash(&context->packet), context->port);
  next_hop = bpf_map_lookup_elem(&next_hops, &id);
  if (next_hop && next_hop->kind != HW_NH_REFUSE) {
    conn->next_hop = id;
    conn->identity = route->identity;
  }
  return next_hop;
}

/* TTL and size; 0: fits. */
static __noinline int hw_admit(struct __sk_buff *skb, struct hw_context *context,
                               struct hw_port *port, struct hw_next_hop *next_hop) {
  struct hw_settings *config = hw_config();
  if (!context || !port || !next_hop || !config) return TC_ACT_SHOT;
  struct hw_packet *packet = &context->packet;
  if (packet->ip.ttl <= 1) {
    hw_drop(HW_DROP_ttl_exceeded);
    return hw_answer_error(skb, packet, port, HW_ICMP(ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0),
                           port->gateway_be);
  }
  __u32 limit = port->mtu, room = config->underlay_mtu, size = packet->length;
  if (next_hop->kind != HW_NH_LOCAL) {
    room -=
        next_hop->kind == HW_NH_UDP ? sizeof(struct hw_udp_header) : sizeof(struct hw_gre_header);
    if (room < limit) limit = room;
  }
  if (skb->gso_size) { /* what it will be cut to */
    __u32 headers = packet->l4 - HW_L3 + sizeof(struct udphdr);
    if (packet->ip.protocol == IPPROTO_TCP) headers = packet->l4 - HW_L3 + packet->tcp_header;
    size = skb->gso_size + headers;
  }
  if (size <= limit) return 0;
  hw_drop(HW_DROP_too_big);
  if (!(packet->ip.frag_off & bpf_htons(HW_DONT_FRAGMENT))) return TC_ACT_SHOT;
  return hw_answer_error(skb, packet, port,
                         HW_ICMP(ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, limit & 0xffff),
                         port->gateway_be);
}

/* Towards the network: over a tunnel, or to another port of this host. */
static __noinline int hw_send(struct __sk_buff *skb, struct hw_context *context,
                              struct hw_next_hop *next_hop) {
  if (!context || !next_hop) return TC_ACT_SHOT;
  struct hw_packet *packet = &context->packet;
  hw_decrement_ttl(skb, packet);
  if (next_hop->kind != HW_NH_LOCAL) return hw_send_tunnel(skb, packet, next_hop);
  if (next_hop->port == context->port) return hw_drop(HW_DROP_hairpin);
  context->port = next_hop->port;
  if (packet->ip.protocol == IPPROTO_ICMP) { /* the identifier is the local side's there */
    __u16 identifier = packet->source_be;
    packet->source_be = packet->target_be;
    packet->target_be = identifier;
  }
  return hw_deliver(skb, context);
}

/* An ICMP error that the workload makes about a packet that it received. */
static __noinline int hw_error_out(struct __sk_buff *skb, struct hw_context *context,
                                   struct hw_port *port) {
  if (!context || !port) return TC_ACT_SHOT;
  struct hw_packet *packet = &context->packet;
  struct hw_conn_key *key = &context->key;
  struct iphdr quoted;
  __u32 at = packet->l4 + sizeof(struct icmphdr);
  __u16 sport, dport;
  if (bpf_skb_load_bytes(skb, at, &quoted, sizeof(quoted)) < 0) return hw_drop(HW_DROP_malformed);
  if (hw_ports(skb, quoted.protocol, at + quoted.ihl * 4, false, &sport, &dport) < 0)
    return hw_drop(HW_DROP_malformed);
  hw_key(context, true);
  key->protocol = quoted.protocol;
  key->remote = hw_v4(quoted.saddr);
  key->local = hw_v4(quoted.daddr);
  key->remote_port_be = sport;
  key->local_port_be = dport;
  struct hw_conn *conn = bpf_map_lookup_elem(&conns, key);
  if (!conn || packet->ip.daddr != quoted.saddr || hw_source_lost(conn, context->port))
    return hw_drop(HW_DROP_icmp_unrelated);
  if (!hw_still_allowed(context, port, conn)) return hw_denied(context);
  struct hw_next_hop *next_hop = hw_next_hop_of(context, conn);
  if (!next_hop) return hw_drop(HW_DROP_no_route);
  int verdict = hw_admit(skb, context, port, next_hop);
  if (verdict) return verdict;
  struct hw_inside to = {conn->outside, conn->outside_port_be, 0};
  if (conn->flags & HW_CONN_TRANSLATED) hw_rewrite_quoted(skb, context, &quoted, false, &to);
  return hw_send(skb, context, next_hop);
}

static __always_inline int hw_forward(struct __sk_buff *skb, struct hw_context *context,
                                      struct hw_port *port) {
  if (!context || !port) return TC_ACT_SHOT;
  struct hw_packet *packet = &context->packet;
  int verdict = hw_fragment_ports(packet, context->port);
  if (verdict) return hw_drop(verdict);
  hw_remember_fragment(packet, context->port); /* its source was looked at */
  if (packet->icmp_error) return hw_error_out(skb, context, port);
  hw_key(context, true);
  struct hw_conn *conn = bpf_map_lookup_elem(&conns, &context->key);
  if (conn && (hw_reopens(conn, packet) || hw_source_lost(conn, context->port) ||
               hw_yields(conn, packet, port)))
    conn = 0;
  if (conn) {
    if (!hw_still_allowed(context, port, conn)) return hw_denied(context);
  } else {
    verdict = hw_open_out(skb, context, port);
    if (verdict) return verdict;
    verdict = hw_store(context);
    if (verdict) return hw_drop_told(packet, verdict, context->port, 0);
    conn = bpf_map_lookup_elem(&conns, &context->key);
    if (!conn) return hw_drop(HW_DROP_map_full);
  }
  struct hw_next_hop *next_hop = hw_next_hop_of(context, conn);
  if (!next_hop) return hw_unroutable(skb, context, port);
  if (next_hop->kind == HW_NH_REFUSE) return hw_refuse(skb, packet, port);
  verdict = hw_admit(skb, context, port, next_hop);
  if (verdict) return verdict;
  hw_touch(skb, conn, packet, true);
  if (conn->flags & HW_CONN_TRANSLATED)
    hw_rewrite(skb, packet, true, conn->outside.word_be[3], conn->outside_port_be);
  return hw_send(skb, context, next_hop);
}

static __always_inline bool hw_is_multicast(__u32 address_be) {
  return (bpf_ntohl(address_be) >> 28) >= 14; /* class D, reserved, broadcast */
}

static __always_inline int hw_from_workload(struct __sk_buff *skb, struct hw_context *context,
                                            struct hw_port *port) {
  if (!context || !port) return TC_ACT_SHOT;
  struct hw_packet *packet = &context->packet;
  int reason = hw_parse(skb, packet, true);
  if (reason) return hw_drop(reason);
  if (hw_is_multicast(packet->ip.daddr)) return hw_drop(HW_DROP_multicast);
  if ((port->flags & HW_PORT_ANTISPOOF) &&
      hw_addr_kind(context->port, packet->ip.saddr) != HW_ADDR_OWN)
    return hw_drop_told(packet, HW_DROP_spoofed_source, context->port, 0);
  if (hw_addr_kind(context->port, packet->ip.daddr) == HW_ADDR_GATEWAY) {
    if (packet->ip.protocol == IPPROTO_ICMP && packet->icmp_type == ICMP_ECHO)
      return hw_answer_echo(skb, packet, port);
    return hw_drop(HW_DROP_to_gateway);
  }
  return hw_forward(skb, context, port);
}

SEC("tc")
int hw_from_port(struct __sk_buff *skb) {
  __u32 ifindex = skb->ifindex;
  __u32 *id = bpf_map_lookup_elem(&port_of_device, &ifindex);
  struct hw_port *port = id ? bpf_map_lookup_elem(&ports, id) : 0;
  struct hw_context *context = hw_context();
  struct ethhdr eth;
  if (!port || !context) return hw_drop(HW_DROP_unknown_port);
  context->port = *id;
  context->tunnel_be = 0;
  struct hw_port_counters *counters = bpf_map_lookup_elem(&port_counters, id);
  if (counters) {
    counters->packets_out += skb->gso_segs > 1 ? skb->gso_segs : 1;
    counters->bytes_out += skb->len - ETH_HLEN;
  }
  /* The kernel would put the tag on whatever leaves, over the underlay's network too. */
  if (skb->vlan_present) return hw_drop(HW_DROP_vlan);
  if (bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)) < 0) return hw_drop(HW_DROP_malformed);
  if ((port->flags & HW_PORT_ANTISPOOF) && __builtin_memcmp(eth.h_source, port->mac, ETH_ALEN) != 0)
    return hw_drop(HW_DROP_spoofed_source);
  if (eth.h_proto == bpf_htons(ETH_P_ARP)) return hw_answer_arp(skb, port, context->port);
  if (eth.h_proto != bpf_htons(ETH_P_IP)) return hw_drop(HW_DROP_not_ipv4);
  return hw_from_workload(skb, context, port);
}

SEC("tc")
int hw_from_underlay(struct __sk_buff *skb) {
  struct hw_context *context = hw_context();
  __u32 label = 0, source_be = 0;
  if (!context || skb->protocol != bpf_htons(ETH_P_IP)) return TC_ACT_OK;
  if (skb->vlan_present && (skb->vlan_tci & HW_VLAN_ID)) return TC_ACT_OK; /* of a device on ours */
  int header = hw_tunnel_header(skb, &label, &source_be);
  if (header == 0) return TC_ACT_OK;
  if (header < 0) return hw_drop(-header);
  __u32 *id = bpf_map_lookup_elem(&labels, &label);
  if (!id) return hw_drop(HW_DROP_unknown_label);
  context->port = *id;
  context->tunnel_be = source_be;
  if (skb->vlan_present && bpf_skb_vlan_pop(skb) < 0) /* a priority: it ends here */
    return hw_drop(HW_DROP_bad_tunnel);
  if (bpf_skb_adjust_room(skb, -header, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO) < 0)
    return hw_drop(HW_DROP_bad_tunnel);
  int reason = hw_parse(skb, &context->packet, false);
  if (reason) return hw_drop(reason);
  return hw_deliver(skb, context);
}
