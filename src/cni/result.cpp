#include "result.h"

#include <algorithm>
#include <iterator>

namespace hawser::cni {
namespace {

bool isV6(const std::string& address) { return address.find(':') != std::string::npos; }

Json listOf(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_array() ? *found : Json::array();
}

std::string textOf(const Json& json, const char* key) {
  if (!json.is_object()) return {};
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string withLength(const std::string& address) {
  return address + (isV6(address) ? "/128" : "/32");
}

Json interfaceOf(std::string name, const agent::Attached& attached, bool withMtu) {
  Json json{{"name", std::move(name)}};
  if (withMtu) json["mtu"] = attached.mtu;
  return json;
}

void addAddresses(Json& result, const agent::Attached& attached, std::size_t interface,
                  bool withFamily) {
  bool routed[2] = {false, false};
  for (const auto& address : attached.addresses) {
    const bool v6 = isV6(address);
    const bool hasGateway = !attached.gateway.empty() && isV6(attached.gateway) == v6;
    Json ip{{"address", withLength(address)}, {"interface", interface}};
    if (hasGateway) ip["gateway"] = attached.gateway;
    if (withFamily) ip["version"] = v6 ? "6" : "4";
    result["ips"].push_back(std::move(ip));
    if (std::exchange(routed[v6 ? 1 : 0], true)) continue;
    Json route{{"dst", v6 ? "::/0" : "0.0.0.0/0"}};
    if (hasGateway) route["gw"] = attached.gateway;
    result["routes"].push_back(std::move(route));
  }
}

std::unexpected<Failure> changed(const std::string& what) { return failure(Code::kChanged, what); }

// The index of the container's own device in prevResult.
std::size_t indexOfDevice(const Json& interfaces, const Environment& environment) {
  const auto found = std::find_if(interfaces.begin(), interfaces.end(), [&](const Json& interface) {
    return textOf(interface, "name") == environment.ifname && !textOf(interface, "sandbox").empty();
  });
  return static_cast<std::size_t>(found - interfaces.begin());
}

}  // namespace

Json addResult(const Config& config, const Environment& environment,
               const agent::Attached& attached) {
  const bool withMtu = atLeast(config.cniVersion, "1.1.0");
  Json result = config.prevResult.is_object() ? config.prevResult : Json::object();
  result["cniVersion"] = config.cniVersion;
  for (const auto* key : {"interfaces", "ips", "routes"}) result[key] = listOf(result, key);
  result["interfaces"].push_back(interfaceOf(attached.device, attached, withMtu));
  auto inside = interfaceOf(environment.ifname, attached, withMtu);
  inside["mac"] = attached.mac;
  inside["sandbox"] = environment.netns;
  const auto index = result["interfaces"].size();
  result["interfaces"].push_back(std::move(inside));
  addAddresses(result, attached, index, !atLeast(config.cniVersion, "1.0.0"));
  const auto dns = result.find("dns");
  if (dns == result.end() || !dns->is_object() || dns->empty())
    result["dns"] = config.dns.is_object() ? config.dns : Json::object();
  return result;
}

Outcome<> compareWithPrevious(const Config& config, const Environment& environment,
                              const agent::Attached& attached) {
  const auto interfaces = listOf(config.prevResult, "interfaces");
  const auto index = indexOfDevice(interfaces, environment);
  if (index == interfaces.size())
    return changed("prevResult has no interface " + environment.ifname + " in a sandbox");
  const auto sandbox = textOf(interfaces[index], "sandbox");
  if (sandbox != environment.netns)
    return changed("prevResult's sandbox is " + sandbox + ", not " + environment.netns);
  const auto mac = textOf(interfaces[index], "mac");
  if (!mac.empty() && mac != attached.mac)
    return changed(environment.ifname + " had MAC " + mac + ", and has " + attached.mac);
  std::vector<std::string> was, is;
  for (const auto& ip : listOf(config.prevResult, "ips"))
    if (ip.is_object() && ip.contains("interface") && ip["interface"] == index)
      was.push_back(textOf(ip, "address"));
  for (const auto& address : attached.addresses) is.push_back(withLength(address));
  std::sort(was.begin(), was.end());
  std::sort(is.begin(), is.end());
  if (was == is) return {};
  const auto join = [](const std::vector<std::string>& texts) {
    std::string out;
    for (const auto& text : texts) out += (out.empty() ? "" : ", ") + text;
    return out.empty() ? std::string("none") : out;
  };
  return changed("the addresses of " + environment.ifname + " were " + join(was) + ", and are " +
                 join(is));
}

Json errorResult(std::string_view version, const Failure& failure) {
  Json json{
      {"cniVersion", version}, {"code", static_cast<int>(failure.code)}, {"msg", failure.message}};
  if (!failure.details.empty()) json["details"] = failure.details;
  return json;
}

Json versionResult(std::string_view version) {
  auto versions = Json::array();
  for (const auto one : kVersions) versions.push_back(one);
  return {{"cniVersion", version}, {"supportedVersions", std::move(versions)}};
}

Failure toFailure(const Error& error) {
  switch (error.code) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kTimeout:
      return {Code::kTryAgainLater, error.text(), {}};
    case ErrorCode::kInvalid:
      return {Code::kInvalidConfig, error.text(), {}};
    case ErrorCode::kNotFound:
      return {Code::kUnknownContainer, error.text(), {}};
    case ErrorCode::kExists:
      return {Code::kConflict, error.text(), {}};
    case ErrorCode::kConflict:
      return {Code::kChanged, error.text(), {}};
    case ErrorCode::kUnauthorized:
    case ErrorCode::kForbidden:
      return {Code::kIo, error.text(), {}};
    case ErrorCode::kInternal:
      break;
  }
  return {Code::kInternal, error.text(), {}};
}

}  // namespace hawser::cni
