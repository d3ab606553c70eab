// What CLI11 has no place for: examples of each verb, and what the Tab key completes. In the order of options.cpp, and by the names that it gives.
#pragma once

#include <span>

#include "apps/command_line/command.hpp"

namespace pshare {

extern const std::span<const ValueNote> value_notes;
extern const std::span<const ExampleNote> example_notes;

}  // namespace pshare
