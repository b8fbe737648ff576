//! The keys that control sequences stand for, in the encodings of all common terminals.
//!
//! The result is `None` for all other sequences: replies to queries of an earlier program, mouse and focus reports, key
//! releases, and keys that hapulse does not use (Insert, Delete, keys with Super or Meta).

use crate::app::key::{Key, KeyCode};
use crate::app::mouse_report::{MouseButton, MouseReport};

/// Shift, Alt, Ctrl and Caps Lock, as a parameter of a sequence reports them.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools)]
struct Modifiers {
    shift: bool,
    alt: bool,
    ctrl: bool,
    caps_lock: bool,
}

impl Modifiers {
    const NONE: Self = Self { shift: false, alt: false, ctrl: false, caps_lock: false };
    const SHIFT: Self = Self { shift: true, ..Self::NONE };
    const CTRL: Self = Self { ctrl: true, ..Self::NONE };
    const CTRL_SHIFT: Self = Self { ctrl: true, shift: true, ..Self::NONE };

    /// Converts a parameter: 1 plus the sum of 1 Shift, 2 Alt, 4 Ctrl, 8 Super, 16 Hyper, 32 Meta, 64 Caps Lock and
    /// 128 Num Lock. Returns `None` with Super, Hyper or Meta, because hapulse has no such keys.
    fn from_parameter(value: u32) -> Option<Self> {
        let bits = value.max(1) - 1;
        let has = |bit: u32| bits & bit != 0;
        let is_supported = bits < 256 && !has(8 | 16 | 32);
        is_supported.then(|| Self { shift: has(1), alt: has(2), ctrl: has(4), caps_lock: has(64) })
    }

    fn apply(self, code: KeyCode) -> Key {
        match code {
            // `BackTab` includes Shift. Of the other modifiers, most terminals send only Alt with it.
            KeyCode::BackTab => Key { alt: self.alt, ..Key::unmodified(KeyCode::BackTab) },
            KeyCode::Tab if self.shift => self.apply(KeyCode::BackTab),
            code => Key { code, ctrl: self.ctrl, alt: self.alt, shift: self.shift },
        }
    }
}

/// Numeric parameters, separated by `;`, with subparameters separated by `:`. A missing parameter is 0.
#[derive(Debug, Clone, Copy, Default)]
struct Parameters([[u32; 3]; 3]);

impl Parameters {
    /// Parses parameters. Returns `None` for other characters, as in a private sequence, or too many parameters.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut parameters = Self::default();
        let (mut field, mut part) = (0, 0);
        for byte in bytes {
            match byte {
                b';' => (field, part) = (field + 1, 0),
                b':' => part += 1,
                b'0'..=b'9' => {
                    let number = parameters.0.get_mut(field)?.get_mut(part)?;
                    *number = number.checked_mul(10)?.checked_add(u32::from(byte - b'0'))?;
                }
                _ => return None,
            }
        }
        (field < 3 && part < 3).then_some(parameters)
    }

    fn number(&self) -> u32 {
        self.0[0][0]
    }

    /// Returns the modifiers in the second parameter, or `None` for an unsupported modifier or a key release.
    fn modifiers(&self) -> Option<Modifiers> {
        const RELEASE: u32 = 3;
        let [modifiers, event, _] = self.0[1];
        Modifiers::from_parameter(modifiers).filter(|_| event != RELEASE)
    }
}

/// Returns whether `body`, the bytes after `CSI`, completes a sequence.
pub(super) fn is_csi_complete(body: &[u8]) -> bool {
    match body {
        // A function key of the Linux console: `CSI [` and one letter.
        [b'[', rest @ ..] => rest.len() == 1,
        // An X10 mouse report: button, column and row.
        [b'M', rest @ ..] => rest.len() == 3,
        // In rxvt, `$` ends the sequence of a key with Shift. Otherwise, a final byte follows it: `CSI ?2026;2$y`.
        [number @ .., b'$'] => {
            Parameters::parse(number).is_some_and(|parameters| key_code_by_number(parameters.number()).is_some())
                && number.iter().all(u8::is_ascii_digit)
        }
        [.., last] => (0x40..=0x7e).contains(last),
        [] => false,
    }
}

