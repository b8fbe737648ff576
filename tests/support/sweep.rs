//! Presses every key in every view and in every layer on top of it.
//!
//! There are thousands of keys, so the sweep does not wait between them. Escape is therefore sent twice: a terminal program
//! then reads an Escape and not the start of another key.

use std::time::Duration;

use super::actions::wait_for_two_polls;
use super::keys;
use super::relay::Relay;
use super::term::Term;

/// The key that opens a view (in view 1), and the name of the view in the tabs.
pub const VIEWS: [(char, &str); 14] = [
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
    ('T', "Heat map"),
];

/// A layer on top of a view: the keys that open it, text that it shows, and the views in which it opens.
#[derive(Debug, Clone, Copy)]
pub struct SweptLayer {
    pub open: &'static str,
    pub shows: &'static str,
    pub views: &'static str,
    /// The layer belongs to an action: its keys work only after a pause.
    pub is_action: bool,
}

/// Layers other than confirmations. The layer of a row comes first, because later keys fold, sort and filter rows.
pub const LAYERS: [SweptLayer; 8] = [
    SweptLayer { open: "gjj<ret>", shows: "─ be1/s1 ", views: "12346", is_action: false },
    SweptLayer { open: "<f1>", shows: "─ Keys ", views: "0123456789!AS", is_action: false },
    SweptLayer { open: ":", shows: "\n :", views: "012346789!AS", is_action: false },
    SweptLayer { open: "/", shows: "\n /", views: "12346789!AS", is_action: false },
    SweptLayer { open: "a", shows: "─ Act on ", views: "012346789!AS", is_action: false },
    SweptLayer { open: "i", shows: "─ show info ", views: "012346789!AS", is_action: false },
    SweptLayer { open: "s", shows: "─ Sort by ", views: "12346AS", is_action: false },
    SweptLayer { open: "", shows: "", views: "0123456789!AS", is_action: false },
];

/// Keys that quit the program unless a layer handles them.
const QUIT_KEYS: [&str; 3] = ["q", "Q", "<c-c>"];

impl SweptLayer {
    /// Returns the keys that quit the program without this layer and not with it. Ctrl-C cancels only questions and text.
    fn harmless_quit_keys(&self) -> &'static [&'static str] {
        let takes_text = self.shows.starts_with('\n') || self.is_action && !self.shows.contains("Act on");
        match (self.open, takes_text) {
            ("", _) => &[],
            (_, true) => &QUIT_KEYS,
            (_, false) => &QUIT_KEYS[..2],
        }
    }
}

/// Returns every key of a keyboard except those that quit or suspend the program.
pub fn all_keys() -> Vec<String> {
    let printable = (' '..='~').map(|char| if char == '<' { "<lt>".to_owned() } else { char.to_string() });
    let named = "ret tab backtab space bs del ins up down left right home end pgup pgdn".split(' ');
    let named = named.map(|name| format!("<{name}>"));
    let functions = (1..=12).map(|number| format!("<f{number}>"));
    let control = ('a'..='y').map(|char| format!("<c-{char}>"));
    let alt = ('a'..='z').chain('0'..='9').map(|char| format!("<a-{char}>"));
    let others = ["é", "漢", "ß"].map(str::to_owned);
    let all = printable.chain(named).chain(functions).chain(control).chain(alt).chain(others);
    all.filter(|key| !QUIT_KEYS.contains(&key.as_str())).collect()
}

/// Returns the bytes that close all layers and open a view.
fn bytes_to_open(view: char) -> Vec<u8> {
    let mut bytes = b"\x1b\x1b".repeat(5);
    // With Alt, a digit opens a view even in the command line.
    bytes.extend(b"\x1b1");
    match view {
        digit @ '0'..='9' => bytes.extend([0x1b, digit as u8]),
        key => bytes.push(key as u8),
    }
    bytes
}

/// Opens a layer of an action in a view. Before the last key, which opens it, a pause is needed.
fn open_action(term: &mut Term, view: char, open: &str) {
    let mut keys = keys::parse(open);
    let last = keys.pop().expect("a key opens the layer");
    term.paste(&[bytes_to_open(view), keys.concat()].concat());
    term.wait_input_read();
    term.paste(&last);
}

/// Presses every key except `except` in one view and in each layer that opens there.
pub fn press_every_key(term: &mut Term, view: char, layers: &[SweptLayer], except: &[&str]) {
    for layer in layers.iter().filter(|layer| layer.views.contains(view)) {
        let open_layer = |term: &mut Term| {
            if layer.is_action {
                open_action(term, view, layer.open);
            } else {
                term.paste(&[bytes_to_open(view), keys::parse(layer.open).concat()].concat());
            }
        };
        open_layer(term);
        term.wait_for(layer.shows);
        let keys = all_keys().into_iter().chain(layer.harmless_quit_keys().iter().map(|key| (*key).to_owned()));
        for key in keys.filter(|key| !except.contains(&key.as_str())) {
            open_layer(term);
            if layer.is_action {
                term.press(&key);
            } else {
                term.paste(&keys::parse(&key).concat());
            }
        }
    }
    term.paste(&bytes_to_open(view));
    term.wait_input_read();
    // Without a shell to return to, the program continues at once.
    term.press("<c-z>");
    term.wait_input_read();
    term.wait_for("live");
}

/// Opens a confirmation for every key that does not confirm, and presses it. All of them cancel or scroll.
pub fn press_every_key_except_yes(term: &mut Term, view: char, (open, shows): (&str, &str), confirm: &[&str]) {
    let keys = all_keys().into_iter().chain(QUIT_KEYS.map(str::to_owned));
    for key in keys.filter(|key| !confirm.contains(&key.as_str())) {
        open_action(term, view, open);
        // On a busy machine the pause before the last key may be lost: the program reads both late.
        let mut attempts = 1..5;
        while !term.shows_within(shows, Duration::from_secs(4)) && attempts.next().is_some() {
            open_action(term, view, open);
        }
        term.wait_for(shows);
        term.paste(&keys::parse(&key).concat());
        term.wait_input_read();
    }
    term.paste(&bytes_to_open(view));
    term.wait_gone(shows);
}

/// Returns the requests that contain anything except the known read-only commands.
pub fn unexpected_commands(relay: &Relay, prefix: &str) -> Vec<String> {
    const READ_ONLY_COMMANDS: [&str; 10] = [
        "show info",
        "show stat",
        "show cli level",
        "show servers state",
        "show resolvers",
        "show ssl cert",
        "show sess",
        "show table",
        "show table clients",
        "help",
    ];
    let is_session = |command: &str| {
        let id = command.strip_prefix("show sess 0x");
        id.is_some_and(|id| id.len() < 17 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    let is_read_only = |request: &String| {
        let line = request.strip_prefix(prefix).and_then(|rest| rest.strip_suffix('\n'));
        let all =
            |line: &str| line.split(';').all(|command| READ_ONLY_COMMANDS.contains(&command) || is_session(command));
        request.is_empty() || line.is_some_and(all)
    };
    relay.connections().into_iter().filter(|request| !is_read_only(request)).collect()
}

/// Waits for two more polls and returns the unexpected requests; see [`unexpected_commands`].
pub fn unexpected_commands_after_polls(term: &Term, relay: &Relay, prefix: &str) -> Vec<String> {
    wait_for_two_polls(term, relay);
    unexpected_commands(relay, prefix)
}
