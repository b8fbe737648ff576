//! Reads keys and terminal sizes on a separate thread.

use std::io;
use std::thread;

use crossterm::event::{Event, KeyCode as TerminalKeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::app::key::{Key, KeyCode};

/// Input from the terminal.
#[derive(Debug)]
pub enum TerminalInput {
    /// A key press.
    Key(Key),
    /// A new size: columns, rows.
    Resize(u16, u16),
    /// The terminal can no longer be read.
    Closed(io::Error),
}

/// Starts the thread. `handle_input` is called for each input and returns whether to continue.
///
/// # Errors
/// Returns an error if the thread cannot be started.
pub fn start(handle_input: impl Fn(TerminalInput) -> bool + Send + 'static) -> io::Result<()> {
    let read = move || {
        loop {
            let input = match crossterm::event::read() {
                Ok(Event::Key(key)) => key_from_event(key).map(TerminalInput::Key),
                Ok(Event::Resize(width, height)) => Some(TerminalInput::Resize(width, height)),
                Ok(_) => None,
                Err(error) => {
                    handle_input(TerminalInput::Closed(error));
                    return;
                }
            };
            if input.is_some_and(|input| !handle_input(input)) {
                return;
            }
        }
    };
    thread::Builder::new().name("keys".to_owned()).spawn(read).map(drop)
}

/// Converts a key event; `None` for releases and keys that are not supported.
fn key_from_event(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let code = match event.code {
        TerminalKeyCode::Char(ch) => KeyCode::Char(ch),
        TerminalKeyCode::Enter => KeyCode::Enter,
        TerminalKeyCode::Esc => KeyCode::Esc,
        TerminalKeyCode::Backspace => KeyCode::Backspace,
        TerminalKeyCode::Tab => KeyCode::Tab,
        TerminalKeyCode::BackTab => KeyCode::BackTab,
        TerminalKeyCode::Up => KeyCode::Up,
        TerminalKeyCode::Down => KeyCode::Down,
        TerminalKeyCode::Left => KeyCode::Left,
        TerminalKeyCode::Right => KeyCode::Right,
        TerminalKeyCode::Home => KeyCode::Home,
        TerminalKeyCode::End => KeyCode::End,
        TerminalKeyCode::PageUp => KeyCode::PageUp,
        TerminalKeyCode::PageDown => KeyCode::PageDown,
        TerminalKeyCode::F(number) => KeyCode::F(number),
        _ => return None,
    };
    let has = |modifier| event.modifiers.contains(modifier);
    let shift = has(KeyModifiers::SHIFT) && matches!(code, KeyCode::Left | KeyCode::Right);
    Some(Key { code, ctrl: has(KeyModifiers::CONTROL), alt: has(KeyModifiers::ALT), shift })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_from_event_converts_presses_and_drops_releases() {
        let event = |code, modifiers| KeyEvent::new(code, modifiers);
        assert_eq!(key_from_event(event(TerminalKeyCode::Char('M'), KeyModifiers::SHIFT)), Some(Key::char('M')));
        let ctrl_z = key_from_event(event(TerminalKeyCode::Char('z'), KeyModifiers::CONTROL));
        assert_eq!(ctrl_z, Key::parse("<c-z>"));
        assert_eq!(key_from_event(event(TerminalKeyCode::Left, KeyModifiers::SHIFT)), Key::parse("<s-left>"));
        assert_eq!(key_from_event(event(TerminalKeyCode::Up, KeyModifiers::SHIFT)), Key::parse("<up>"));
        assert_eq!(key_from_event(event(TerminalKeyCode::F(10), KeyModifiers::NONE)), Key::parse("<f10>"));
        let release = KeyEvent { kind: KeyEventKind::Release, ..event(TerminalKeyCode::Char('y'), KeyModifiers::NONE) };
        assert_eq!(key_from_event(release), None);
    }
}
