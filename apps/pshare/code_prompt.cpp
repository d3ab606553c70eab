#include "apps/pshare/code_prompt.hpp"

#include <algorithm>

#include "apps/process/arguments.hpp"
#include "apps/process/environment.hpp"
#include "apps/pshare/console.hpp"
#include "apps/pshare/input_line.hpp"

namespace pshare {

namespace {

/// The line is drawn again so often, since what is said meanwhile takes its place.
constexpr Duration between_looks = std::chrono::milliseconds{250};
/// A line that goes on for longer is no code.
constexpr std::size_t longest_line = max_code_text + 2;

/// In rows that fit the screen, since what wraps by itself cannot be taken back.
std::vector<std::string> folded(const std::vector<std::string>& lines) {
  const auto width = std::max<std::size_t>(screen_width().value_or(80), 2) - 1;
  std::vector<std::string> rows;
  for (const auto& line : lines)
    for (std::size_t at = 0; at == 0 || at < line.size(); at += width) rows.push_back(line.substr(at, width));
  return rows;
}

/// As long as the terminal is ours. Nothing: somebody else wants it.
awaitable<std::optional<std::string>> type_while_ours(Program& program, CodeLine& line, const std::function<bool()>& busy) {
  const auto hold = co_await program.terminal.hold();
  Console console{program.executor, Console::Keys::one_by_one};
  using namespace asio::experimental::awaitable_operators;
  for (;;) {
    if (!busy()) program.report.block(folded(line.lines()));
    const auto heard = co_await (console.typed() || program.terminal.wanted(Clock::now() + between_looks));
    if (heard.index() == 1) {
      if (!program.terminal.is_wanted()) continue;
      program.report.block({});
      co_return std::nullopt;
    }
    const auto& keys = std::get<0>(heard);
    auto what = keys ? CodeLine::Key::taken : CodeLine::Key::ended;
    if (keys)
      for (auto key = keys->begin(); key != keys->end() && what == CodeLine::Key::taken; ++key) what = line.key(*key);
    if (what == CodeLine::Key::taken) continue;
    program.report.block(folded(line.lines()));
    program.report.say("");
    if (what == CodeLine::Key::entered) co_return line.text();
    throw Failure{{.code = Errc::interrupted, .doing = "no code was typed: the input has ended"}};
  }
}

}  // namespace

awaitable<Code> type_code(Program& program, std::function<bool()> busy) {
  CodeLine line;
  for (;;) {
    const auto typed = co_await type_while_ours(program, line, busy);
    if (!typed) continue;
    auto code = Code::parse(*typed);
    if (code) co_return *std::move(code);
    line.refuse(code.error().doing + ".");
  }
}

awaitable<std::optional<Code>> read_code() {
  const auto text = co_await first_line_of_input(longest_line);
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) co_return std::nullopt;
  co_return value_or_throw(Code::parse(text));
}

std::optional<std::string> take_code_from_environment() { return take_from_environment("PSHARE_CODE"); }

void wipe_codes(const std::vector<std::string>& arguments, int argc, char** argv) {
  bool about_codes = false;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    if (about_codes && looks_like_a_code(arguments[i])) wipe_argument(argc, argv, i);
    about_codes = about_codes || arguments[i] == "receive" || arguments[i] == "pair";
  }
}

}  // namespace pshare
