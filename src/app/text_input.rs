//! A line of text being typed at the bottom: a filter, or a command.

use tui_input::{Input, InputRequest};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::app::key::{Code, Key};
use crate::haproxy::safe_text::is_visible;

/// What the line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Which rows to show; takes effect while it is typed.
    Filter,
    /// Which lines of text to show; takes effect while it is typed.
    Words,
    /// An action with its arguments.
    Command,
    /// A command to HAProxy.
    Cli,
    /// A number that an act needs.
    Number,
    /// A reason for an act.
    Reason,
}

/// The line.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// What for.
    pub purpose: Purpose,
    /// What is wrong with it, if something is.
    pub complaint: Option<String>,
    input: Input,
}

/// What a key means to the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// The text may have changed.
    Edited,
    /// It is finished.
    Done,
    /// It is left as it was before.
    Left,
    /// Complete the word.
    Complete,
    /// An older or newer line is wanted.
    Recall(i32),
}

/// Characters that a line may have.
const LONGEST: usize = 4096;

impl Prompt {
    /// A line that begins with `text`. What of it cannot be seen is left out.
    pub fn new(purpose: Purpose, text: &str) -> Self {
        Self { purpose, complaint: None, input: visible_input(text) }
    }

    /// The text.
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// Cells in front of the cursor.
    pub fn cursor(&self) -> usize {
        self.input.visual_cursor()
    }

    /// The part around the cursor that fits into `room` cells, and the cells in front of the cursor in it.
    pub fn visible(&self, room: usize) -> (String, usize) {
        let to_hide = (self.cursor() + 1).saturating_sub(room);
        let mut hidden = 0;
        // What stands in one place is hidden whole, though half of a wide character would have been enough. It is
        // measured as the cursor's place is: a face and the colour of its skin take two cells together, not four.
        let mut shown = self.text().graphemes(true);
        while hidden < to_hide {
            let Some(grapheme) = shown.next() else { break };
            hidden += grapheme.width();
        }
        (shown.as_str().to_owned(), self.cursor().saturating_sub(hidden))
    }

    /// Puts another text in its place, but for what of it cannot be seen.
    pub fn set(&mut self, text: &str) {
        self.input = visible_input(text);
    }

    /// Reads a key.
    pub fn key(&mut self, key: Key) -> Typed {
        let request = match (key.code, key.ctrl, key.alt) {
            (Code::Esc, ..) | (Code::Char('c'), true, _) => return Typed::Left,
            (Code::Backspace, false, false) if self.text().is_empty() => return Typed::Left,
            (Code::Enter, ..) => return Typed::Done,
            (Code::Tab, ..) => return Typed::Complete,
            (Code::Up, ..) | (Code::Char('p'), true, _) => return Typed::Recall(-1),
            (Code::Down, ..) | (Code::Char('n'), true, _) => return Typed::Recall(1),
            (Code::Char(ch), false, false) if self.text().len() < LONGEST && is_visible(ch) => {
                InputRequest::InsertChar(ch)
            }
            (Code::Backspace, false, false) | (Code::Char('h'), true, _) => InputRequest::DeletePrevChar,
            (Code::Char('d'), true, _) => InputRequest::DeleteNextChar,
            (Code::Char('w'), true, _) | (Code::Backspace, ..) => InputRequest::DeletePrevWord,
            (Code::Char('u'), true, _) => InputRequest::DeleteLine,
            (Code::Char('k'), true, _) => InputRequest::DeleteTillEnd,
            (Code::Left, false, _) | (Code::Char('b'), true, _) => InputRequest::GoToPrevChar,
            (Code::Right, false, _) | (Code::Char('f'), true, _) => InputRequest::GoToNextChar,
            (Code::Left, true, _) => InputRequest::GoToPrevWord,
            (Code::Right, true, _) => InputRequest::GoToNextWord,
            (Code::Home, ..) | (Code::Char('a'), true, _) => InputRequest::GoToStart,
            (Code::End, ..) | (Code::Char('e'), true, _) => InputRequest::GoToEnd,
            _ => return Typed::Edited,
        };
        self.input.handle(request);
        Typed::Edited
    }
}

/// A terminal draws nothing for what is not visible, or obeys it; in a line of commands it would lie hidden.
fn visible_input(text: &str) -> Input {
    Input::new(text.chars().filter(|ch| is_visible(*ch)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(prompt: &mut Prompt, keys: &str) -> Typed {
        Key::parse_all(keys).unwrap().into_iter().map(|key| prompt.key(key)).last().unwrap()
    }

    #[test]
    fn a_line_longer_than_its_room_shows_the_cursor_also_among_wide_characters() {
        let visible = |text: &str, room| Prompt::new(Purpose::Filter, text).visible(room);
        assert_eq!(visible("abcdef", 4), ("def".to_owned(), 3));
        assert_eq!(visible("abc", 4), ("abc".to_owned(), 3));
        assert_eq!(visible("日本語", 5), ("本語".to_owned(), 4));
        assert_eq!(visible("日本語", 4), ("語".to_owned(), 2), "half a character cannot be shown");
    }

    #[test]
    fn what_cannot_be_seen_is_not_typed_and_moves_no_cursor() {
        let prompt = Prompt::new(Purpose::Filter, "a\u{2}\u{9b}b\u{202e}\u{301}c");
        assert_eq!((prompt.text(), prompt.visible(2)), ("abc", ("c".to_owned(), 1)));
        let mut prompt = Prompt::new(Purpose::Filter, "");
        press(&mut prompt, "x\u{85}\u{200b}y");
        assert_eq!(prompt.text(), "xy");
        // Two characters, two cells.
        let prompt = Prompt::new(Purpose::Filter, "\u{1f469}\u{1f3fd}ab");
        assert_eq!((prompt.visible(5), prompt.visible(4)), ((prompt.text().to_owned(), 4), ("ab".to_owned(), 2)));
    }

    #[test]
    fn a_line_is_edited_as_in_a_shell() {
        let mut prompt = Prompt::new(Purpose::Filter, "");
        assert_eq!(press(&mut prompt, "status:up web"), Typed::Edited);
        press(&mut prompt, "<c-w><bs><c-a>!<c-e>x");
        assert_eq!(prompt.text(), "!status:upx");
        assert_eq!(press(&mut prompt, "<c-u>日"), Typed::Edited);
        assert_eq!((prompt.text(), prompt.cursor()), ("日", 2));
        assert_eq!(press(&mut prompt, "<ret>"), Typed::Done);
        assert_eq!(press(&mut prompt, "<bs><bs>"), Typed::Left, "backspace on an empty line leaves it");
    }
}
