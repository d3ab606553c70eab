// manual_pages PROSE MAN: writes a manual page into the folder MAN for each file of the folder PROSE, and fails where a verb has none.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>

#include "apps/command_line/command.hpp"
#include "apps/manual/page.hpp"
#include "apps/manual/prose.hpp"
#include "apps/manual/settings_table.hpp"
#include "apps/pshare-server/options.hpp"
#include "apps/pshare-server/server_config.hpp"
#include "apps/pshare/options.hpp"
#include "apps/pshare/pshare_toml.hpp"

namespace pshare {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& file) {
  std::ifstream in{file};
  std::string text{std::istreambuf_iterator<char>{in}, {}};
  if (!in) throw std::runtime_error{"it cannot be read"};
  return text;
}

void write(const fs::path& file, const std::string& text) {
  std::ofstream out{file};
  out << text;
  out.close();
  if (!out) throw std::runtime_error{file.string() + " cannot be written"};
}

/// The command that has this page, or nothing.
const Command* command_of(const Command& program, const std::string& page) {
  if (page == program.name) return &program;
  if (!page.starts_with(program.name + "-")) return nullptr;
  return program.verb(page.substr(program.name.size() + 1));
}

std::string page_of(const PageName& name, const std::vector<Section>& prose) {
  static const auto tool = pshare_command(), server = pshare_server_command();
  for (const auto* program : {&tool, &server})
    if (const auto* command = command_of(*program, name.name)) return command_page(name, *program, *command, prose);
  const auto settings = name.name == "pshare-server.toml" ? server_config_grammar(server).keys : pshare_toml_keys(tool);
  return written_page(name, prose, {{"settings", settings_table(settings)}});
}

void write_pages(const fs::path& prose, const fs::path& man) {
  fs::create_directories(man);
  std::set<std::string> written;
  for (const auto& entry : fs::directory_iterator{prose}) {
    const auto& file = entry.path();
    if (file.extension() != ".md") continue;
    const auto page = file.stem().string();  // pshare-send.1
    try {
      const auto name = PageName::parse(page);
      write(man / page, page_of(name, parse_prose(contents(file))));
      written.insert(name.name);
    } catch (const std::exception& trouble) {
      throw std::runtime_error{file.string() + ": " + trouble.what()};
    }
  }
  for (const auto& verb : pshare_command().verbs)
    if (!written.contains("pshare-" + std::string{verb.word()})) throw std::runtime_error{"`" + verb.name + "` has no page: write pshare-" + std::string{verb.word()} + ".1.md"};
}

}  // namespace
}  // namespace pshare

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("manual_pages PROSE MAN\n", stderr);
    return 2;
  }
  try {
    pshare::write_pages(argv[1], argv[2]);
    return 0;
  } catch (const std::exception& trouble) {
    std::fprintf(stderr, "manual_pages: %s\n", trouble.what());
    return 1;
  }
}
