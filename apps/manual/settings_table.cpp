#include "apps/manual/settings_table.hpp"

namespace pshare {

namespace {

Terms::Item item(const ConfigKey& key) {
  auto text = key.meaning + ".";
  if (!key.choices.empty()) {
    text += " One of";
    for (const auto& each : key.choices) text += (&each == &key.choices.front() ? " `" : ", `") + each + "`";
    text += ".";
  }
  text += " Is " + std::string{type_words(key.type)} + ": `" + key.name + " = " + key.example + "`.";
  if (key.meaning.find("(default") == std::string::npos) text += " Without it: " + (key.by_default.empty() ? key.without : "`" + key.by_default + "`") + ".";
  return {key.name, text};
}

}  // namespace

std::vector<Block> settings_table(const std::vector<ConfigKey>& keys) {
  std::vector<Block> blocks;
  Terms list;
  std::string table;
  for (const auto& key : keys) {
    if (key.table != table) {
      blocks.emplace_back(std::move(list));
      list = {};
      table = key.table;
      blocks.emplace_back(Paragraph{"Below `[" + table + "]`:"});
    }
    list.items.push_back(item(key));
  }
  blocks.emplace_back(std::move(list));
  return blocks;
}

}  // namespace pshare
