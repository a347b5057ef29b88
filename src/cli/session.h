// What one run of a command knows: global options, the context they choose, the client.
#pragma once

#include <filesystem>
#include <optional>
#include <ostream>
#include <string>

#include "context.h"
#include "hawser/api/client.h"
#include "hawser/cli/cli.h"

namespace hawser::cli {

enum class Output : std::uint8_t { kTable, kWide, kJson, kYaml, kName };
[[nodiscard]] Result<Output> parseOutput(const std::string& text);

struct Globals {
  std::string context, server, ca, token, project, output = "table";
};

class Session {
 public:
  Session(const Globals& globals, Environment& environment)
      : globals_(globals), environment_(environment) {}

  [[nodiscard]] std::ostream& out() { return environment_.out; }
  [[nodiscard]] std::ostream& err() { return environment_.err; }
  [[nodiscard]] std::istream& in() { return environment_.in; }
  [[nodiscard]] Environment& environment() { return environment_; }
  [[nodiscard]] Output output() const { return output_; }
  [[nodiscard]] bool forPrograms() const {
    return output_ == Output::kJson || output_ == Output::kYaml;
  }
  // Checks the output's name and reads the context file. No network.
  [[nodiscard]] Result<void> prepare();

  [[nodiscard]] std::filesystem::path configPath() const;
  [[nodiscard]] const Config& config() const { return config_; }
  [[nodiscard]] std::string contextName() const;
  // --project, else the context's, else "default".
  [[nodiscard]] std::string project() const;
  [[nodiscard]] bool projectGiven() const { return !globals_.project.empty(); }
  // By option or context, not by default.
  [[nodiscard]] bool projectChosen() const;

  // Server, authority and token from options and context; the error says how to make a context.
  [[nodiscard]] Result<api::ClientConfig> clientConfig() const;
  // A call of the API. Errors say what to check when nobody answers or the token is not known.
  [[nodiscard]] Result<model::Json> call(const std::string& method, const std::string& path,
                                         const std::optional<model::Json>& body = std::nullopt);
  // The list's items, as the API gives them. Project empty: all.
  [[nodiscard]] Result<model::Json> list(model::Kind kind, const std::string& project,
                                         const std::string& selector = {});
  // An error when there is no such project; what may not be seen is let be.
  [[nodiscard]] Result<void> projectExists(const std::string& project);
  [[nodiscard]] Error explained(Error error) const;
  // Completion must not keep a shell waiting.
  void setTimeout(std::chrono::milliseconds timeout) { timeout_ = timeout; }

  // JSON or YAML, by -o.
  void print(const model::Json& json);

 private:
  [[nodiscard]] const Context* chosen() const;
  [[nodiscard]] std::unexpected<Error> noContext() const;

  const Globals& globals_;
  Environment& environment_;
  Output output_ = Output::kTable;
  Config config_;
  std::optional<std::chrono::milliseconds> timeout_;
  std::optional<api::Client> client_;
};

[[nodiscard]] std::string urlEncode(std::string_view text);
// "/api/v1/projects/P/networks/N"; an empty name is the collection, an empty project all of them.
[[nodiscard]] std::string pathOf(const model::ObjectKey& key);

}  // namespace hawser::cli
