// Links between sites: propose here, accept there, withdraw on either side.
#include <fmt/core.h>

#include <chrono>
#include <thread>

#include "commands.h"
#include "hawser/model/specs.h"
#include "views/columns.h"

namespace hawser::cli {

using model::Json;
using model::Kind;
using model::Ref;

namespace {

constexpr std::chrono::milliseconds kLookAgain{100};  // between two looks at a state

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

struct Links {
  std::vector<Json> all, fitting;  // those that the options name, narrow, or leave open
};
// By name ("name" in the project, else in whichever has it), by network, by peer.
Result<Links> linksFor(Session& session, const LinkOptions& options) {
  const auto list = session.list(Kind::kLink, session.projectGiven() ? session.project() : "");
  if (!list) return std::unexpected(list.error());
  const auto slash = options.name.find('/');
  Links links;
  for (const auto& link : list->at("items")) {
    const auto name = textAt(link, "metadata.name");
    const auto project = textAt(link, "metadata.project");
    const auto full = project + "/" + name;
    links.all.push_back(link);
    const auto network = Ref::parse(textAt(link, "spec.network"), project);
    const bool named =
        options.name.empty() || options.name == (slash == std::string::npos ? name : full);
    const bool inNetwork =
        options.network.empty() || Ref::parse(options.network, session.project()) == network;
    const bool ofPeer = options.peer.empty() || options.peer == textAt(link, "spec.peer");
    if (named && inNetwork && ofPeer) links.fitting.push_back(link);
  }
  return links;
}

bool withdrawn(const Json& link) { return textAt(link, "status.phase") == "withdrawn"; }

std::unexpected<Error> proposeAgain(const Json& link) {
  return fail(
      ErrorCode::kConflict,
      fmt::format("{} was withdrawn by the other side; to propose it again: hawser link propose {} "
                  "--peer {} --remote-network {}",
                  keyOf(link).text(),
                  Ref::parse(textAt(link, "spec.network"), textAt(link, "metadata.project")).text(),
                  textAt(link, "spec.peer"), textAt(link, "spec.remoteNetwork")));
}

// The Link of these two networks with that Peer; null: none.
Result<Json> linkOf(Session& session, const Ref& network, const LinkOptions& options) {
  const auto list = session.list(Kind::kLink, network.project);
  if (!list) return std::unexpected(list.error());
  for (const auto& link : list->at("items"))
    if (Ref::parse(textAt(link, "spec.network"), network.project) == network &&
        textAt(link, "spec.peer") == options.peer &&
        textAt(link, "spec.remoteNetwork") == options.remoteNetwork)
      return link;
  return Json();
}

bool accepted(const Json& link) { return at(link, "spec.accepted") == Json(true); }

std::unexpected<Error> which(const std::vector<Json>& links) {
  return invalid(fmt::format("which? {}", known(links)), "NAME");
}

// What the other site says of the proposal, or that it has not spoken by then.
Result<Json> answerOf(Session& session, const Json& made, std::chrono::seconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (true) {
    auto link = session.call("GET", pathOf(keyOf(made)));
    const auto answer = link ? textAt(*link, "status.answer") : std::string();
    const bool heard = !answer.empty() && answer != "none";
    if (!link || heard || std::chrono::steady_clock::now() >= end) return link;
    std::this_thread::sleep_for(kLookAgain);
  }
}

}  // namespace

Result<int> linkPropose(Session& session, const LinkOptions& options) {
  const auto network = Ref::parse(options.network, session.project());
  auto name = options.name;
  const auto before = linkOf(session, network, options);
  if (!before) return std::unexpected(before.error());
  const bool again = withdrawn(*before);
  if (!before->is_null() && !again)
    return fail(ErrorCode::kExists,
                fmt::format("{} joins these networks already; to begin anew: hawser link withdraw "
                            "{}/{}",
                            keyOf(*before).text(), keyOf(*before).project, keyOf(*before).name));
  if (name.empty()) name = again ? keyOf(*before).name : network.name + "-" + options.peer;
  Json spec{{"peer", options.peer},
            {"network", network.text()},
            {"remoteNetwork", options.remoteNetwork},
            {"accepted", true}};
  if (!options.routeTarget.empty()) spec["routeTarget"] = options.routeTarget;
  if (!options.localPrefixes.empty()) spec["localPrefixes"] = options.localPrefixes;
  if (!options.remotePrefixes.empty()) spec["remotePrefixes"] = options.remotePrefixes;
  // What the other side has ended makes room: nothing of it is in force.
  if (again)
    if (const auto gone = session.call("DELETE", pathOf(keyOf(*before))); !gone)
      return std::unexpected(gone.error());
  const auto made = session.call("POST", pathOf({Kind::kLink, network.project, {}}),
                                 Json{{"kind", "Link"},
                                      {"metadata", {{"name", name}, {"project", network.project}}},
                                      {"spec", spec}});
  if (!made) return std::unexpected(made.error());
  const auto link = answerOf(session, *made, std::chrono::seconds(options.wait));
  if (!link) return std::unexpected(link.error());
  const auto answer = textAt(*link, "status.answer");
  if (answer == "refused")
    return fail(ErrorCode::kConflict,
                fmt::format("{}; it stays proposed until \"hawser link withdraw {}\"",
                            textAt(*link, "status.message"), name),
                keyOf(*made).text());
  show(session, *link,
       fmt::format("proposed {}to {}{}; there: hawser link accept --network {}",
                   again ? "again " : "", options.peer,
                   answer.empty() || answer == "none" ? ", which has not answered yet" : "",
                   options.remoteNetwork));
  return kGood;
}

Result<int> linkAccept(Session& session, const LinkOptions& options) {
  const auto links = linksFor(session, options);
  if (!links) return std::unexpected(links.error());
  std::vector<Json> waiting, done, ended;
  for (const auto& one : links->fitting) {
    if (withdrawn(one))
      ended.push_back(one);
    else if (!accepted(one))
      waiting.push_back(one);
    else if (!options.name.empty() || at(one, "spec.proposedByUs") != Json(true))
      done.push_back(one);
  }
  if (waiting.size() > 1) return which(waiting);
  if (waiting.empty() && done.empty() && !ended.empty()) return proposeAgain(ended.front());
  if (waiting.empty() && done.empty())
    return fail(ErrorCode::kNotFound, fmt::format("no Link waits for you: {}", known(links->all)));
  if (waiting.empty()) {
    for (const auto& one : done) show(session, one, "accepted already");
    return kGood;
  }
  const auto* const link = &waiting.front();
  const auto changed =
      session.call("PATCH", pathOf(keyOf(*link)), Json{{"spec", {{"accepted", true}}}});
  if (!changed) return std::unexpected(changed.error());
  show(session, *changed, "accepted");
  return kGood;
}

Result<int> linkWithdraw(Session& session, const LinkOptions& options) {
  const auto links = linksFor(session, options);
  if (!links) return std::unexpected(links.error());
  if (links->fitting.size() > 1) return which(links->fitting);
  if (links->fitting.empty())
    return fail(ErrorCode::kNotFound,
                fmt::format("no such Link \"{}\": {}", options.name, known(links->all)));
  const auto& link = links->fitting.front();
  const auto done = session.call("DELETE", pathOf(keyOf(link)));
  if (!done) return std::unexpected(done.error());
  show(session, link, "withdrawn");
  return kGood;
}

Result<int> linkList(Session& session, bool inProject) {
  GetOptions options;
  options.kind = "links";
  options.allProjects = !inProject;
  options.howToSeeAll = "without --project, all are shown";
  return get(session, options);
}

}  // namespace hawser::cli