/// Returns the key of a complete `CSI` sequence, or `None` if it is not a key. `body` is the part after `CSI`.
pub(super) fn decode_csi(body: &[u8]) -> Option<Key> {
    if let [b'[', letter] = body {
        let number = (b'A'..=b'E').contains(letter).then(|| letter - b'A' + 1)?;
        return Some(Key::unmodified(KeyCode::F(number)));
    }
    let (last, parameters) = body.split_last()?;
    let has_parameters = !parameters.is_empty();
    let parameters = Parameters::parse(parameters)?;
    let number = parameters.number();
    match last {
        // F3 only without parameters, because `CSI 1;2R` can be a cursor position report.
        b'R' if !has_parameters => Some(Key::unmodified(KeyCode::F(3))),
        // `CSI P` is the Pause key of the Linux console and the Delete key of st, never F1.
        b'P' if !has_parameters => None,
        b'A'..=b'D' | b'F' | b'H' | b'P' | b'Q' | b'S' if number <= 1 => {
            Some(parameters.modifiers()?.apply(key_code_by_letter(*last)?))
        }
        b'Z' => Some(parameters.modifiers()?.apply(KeyCode::BackTab)),
        b'~' if number == 27 => text_key([parameters.0[2][0], 0, 0], 0, parameters.modifiers()?),
        b'~' => Some(parameters.modifiers()?.apply(key_code_by_number(number)?)),
        b'u' => text_key(parameters.0[0], parameters.0[2][0], parameters.modifiers()?),
        b'$' => Some(Modifiers::SHIFT.apply(key_code_by_number(number)?)),
        b'^' => Some(Modifiers::CTRL.apply(key_code_by_number(number)?)),
        b'@' if has_parameters => Some(Modifiers::CTRL_SHIFT.apply(key_code_by_number(number)?)),
        b'a'..=b'd' if !has_parameters => Some(Modifiers::SHIFT.apply(key_code_by_letter(last.to_ascii_uppercase())?)),
        _ => None,
    }
}

/// Returns the press of the left button or the turn of the wheel that a complete `CSI <` sequence reports. Releases,
/// movements and other buttons are dropped. `body` is the part after `CSI`.
pub(super) fn decode_mouse(body: &[u8]) -> Option<MouseReport> {
    /// Bits of the modifiers.
    const MODIFIERS: u32 = 4 | 8 | 16;
    let parameters = Parameters::parse(body.strip_prefix(b"<")?.strip_suffix(b"M")?)?.0;
    let button = match parameters[0][0] & !MODIFIERS {
        0 => MouseButton::Left,
        64 => MouseButton::WheelUp,
        65 => MouseButton::WheelDown,
        _ => return None,
    };
    let cell = |number: u32| u16::try_from(number).ok()?.checked_sub(1);
    Some(MouseReport { button, column: cell(parameters[1][0])?, row: cell(parameters[2][0])? })
}

/// Returns the key of a complete `SS3` sequence, or `None` if it is not a key. `body` is the part after `SS3`.
pub(super) fn decode_ss3(body: &[u8]) -> Option<Key> {
    const KEYPAD: &[u8; 16] = b"*+,-./0123456789";
    let (last, parameters) = body.split_last()?;
    // Some terminals send only the modifiers (`SS3 5 P`), others also a first parameter (`SS3 1;5 P`).
    let parameters = Parameters::parse(parameters)?.0;
    let modifiers = Modifiers::from_parameter(parameters[0][0].max(parameters[1][0]))?;
    let code = match last {
        b'a'..=b'd' => return Some(Modifiers::CTRL.apply(key_code_by_letter(last.to_ascii_uppercase())?)),
        b'j'..=b'y' => KeyCode::Char(char::from(KEYPAD[usize::from(last - b'j')])),
        b'M' => KeyCode::Enter,
        letter => key_code_by_letter(*letter)?,
    };
    let key = modifiers.apply(code);
    // The character of a keypad key already includes Shift.
    Some(Key { shift: key.shift && !matches!(code, KeyCode::Char(_)), ..key })
}

