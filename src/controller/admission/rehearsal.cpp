#include "hawser/controller/rehearsal.h"

#include "admission/admission.h"
#include "hawser/store/store.h"

namespace hawser::controller {

struct Rehearsal::Impl {
  explicit Impl(SiteFacts facts) : admission(std::move(facts)) {}
  Admission admission;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<api::Objects> objects;

  Result<void> commit(const std::vector<model::Object>& wanted, const api::Caller& caller) const {
    std::vector<api::Write> writes;
    writes.reserve(wanted.size());
    for (const auto& object : wanted) writes.push_back({api::Write::Op::kApply, object});
    const auto done = objects->commit(std::move(writes), caller, false, true);
    if (!done) return std::unexpected(done.error());
    return {};
  }
};

Rehearsal::Rehearsal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Rehearsal::Rehearsal(Rehearsal&&) noexcept = default;
Rehearsal& Rehearsal::operator=(Rehearsal&&) noexcept = default;
Rehearsal::~Rehearsal() = default;

Result<Rehearsal> Rehearsal::open(const std::string& site, net::Asn asn,
                                  const net::IpAddress& bgpAddress) {
  auto impl = std::make_unique<Impl>(SiteFacts{site, asn, bgpAddress});
  auto store = store::openSqlite(":memory:");
  if (!store) return std::unexpected(store.error());
  impl->store = std::move(*store);
  auto objects = api::Objects::open(*impl->store, impl->admission);
  if (!objects) return std::unexpected(objects.error());
  impl->objects = std::move(*objects);
  for (const auto& [kind, name, spec] :
       {std::tuple{"Site", site, model::Json{{"asn", asn.value()}}},
        {"Project", std::string("default"), model::Json::object()}}) {
    const auto object =
        model::parseObject({{"kind", kind}, {"metadata", {{"name", name}}}, {"spec", spec}});
    if (!object) return std::unexpected(object.error());
    if (auto made = impl->commit({*object}, api::Caller::system()); !made)
      return std::unexpected(made.error());
  }
  return Rehearsal(std::move(impl));
}

Result<void> Rehearsal::apply(const std::vector<model::Object>& objects) {
  return impl_->commit(objects, {model::Role::kAdmin, "admin", {}, {}});
}

}  // namespace hawser::controller
