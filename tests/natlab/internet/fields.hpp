// The members of a JSON object, each taken by its name. One that nobody has taken is a mistake of whoever wrote it: a misspelt fault that
// was answered with "ok" would prove nothing.
#pragma once

#include <set>
#include <stdexcept>
#include <string>

#include <nlohmann/json.hpp>

namespace pshare::natlab {

class Fields {
 public:
  using Json = nlohmann::json;

  /// `object` lives longer. Throws std::runtime_error if it is none. `of`: what it describes, for messages.
  Fields(const Json& object, std::string of) : object_(object), of_(std::move(of)) {
    if (!object.is_object()) throw std::runtime_error{of_ + " is described by a JSON object, not by " + object.dump()};
  }

  /// Null when it is not there.
  const Json* take(const std::string& name) {
    taken_.insert(name);
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
  }
  const Json& need(const std::string& name) {
    if (const auto* found = take(name)) return *found;
    throw std::runtime_error{of_ + " lacks \"" + name + '"'};
  }
  template <typename Use>
  void with(const std::string& name, Use&& use) {
    if (const auto* found = take(name)) use(*found);
  }

  std::string text(const std::string& name) { return text_of(need(name), name); }
  std::string text_or(const std::string& name, const std::string& otherwise) {
    const auto* found = take(name);
    return found ? text_of(*found, name) : otherwise;
  }
  bool flag_or(const std::string& name, bool otherwise) {
    const auto* found = take(name);
    if (found && !found->is_boolean()) refuse(name, *found, "true or false");
    return found ? found->get<bool>() : otherwise;
  }
  /// Calls `use` with the number if there is one; it has to be from `least` to `most`.
  template <typename Use>
  void number(const std::string& name, double least, double most, Use&& use) {
    const auto* found = take(name);
    if (found == nullptr) return;
    if (!found->is_number() || found->get<double>() < least || found->get<double>() > most)
      refuse(name, *found, "a number from " + Json(least).dump() + " to " + Json(most).dump());
    use(found->get<double>());
  }

  /// Throws if there is something that nobody has taken.
  void end() const {
    for (const auto& [name, value] : object_.items())
      if (!taken_.contains(name)) throw std::runtime_error{of_ + ": nothing here is called \"" + name + '"'};
  }

  [[noreturn]] void refuse(const std::string& name, const Json& value, const std::string& expected) const {
    throw std::runtime_error{of_ + ": \"" + name + "\" is " + expected + ", and not " + value.dump()};
  }

 private:
  std::string text_of(const Json& value, const std::string& name) const {
    if (!value.is_string()) refuse(name, value, "a text");
    return value.get<std::string>();
  }

  const Json& object_;
  std::string of_;
  std::set<std::string, std::less<>> taken_;
};

}  // namespace pshare::natlab
