// What the lying server can be told to lie about. Each family has a file of its own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "honest_server.hpp"

namespace pshare::hostile {

using Liar = std::function<std::unique_ptr<HonestServer>(const Setting&)>;
using Lies = std::map<std::string, Liar>;

/// A lie that is a class of its own, made of the setting and what else it needs.
template <typename Server, typename... More>
Liar lie(More... more) {
  return [=](const Setting& setting) { return std::make_unique<Server>(setting, more...); };
}

Lies lies_about_keys();
Lies lies_in_carrying();
Lies lies_about_places();
Lies lies_about_relays();
Lies lies_about_tickets();
Lies lies_about_codes();

}  // namespace pshare::hostile
