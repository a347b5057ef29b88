// Links between sites: propose here, accept there, withdraw on either side.
#include <fmt/core.h>

#include "columns.h"
#include "commands.h"
#include "hawser/model/specs.h"

namespace hawser::cli {

using model::Json;
using model::Kind;
using model::Ref;

namespace {

void show(Session& session, const Json& link, const std::string& text) {
  if (session.forPrograms())
    session.print(link);
  else
    session.out() << "links/" << textAt(link, "metadata.project") << "/"
                  << textAt(link, "metadata.name") << " " << text << "\n";
}

model::ObjectKey keyOf(const Json& link) {
  return {Kind::kLink, textAt(link, "metadata.project"), textAt(link, "metadata.name")};
}

std::string known(const std::vector<Json>& links) {
  std::string text;
  for (const auto& link : links)
    text += fmt::format("{}{}/{} ({})", text.empty() ? "" : ", ", textAt(link, "metadata.project"),
                        textAt(link, "metadata.name"), textAt(link, "status.phase"));
  return text.empty() ? "there is none" : "there is " + text;
}

// The one Link that `fits`, by name ("name" in the project, else in whichever has it).
Result<Json> theOne(Session& session, const LinkOptions& options,
                    const std::function<bool(const Json&)>& fits) {
  const auto list = session.list(Kind::kLink, session.projectGiven() ? session.project() : "");
  if (!list) return std::unexpected(list.error());
  const auto slash = options.name.find('/');
  std::vector<Json> all, found;
  for (const auto& link : list->at("items")) {
    const auto name = textAt(link, "metadata.name");
    const auto project = textAt(link, "metadata.project");
    const auto full = project + "/" + name;
    all.push_back(link);
    const auto network = Ref::parse(textAt(link, "spec.network"), project);
    const bool named =
        options.name.empty() || options.name == (slash == std::string::npos ? name : full);
    const bool inNetwork =
        options.network.empty() || Ref::parse(options.network, session.project()) == network;
    const bool ofPeer = options.peer.empty() || options.peer == textAt(link, "spec.peer");
    if (named && inNetwork && ofPeer && fits(link)) found.push_back(link);
  }
  if (found.size() == 1) return found.front();
  const auto what = options.name.empty() ? std::string("such Link")
                                         : fmt::format("such Link \"{}\"", options.name);
  if (found.empty()) return fail(ErrorCode::kNotFound, fmt::format("no {}: {}", what, known(all)));
  return invalid(fmt::format("which? {}", known(found)), "NAME");
}

}  // namespace

Result<int> linkPropose(Session& session, const LinkOptions& options) {
  const auto network = Ref::parse(options.network, session.project());
  auto name = options.name;
  if (name.empty()) name = network.name + "-" + options.peer;
  Json spec{{"peer", options.peer},
            {"network", network.text()},
            {"remoteNetwork", options.remoteNetwork},
            {"accepted", true}};
  if (!options.routeTarget.empty()) spec["routeTarget"] = options.routeTarget;
  if (!options.localPrefixes.empty()) spec["localPrefixes"] = options.localPrefixes;
  if (!options.remotePrefixes.empty()) spec["remotePrefixes"] = options.remotePrefixes;
  const auto made = session.call("POST", pathOf({Kind::kLink, network.project, {}}),
                                 Json{{"kind", "Link"},
                                      {"metadata", {{"name", name}, {"project", network.project}}},
                                      {"spec", spec}});
  if (!made) return std::unexpected(made.error());
  show(session, *made,
       fmt::format("proposed to {}; there: hawser link accept --network {}", options.peer,
                   options.remoteNetwork));
  return kGood;
}

Result<int> linkAccept(Session& session, const LinkOptions& options) {
  const auto link = theOne(session, options, [&](const Json& one) {
    return !options.name.empty() || at(one, "spec.accepted") != Json(true);
  });
  if (!link) return std::unexpected(link.error());
  if (at(*link, "spec.accepted") == Json(true)) {
    show(session, *link, "was accepted already");
    return kGood;
  }
  if (textAt(*link, "status.phase") == "withdrawn" && at(*link, "spec.proposedByUs") != Json(true))
    return fail(ErrorCode::kConflict,
                fmt::format("{} was withdrawn by the other side; it must propose it again",
                            keyOf(*link).text()));
  const auto done =
      session.call("PATCH", pathOf(keyOf(*link)), Json{{"spec", {{"accepted", true}}}});
  if (!done) return std::unexpected(done.error());
  show(session, *done, "accepted");
  return kGood;
}

Result<int> linkWithdraw(Session& session, const LinkOptions& options) {
  const auto link = theOne(session, options, [](const Json&) { return true; });
  if (!link) return std::unexpected(link.error());
  const auto done = session.call("DELETE", pathOf(keyOf(*link)));
  if (!done) return std::unexpected(done.error());
  show(session, *link, "withdrawn");
  return kGood;
}

Result<int> linkList(Session& session, bool inProject) {
  GetOptions options;
  options.kind = "links";
  options.allProjects = !inProject;
  return get(session, options);
}

}  // namespace hawser::cli
