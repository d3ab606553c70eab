// pshare config: what is in force and from where; whether pshare.toml can be understood; where it is; all that can stand there.
#include <nlohmann/json.hpp>

#include "apps/pshare/config.hpp"
#include "apps/pshare/home.hpp"
#include "apps/pshare/in_force.hpp"
#include "io/printable.hpp"
#include "wire/native_path.hpp"

namespace pshare {

namespace {

std::string json_line(const nlohmann::ordered_json& object) { return object.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace); }

ConfigFile understood(const std::optional<PshareTomlText>& text) { return text ? read_pshare_toml(text->name, text->text, text->user_home) : ConfigFile{.name = "pshare.toml"}; }

void say_path(const CommonOptions& common, Report& report) {
  const auto file = text_of(value_or_throw(Home::place(common)) / "pshare.toml");
  report.result(json_line({{"event", "config"}, {"path", file}}), file + "\n");
}

void say_faults(const std::optional<PshareTomlText>& text, const std::string& path, Report& report) {
  const auto file = understood(text);
  for (const auto& fault : file.faults)
    report.result(json_line({{"event", "fault"}, {"file", file.name}, {"line", fault.at.line}, {"column", fault.at.column}, {"message", fault.words}}),
                  printable(file.at(fault.at) + fault.words) + "\n");
  const auto count = file.faults.size();
  if (count > 0)
    throw Failure{{.code = Errc::usage,
                   .doing = path + " has " + (count == 1 ? "a line that is wrong" : std::to_string(count) + " lines that are wrong"),
                   .hint = "Nothing but `pshare config` works until this is corrected. `pshare config --sample` shows all that can stand there."}};
  if (!text) report.say("There is no " + path + ": all is as by default.");
  else report.say(path + ": nothing is wrong.");
}

}  // namespace

void config(const CommonOptions& common, const ConfigOptions& options, const Environment& environment, Report& report) {
  using What = ConfigOptions::What;
  if (options.what == What::sample) {
    const auto sample = pshare_toml_sample();
    return report.result(json_line({{"event", "sample"}, {"text", sample}}), sample);
  }
  if (options.what == What::path) return say_path(common, report);
  const auto home = value_or_throw(Home::place(common));
  const auto text = value_or_throw(Home::pshare_toml(common));
  if (options.what == What::faults) return say_faults(text, text_of(home / "pshare.toml"), report);
  const auto grammar = pshare_toml_grammar(pshare_command());
  const auto file = understood(text);
  if (!file.faults.empty()) throw Failure{file.error(grammar)};
  const auto settings = settings_in_force(grammar, file, {.command_line = options.given, .environment = environment}, text_of(home));
  auto lines = in_force_json(settings);
  lines.pop_back();
  report.result(lines, in_force_words(settings));
}

}  // namespace pshare
