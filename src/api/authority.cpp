// A pinned authority, fetched from whoever has it. Nothing is trusted here: the chain that the
// server shows is searched for the certificate with the pinned fingerprint, and a connection that
// is verified against that certificate follows.
#include <fmt/core.h>

#include "curl.h"
#include "hawser/api/client.h"
#include "hawser/api/pki.h"

namespace hawser::api {

namespace {

std::size_t ignore(const char*, std::size_t size, std::size_t count, void*) { return size * count; }

std::vector<std::string> chainOf(CURL* curl) {
  std::vector<std::string> chain;
  curl_certinfo* info = nullptr;
  if (::curl_easy_getinfo(curl, CURLINFO_CERTINFO, &info) != CURLE_OK || info == nullptr)
    return chain;
  for (int i = 0; i < info->num_of_certs; ++i)
    for (const auto* line = info->certinfo[i]; line != nullptr; line = line->next) {
      const std::string_view text(line->data);
      if (text.starts_with("Cert:")) chain.emplace_back(text.substr(5));
    }
  return chain;
}

}  // namespace

Result<std::string> fetchAuthority(const ClientConfig& wanted, const std::string& pin) {
  ClientConfig config;
  config.url = wanted.url;
  config.abort = wanted.abort;
  const auto handle = makeCurl(config);
  CURL* curl = handle.get();
  const auto health = config.url + "/healthz";
  ::curl_easy_setopt(curl, CURLOPT_URL, health.c_str());
  ::curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L);
  ::curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(wanted.timeout.count()));
  ::curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &ignore);
  if (const auto code = ::curl_easy_perform(curl); code != CURLE_OK)
    return std::unexpected(unreachable(config, code));
  std::string seen;
  for (const auto& certificate : chainOf(curl)) {
    const auto print = fingerprint(certificate);
    if (!print) continue;
    if (*print == pin) return certificate;
    seen = *print;  // the last one is the nearest to the root
  }
  return fail(ErrorCode::kForbidden,
              fmt::format("{} shows the authority {}, but {} is pinned", config.url,
                          seen.empty() ? "of nobody" : seen, pin));
}

}  // namespace hawser::api
