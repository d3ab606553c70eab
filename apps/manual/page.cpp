#include "apps/manual/page.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <stdexcept>

#include "apps/manual/mdoc.hpp"

namespace pshare {

namespace {

/// When what the pages say changed last, which is what their date means.
constexpr const char* last_changed = "November 29, 2026";

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

/// As the line of NAME has it: no capital in front, no period behind.
std::string short_meaning(std::string text) {
  if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1]))) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string capital(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

std::string sentence(const std::string& meaning) { return capital(meaning.ends_with('.') ? meaning : meaning + "."); }

void head(Mdoc& page, const PageName& name, const std::string& meaning) {
  page.macro("Dd " + std::string{last_changed});
  page.macro("Dt " + upper(name.name) + " " + name.section);
  page.macro("Os \"pshare " PSHARE_RELEASE "\"");
  page.macro("Sh NAME");
  page.macro("Nm " + name.name);
  page.macro("Nd " + short_meaning(meaning));
}

std::string argument_macro(const CommandArgument& argument) {
  const auto name = "Ar " + argument.name + (argument.repeatable ? " ..." : "");
  return argument.required ? name : "Op " + name;
}

void synopsis(Mdoc& page, const Command& command) {
  const auto space = command.name.find(' ');
  page.macro("Nm " + command.name.substr(0, space));
  if (space != std::string::npos) page.macro("Cm " + command.name.substr(space + 1));
  page.macro("Op Ar OPTIONS");
  for (const auto& each : command.arguments) page.macro(argument_macro(each));
  if (command.verb_needed) page.macro("Ar VERB");
  if (command.name.find(' ') == std::string::npos && command.verb_needed) page.macro("Op Ar ...");
}

void arguments(Mdoc& page, const Command& command) {
  if (command.arguments.empty()) return;
  page.begin_items();
  for (const auto& each : command.arguments) page.item("Ar " + each.name + (each.repeatable ? " ..." : ""), sentence(each.meaning));
  page.end_items();
}

void options_of_group(Mdoc& page, const std::vector<const CommandOption*>& options) {
  page.begin_items();
  for (const auto* each : options) page.item(option_tag(each->names, each->value), sentence(each->meaning));
  page.end_items();
}

/// `heading` is the macro for groups: the options of a verb's verb have no headings of their own.
void options(Mdoc& page, const Command& command, bool with_headings) {
  for (const auto& group : command.groups()) {
    std::vector<const CommandOption*> of_group;
    for (const auto& each : command.options)
      if (each.group == group && (command.name.find(' ') == std::string::npos || each.names.back() != "--help")) of_group.push_back(&each);
    if (of_group.empty()) continue;
    if (with_headings && command.groups().size() > 1) page.macro("Ss " + (group == options_group ? std::string{"Other"} : group));
    options_of_group(page, of_group);
  }
}

void common_options(Mdoc& page, const Command& root) {
  page.paragraph("Every verb takes these as well; pshare(1) explains them:");
  std::string names;
  for (const auto& each : root.options)
    if (each.names.back() != "--version") names += (names.empty() ? "" : ", ") + each.names.back();
  page.text(names + ".");
}

void examples(Mdoc& page, const Command& command) {
  for (const auto& each : command.examples) {
    if (!each.meaning.empty()) {
      page.paragraph(capital(each.meaning) + ":");
    }
    page.block(Literal{{each.command}});
  }
}

void verbs_of(Mdoc& page, const Command& command) {
  for (const auto& each : command.verbs) {
    page.macro("Ss " + each.name.substr(each.name.find(' ') + 1));
    page.macro("Nm " + each.name.substr(0, each.name.find(' ')));
    page.macro("Cm " + each.name.substr(each.name.find(' ') + 1));
    page.macro("Op Ar OPTIONS");
    for (const auto& argument : each.arguments) page.macro(argument_macro(argument));
    page.paragraph(sentence(each.meaning));
    arguments(page, each);
    options(page, each, false);
    for (const auto& example : each.examples) page.block(Literal{{example.command}});
  }
}

void verb_list(Mdoc& page, const Command& root) {
  page.begin_items();
  for (const auto& each : root.verbs) page.item("Xr " + root.name + "-" + std::string{each.word()} + " 1", sentence(each.meaning));
  page.end_items();
}

void exit_statuses(Mdoc& page, const Command& root) {
  page.begin_items();
  for (const auto& each : root.exit_statuses) page.item("Sy " + std::to_string(each.status), sentence(each.meaning));
  page.end_items();
}

const Section* find(const std::vector<Section>& prose, std::string_view title) {
  const auto found = std::ranges::find(prose, title, &Section::title);
  return found == prose.end() ? nullptr : &*found;
}

/// Sections that stand where they stand in all manual pages; any other stands behind OPTIONS.
constexpr std::array usual_sections{"Description", "Options", "Environment", "Files", "Exit status", "Examples", "See also"};

void blocks(Mdoc& page, const Section& section, const Command& root) {
  for (const auto& each : section.blocks) {
    if (const auto* placeholder = std::get_if<Placeholder>(&each)) {
      if (placeholder->name != "exit statuses") throw std::runtime_error{"there is nothing to put in for {" + placeholder->name + "}"};
      exit_statuses(page, root);
    } else {
      page.block(each);
    }
  }
}

/// "pshare-send(1)" and the like, one in a line.
void see_also(Mdoc& page, const Section* written, const PageName& name, const Command& root) {
  std::vector<std::string> pages;
  const auto add = [&](const std::string& page_name) {
    if (page_name != name.name + "(" + name.section + ")" && std::ranges::find(pages, page_name) == pages.end()) pages.push_back(page_name);
  };
  if (root.name == "pshare") add("pshare(1)");
  if (written)
    for (const auto& block : written->blocks)
      if (const auto* bullets = std::get_if<Bullets>(&block))
        for (const auto& each : bullets->items) add(each);
  std::ranges::sort(pages, {}, [](const std::string& each) { return std::pair{each[each.find('(') + 1], each}; });
  page.macro("Sh SEE ALSO");
  for (const auto& each : pages) {
    const auto open = each.find('(');
    page.macro("Xr " + each.substr(0, open) + " " + each.substr(open + 1, each.find(')') - open - 1) + (&each == &pages.back() ? "" : " ,"));
  }
}

}  // namespace

