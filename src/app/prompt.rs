//! The input line at the bottom: filters, commands, numbers and reasons.

use tui_input::{Input, InputRequest};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::app::key::{Key, KeyCode};
use crate::haproxy::safe_text::is_visible;

/// The purpose of an input line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PromptPurpose {
    /// A row filter; takes effect while it is typed.
    Filter,
    /// A filter for lines of text; takes effect while it is typed.
    TextFilter,
    /// A palette command with its arguments.
    Command,
    /// A Runtime API command.
    Cli,
    /// A number that an action needs.
    Number,
    /// A reason for an action.
    Reason,
}

/// An input line.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// Purpose of the line.
    pub(crate) purpose: PromptPurpose,
    /// Error in the text, if any.
    pub error: Option<String>,
    /// Index of the chosen item in the list under the line; `None` until an arrow key chooses one.
    pub(crate) list_index: Option<usize>,
    input: Input,
}

/// Result of a key press in an input line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PromptEvent {
    /// The text may have changed.
    Edited,
    /// The line was submitted.
    Submitted,
    /// Input was canceled.
    Canceled,
    /// The word at the end should be completed.
    CompletionRequested,
    /// An older (-1) or newer (1) line was requested.
    HistoryRequested(i32),
}

/// The error for pasted text that does not fit into the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PasteTooLong;

/// Maximum length of a line, in bytes.
pub(crate) const MAX_BYTES: usize = 4096;

