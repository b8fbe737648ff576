//! The terminal of the dashboard: what is written to it, and when it belongs to the shell.

use std::io;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use anyhow::Context as _;
use ratatui::buffer::Buffer;

use crate::config::terminal_env::TerminalEnv;
use crate::live::loop_event::LoopEvent;
use crate::live::pending_commands::PendingReport;
use crate::observe::timestamp::Clock;
use crate::term::clipboard::Clipboard;
use crate::term::frame_writer::{BELL, FrameBuffer};
use crate::term::hangup_watchdog;
use crate::term::job_control;
use crate::term::key_reader;
use crate::term::output_thread::TerminalOutput;
use crate::term::terminal_device;
use crate::term::terminal_mode;

/// Maximum wait for the last frame to be written before the terminal is restored.
const LAST_FRAME_TIMEOUT: Duration = Duration::from_millis(300);

/// The terminal, in which nothing is drawn while it belongs to the shell.
#[derive(Debug)]
pub(crate) struct TerminalSession {
    output: TerminalOutput,
    frames: FrameBuffer,
    clipboard: Clipboard,
    /// Set while the terminal is set up, so that frames may be drawn.
    is_entered: bool,
    /// Set if the terminal reports the mouse.
    has_mouse: bool,
    /// Bytes to write before the next frame.
    before_frame: Vec<u8>,
    /// Bytes to write after the next frame.
    after_frame: Vec<u8>,
}

impl TerminalSession {
    /// Starts the threads of the terminal, which is not set up yet.
    ///
    /// # Errors
    /// Returns an error if no terminal can be read, or if a thread cannot be started.
    pub(crate) fn start(
        sender: &SyncSender<LoopEvent>,
        clock: Clock,
        pending_report: &PendingReport,
        (columns, rows): (u16, u16),
        has_mouse: bool,
    ) -> anyhow::Result<Self> {
        // When the loop ends, the channel closes and these threads end too.
        let input_sender = sender.clone();
        key_reader::start(clock, move |input| input_sender.send(input.into()).is_ok())
            .context("cannot start the thread that reads keys")?;
        let (hangup_sender, hangup_report) = (sender.clone(), pending_report.clone());
        let report_hangup = move || drop(hangup_sender.send(LoopEvent::TerminalGone));
        hangup_watchdog::start(report_hangup, move || hangup_report.finish_on_any_thread())
            .context("cannot start the thread that watches the terminal")?;
        let written_sender = sender.clone();
        let report_written = move |done| drop(written_sender.send(LoopEvent::FrameWritten(done)));
        let output = TerminalOutput::start(clock, report_written)
            .context("cannot start the thread that writes to the terminal")?;
        Ok(Self {
            output,
            frames: FrameBuffer::new(columns, rows),
            clipboard: Clipboard::new(&TerminalEnv::from_process()),
            is_entered: false,
            has_mouse,
            before_frame: Vec::new(),
            after_frame: Vec::new(),
        })
    }

    /// Sets up the terminal, whatever state it is in, so that the next frame draws the whole screen.
    ///
    /// # Errors
    /// Returns an error if the modes of the terminal cannot be set.
    pub(crate) fn enter(&mut self, size: (u16, u16)) -> io::Result<()> {
        terminal_mode::enter()?;
        self.is_entered = true;
        self.before_frame = terminal_mode::screen_setup();
        self.enable_mouse();
        self.redraw(size)
    }

    fn enable_mouse(&mut self) {
        if self.has_mouse {
            self.before_frame.extend(terminal_mode::ENABLE_MOUSE.as_bytes());
        }
    }

    /// Restores the terminal. Nothing is drawn until it is entered again.
    pub(crate) fn leave(&mut self) {
        self.output.wait_until_idle(LAST_FRAME_TIMEOUT);
        terminal_mode::leave();
        self.is_entered = false;
    }

    /// Restores the terminal and stops the program until a shell resumes it. The session is entered again when SIGCONT
    /// is handled.
    ///
    /// # Errors
    /// Returns an error, and does not stop the program, if no shell could resume it.
    pub(crate) fn stop(&mut self) -> io::Result<()> {
        job_control::stop(|| self.leave())
    }

    /// Stops the program like [`Self::stop`] if it is in the background. Returns false if it is in the foreground.
    ///
    /// # Errors
    /// Returns an error like [`Self::stop`].
    pub(crate) fn stop_in_background(&mut self) -> io::Result<bool> {
        job_control::stop_in_background(|| self.leave())
    }

    /// Makes the next frame set the modes of the terminal again and draw the whole screen.
    ///
    /// # Errors
    /// Returns an error if the modes of the terminal cannot be set.
    pub(crate) fn redraw(&mut self, (columns, rows): (u16, u16)) -> io::Result<()> {
        self.frames.reset(columns, rows);
        if self.is_entered && self.before_frame.is_empty() {
            terminal_mode::enter()?;
            self.before_frame = terminal_mode::screen_modes();
            self.enable_mouse();
        }
        Ok(())
    }

    /// Returns whether a frame can be drawn: the terminal is set up, and the previous frame has been written.
    pub(crate) fn can_draw(&self) -> bool {
        self.is_entered && !self.output.is_busy()
    }

    /// Returns whether the terminal is set up, but a shell has taken it: the program was stopped without Ctrl-Z.
    pub(crate) fn is_taken(&self) -> bool {
        self.is_entered && terminal_device::is_in_background()
    }

    /// Makes the terminal copy text to the clipboard with the next frame. Returns the message for the operator.
    pub(crate) fn copy(&mut self, text: &str) -> String {
        self.after_frame.extend(self.clipboard.copy_sequence(text));
        self.clipboard.describe_copy(text)
    }

    /// Rings the bell with the next frame.
    pub(crate) fn ring_bell(&mut self) {
        self.after_frame.push(BELL);
    }

    /// Draws the next frame and returns the bytes to write; empty if nothing changed.
    pub(crate) fn render(&mut self, draw: impl FnOnce(&mut Buffer)) -> Vec<u8> {
        let frame = self.frames.render(draw).unwrap_or_default();
        [std::mem::take(&mut self.before_frame), frame, std::mem::take(&mut self.after_frame)].concat()
    }

    /// Writes the bytes of a frame on another thread. Must not be called unless [`Self::can_draw`] returns true.
    pub(crate) fn write(&self, number: u64, bytes: Vec<u8>) {
        self.output.write(number, bytes);
    }
}
