#include "attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_sched.h>

#include <cerrno>
#include <string_view>

#include "hawser/base/fd.h"

namespace hawser::datapath {
namespace {

Result<bool> hasFilters(netlink::Socket& socket, int device) {
  for (const auto minor : {TC_H_MIN_INGRESS, TC_H_MIN_EGRESS}) {
    const auto any = socket.hasFilters(device, TC_H_MAKE(TC_H_CLSACT, minor));
    if (!any || *any) return any;
  }
  return false;
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

Result<bool> isOurs(std::uint32_t program) {
  const Fd fd(bpf_prog_get_fd_by_id(program));
  if (!fd && errno == ENOENT) return false;  // replaced at this moment
  if (!fd) return failErrno("look at program " + std::to_string(program), errno);
  bpf_prog_info info{};
  __u32 length = sizeof(info);
  if (bpf_obj_get_info_by_fd(fd.get(), &info, &length) < 0)
    return failErrno("look at program " + std::to_string(program), errno);
  return std::string_view(info.name).starts_with("hw_from_");
}

Result<std::optional<std::uint32_t>> attachedIngress(netlink::Socket& socket, int device) {
  // Asked first, since libbpf complains on stderr about a device without the qdisc.
  const auto any = hasFilters(socket, device);
  if (!any) return std::unexpected(any.error());
  if (!*any) return std::nullopt;
  auto hook = hookOf(device);
  auto options = ourFilter();
  const int error = bpf_tc_query(&hook, &options);
  // EINVAL: there is no chain of filters at all.
  if (error == -ENOENT || error == -EINVAL || error == -ENODEV) return std::nullopt;
  if (error < 0) return failErrno("look for our filter", -error);
  const auto ours = isOurs(options.prog_id);
  if (!ours) return std::unexpected(ours.error());
  return *ours ? std::optional(options.prog_id) : std::nullopt;
}

}  // namespace

Result<Device> findDevice(const std::string& name) {
  auto socket = netlink::Socket::open();
  if (!socket) return std::unexpected(socket.error());
  const auto link = socket->link(name);
  if (!link) return std::unexpected(link.error());
  if (!*link) return fail(ErrorCode::kNotFound, "no such device", name);
  return Device{(*link)->index, (*link)->peerElsewhere};
}

Result<void> attachIngress(int device, int program) {
  auto hook = hookOf(device);
  const int made = bpf_tc_hook_create(&hook);
  if (made == -ENODEV) return fail(ErrorCode::kNotFound, "the device is gone");
  if (made < 0 && made != -EEXIST) return failErrno("make the clsact qdisc", -made);
  auto options = ourFilter();
  options.prog_fd = program;
  options.flags = BPF_TC_F_REPLACE;
  if (const int error = bpf_tc_attach(&hook, &options); error < 0)
    return failErrno("attach the program", -error);
  return {};
}

Result<std::optional<std::uint32_t>> attachedIngress(int device) {
  auto socket = netlink::Socket::open();
  if (!socket) return std::unexpected(socket.error());
  return attachedIngress(*socket, device);
}

Result<bool> mendIngress(int device, int program) {
  const auto attached = attachedIngress(device);
  if (!attached) return std::unexpected(attached.error());
  if (*attached == programId(program)) return false;
  if (auto again = attachIngress(device, program); !again) return std::unexpected(again.error());
  return true;
}

Result<void> detachIngress(int device) {
  auto socket = netlink::Socket::open();
  if (!socket) return std::unexpected(socket.error());
  return detachIngress(*socket, device);
}

Result<void> detachIngress(netlink::Socket& socket, int device) {
  const auto attached = attachedIngress(socket, device);
  if (!attached) return std::unexpected(attached.error());
  if (!*attached) return {};
  auto hook = hookOf(device);
  auto options = ourFilter();
  if (const int error = bpf_tc_detach(&hook, &options); error < 0)
    return failErrno("detach the program", -error);
  const auto others = hasFilters(socket, device);
  if (!others) return std::unexpected(others.error());
  if (*others) return {};
  auto both = hookOf(device, static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS));
  if (const int error = bpf_tc_hook_destroy(&both); error < 0)
    return failErrno("remove the clsact qdisc", -error);
  return {};
}

std::uint32_t programId(int program) {
  bpf_prog_info info{};
  __u32 length = sizeof(info);
  return bpf_obj_get_info_by_fd(program, &info, &length) == 0 ? info.id : 0;
}

}  // namespace hawser::datapath