impl Prompt {
    /// Creates an input line with `text`, from which invisible characters are removed.
    pub fn new(purpose: PromptPurpose, text: &str) -> Self {
        Self { purpose, error: None, list_index: None, input: visible_input(text) }
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// Returns the number of cells before the cursor.
    pub(crate) fn cursor(&self) -> usize {
        self.input.visual_cursor()
    }

    /// Returns the part of the text around the cursor that fits into `width` cells, and the cursor's cell in that part.
    pub fn visible_part(&self, width: usize) -> (String, usize) {
        let to_hide = (self.cursor() + 1).saturating_sub(width);
        let mut hidden = 0;
        // A grapheme is hidden as a whole, even if hiding half of a wide character would be enough. Widths are those of
        // graphemes, as for the cursor: an emoji with a skin tone takes two cells, not four.
        let mut shown = self.text().graphemes(true);
        while hidden < to_hide {
            let Some(grapheme) = shown.next() else { break };
            hidden += grapheme.width();
        }
        (shown.as_str().to_owned(), self.cursor().saturating_sub(hidden))
    }

    /// Replaces the text with `text`, from which invisible characters are removed.
    pub(crate) fn set_text(&mut self, text: &str) {
        self.input = visible_input(text);
        self.list_index = None;
    }

    /// Moves to the item that is `by` places further in the list of `count` items under the line, and past the last one
    /// to the first.
    pub(crate) fn move_in_list(&mut self, by: i32, count: usize) {
        let next = match self.list_index {
            None if by > 0 => 0,
            None => count as i64 - 1,
            Some(index) => index as i64 + i64::from(by),
        };
        self.list_index = (count > 0).then(|| next.rem_euclid(count as i64) as usize);
    }

    /// Returns whether the cursor is at the end of the line.
    pub(crate) fn is_cursor_at_end(&self) -> bool {
        self.input.cursor() == self.text().chars().count()
    }

    /// Inserts pasted text at the cursor. Line breaks at the end and invisible characters are dropped; other line
    /// breaks and tabs become spaces.
    ///
    /// # Errors
    /// Returns an error, and inserts nothing, if the line would be too long.
    pub(crate) fn insert_pasted(&mut self, text: &str) -> Result<(), PasteTooLong> {
        let text = text.trim_end_matches(['\r', '\n']).replace("\r\n", " ").replace(['\r', '\n', '\t'], " ");
        let pasted: String = text.chars().filter(|ch| is_visible(*ch)).collect();
        if self.text().len() + pasted.len() > MAX_BYTES {
            return Err(PasteTooLong);
        }
        let cursor = self.input.cursor();
        let before: String = self.text().chars().take(cursor).collect();
        let line = format!("{before}{pasted}{}", &self.text()[before.len()..]);
        self.input = Input::new(line).with_cursor(cursor + pasted.chars().count());
        Ok(())
    }

    /// Handles a key press.
    pub(crate) fn handle_key(&mut self, key: Key) -> PromptEvent {
        let request = match (key.code, key.ctrl, key.alt) {
            (KeyCode::Esc, ..) | (KeyCode::Char('c'), true, _) => return PromptEvent::Canceled,
            (KeyCode::Backspace, false, false) if self.text().is_empty() => return PromptEvent::Canceled,
            (KeyCode::Enter, ..) => return PromptEvent::Submitted,
            (KeyCode::Tab, ..) => return PromptEvent::CompletionRequested,
            (KeyCode::BackTab | KeyCode::Up, ..) | (KeyCode::Char('p'), true, _) => {
                return PromptEvent::HistoryRequested(-1);
            }
            (KeyCode::Down, ..) | (KeyCode::Char('n'), true, _) => return PromptEvent::HistoryRequested(1),
            (KeyCode::Char(ch), false, false) if self.text().len() < MAX_BYTES && is_visible(ch) => {
                InputRequest::InsertChar(ch)
            }
            (KeyCode::Backspace, false, false) | (KeyCode::Char('h'), true, _) => InputRequest::DeletePrevChar,
            (KeyCode::Char('d'), true, _) => InputRequest::DeleteNextChar,
            (KeyCode::Char('w'), true, _) | (KeyCode::Backspace, ..) => InputRequest::DeletePrevWord,
            (KeyCode::Char('u'), true, _) => InputRequest::DeleteLine,
            (KeyCode::Char('k'), true, _) => InputRequest::DeleteTillEnd,
            (KeyCode::Left, false, _) | (KeyCode::Char('b'), true, _) => InputRequest::GoToPrevChar,
            (KeyCode::Right, false, _) | (KeyCode::Char('f'), true, _) => InputRequest::GoToNextChar,
            (KeyCode::Left, true, _) => InputRequest::GoToPrevWord,
            (KeyCode::Right, true, _) => InputRequest::GoToNextWord,
            (KeyCode::Home, ..) | (KeyCode::Char('a'), true, _) => InputRequest::GoToStart,
            (KeyCode::End, ..) | (KeyCode::Char('e'), true, _) => InputRequest::GoToEnd,
            _ => return PromptEvent::Edited,
        };
        self.input.handle(request);
        self.list_index = None;
        PromptEvent::Edited
    }
}

/// Removes invisible characters. A terminal draws nothing for them or executes them, so they could hide parts of a
/// command.
fn visible_input(text: &str) -> Input {
    Input::new(text.chars().filter(|ch| is_visible(*ch)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(prompt: &mut Prompt, keys: &str) -> PromptEvent {
        Key::parse_sequence(keys).unwrap().into_iter().map(|key| prompt.handle_key(key)).last().unwrap()
    }

    #[test]
    fn visible_part_contains_cursor_with_wide_characters() {
        let visible = |text: &str, width| Prompt::new(PromptPurpose::Filter, text).visible_part(width);
        assert_eq!(visible("abcdef", 4), ("def".to_owned(), 3));
        assert_eq!(visible("abc", 4), ("abc".to_owned(), 3));
        assert_eq!(visible("日本語", 5), ("本語".to_owned(), 4));
        assert_eq!(visible("日本語", 4), ("語".to_owned(), 2), "half a character cannot be shown");
    }

    #[test]
    fn prompt_drops_invisible_characters() {
        let prompt = Prompt::new(PromptPurpose::Filter, "a\u{2}\u{9b}b\u{202e}\u{301}c");
        assert_eq!((prompt.text(), prompt.visible_part(2)), ("abc", ("c".to_owned(), 1)));
        let mut prompt = Prompt::new(PromptPurpose::Filter, "");
        press(&mut prompt, "x\u{85}\u{200b}y");
        assert_eq!(prompt.text(), "xy");
        // Two characters, two cells.
        let prompt = Prompt::new(PromptPurpose::Filter, "\u{1f469}\u{1f3fd}ab");
        assert_eq!(
            (prompt.visible_part(5), prompt.visible_part(4)),
            ((prompt.text().to_owned(), 4), ("ab".to_owned(), 2))
        );
    }

    #[test]
    fn insert_pasted_inserts_one_visible_line_at_cursor() {
        let mut prompt = Prompt::new(PromptPurpose::Filter, "ab");
        press(&mut prompt, "<left>");
        assert_eq!(prompt.insert_pasted("é\r\n1\u{1b}[31m\n\t\u{202e}x\r\n"), Ok(()));
        assert_eq!((prompt.text(), prompt.cursor()), ("aé 1[31m  xb", 11));
        press(&mut prompt, "!");
        assert_eq!(prompt.text(), "aé 1[31m  x!b");
        assert_eq!(prompt.insert_pasted(&"é".repeat(MAX_BYTES / 2)), Err(PasteTooLong));
        assert_eq!(prompt.text(), "aé 1[31m  x!b");
    }

    #[test]
    fn prompt_handles_shell_editing_keys() {
        let mut prompt = Prompt::new(PromptPurpose::Filter, "");
        assert_eq!(press(&mut prompt, "status:up web"), PromptEvent::Edited);
        press(&mut prompt, "<c-w><bs><c-a>!<c-e>x");
        assert_eq!(prompt.text(), "!status:upx");
        assert_eq!(press(&mut prompt, "<c-u>日"), PromptEvent::Edited);
        assert_eq!((prompt.text(), prompt.cursor()), ("日", 2));
        assert_eq!(press(&mut prompt, "<ret>"), PromptEvent::Submitted);
        assert_eq!(press(&mut prompt, "<bs><bs>"), PromptEvent::Canceled, "backspace on an empty line cancels it");
    }
}
