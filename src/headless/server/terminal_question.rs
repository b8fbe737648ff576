//! Questions on a plain terminal. [`crate::app::answer_gate`] decides which key answers, as in the dashboard's dialogs.
//!
//! A thread prints the question and reads the keys, because both may block. It prints as many rows as fit on the
//! screen; a key prints more. The half second starts once the terminal has received the rows.
//! The question is printed again after pasted text, a change of the terminal's size, Ctrl-L and a suspension.

use std::io::{self, PipeReader, Write as _};
use std::os::fd::AsFd as _;
use std::thread;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::app::answer_gate::{AnswerGate, GateEvent, ShownRows};
use crate::app::key::{Key, KeyCode, KeyPress};
use crate::app::prompt::{Prompt, PromptEvent, PromptPurpose};
use crate::headless::signals::Signals;
use crate::observe::timestamp::Clock;
use crate::term::ending_signals::SIGINT;
use crate::term::input_parser::InputEvent;
use crate::term::job_control::{self, RESUME_DELAY, SIGCONT};
use crate::term::key_reader::{self, TerminalInput};
use crate::term::output_thread::{time_on_line, wait_until_sent};
use crate::term::prompt_mode;
use crate::term::terminal_device;
use crate::term::waiting_writer::WaitingWriter;
use crate::ui::text_width;

/// Columns and rows that a question needs.
const MIN_SIZE: (usize, usize) = (20, 4);
/// Cells for the text that is typed.
const MIN_TYPED: usize = 8;

/// A question about an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TerminalQuestion {
    /// The commands and facts.
    pub(crate) lines: Vec<String>,
    /// The prompt line.
    pub(crate) prompt: String,
    /// Name that must be typed; `None` if `y` is enough.
    pub(crate) name: Option<String>,
}

impl TerminalQuestion {
    /// Creates a question about an action, which `y` or else typing `name` confirms.
    pub(crate) fn new(lines: Vec<String>, name: Option<String>) -> Self {
        let prompt = match &name {
            Some(name) => format!("type \"{name}\", pause, then Enter: "),
            None => "Continue? [y/N], no Enter: ".to_owned(),
        };
        Self { lines, prompt, name }
    }
}

/// Result of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum QuestionResult {
    /// Confirmed.
    Yes,
    /// A line of text was submitted.
    Text(String),
    /// Canceled, with the reason.
    No(String),
    /// A signal, or Ctrl-C in its place, with the number of the signal.
    Signal(i32),
}

/// Asks a question about an action.
pub(crate) async fn confirm(question: TerminalQuestion, signals: &mut Signals) -> QuestionResult {
    ask(Input::Answer(AnswerGate::new(question.name.clone())), question, signals).await
}

/// Asks for a line of text. Pasted text is inserted.
pub(crate) async fn read_text(prompt: &str, signals: &mut Signals) -> QuestionResult {
    let question = TerminalQuestion { lines: Vec::new(), prompt: prompt.to_owned(), name: None };
    ask(Input::Text(Prompt::new(PromptPurpose::Reason, "")), question, signals).await
}

async fn ask(input: Input, question: TerminalQuestion, signals: &mut Signals) -> QuestionResult {
    let end = answer(input, question, signals).await;
    let end = end.unwrap_or_else(|error| QuestionResult::No(cannot_ask(&error)));
    prompt_mode::leave();
    // A closed terminal does not matter any more.
    let _ = writeln!(WaitingWriter(io::stdout()));
    end
}

async fn answer(input: Input, question: TerminalQuestion, signals: &mut Signals) -> io::Result<QuestionResult> {
    let (sender, mut receiver) = oneshot::channel();
    let mut continued = signal(SignalKind::from_raw(SIGCONT))?;
    let (wake, mut waker) = io::pipe()?;
    // The thread is not joined: after a signal, it may be blocked.
    thread::spawn(move || {
        let end =
            OpenQuestion::run(input, question, &wake).unwrap_or_else(|error| QuestionResult::No(cannot_ask(&error)));
        // The receiver may be gone after a signal.
        let _ = sender.send(end);
    });
    loop {
        tokio::select! {
            biased;
            number = signals.wait() => return Ok(QuestionResult::Signal(number)),
            end = &mut receiver => {
                return Ok(end.unwrap_or_else(|_| QuestionResult::No("nothing was sent".to_owned())));
            }
            _ = continued.recv() => {}
        }
        tokio::time::sleep(RESUME_DELAY).await;
        if signals.received().is_none() {
            // Fails only if the thread has ended.
            let _ = waker.write_all(&[0]);
        }
    }
}

fn cannot_ask(error: &io::Error) -> String {
    format!("cannot ask on the terminal: {error}: nothing was sent")
}

/// The answer that is being typed.
#[derive(Debug)]
enum Input {
    Answer(AnswerGate),
    Text(Prompt),
}

