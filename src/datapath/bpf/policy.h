/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The rules of a port for the first packet of a connection. Rules lie sorted by tier; the first
 * match in a tier decides, HW_PASS leaves the word to the next tier. */
#pragma once

#include "packet.h"

struct hw_judgement {
  __u64 identity; /* of the remote */
  struct hw_addr remote;
  __u32 set;
  __u32 rule_id; /* out */
  __u16 target;  /* host order; ICMP: type */
  __u8 protocol;
  __u8 verdict; /* out: enum hw_action */
  __u8 passed;  /* a tier said pass */
  __u8 passed_tier;
  __u8 log; /* out */
};

static long hw_rule_matches(__u32 index, struct hw_judgement *judgement) {
  struct hw_rule_key key = {judgement->set, index};
  struct hw_rule *rule = bpf_map_lookup_elem(&rules, &key);
  if (!rule) return 0;
  if (judgement->passed && rule->tier == judgement->passed_tier) return 0;
  if (rule->protocol && rule->protocol != judgement->protocol) return 0;
  if (judgement->target < rule->port_first || judgement->target > rule->port_last) return 0;
  if ((rule->flags & HW_RULE_IDENTITY) && rule->identity != judgement->identity) return 0;
  if (rule->flags & HW_RULE_PREFIX) {
#pragma unroll
    for (int i = 0; i < 4; ++i)
      if ((judgement->remote.word_be[i] & rule->mask.word_be[i]) != rule->address.word_be[i])
        return 0;
  }
  judgement->rule_id = rule->id;
  judgement->log = rule->flags & HW_RULE_LOG;
  if (rule->action == HW_PASS) {
    judgement->passed = 1;
    judgement->passed_tier = rule->tier;
    return 0;
  }
  judgement->verdict = rule->action;
  return 1;
}

/* True: allowed. Counts the rule that decided, and leaves it in the context. ICMP rules look at the
 * type where others look at the destination port. */
static __noinline bool hw_allowed(struct hw_context *context, struct hw_port *port, bool ingress,
                                  __u64 identity) {
  struct hw_judgement judgement = {};
  if (!context || !port) return false;
  judgement.identity = identity;
  judgement.remote = context->key.remote;
  judgement.protocol = context->key.protocol;
  judgement.target = bpf_ntohs(ingress ? context->key.local_port_be : context->key.remote_port_be);
  if (judgement.protocol == IPPROTO_ICMP) judgement.target = context->packet.icmp_type;
  judgement.set = ingress ? port->ingress_set : port->egress_set;
  judgement.verdict = ingress ? port->ingress_default : port->egress_default;
  bpf_loop(ingress ? port->ingress_count : port->egress_count, hw_rule_matches, &judgement, 0);
  context->rule_id = judgement.rule_id;
  context->log = judgement.log || !judgement.rule_id;
  if (judgement.rule_id) {
    __u64 *hits = bpf_map_lookup_elem(&rule_hits, &judgement.rule_id);
    if (hits) __sync_fetch_and_add(hits, 1); /* entries are the loader's, made with the rule */
  }
  return judgement.verdict == HW_ALLOW;
}

static __always_inline int hw_denied(struct hw_context *context) {
  if (!context->log) return hw_drop(HW_DROP_policy);
  return hw_drop_told(&context->packet, HW_DROP_policy, context->port, context->rule_id);
}