PageName PageName::parse(const std::string& file_name) {
  const auto dot = file_name.rfind('.');
  if (dot == std::string::npos || dot == 0 || dot + 2 != file_name.size()) throw std::runtime_error{file_name + " is no name of a manual page"};
  return {file_name.substr(0, dot), file_name.substr(dot + 1)};
}

std::string command_page(const PageName& name, const Command& root, const Command& command, const std::vector<Section>& prose) {
  Mdoc page;
  const auto written = [&](std::string_view title) { return find(prose, title); };
  head(page, name, command.meaning);
  page.macro("Sh SYNOPSIS");
  synopsis(page, command);
  if (!command.verbs.empty() && &command != &root)
    for (const auto& each : command.verbs) synopsis(page, each);
  page.macro("Sh DESCRIPTION");
  if (!written("Description")) throw std::runtime_error{"there is no \"# Description\""};
  blocks(page, *written("Description"), root);
  if (&command == &root && !root.verbs.empty()) {
    page.macro("Sh VERBS");
    verb_list(page, root);
  } else if (!command.verbs.empty()) {
    page.macro("Sh VERBS");
    verbs_of(page, command);
  }
  page.macro("Sh OPTIONS");
  arguments(page, command);
  options(page, command, true);
  if (const auto* more = written("Options")) blocks(page, *more, root);
  if (&command != &root) common_options(page, root);
  for (const auto& section : prose) {
    if (section.title.empty() || std::ranges::find(usual_sections, section.title) != usual_sections.end()) continue;
    page.macro("Sh " + upper(section.title));
    blocks(page, section, root);
  }
  for (const auto* title : {"Environment", "Files", "Exit status"}) {
    const auto* section = written(title);
    if (!section && std::string_view{title} != "Exit status") continue;
    page.macro("Sh " + upper(title));
    if (section) blocks(page, *section, root);
    else page.paragraph("0 when it is done. The numbers that say what went wrong are listed in " + root.name + "(1).");
  }
  if (!command.examples.empty()) {
    page.macro("Sh EXAMPLES");
    examples(page, command);
    if (const auto* more = written("Examples")) blocks(page, *more, root);
  }
  see_also(page, written("See also"), name, root);
  return page.page();
}

std::string written_page(const PageName& name, const std::vector<Section>& prose, const std::vector<Table>& tables) {
  if (prose.front().blocks.size() != 1 || !std::holds_alternative<Paragraph>(prose.front().blocks.front())) throw std::runtime_error{"what it is has to be said in the first lines"};
  Mdoc page;
  head(page, name, std::get<Paragraph>(prose.front().blocks.front()).text);
  for (const auto& section : prose) {
    if (section.title.empty()) continue;
    if (section.title == "See also") {
      see_also(page, &section, name, Command{});
      continue;
    }
    page.macro("Sh " + upper(section.title));
    for (const auto& each : section.blocks) {
      const auto* placeholder = std::get_if<Placeholder>(&each);
      if (!placeholder) {
        page.block(each);
        continue;
      }
      const auto table = std::ranges::find(tables, placeholder->name, &Table::name);
      if (table == tables.end()) throw std::runtime_error{"there is nothing to put in for {" + placeholder->name + "}"};
      for (const auto& block : table->blocks) page.block(block);
    }
  }
  return page.page();
}

}  // namespace pshare