/// A question on the terminal.
struct OpenQuestion {
    question: TerminalQuestion,
    input: Input,
    clock: Clock,
    /// Size for which the question was printed.
    size: (usize, usize),
    /// The lines of the question, wrapped.
    rows: Vec<String>,
    /// Number of rows printed.
    printed: usize,
    /// Number of prints.
    frame: u64,
    /// Width of the last line on the screen, in cells.
    line_width: usize,
    /// Set from a suspension until SIGCONT is handled.
    is_suspended: bool,
}

impl OpenQuestion {
    fn run(input: Input, question: TerminalQuestion, wake: &PipeReader) -> io::Result<QuestionResult> {
        let terminal = terminal_device::open_terminal()?;
        let clock = Clock::start();
        let (rows, size) = (Vec::new(), (0, 0));
        let mut open =
            Self { question, input, clock, size, rows, printed: 0, frame: 0, line_width: 0, is_suspended: false };
        let mut end = open.enter()?;
        if end.is_none() {
            key_reader::read_input(&terminal, Some(wake), clock, |input| {
                end = match open.handle_input(input) {
                    Ok(end) => end,
                    Err(error) => Some(QuestionResult::No(cannot_ask(&error))),
                };
                end.is_none() && (open.is_suspended || prompt_mode::is_entered())
            });
        }
        Ok(end.unwrap_or_else(|| QuestionResult::No("nothing was sent".to_owned())))
    }

    /// Sets up the terminal, whatever state it is in, and prints the question. In the background, suspends the process
    /// until a shell resumes it; SIGCONT calls this function again.
    fn enter(&mut self) -> io::Result<Option<QuestionResult>> {
        self.is_suspended = job_control::stop_in_background(prompt_mode::leave)?;
        if self.is_suspended {
            return Ok(None);
        }
        prompt_mode::enter()?;
        if self.frame > 0 {
            print("\n")?;
        }
        self.print_question()
    }

    /// Prints the question from its first row. Returns the end if the terminal is too small for it.
    fn print_question(&mut self) -> io::Result<Option<QuestionResult>> {
        self.size = terminal_size();
        let (columns, rows) = self.size;
        if columns < MIN_SIZE.0 || rows < MIN_SIZE.1 {
            let (columns, rows) = MIN_SIZE;
            let why = format!("the terminal is too small to confirm: at least {columns}x{rows}");
            return Ok(Some(QuestionResult::No(why)));
        }
        if let Input::Answer(gate) = &mut self.input {
            gate.hide();
        }
        let wrapped = |line: &String| {
            let text = line.trim_start();
            let indent = " ".repeat(line.len() - text.len());
            let parts = text_width::wrap_at_blanks(text, columns.saturating_sub(indent.len()));
            parts.into_iter().map(move |part| format!("{indent}{part}"))
        };
        self.rows = self.question.lines.iter().flat_map(wrapped).collect();
        if !self.is_prompt_in_line() {
            self.rows.extend(wrapped(&self.question.prompt));
        }
        (self.printed, self.line_width) = (0, 0);
        self.print_rows().map(|()| None)
    }

    /// Prints the next rows of the question over the last line, as many as fit above the prompt line.
    fn print_rows(&mut self) -> io::Result<()> {
        let erased = format!("\r{}\r", " ".repeat(self.line_width));
        let first = self.printed;
        self.printed = self.rows.len().min(first + self.size.1 - 1);
        let mut rows = self.rows[first..self.printed].join("\n");
        if self.printed > first {
            rows.push('\n');
        }
        self.line_width = 0;
        let text = format!("{erased}{rows}{}", self.input_line());
        print(&text)?;
        self.frame += 1;
        let shown = ShownRows { first, count: self.printed - first, total: self.rows.len() };
        if let Input::Answer(gate) = &mut self.input {
            gate.record_drawn(self.frame, Some(shown));
            let length = text.len();
            gate.record_written(self.frame, self.clock.now().monotonic + time_on_line(io::stdout().as_fd(), length));
        }
        Ok(())
    }

    /// Prints the prompt line over itself.
    fn print_input(&mut self) -> io::Result<()> {
        print(&self.input_line())
    }

    /// Returns whether the prompt leaves room for the text that is typed in the same line.
    fn is_prompt_in_line(&self) -> bool {
        text_width::width(&self.question.prompt) + MIN_TYPED < self.size.0
    }

    /// Returns the line that asks, with the text that is typed, and spaces over the rest of the previous line.
    fn input_line(&mut self) -> String {
        let columns = self.size.0 - 1;
        let prompt = match self.rows.len() - self.printed {
            0 if self.is_prompt_in_line() => self.question.prompt.clone(),
            0 => "> ".to_owned(),
            left => format!("-- {left} more lines: Enter shows them, n cancels -- "),
        };
        let left = columns.saturating_sub(text_width::width(&prompt));
        let (typed, remark) = match &self.input {
            Input::Text(prompt) => (prompt.visible_part(left).0, prompt.error.as_deref()),
            Input::Answer(gate) => {
                let typed = text_width::wrap_anywhere(gate.typed_name(), left).pop().unwrap_or_default();
                (typed, gate.remark(self.clock.now().monotonic))
            }
        };
        let remark = remark.map_or_else(String::new, |remark| format!(" ({remark})"));
        let line = text_width::end(&format!("{prompt}{typed}{remark}"), columns);
        let width = text_width::width(&line);
        let rest = " ".repeat(self.line_width.saturating_sub(width));
        self.line_width = width;
        format!("\r{line}{rest}{}", "\x08".repeat(rest.len()))
    }

