#include "attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <string_view>
#include <vector>

namespace hawser::datapath {
namespace {

// One request and its answers; visit(message) for each that is neither an error nor the end.
Result<void> request(nlmsghdr* message, const std::function<void(const nlmsghdr*)>& visit) {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return failErrno("open netlink", errno);
  if (send(fd, message, message->nlmsg_len, 0) < 0) {
    const int error = errno;
    close(fd);
    return failErrno("ask netlink", error);
  }
  const bool dump = (message->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
  std::vector<char> buffer(65536);
  for (bool done = false; !done;) {
    const auto size = recv(fd, buffer.data(), buffer.size(), 0);
    if (size <= 0) break;
    auto left = static_cast<unsigned>(size);
    for (auto* one = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(one, left) && !done;
         one = NLMSG_NEXT(one, left)) {
      done = !dump || one->nlmsg_type == NLMSG_DONE || one->nlmsg_type == NLMSG_ERROR;
      if (one->nlmsg_type != NLMSG_DONE && one->nlmsg_type != NLMSG_ERROR) visit(one);
    }
  }
  close(fd);
  return {};
}

struct LinkRequest {
  nlmsghdr header{};
  ifinfomsg link{};
};
struct FilterRequest {
  nlmsghdr header{};
  tcmsg filter{};
};

// IFLA_LINK_NETNSID is there when, and only when, the peer is in another namespace.
bool hasPeerElsewhere(const nlmsghdr* message) {
  const auto* link = static_cast<const ifinfomsg*>(NLMSG_DATA(message));
  auto left = static_cast<int>(IFLA_PAYLOAD(message));
  bool elsewhere = false;
  bool veth = false;
  for (const rtattr* one = IFLA_RTA(link); RTA_OK(one, left); one = RTA_NEXT(one, left)) {
    if (one->rta_type == IFLA_LINK_NETNSID) elsewhere = true;
    if (one->rta_type != IFLA_LINKINFO) continue;
    auto inner = static_cast<int>(RTA_PAYLOAD(one));
    for (const auto* info = static_cast<const rtattr*>(RTA_DATA(one)); RTA_OK(info, inner);
         info = RTA_NEXT(info, inner))
      if (info->rta_type == IFLA_INFO_KIND)
        veth = std::string_view(static_cast<const char*>(RTA_DATA(info))) == "veth";
  }
  return veth && elsewhere;
}

bool hasFilters(int device) {
  bool any = false;
  for (const auto minor : {TC_H_MIN_INGRESS, TC_H_MIN_EGRESS}) {
    FilterRequest ask;
    ask.header.nlmsg_len = sizeof(ask);
    ask.header.nlmsg_type = RTM_GETTFILTER;
    ask.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    ask.filter.tcm_family = AF_UNSPEC;
    ask.filter.tcm_ifindex = device;
    ask.filter.tcm_parent = TC_H_MAKE(TC_H_CLSACT, minor);
    // A failed question keeps the qdisc.
    if (!request(&ask.header, [&any](const nlmsghdr*) { any = true; })) return true;
  }
  return any;
}

bpf_tc_hook hookOf(int device, bpf_tc_attach_point point = BPF_TC_INGRESS) {
  bpf_tc_hook hook{};
  hook.sz = sizeof(hook);
  hook.ifindex = device;
  hook.attach_point = point;
  return hook;
}
bpf_tc_opts ourFilter() {
  bpf_tc_opts options{};
  options.sz = sizeof(options);
  options.handle = kFilterHandle;
  options.priority = kFilterPriority;
  return options;
}

bool isOurs(std::uint32_t program) {
  const int fd = bpf_prog_get_fd_by_id(program);
  if (fd < 0) return false;
  bpf_prog_info info{};
  __u32 length = sizeof(info);
  const bool known = bpf_obj_get_info_by_fd(fd, &info, &length) == 0;
  close(fd);
  return known && std::string_view(info.name).starts_with("hw_from_");
}

}  // namespace

Result<Device> findDevice(const std::string& name) {
  Device out;
  out.index = static_cast<int>(if_nametoindex(name.c_str()));
  if (out.index == 0) return fail(ErrorCode::kNotFound, "no such device", name);
  LinkRequest ask;
  ask.header.nlmsg_len = sizeof(ask);
  ask.header.nlmsg_type = RTM_GETLINK;
  ask.header.nlmsg_flags = NLM_F_REQUEST;
  ask.link.ifi_family = AF_UNSPEC;
  ask.link.ifi_index = out.index;
  const auto asked = request(
      &ask.header, [&out](const nlmsghdr* one) { out.peerElsewhere = hasPeerElsewhere(one); });
  if (!asked) return std::unexpected(asked.error());
  return out;
}

Result<void> attachIngress(int device, int program) {
  auto hook = hookOf(device);
  if (const int error = bpf_tc_hook_create(&hook); error < 0 && error != -EEXIST)
    return failErrno("make the clsact qdisc", -error);
  auto options = ourFilter();
  options.prog_fd = program;
  options.flags = BPF_TC_F_REPLACE;
  if (const int error = bpf_tc_attach(&hook, &options); error < 0)
    return failErrno("attach the program", -error);
  return {};
}

std::optional<std::uint32_t> attachedIngress(int device) {
  // Asked first, since libbpf complains on stderr about a device without the qdisc.
  if (!hasFilters(device)) return std::nullopt;
  auto hook = hookOf(device);
  auto options = ourFilter();
  if (bpf_tc_query(&hook, &options) < 0 || !isOurs(options.prog_id)) return std::nullopt;
  return options.prog_id;
}

void detachIngress(int device) {
  if (!attachedIngress(device)) return;
  auto hook = hookOf(device);
  auto options = ourFilter();
  (void)bpf_tc_detach(&hook, &options);
  if (hasFilters(device)) return;
  auto both = hookOf(device, static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS));
  (void)bpf_tc_hook_destroy(&both);
}

std::uint32_t programId(int program) {
  bpf_prog_info info{};
  __u32 length = sizeof(info);
  return bpf_obj_get_info_by_fd(program, &info, &length) == 0 ? info.id : 0;
}

}  // namespace hawser::datapath