fn key_code_by_letter(letter: u8) -> Option<KeyCode> {
    Some(match letter {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        b'P'..=b'S' => KeyCode::F(letter - b'P' + 1),
        _ => return None,
    })
}

/// Returns the key of the sequence `CSI number ~`.
fn key_code_by_number(number: u32) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => KeyCode::F((number - 10) as u8),
        17..=21 => KeyCode::F((number - 11) as u8),
        23..=26 => KeyCode::F((number - 12) as u8),
        28 | 29 => KeyCode::F((number - 13) as u8),
        31..=34 => KeyCode::F((number - 14) as u8),
        _ => return None,
    })
}

/// Returns the key of a Unicode number in the kitty keyboard protocol or in xterm's modifyOtherKeys. The first two
/// numbers are the key and the character that it produces with Shift; `text` is the character that the key produced.
/// Numbers that the terminal did not report are 0.
fn text_key([number, shifted, _]: [u32; 3], text: u32, modifiers: Modifiers) -> Option<Key> {
    let code = match number {
        9 => KeyCode::Tab,
        13 | 57414 => KeyCode::Enter,
        27 => KeyCode::Esc,
        8 | 127 => KeyCode::Backspace,
        // Private-use numbers of the kitty keyboard protocol.
        57376..=57387 => KeyCode::F((number - 57376) as u8 + 13),
        57399..=57408 => KeyCode::Char(char::from(b'0' + (number - 57399) as u8)),
        57409..=57413 => KeyCode::Char(['.', '/', '*', '-', '+'][(number - 57409) as usize]),
        57415 => KeyCode::Char('='),
        57417 => KeyCode::Left,
        57418 => KeyCode::Right,
        57419 => KeyCode::Up,
        57420 => KeyCode::Down,
        57421 => KeyCode::PageUp,
        57422 => KeyCode::PageDown,
        57423 => KeyCode::Home,
        57424 => KeyCode::End,
        57344..=63743 => return None,
        number => return Some(character_key(printable(number)?, printable(shifted), printable(text), modifiers)),
    };
    let key = modifiers.apply(code);
    Some(if matches!(code, KeyCode::Char(_)) { Key { shift: false, ..key } } else { key })
}

fn character_key(ch: char, shifted: Option<char>, text: Option<char>, modifiers: Modifiers) -> Key {
    let Modifiers { shift, alt, ctrl, caps_lock } = modifiers;
    if ctrl {
        let ch = ch.to_ascii_lowercase();
        // Decode as in the traditional encoding, in which Ctrl-i is Tab.
        let control = matches!(ch, '@' | 'a'..='z' | '['..='_' | ' ').then(|| control_key(ch as u8 & 0x1f));
        let key = control.unwrap_or(Key { ctrl, ..Key::char(ch) });
        return Key { alt, ..key };
    }
    let uppercase = || {
        let mut upper = ch.to_uppercase();
        upper.next().filter(|_| upper.next().is_none() && (shift != caps_lock))
    };
    let typed = text.or(shifted.filter(|_| shift)).or_else(uppercase).unwrap_or(ch);
    Key { alt, ..Key::char(typed) }
}

fn printable(number: u32) -> Option<char> {
    char::from_u32(number).filter(|ch| !ch.is_control())
}

/// Returns the key of a control character.
pub(super) fn control_key(byte: u8) -> Key {
    match byte {
        b'\t' => Key::unmodified(KeyCode::Tab),
        b'\r' => Key::unmodified(KeyCode::Enter),
        0x1b => Key::unmodified(KeyCode::Esc),
        0x7f => Key::unmodified(KeyCode::Backspace),
        0 => Key { ctrl: true, ..Key::char(' ') },
        byte => Key { ctrl: true, ..Key::char(char::from(byte | 0x40).to_ascii_lowercase()) },
    }
}
