//! Converts keys written as text to the bytes that xterm sends: `"jj/web<ret>M"` is two downs, a filter, Enter and a
//! capital M.
//!
//! A name in angle brackets is a key without a character: `<ret>` (or `<enter>`), `<esc>`, `<tab>`,
//! `<backtab>`, `<space>`, `<bs>`, `<del>`, `<ins>`, `<up>` `<down>` `<left>` `<right>`, `<home>` `<end>`,
//! `<pgup>` `<pgdn>`, `<f1>` to `<f12>`, `<c-x>` for Control and `<a-x>` for Alt. A bracket itself is `<lt>`
//! or `<gt>`; a `<` that does not start a key name is the character itself, so that `"<"` sorts.

/// Returns the bytes of each key.
pub fn parse(text: &str) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first == '<'
            && let Some((name, after)) = rest[1..].split_once('>')
            && let Some(bytes) = named_key(name)
        {
            keys.push(bytes);
            rest = after;
        } else {
            let (key, after) = rest.split_at(first.len_utf8());
            keys.push(if key == "\n" { b"\r".to_vec() } else { key.into() });
            rest = after;
        }
    }
    keys
}

fn named_key(name: &str) -> Option<Vec<u8>> {
    let bytes = match name {
        "ret" | "enter" => "\r",
        "esc" => "\x1b",
        "tab" => "\t",
        "backtab" => "\x1b[Z",
        "space" => " ",
        "bs" | "backspace" => "\x7f",
        "del" => "\x1b[3~",
        "ins" => "\x1b[2~",
        "up" => "\x1b[A",
        "down" => "\x1b[B",
        "right" => "\x1b[C",
        "left" => "\x1b[D",
        "s-left" => "\x1b[1;2D",
        "s-right" => "\x1b[1;2C",
        "home" => "\x1b[H",
        "end" => "\x1b[F",
        "pgup" => "\x1b[5~",
        "pgdn" => "\x1b[6~",
        "lt" => "<",
        "gt" => ">",
        "f1" => "\x1bOP",
        "f2" => "\x1bOQ",
        "f3" => "\x1bOR",
        "f4" => "\x1bOS",
        "f5" => "\x1b[15~",
        "f6" => "\x1b[17~",
        "f7" => "\x1b[18~",
        "f8" => "\x1b[19~",
        "f9" => "\x1b[20~",
        "f10" => "\x1b[21~",
        "f11" => "\x1b[23~",
        "f12" => "\x1b[24~",
        other => return key_with_modifier(other),
    };
    Some(bytes.into())
}

fn key_with_modifier(name: &str) -> Option<Vec<u8>> {
    let (modifier, key) = name.split_once('-')?;
    let mut chars = key.chars();
    let (Some(char), None) = (chars.next(), chars.next()) else {
        return None;
    };
    match modifier {
        // Control keeps the lower five bits of a letter: Control-C is 3.
        "c" if char.is_ascii() => Some(vec![char.to_ascii_uppercase() as u8 & 0x1f]),
        "a" => Some(format!("\x1b{char}").into()),
        _ => None,
    }
}
