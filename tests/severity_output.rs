//! Stats sockets with `severity-output number` or `string`: HAProxy puts a prefix such as `[3]: ` or `[err]: ` before its
//! messages, but not before dumps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/script.rs"]
mod script;
mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use script::Script;
use support::actions::{answer_confirmation, start_dashboard};
use support::screen::message;
use support::{
    CLIENTS_TABLE, CannedReplies, FakeSocket, Lab, ServerBehavior, Term, Traffic, send_command_to, wait_until,
};
use tempfile::TempDir;

/// The values of `severity-output` that add a prefix.
const FORMATS: [&str; 2] = ["number", "string"];

/// A lab with one more socket of each level, which has this severity output.
struct SeverityLab {
    lab: Lab,
    sockets: TempDir,
}

impl SeverityLab {
    fn start(format: &str) -> Self {
        let sockets = TempDir::with_prefix_in("severity", "/tmp").unwrap();
        let mut builder = Lab::builder().servers(4).cookie().sections(CLIENTS_TABLE);
        builder = builder.server_behavior("be1/s2", ServerBehavior::Slow(Duration::from_mins(5)));
        for level in ["admin", "operator", "user"] {
            let path = sockets.path().join(level);
            let path = path.display();
            builder = builder.global(&format!("stats socket {path} mode 600 level {level} severity-output {format}"));
        }
        let lab = builder.start();
        let this = Self { lab, sockets };
        let reply = send_command_to(&this.socket("admin"), "set server be1/gone state maint").unwrap();
        assert!(reply.starts_with('[') && reply.ends_with("]: No such server.\n\n"), "{reply}");
        this
    }

    fn socket(&self, level: &str) -> PathBuf {
        self.sockets.path().join(level)
    }

    /// Returns a socket that forwards to the admin socket and replaces commands by another one, to which HAProxy replies
    /// with a message.
    fn relay_replacing(&self, command: &'static str, replacement: &'static str) -> FakeSocket {
        let admin = self.socket("admin");
        FakeSocket::replacing(command, replacement, move |line| send_command_to(&admin, line).unwrap_or_default())
    }
}

/// Asserts that a text contains no prefix.
fn assert_no_prefix(text: &str) {
    let prefix = ["[3]:", "[4]:", "[5]:", "[6]:", "[err]:", "[warning]:", "[notice]:", "[info]:"];
    assert!(!prefix.iter().any(|prefix| text.contains(prefix)), "{text}");
}

#[test]
fn w8_level_is_known_on_screen_and_in_doctor() {
    for format in FORMATS {
        let lab = SeverityLab::start(format);
        for (level, on_screen) in [("admin", " ADMIN "), ("operator", " operator "), ("user", " user ")] {
            let term = start_dashboard(lab.socket(level));
            term.wait_for(on_screen);
            let mut doctor = Script::new().command_without_target("doctor");
            let output = doctor.arg(lab.socket(level)).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(text.contains(&format!("level {level}: ")), "{text}");
        }
    }
}

#[test]
fn w8_scripted_actions_are_verified_and_refusals_shown_without_prefix() {
    for format in FORMATS {
        let lab = SeverityLab::start(format);
        for (command, state) in [("drain", "8"), ("ready", "0"), ("maint", "1"), ("ready", "0")] {
            let script = Script::new();
            let result = script.run(&lab.socket("admin"), &format!("{command} be1/s3 -y"));
            assert_eq!((result.code, result.err.as_str()), (0, ""), "{result:?}");
            assert_eq!(lab.lab.server_state("be1/s3", "srv_admin_state"), state, "{result:?}");
            assert_eq!(script.done_record()["verified"], true);
        }
        let relay = lab.relay_replacing("set server be1/s3", "set server be1/gone state maint");
        let script = Script::new();
        let result = script.run(relay.path(), "maint be1/s3 -y");
        assert!(result.err.contains("refused by HAProxy: No such server."), "{result:?}");
        assert_no_prefix(&format!("{}{}", result.out, result.err));
        let record = script.done_record();
        assert_eq!(record["answer"], "No such server.", "{record}");
        let result = Script::new().run(&lab.socket("operator"), "maint be1/s3 -y");
        assert!(result.code == 1 && result.err.contains("level"), "{result:?}");
        assert_no_prefix(&result.err);
    }
}

#[test]
fn w8_dashboard_actions_and_undo_are_verified() {
    for format in FORMATS {
        let lab = SeverityLab::start(format);
        let mut term = start_dashboard(lab.socket("admin"));
        term.press("1");
        term.move_to_path("be1/s3");
        let steps = [("M", "Maintenance: ", "verified, MAINT"), ("u", "Undo: ", "verified, no check")];
        for (count, (key, title, outcome)) in steps.into_iter().enumerate() {
            term.press(key);
            answer_confirmation(&mut term, title, "y");
            let records = term.wait_for_done_records(count + 1);
            assert_eq!(records[count]["verified"], true, "{}", records[count]);
            term.wait_until(|screen| message(screen).contains(outcome));
        }
    }
}