    /// Handles input. Returns the end of the question if it decides.
    fn handle_input(&mut self, input: TerminalInput) -> io::Result<Option<QuestionResult>> {
        match (input, &mut self.input) {
            (TerminalInput::Resumed, _) => self.enter(),
            (TerminalInput::Closed(_), _) => Ok(Some(QuestionResult::No("nothing was sent".to_owned()))),
            (TerminalInput::Event(InputEvent::Mouse(_)), _)
            | (
                TerminalInput::Paused { .. }
                | TerminalInput::LongPause
                | TerminalInput::Event(InputEvent::UnfinishedPaste),
                Input::Text(_),
            ) => Ok(None),
            // The remark about an early answer changes.
            (TerminalInput::LongPause, Input::Answer(_)) => self.print_input().map(|()| None),
            (TerminalInput::Paused { is_after_event }, Input::Answer(gate)) => {
                if !gate.is_yes_pending() {
                    return Ok(None);
                }
                match gate.take_answer(is_after_event) {
                    Some(_) => Ok(Some(QuestionResult::Yes)),
                    None => self.print_input().map(|()| None),
                }
            }
            (TerminalInput::Event(InputEvent::Paste(text)), Input::Text(prompt)) => {
                prompt.error = prompt.insert_pasted(&text).is_err().then(|| "too long".to_owned());
                self.print_input().map(|()| None)
            }
            (TerminalInput::Event(InputEvent::Paste(_) | InputEvent::UnfinishedPaste), Input::Answer(gate)) => {
                gate.refuse_paste();
                print("\n")?;
                self.print_question()
            }
            (TerminalInput::Event(InputEvent::Key(press)), _) => self.handle_key(press),
        }
    }

    fn handle_key(&mut self, press: KeyPress) -> io::Result<Option<QuestionResult>> {
        let key = press.key;
        let ctrl = |ch| key == Key { ctrl: true, ..Key::char(ch) };
        if ctrl('c') {
            return Ok(Some(QuestionResult::Signal(SIGINT)));
        }
        if ctrl('z') {
            print("\n")?;
            self.is_suspended = job_control::stop(prompt_mode::leave).is_ok();
            return if self.is_suspended { Ok(None) } else { self.print_question() };
        }
        if ctrl('l') {
            print("\n")?;
            return self.print_question();
        }
        if terminal_size() != self.size {
            // The key counts for the question in its new size, so it cannot confirm yet.
            print("\n")?;
            if let Some(end) = self.print_question()? {
                return Ok(Some(end));
            }
        }
        let has_more = self.printed < self.rows.len();
        match &mut self.input {
            Input::Text(prompt) => match prompt.handle_key(key) {
                PromptEvent::Canceled => return Ok(Some(QuestionResult::Text(String::new()))),
                PromptEvent::Submitted if press.is_in_burst() => {
                    prompt.error = Some("other keys arrived with Enter: press Enter again".to_owned());
                }
                PromptEvent::Submitted => return Ok(Some(QuestionResult::Text(prompt.text().to_owned()))),
                _ => prompt.error = None,
            },
            Input::Answer(_) if has_more && shows_more(key) => {
                return self.print_rows().map(|()| None);
            }
            Input::Answer(gate) => {
                let typed = gate.typed_name();
                if let Some(name) = gate.required_name()
                    && key == Key::unmodified(KeyCode::Enter)
                    && !typed.is_empty()
                    && typed != name
                {
                    return Ok(Some(QuestionResult::No(format!("the typed text is not \"{name}\": nothing was sent"))));
                }
                if gate.handle_key(press) == GateEvent::No {
                    return Ok(Some(QuestionResult::No("nothing was sent".to_owned())));
                }
            }
        }
        self.print_input().map(|()| None)
    }
}

/// Prints text and waits until the terminal has received it.
fn print(text: &str) -> io::Result<()> {
    let mut out = WaitingWriter(io::stdout());
    out.write_all(text.as_bytes())?;
    out.flush()?;
    wait_until_sent(out.0.as_fd())
}

/// Returns whether the key prints more rows of a question that does not fit.
fn shows_more(key: Key) -> bool {
    matches!(key.code, KeyCode::Enter | KeyCode::Down | KeyCode::PageDown | KeyCode::End | KeyCode::Char(' '))
        && !key.ctrl
        && !key.alt
}

/// Returns the columns and rows of the terminal.
fn terminal_size() -> (usize, usize) {
    let (columns, rows) = terminal_device::size();
    (usize::from(columns), usize::from(rows))
}
