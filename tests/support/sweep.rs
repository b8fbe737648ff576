//! Every key in every view and in every layer over it.
//!
//! Keys go in by the thousand, so nothing is waited for between them: an Escape is sent twice, which a terminal
//! program takes for one Escape and not for the beginning of another key.

use super::actions::{TYPE_AHEAD, wait_for_two_polls};
use super::keys;
use super::relay::Relay;
use super::term::Term;
use std::thread;

/// The key that shows a view, pressed in view 1, and what the view is called in the tabs.
pub const VIEWS: [(char, &str); 13] = [
    ('0', "Dash"),
    ('1', "Status"),
    ('2', "Traffic"),
    ('3', "HTTP"),
    ('4', "Errors"),
    ('5', "CLI"),
    ('6', "Latency"),
    ('7', "Sessions"),
    ('8', "Tables"),
    ('9', "Events"),
    ('!', "Problems"),
    ('A', "Maint/drain"),
    ('S', "Since"),
];

/// Something over a view: the keys that open it, what is then on the screen, and the views in which it opens.
#[derive(Debug, Clone, Copy)]
pub struct SweptLayer {
    pub open: &'static str,
    pub shows: &'static str,
    pub views: &'static str,
}

/// Layers that ask nothing about an act. Those that begin at a row come first: keys fold, sort and filter the others
/// away.
pub const LAYERS: [SweptLayer; 8] = [
    SweptLayer { open: "gjj<ret>", shows: "─ be1/s1 ", views: "12346" },
    SweptLayer { open: "<f1>", shows: "─ Keys ", views: "0123456789!AS" },
    SweptLayer { open: ":", shows: "\n :", views: "012346789!AS" },
    SweptLayer { open: "/", shows: "\n /", views: "12346789!AS" },
    SweptLayer { open: "a", shows: "─ Act on ", views: "012346789!AS" },
    SweptLayer { open: "i", shows: "─ show info ", views: "012346789!AS" },
    SweptLayer { open: "s", shows: "─ Sort by ", views: "12346AS" },
    SweptLayer { open: "", shows: "", views: "0123456789!AS" },
];

/// Keys that end the program where no layer takes them.
const ENDS: [&str; 3] = ["q", "Q", "<c-c>"];

/// Every key of a keyboard but those that end the program or stop it.
pub fn all_keys() -> Vec<String> {
    let printable = (' '..='~').map(|char| if char == '<' { "<lt>".to_owned() } else { char.to_string() });
    let named = "ret tab backtab space bs del ins up down left right home end pgup pgdn".split(' ');
    let named = named.map(|name| format!("<{name}>"));
    let functions = (1..=12).map(|number| format!("<f{number}>"));
    let control = ('a'..='y').map(|char| format!("<c-{char}>"));
    let alt = ('a'..='z').chain('0'..='9').map(|char| format!("<a-{char}>"));
    let others = ["é", "漢", "ß"].map(str::to_owned);
    let all = printable.chain(named).chain(functions).chain(control).chain(alt).chain(others);
    all.filter(|key| !ENDS.contains(&key.as_str())).collect()
}

/// Out of whatever is open, and into a view.
fn into_view(view: char) -> Vec<u8> {
    let mut bytes = b"\x1b\x1b".repeat(5);
    // A digit would be typed into the command line; with Alt it is not.
    bytes.extend(b"\x1b1");
    match view {
        digit @ '0'..='9' => bytes.extend([0x1b, digit as u8]),
        key => bytes.push(key as u8),
    }
    bytes
}

/// Presses every key in one view: alone, and in each of the layers that open there.
pub fn press_every_key(term: &mut Term, view: char, layers: &[SweptLayer], but: &[&str]) {
    for layer in layers.iter().filter(|layer| layer.views.contains(view)) {
        let mut open = into_view(view);
        open.extend(keys::parse(layer.open).concat());
        term.paste(&open);
        term.wait_for(layer.shows);
        let ends = if layer.open.is_empty() { &[] } else { &ENDS[..] };
        let keys = all_keys().into_iter().chain(ends.iter().map(|key| (*key).to_owned()));
        for key in keys.filter(|key| !but.contains(&key.as_str())) {
            let mut bytes = open.clone();
            bytes.extend(keys::parse(&key).concat());
            term.paste(&bytes);
        }
    }
    term.paste(&into_view(view));
    term.wait_input_read();
    // Where there is no shell to give the terminal to, it goes on at once.
    term.press("<c-z>");
    term.wait_input_read();
    term.wait_for("live");
}

/// Opens a question, lets the time for typing ahead pass, and presses every key that might be taken for an answer and
/// is none: each that may close the question for itself, the others one after the other.
pub fn press_every_key_except_yes(term: &mut Term, view: char, (open, shows): (&str, &str), yes: &[&str]) {
    const CLOSES: [&str; 15] =
        ["n", "N", "q", "Q", "d", "c", "<ret>", "<c-c>", "<c-j>", "<c-m>", "<esc>", "<f5>", "<f6>", "<f7>", "<f8>"];
    let ask = |term: &mut Term| {
        term.paste(&into_view(view));
        term.wait_gone(shows);
        term.press(open);
        term.wait_for(shows);
        thread::sleep(TYPE_AHEAD);
    };
    ask(term);
    for key in all_keys().iter().filter(|key| !CLOSES.contains(&key.as_str()) && !yes.contains(&key.as_str())) {
        term.paste(&keys::parse(key).concat());
    }
    for key in CLOSES {
        ask(term);
        term.press(key);
    }
    term.paste(&into_view(view));
    term.wait_gone(shows);
}

/// Whether everything that was said to the socket only asks; gives what does not.
pub fn unexpected_commands(relay: &Relay, prefix: &str) -> Vec<String> {
    const QUESTIONS: [&str; 8] = [
        "show info",
        "show stat",
        "show cli level",
        "show servers state",
        "show sess",
        "show table",
        "show table clients",
        "help",
    ];
    let is_session = |command: &str| {
        let id = command.strip_prefix("show sess 0x");
        id.is_some_and(|id| id.len() < 17 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    let asks = |said: &String| {
        let line = said.strip_prefix(prefix).and_then(|rest| rest.strip_suffix('\n'));
        let all = |line: &str| line.split(';').all(|command| QUESTIONS.contains(&command) || is_session(command));
        said.is_empty() || line.is_some_and(all)
    };
    relay.connections().into_iter().filter(|said| !asks(said)).collect()
}

/// The same once hapulse has polled on.
pub fn unexpected_commands_after_polls(term: &Term, relay: &Relay, prefix: &str) -> Vec<String> {
    wait_for_two_polls(term, relay);
    unexpected_commands(relay, prefix)
}