#[test]
fn w8_session_and_table_entry_are_read_back() {
    for format in FORMATS {
        let lab = SeverityLab::start(format);
        assert_eq!(Traffic::to(lab.lab.addr("web")).header("X-Client: bob").header("Cookie: SRV=s1").send(1).ok, 1);
        lab.lab.open_requests(1);
        let mut term = start_dashboard(lab.socket("admin"));
        term.select_session();
        term.press("X");
        answer_confirmation(&mut term, "Shutdown of session 127.0.0.1:", "y");
        assert_eq!(term.wait_for_done_records(1)[0]["verified"], true);
        lab.lab.wait_stat("be1", "s2", "scur", |sessions| sessions == "0");
        term.press("<esc>");
        term.open_stick_table();
        term.wait_for("clients: 1 entr");
        term.press("X");
        answer_confirmation(&mut term, "Clearing of entry bob of clients on ", "y");
        assert_eq!(term.wait_for_done_records(2)[1]["verified"], true);
        assert!(!lab.lab.send_command("show table clients").contains("key="));
    }
}

/// Opens a view, queries its list, and returns the screen that shows the error.
fn query_error(socket: &Path, view: &str, hint: &str, error: &str) -> String {
    let mut term = start_dashboard(socket);
    term.press(view);
    term.wait_for(hint);
    term.press("<ret>");
    term.wait_for(error)
}

#[test]
fn w8_query_errors_are_shown_without_prefix() {
    for format in FORMATS {
        let lab = SeverityLab::start(format);
        let error = "HAProxy replied: No such table";
        let relay = lab.relay_replacing("show sess", "show table gone");
        assert_no_prefix(&query_error(relay.path(), "7", "lists the open sessions", error));
        let relay = lab.relay_replacing("show table", "show table gone");
        assert_no_prefix(&query_error(relay.path(), "8", "lists the stick tables", error));
        // A table that disappears with a reload while its name is on the screen.
        let relay = lab.relay_replacing("show table clients", "show table gone");
        let mut term = start_dashboard(relay.path());
        term.open_stick_table();
        assert_no_prefix(&term.wait_for(error));
    }
}

/// Types a command line in view 5 and returns the screen with the reply.
fn typed_reply(term: &mut Term, line: &str, reply: &str) -> String {
    term.press(&format!("{line}<ret>"));
    term.wait_for(reply)
}

#[test]
fn w8_typed_lines_show_replies_without_prefix() {
    for format in FORMATS {
        let lab = SeverityLab::start(format);
        let mut term = start_dashboard(lab.socket("admin"));
        term.press("5");
        term.wait_for("HAProxy's own commands");
        for (line, reply) in [
            ("show cli level", "admin"),
            ("get weight be1/gone", "No such server."),
            ("show table gone", "No such table"),
            ("show errors gone", "No such proxy."),
            ("show cli level;show table gone", "No such table"),
        ] {
            assert_no_prefix(&typed_reply(&mut term, line, reply));
        }
        let line = "set server be1/gone state maint";
        term.press(&format!("{line}<ret>"));
        answer_confirmation(&mut term, "this command may change HAProxy", "y");
        term.wait_for_done_records(1);
        let screen = term.wait_until(|screen| screen.matches("No such server.").count() >= 2);
        assert_no_prefix(&screen);
        let record = term.wait_for_done_records(1).remove(0);
        assert_eq!(record["answer"], "No such server.", "{record}");
    }
}

#[test]
fn w8_typed_lines_show_lower_level_and_help_without_prefix() {
    for format in FORMATS {
        let lab = SeverityLab::start(format);
        let mut term = start_dashboard(lab.socket("user"));
        term.wait_for(" user ");
        term.press("5");
        term.wait_for("HAProxy's own commands");
        assert_no_prefix(&typed_reply(&mut term, "show env", "ermission denied"));
        // The first completion reads the commands from `help`.
        term.press("show bac");
        wait_until("show backend to be completed", || {
            term.press("<tab>");
            term.wait_input_read();
            term.screen().contains("> show backend")
        });
    }
}

#[test]
fn w8_level_of_haproxy_1_8_is_known() {
    let lab = Lab::builder().start();
    let old = |text: String| text.replace(&lab.info("Version"), "1.8.30");
    let replies = CannedReplies::record(&lab, &["show stat", "show servers state"]);
    let replies = replies.on("show info", old(lab.send_command("show info")));
    for (set_server, show_env, level) in [
        ("[3]: Require 'backend/server'.\n\n", "HOME=/\n\n", " ADMIN "),
        ("[err]: Permission denied\n\n", "HOME=/\n\n", " operator "),
        ("[3]: Permission denied\n\n", "[3]: Permission denied\n\n", " user "),
    ] {
        let replies = replies.clone().on("set server", set_server).on("show env", show_env);
        let fake = FakeSocket::with_replies(replies);
        start_dashboard(fake.path()).wait_for(level);
    }
}
