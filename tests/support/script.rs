//! Runs hapulse commands as a deploy script does: own home folder, no terminal, captured output and exit code.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{process, wait_until};

/// A home folder in which commands run.
pub struct Script {
    home: TempDir,
}

/// Output of a command, and its exit code; -1 if a signal ended it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandResult {
    pub out: String,
    pub err: String,
    pub code: i32,
}

/// A running command; dropping it kills it.
pub struct RunningCommand {
    child: Child,
    out: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Script {
    pub fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    /// Returns the path of the audit log.
    pub fn audit_path(&self) -> PathBuf {
        self.home.path().join(".local/state/hapulse/audit.jsonl")
    }

    /// Returns the newest finished record of the audit log.
    pub fn done_record(&self) -> Value {
        let text = fs::read_to_string(self.audit_path()).unwrap();
        let mut records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        records.rfind(|record| record["phase"] == "done").expect("an action is in the audit log")
    }

    /// Writes the user's configuration file.
    pub fn configure(&self, text: &str) {
        let folder = self.home.path().join(".config/hapulse");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("config.toml"), text).unwrap();
    }

    /// Returns the command `hapulse ARGS --target SOCKET`; blanks separate the words of `args`.
    pub fn command(&self, socket: &Path, args: &str) -> Command {
        let mut command = self.command_without_target(args);
        command.arg("--target").arg(socket);
        command
    }

    /// Returns the command `hapulse ARGS`; the configuration names the instance.
    pub fn command_without_target(&self, args: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hapulse"));
        command.args(args.split(' '));
        command.env_clear().env("HOME", self.home.path()).env("TZ", "UTC0").stdin(Stdio::null());
        command
    }

    /// Runs `hapulse ARGS --target SOCKET` to its end; see [`Script::command`].
    pub fn run(&self, socket: &Path, args: &str) -> CommandResult {
        self.start(socket, args).wait()
    }

    /// Starts `hapulse ARGS --target SOCKET`; see [`Script::command`].
    pub fn start(&self, socket: &Path, args: &str) -> RunningCommand {
        let mut command = self.command(socket, args);
        let mut child = {
            let _guard = process::lock_start();
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let (out, lines) = (Arc::new(Mutex::new(String::new())), BufReader::new(child.stdout.take().unwrap()));
        let collected = Arc::clone(&out);
        let reader = thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let mut collected = collected.lock().unwrap_or_else(PoisonError::into_inner);
                collected.push_str(&line);
                collected.push('\n');
            }
        });
        RunningCommand { child, out, reader: Some(reader) }
    }

    /// Returns the lines of `hapulse audit` without times and users.
    pub fn audit_lines(&self) -> Vec<String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hapulse"));
        command.arg("audit").env_clear().env("HOME", self.home.path()).stdin(Stdio::null());
        let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let columns = |line: &str| {
            let columns: Vec<&str> =
                line.split("  ").map(str::trim).filter(|column| !column.is_empty()).skip(3).collect();
            columns.join("  ")
        };
        text.lines().map(columns).collect()
    }
}

impl RunningCommand {
    /// Returns the standard output so far.
    pub fn out(&self) -> String {
        self.out.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the standard output contains `text`.
    pub fn wait_for(&self, text: &str) {
        wait_until(&format!("{text:?} in the output"), || self.out().contains(text));
    }

    pub fn signal(&self, name: &str) {
        process::signal(self.child.id(), name);
    }

    /// Waits until the command exits and returns its output and exit code.
    pub fn wait(mut self) -> CommandResult {
        wait_until("the command to exit", || self.child.try_wait().unwrap().is_some());
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
