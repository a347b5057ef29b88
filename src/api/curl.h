// One curl handle with the TLS settings of a ClientConfig. Private to the module.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>

#include "hawser/api/client.h"

namespace hawser::api {

struct CurlDeleter {
  void operator()(CURL* handle) const { ::curl_easy_cleanup(handle); }
};
struct SlistDeleter {
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};
using CurlPtr = std::unique_ptr<CURL, CurlDeleter>;
using SlistPtr = std::unique_ptr<curl_slist, SlistDeleter>;

// `config` must outlive the handle.
[[nodiscard]] CurlPtr makeCurl(const ClientConfig& config);
[[nodiscard]] SlistPtr makeHeaders(const ClientConfig& config, bool json);
// The server's error of an answer with status >= 400.
[[nodiscard]] Error errorOf(long status, const std::string& body);
[[nodiscard]] Error unreachable(const ClientConfig& config, CURLcode code);

}  // namespace hawser::api
