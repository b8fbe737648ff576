//! A deploy script's view of hapulse: a home of its own, no terminal, output by the line, and an exit code.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tempfile::TempDir;

use crate::support::{process, wait_until};

/// Where scripts run.
pub struct Script {
    home: TempDir,
}

/// What a command said, and its exit code; -1 where a signal ended it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandResult {
    pub out: String,
    pub err: String,
    pub code: i32,
}

/// A command that runs.
pub struct RunningCommand {
    child: Child,
    out: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Script {
    pub fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    pub fn audit_path(&self) -> PathBuf {
        self.home.path().join(".local/state/hapulse/audit.jsonl")
    }

    pub fn configure(&self, text: &str) {
        let folder = self.home.path().join(".config/hapulse");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("config.toml"), text).unwrap();
    }

    pub fn command(&self, socket: &Path, args: &str) -> Command {
        let mut command = self.without_target(args);
        command.arg("--target").arg(socket);
        command
    }

    /// Which HAProxy is meant is left to the configuration.
    pub fn without_target(&self, args: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hapulse"));
        command.args(args.split(' '));
        command.env_clear().env("HOME", self.home.path()).env("TZ", "UTC0").stdin(Stdio::null());
        command
    }

    /// Runs `hapulse ARGS --target SOCKET` to its end; the words of `args` are parted by blanks.
    pub fn run(&self, socket: &Path, args: &str) -> CommandResult {
        self.start(socket, args).wait()
    }

    pub fn start(&self, socket: &Path, args: &str) -> RunningCommand {
        let mut command = self.command(socket, args);
        let mut child = {
            let _starting = process::starting();
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let (out, lines) = (Arc::new(Mutex::new(String::new())), BufReader::new(child.stdout.take().unwrap()));
        let kept = Arc::clone(&out);
        let reader = thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        RunningCommand { child, out, reader: Some(reader) }
    }

    /// What the audit holds, as `hapulse audit` prints it, without the times and who it was.
    pub fn audit_lines(&self) -> Vec<String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hapulse"));
        command.arg("audit").env_clear().env("HOME", self.home.path()).stdin(Stdio::null());
        let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let words = |line: &str| {
            let words: Vec<&str> = line.split("  ").map(str::trim).filter(|word| !word.is_empty()).skip(3).collect();
            words.join("  ")
        };
        text.lines().map(words).collect()
    }
}

impl RunningCommand {
    pub fn out(&self) -> String {
        self.out.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn wait_for(&self, words: &str) {
        wait_until(&format!("{words:?} in the output"), || self.out().contains(words));
    }

    pub fn signal(&self, name: &str) {
        process::signal(self.child.id(), name);
    }

    pub fn wait(mut self) -> CommandResult {
        wait_until("the command's end", || self.child.try_wait().unwrap().is_some());
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        self.reader.take().unwrap().join().unwrap();
        let mut err = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        CommandResult { out: self.out(), err, code }
    }
}

impl Drop for RunningCommand {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
