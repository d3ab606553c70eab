#include "wire/findings.hpp"

#include <array>

namespace pshare {

namespace {

constexpr std::array kinds{PortForecast::Kind::blocked, PortForecast::Kind::stable, PortForecast::Kind::stepping, PortForecast::Kind::random};

CborMap to_map(const PortHabit& habit) {
  CborMap map;
  map.set("ports", word(habit.kind));
  if (habit.small_block) map.set_flag("small-block", true);
  return map;
}

PortHabit habit_from(const std::optional<CborMap>& map) {
  PortHabit habit;
  if (!map) return habit;
  const auto text = map->text("ports").value_or("");
  for (const auto kind : kinds)
    if (word(kind) == text) habit.kind = kind;
  habit.small_block = habit.kind == PortForecast::Kind::random && map->flag("small-block").value_or(false);
  return habit;
}

}  // namespace

CborMap encode(const NetworkFindings& findings) {
  CborMap map;
  map.set("udp", to_map(findings.udp)).set("tcp", to_map(findings.tcp));
  map.set_flag("reachable", findings.reachable).set_flag("mapped", findings.mapped);
  map.set_flag("ipv6", findings.ipv6).set_flag("ipv6-reachable", findings.ipv6_reachable);
  return map;
}

NetworkFindings findings_from(const CborMap& map) {
  const auto flag = [&](std::string_view key) { return map.flag(key).value_or(false); };
  return {.udp = habit_from(map.map("udp")),
          .tcp = habit_from(map.map("tcp")),
          .reachable = flag("reachable"),
          .mapped = flag("mapped"),
          .ipv6 = flag("ipv6"),
          .ipv6_reachable = flag("ipv6") && flag("ipv6-reachable")};
}

}  // namespace pshare
