/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* ICMP (RFC 792), as far as we speak it. <linux/icmp.h> wants the C library, which clang does not
 * find for the BPF target. */
#pragma once

#include <linux/types.h>

enum {
  ICMP_ECHOREPLY = 0,
  ICMP_DEST_UNREACH = 3,
  ICMP_SOURCE_QUENCH = 4,
  ICMP_ECHO = 8,
  ICMP_TIME_EXCEEDED = 11,
  ICMP_PARAMETERPROB = 12,
};
enum { ICMP_NET_UNREACH = 0, ICMP_HOST_UNREACH = 1, ICMP_PORT_UNREACH = 3, ICMP_FRAG_NEEDED = 4 };
enum { ICMP_EXC_TTL = 0 };

struct icmphdr {
  __u8 type;
  __u8 code;
  __be16 checksum;
  __be16 id; /* echo; unused in errors */
  __be16 sequence_or_mtu;
};
