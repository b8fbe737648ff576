//! What is typed, on a thread of its own.

use std::io;
use std::thread;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::app::key::{Code, Key};

/// What the terminal says.
#[derive(Debug)]
pub enum Typed {
    /// A key.
    Key(Key),
    /// A new size.
    Resize(u16, u16),
    /// Nothing can be read any more.
    Ended(io::Error),
}

/// Starts reading; `hear` is called for each key and size, and returns whether to go on.
///
/// # Errors
/// When the thread cannot be started.
pub fn start(hear: impl Fn(Typed) -> bool + Send + 'static) -> io::Result<()> {
    let read = move || {
        loop {
            let typed = match crossterm::event::read() {
                Ok(Event::Key(key)) => key_of(key).map(Typed::Key),
                Ok(Event::Resize(width, height)) => Some(Typed::Resize(width, height)),
                Ok(_) => None,
                Err(error) => {
                    hear(Typed::Ended(error));
                    return;
                }
            };
            if typed.is_some_and(|typed| !hear(typed)) {
                return;
            }
        }
    };
    thread::Builder::new().name("keys".to_owned()).spawn(read).map(drop)
}

/// Our key for the terminal library's; nothing for releases and keys that mean nothing here.
fn key_of(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let code = match event.code {
        KeyCode::Char(ch) => Code::Char(ch),
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Esc,
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Tab => Code::Tab,
        KeyCode::BackTab => Code::BackTab,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        KeyCode::F(number) => Code::F(number),
        _ => return None,
    };
    let held = |modifier| event.modifiers.contains(modifier);
    let shift = held(KeyModifiers::SHIFT) && matches!(code, Code::Left | Code::Right);
    Some(Key { code, ctrl: held(KeyModifiers::CONTROL), alt: held(KeyModifiers::ALT), shift })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_over_and_releases_are_not() {
        let event = |code, modifiers| KeyEvent::new(code, modifiers);
        assert_eq!(key_of(event(KeyCode::Char('M'), KeyModifiers::SHIFT)), Some(Key::char('M')));
        let ctrl_z = key_of(event(KeyCode::Char('z'), KeyModifiers::CONTROL));
        assert_eq!(ctrl_z, Key::parse("<c-z>"));
        assert_eq!(key_of(event(KeyCode::Left, KeyModifiers::SHIFT)), Key::parse("<s-left>"));
        assert_eq!(key_of(event(KeyCode::Up, KeyModifiers::SHIFT)), Key::parse("<up>"));
        assert_eq!(key_of(event(KeyCode::F(10), KeyModifiers::NONE)), Key::parse("<f10>"));
        let release = KeyEvent { kind: KeyEventKind::Release, ..event(KeyCode::Char('y'), KeyModifiers::NONE) };
        assert_eq!(key_of(release), None);
    }
}
