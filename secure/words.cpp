#include "secure/words.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace pshare {

namespace {

// Sorted; the position is the value, so nothing may ever be moved.
constexpr std::array<std::string_view, 1024> list{
    "about", "above", "accept", "accuse", "acid", "acorn", "across", "action", "actual", "adapt", "adjust", "admire",
    "adult", "afford", "after", "again", "agree", "airbag", "alarm", "alert", "algae", "alien", "alley", "alpine",
    "always", "amber", "amount", "ample", "amuse", "anchor", "angel", "angle", "animal", "annual", "answer", "antler",
    "anyone", "april", "apron", "arcade", "arch", "arctic", "arena", "argon", "arise", "armor", "army", "aroma",
    "arrive", "arrow", "artist", "ascend", "ashore", "aside", "asleep", "atlas", "atom", "attach", "attend", "attic",
    "august", "aura", "autumn", "avenue", "avoid", "awake", "awful", "baby", "baker", "ballad", "bandit", "banner",
    "barber", "barrel", "basalt", "battle", "bayou", "beagle", "beast", "beauty", "beaver", "become", "bedbug",
    "beef", "beetle", "before", "began", "behave", "behind", "belong", "bench", "bento", "beret", "beta", "better",
    "beyond", "bike", "bilge", "billow", "binder", "bingo", "birch", "bird", "bison", "black", "blade", "blend",
    "bless", "blink", "blot", "bluff", "bobbin", "bobcat", "bodega", "body", "bogey", "boil", "bold", "bonus", "book",
    "boost", "bounce", "boxcar", "brain", "branch", "bravo", "breeze", "brick", "bridge", "bring", "bronze", "broom",
    "brown", "brush", "budget", "buggy", "bugle", "build", "bulb", "bulky", "bunker", "bunny", "burn", "button",
    "buyer", "buzz", "cabin", "cactus", "caddie", "cafe", "calico", "calm", "camel", "camp", "canal", "canoe",
    "canyon", "carbon", "cargo", "carpet", "carrot", "cashew", "castle", "casual", "catnip", "caviar", "cement",
    "chapel", "charm", "chase", "check", "chess", "chief", "child", "chime", "chip", "choice", "chorus", "chrome",
    "chunk", "chute", "cider", "cipher", "circle", "citrus", "city", "civil", "clank", "class", "clean", "clef",
    "clerk", "clever", "client", "climb", "cloak", "close", "cloud", "clown", "club", "coach", "coast", "cobalt",
    "cocoa", "code", "coffee", "cohort", "coin", "collar", "comb", "comet", "comic", "common", "condor", "copy",
    "coral", "cotton", "cougar", "count", "cousin", "cover", "cradle", "crane", "cream", "credit", "creed", "crest",
    "crew", "crisp", "crowd", "cruise", "cuckoo", "cuddle", "cumin", "cyan", "cycle", "dabble", "daily", "dainty",
    "danger", "daring", "darts", "dash", "data", "dawn", "dazzle", "debit", "deck", "decoy", "deep", "define",
    "degree", "delay", "delta", "demo", "denim", "dental", "depend", "depot", "deputy", "derby", "desert", "detail",
    "detour", "device", "devote", "diaper", "diary", "dilute", "dime", "dinner", "divot", "dizzy", "docile", "dodge",
    "domain", "donkey", "donor", "dotted", "double", "dragon", "drape", "draw", "drench", "dress", "drill", "drive",
    "drone", "druid", "drum", "duffel", "dune", "dusk", "dwarf", "dwell", "dynamo", "early", "earth", "easel", "easy",
    "ebony", "echo", "edge", "effort", "either", "elapse", "elbow", "else", "embark", "emblem", "enable", "enamel",
    "engine", "enigma", "enjoy", "enough", "enrich", "ensure", "entire", "epic", "epoch", "equal", "errand", "error",
    "escape", "essay", "even", "evolve", "excel", "exist", "exotic", "expert", "expo", "fabled", "fabric", "face",
    "falcon", "false", "famous", "fancy", "farm", "father", "fault", "favor", "fedora", "feline", "felt", "fence",
    "fern", "ferry", "fetch", "fever", "fiber", "field", "fiesta", "fifty", "file", "filter", "final", "finger",
    "finish", "first", "fiscal", "fish", "fjord", "flair", "flame", "flash", "fleece", "flint", "float", "flock",
    "flood", "flora", "flow", "fluid", "flurry", "flute", "foam", "focus", "foggy", "folk", "follow", "fondue",
    "forest", "found", "foyer", "fresh", "friend", "frog", "front", "fruit", "fudge", "furrow", "fuse", "gadget",
    "galaxy", "gallon", "game", "gamma", "garage", "gargle", "garlic", "gauge", "gear", "genius", "gentle", "geyser",
    "giggle", "girl", "give", "gizmo", "glance", "glide", "globe", "gloom", "glory", "glue", "goal", "golf", "good",
    "goose", "gospel", "gossip", "govern", "gravel", "green", "grid", "grocer", "group", "grub", "gruff", "guava",
    "guess", "guitar", "gully", "gust", "gypsum", "haggle", "haiku", "half", "hammer", "happy", "harbor", "harp",
    "haven", "hawk", "hazel", "health", "heart", "heavy", "height", "helium", "helmet", "help", "herald", "hiking",
    "hint", "hippo", "hobby", "holly", "home", "honey", "horn", "hotel", "house", "human", "humid", "humor", "hungry",
    "hustle", "hybrid", "hyena", "idea", "igloo", "image", "impact", "import", "index", "indigo", "indoor", "infant",
    "infer", "inform", "inhale", "inlet", "input", "inside", "intact", "intro", "invest", "invite", "iris", "island",
    "issue", "ivory", "jacket", "jaguar", "jaunt", "jelly", "jersey", "jewel", "jiffy", "jigsaw", "joke", "juice",
    "jump", "karate", "kayak", "kebab", "keen", "kennel", "kettle", "kilo", "kind", "kite", "kiwi", "knee", "koala",
    "label", "ladder", "lady", "lake", "laptop", "large", "laser", "latte", "laugh", "lava", "lavish", "leader",
    "leaf", "league", "ledger", "left", "legend", "legume", "lemon", "length", "lentil", "lichen", "life", "light",
    "liken", "lilac", "lily", "lion", "liquid", "list", "litmus", "little", "lizard", "llama", "load", "local",
    "locket", "logic", "lonely", "long", "lotion", "lotus", "lounge", "love", "lucid", "lucky", "lumber", "lunar",
    "lupin", "lure", "luxury", "lyric", "madam", "magic", "magma", "magnet", "major", "mallet", "mamba", "mammal",
    "mango", "mantle", "marble", "margin", "marine", "mask", "mason", "maxim", "medley", "melody", "member", "memory",
    "mentor", "menu", "mercy", "meteor", "method", "middle", "minute", "mirror", "mirth", "mixer", "model", "modify",
    "mogul", "moment", "month", "morsel", "mosaic", "moss", "motif", "motor", "motto", "muffin", "mule", "mural",
    "museum", "music", "muzzle", "myrtle", "myself", "myth", "napkin", "nature", "navy", "neat", "nebula", "needle",
    "neon", "nerve", "nickel", "nimble", "nine", "noble", "noise", "noodle", "normal", "north", "notch", "nougat",
    "nova", "novel", "nugget", "nylon", "oasis", "object", "oboe", "obtain", "occur", "octave", "odor", "offer",
    "offset", "ogre", "olden", "omega", "once", "only", "onset", "onward", "onyx", "ooze", "opal", "open", "opera",
    "option", "orange", "orient", "origin", "osprey", "otter", "outing", "oxygen", "oyster", "ozone", "page", "paint",
    "palace", "panda", "panel", "panic", "paper", "parade", "parcel", "parka", "party", "pass", "pasta", "patio",
    "patrol", "peanut", "pearl", "pencil", "people", "pepper", "period", "perk", "pesto", "petite", "phone", "photo",
    "phrase", "picnic", "pigeon", "pixel", "pixie", "pizza", "planet", "plate", "play", "plaza", "please", "pledge",
    "plenty", "plop", "pluck", "plural", "plush", "podium", "poem", "police", "pomelo", "poncho", "pool", "poplar",
    "portal", "posh", "potato", "pout", "powder", "prance", "prefer", "price", "prism", "prompt", "proof", "public",
    "puma", "pupil", "purple", "putty", "python", "quasar", "queen", "quench", "quest", "quick", "quiz", "radar",
    "radio", "raisin", "random", "rapid", "rare", "ready", "realm", "reason", "recall", "recipe", "record", "redo",
    "reduce", "reform", "relax", "remain", "remedy", "repair", "repeat", "rescue", "resin", "resort", "result",
    "return", "ribbon", "rich", "ride", "rigid", "rinse", "riot", "ritual", "rival", "river", "robin", "robot",
    "romp", "rope", "royal", "rubber", "rubric", "ruckus", "rudder", "ruffle", "ruler", "saga", "salad", "salmon",
    "salt", "sandal", "saturn", "savory", "scale", "scan", "scenic", "school", "scoop", "score", "scout", "scrap",
    "screen", "scroll", "scrub", "second", "secret", "sedan", "sepia", "sesame", "shadow", "shaft", "shape", "sheep",
    "shield", "shiver", "shock", "shop", "shrimp", "sierra", "silver", "simple", "since", "siphon", "siren", "sister",
    "sizzle", "skate", "sketch", "skew", "skin", "sleek", "slim", "slope", "smoke", "smooth", "snack", "snake",
    "snug", "soap", "soccer", "social", "soda", "soft", "solid", "solve", "sonar", "sorbet", "south", "space",
    "spark", "spear", "spell", "spider", "spiral", "splash", "sponge", "spoon", "spot", "spring", "spur", "squeak",
    "squid", "staff", "stamp", "stanza", "star", "steam", "step", "stick", "sting", "stoic", "stone", "storm",
    "strike", "strong", "stub", "studio", "sturdy", "style", "submit", "sugar", "suit", "super", "sushi", "sway",
    "switch", "syrup", "tabby", "tablet", "tackle", "taco", "taffy", "tailor", "talon", "tamer", "tandem", "tape",
    "tassel", "taste", "tavern", "teapot", "tease", "temple", "tender", "term", "test", "tether", "thank", "theory",
    "thick", "thing", "thirst", "thrive", "thrush", "thumb", "ticket", "tiger", "timber", "title", "today", "tomato",
    "tongue", "torque", "total", "tough", "tour", "town", "track", "trade", "trawl", "tray", "tree", "trend", "trial",
    "tribe", "trifle", "troll", "trophy", "trunk", "tuba", "tulip", "tunnel", "turbo", "turkey", "turnip", "turtle",
    "tutor", "tutu", "tuxedo", "twang", "tweed", "twelve", "twig", "twist", "uncle", "under", "unfold", "unique",
    "unit", "unlock", "until", "upbeat", "update", "uphill", "uproar", "urge", "usage", "user", "utmost", "utopia",
    "vacant", "vacuum", "valet", "valve", "vessel", "viable", "vicar", "video", "vigil", "vigor", "vinyl", "viola",
    "virtue", "visa", "visit", "vital", "voice", "volt", "volume", "waffle", "wall", "walnut", "walrus", "wary",
    "water", "weird", "whack", "wharf", "wheat", "whim", "whisk", "wick", "widget", "width", "wild", "window", "wing",
    "winter", "wire", "yard", "yellow", "yoga", "yonder", "young", "yoyo", "zephyr", "zipper", "zodiac"};

}  // namespace

std::span<const std::string_view, 1024> words() { return list; }

std::optional<std::uint16_t> word_index(std::string_view word) {
  std::string lower{word};
  std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  const auto found = std::ranges::lower_bound(list, std::string_view{lower});
  if (found == list.end() || *found != lower) return std::nullopt;
  return static_cast<std::uint16_t>(found - list.begin());
}

}  // namespace pshare
