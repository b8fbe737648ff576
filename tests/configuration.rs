//! The configuration through the real binary: what holds, what is wrong and where, and what the dashboard does with it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hapulse::app::commands::COMMANDS;
use hapulse::config::setting_table::{SETTINGS, SettingKind};
use support::{Lab, Term};
use tempfile::TempDir;

const PAGE: &str = include_str!("../docs/configuration.md");

/// A home of its own with a configuration, and nothing else of this machine's environment.
struct Home(TempDir);

impl Home {
    fn with(config: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(home.file().parent().unwrap()).unwrap();
        fs::write(home.file(), config).unwrap();
        home
    }

    fn file(&self) -> PathBuf {
        self.0.path().join(".config/hapulse/config.toml")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hapulse"));
        command.args(args).env_clear().env("HOME", self.0.path()).stdin(Stdio::null());
        command
    }

    /// Exit code, standard output and standard error of a run.
    fn run(&self, args: &[&str], variables: &[(&str, &str)]) -> (i32, String, String) {
        let out = self.command(args).envs(variables.iter().copied()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (out.status.code().unwrap(), text(out.stdout), text(out.stderr))
    }

    fn printed(&self, variables: &[(&str, &str)]) -> String {
        let (code, out, err) = self.run(&["config"], variables);
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        out
    }
}

/// The file that holds everything that can be said.
const WHOLE: &str = r#"
read_only = true
interval = 0.5
theme = "light"
ascii = true
history_memory = 128
log_file = "/var/log/hapulse/events.log"
[audit]
path = "/var/log/hapulse/audit.jsonl"
required = false
ask_reason = true
[drain]
deadline = "90s"
[targets]
lb01 = "/run/haproxy/admin.sock"
lb02 = "10.0.0.2:9999"
[thresholds]
queue = { warn = 5, crit = 50, hold = "10s" }
slim = "off"
[colours]
bad = "bold bright-red on #300000"
[views]
status = { columns = ["+rtime", "-qtime"], sort = "-scur", flat = true }
[keys]
"server.drain" = ["D", "<f12>"]
"server.maint" = []
"#;

fn whole() -> String {
    // Two rules there are, so that the file stays right when rules are renamed.
    let rules = include_str!("../docs/problems.md");
    let mut ids = rules.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let (first, second) = (ids.next().unwrap(), ids.next().unwrap());
    WHOLE.replace("queue = {", &format!("{first} = {{")).replace("slim = ", &format!("{second} = "))
}

#[test]
fn printed_configuration_reads_back_with_same_values() {
    let home = Home::with(&whole());
    let once = home.printed(&[]);
    let path = home.file().display().to_string();
    assert!(once.contains(&format!("interval = 0.5  # {path}")), "{once}");
    assert!(once.contains(&format!("# from: {path}")), "{once}");
    // The comments name another file.
    let other = Home::with(&once);
    let values = |text: &str| text.parse::<toml::Table>().unwrap();
    assert_eq!(values(&once), values(&other.printed(&[])));
    // And all that was said is in it: nothing is lost on the way.
    let (said, printed) = (values(&whole()), values(&once));
    for (key, value) in &said {
        match (value, &printed[key]) {
            (toml::Value::Table(section), toml::Value::Table(printed)) if key != "thresholds" => {
                section.iter().for_each(|(name, value)| assert_eq!(printed.get(name), Some(value), "{key}.{name}"));
            }
            (toml::Value::Table(section), printed) => {
                assert!(section.keys().all(|name| printed.get(name).is_some()), "{section:?} {printed:?}");
            }
            (value, printed) => assert_eq!(value, printed, "{key}"),
        }
    }
}

#[test]
fn config_without_file_prints_defaults_of_every_setting() {
    let home = Home(tempfile::tempdir().unwrap());
    let printed = home.printed(&[]);
    let values: toml::Table = printed.parse().unwrap();
    assert_eq!(values["interval"].as_integer(), Some(2));
    assert_eq!(values["drain"]["deadline"].as_str(), Some("5m"));
    for key in SETTINGS {
        let name = key.name.rsplit('.').next().unwrap();
        let is_there = match key.kind {
            SettingKind::Section => printed.contains(&format!("[{name}]\n# {}\n# {}", key.help, key.example)),
            _ => printed.contains(&format!("# {}\n", key.help)) && printed.contains(&format!("{name} = ")),
        };
        assert!(is_there, "{name}:\n{printed}");
    }
    // What stands in comments may be said too.
    let lines: Vec<&str> =
        printed.lines().map(|line| line.strip_prefix("# ").filter(|rest| is_setting(rest)).unwrap_or(line)).collect();
    let uncommented = lines.join("\n");
    let (code, out, err) = Home::with(&uncommented).run(&["config"], &[]);
    assert_eq!((code, err.as_str()), (0, ""), "{uncommented}{out}");
}

/// A line of a file, and no sentence.
fn is_setting(line: &str) -> bool {
    SETTINGS.iter().any(|key| line == key.example || line == format!("{} = {}", key.name, key.example))
}

#[test]
fn environment_variables_override_file_and_are_named() {
    let home = Home::with("interval = 5\ntheme = \"dark\"\n");
    let printed = home.printed(&[("HAPULSE_INTERVAL", "0.2"), ("HAPULSE_DRAIN_DEADLINE", "1h")]);
    assert!(printed.contains("interval = 0.2  # HAPULSE_INTERVAL"), "{printed}");
    assert!(printed.contains("deadline = \"1h\"  # HAPULSE_DRAIN_DEADLINE"), "{printed}");
    assert!(printed.contains("theme = \"dark\"  # /"), "{printed}");
    let (code, _, err) = home.run(&["config"], &[("HAPULSE_THEME", "pink")]);
    assert_eq!(code, 2);
    assert!(err.contains("HAPULSE_THEME=\"pink\"") && err.contains("auto, dark, light"), "{err}");
}

#[test]
fn unknown_names_are_reported_with_line() {
    let drain = COMMANDS.iter().find(|action| action.id == "server.drain").unwrap();
    for (config, line, why) in [
        ("[keys]\n\"server.nope\" = [\"x\"]", 2, "unknown command \"server.nope\""),
        ("[keys]\n\n\"server.drain\" = [\"<nope>\"]", 3, "server.drain: unknown key \"<nope>\""),
        ("[keys]\n\"server.drain\" = [\"M\"]", 2, "key M is bound to both server.drain and server.maint"),
        ("[thresholds]\nnope = \"off\"", 2, "nope"),
        ("[targets]\n\"a b\" = \"/run/a\"", 1, "\"a b\" is not a valid target name"),
        ("[colours]\nworse = \"red\"", 2, "unknown role \"worse\""),
        ("[colours]\nbad = \"redd\"", 2, "\"redd\" is not part of a style"),
        ("[views]\nevents = { flat = true }", 2, "unknown view \"events\""),
        ("[views]\nhttp = { sort = \"-nope\" }", 2, "unknown column \"nope\""),
        ("[drain]\ndeadline = \"soon\"", 2, "soon"),
    ] {
        let home = Home::with(config);
        let (code, _, err) = home.run(&["config"], &[]);
        assert_eq!(code, 2, "{config}: {err}");
        let start = format!("hapulse: {}:{line}:", home.file().display());
        assert!(err.starts_with(&start) && err.contains(why), "{config}: {err}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
    assert_eq!(drain.keys, ["D"], "the conflict above is made of this");
}

#[test]
fn w24_thresholds_are_accepted_in_any_order() {
    let lab = Lab::builder().servers(3).start();
    let socket = lab.admin().to_str().unwrap();
    let (warn, crit) = ("--threshold=response-time.warn=5000", "--threshold=response-time.crit=9000");
    let too_high = "response-time: warn = 5000 is above crit = 1000; set response-time.crit to 5000 or more, \
                    or response-time.warn to 1000 or less";
    let home = Home::with("");
    for flags in [[warn, crit], [crit, warn]] {
        let (code, out, err) = home.run(&[&["check", "--over", "1s", socket], &flags[..]].concat(), &[]);
        assert!(code == 0 && out.starts_with("HAPULSE OK") && err.is_empty(), "{code} {out} {err}");
    }
    let (code, out, _) = home.run(&["check", socket, warn], &[]);
    assert_eq!((code, out.trim()), (3, format!("HAPULSE UNKNOWN - {too_high}").as_str()));

    let home = Home::with("[thresholds]\nresponse-time = { warn = 5000, crit = 9000 }\n");
    assert!(home.printed(&[]).contains("5000"));
    let home = Home::with("[thresholds]\nresponse-time = { warn = 5000 }\n");
    let (code, _, err) = home.run(&["config"], &[]);
    assert_eq!(code, 2);
    assert!(err.contains("config.toml:2:") && err.contains(too_high), "{err}");
    // A flag completes the file.
    let (code, out, err) = home.run(&["check", "--over", "1s", socket, crit], &[]);
    assert!(code == 0 && err.is_empty(), "{code} {out} {err}");
}

#[test]
fn w24_former_rule_name_is_accepted_with_warning() {
    let renamed = "the rule nobody-alive is now called no-backend-available";
    let home = Home::with("[thresholds]\nnobody-alive = \"off\"\n");
    let (code, out, err) = home.run(&["config"], &[]);
    assert!(code == 0 && out.contains("nobody-alive"), "{code} {out}");
    assert!(err.contains("config.toml:2:") && err.contains(renamed) && err.lines().count() == 1, "{err}");
    let lab = Lab::builder().servers(3).start();
    let socket = lab.admin().to_str().unwrap();
    let (code, _, err) =
        Home::with("").run(&["check", "--over", "1s", socket, "--threshold", "nobody-alive=off"], &[]);
    assert!(code == 0 && err.starts_with("hapulse: warning: --threshold: ") && err.contains(renamed), "{code} {err}");
}

#[test]
fn dashboard_applies_configuration_file() {
    let lab = Lab::builder().servers(3).start();
    let config = format!(
        "interval = 0.2\n[targets]\nhere = \"{}\"\n[keys]\n\"server.maint\" = [\"<f12>\"]\n\"past.pause\" = [\"P\"]\n\
         [views]\nstatus = {{ columns = [\"weight\"], sort = \"-name\", flat = true }}\n",
        lab.admin().display()
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    fs::write(&file, config).unwrap();
    // No target is named: all of the file's are shown.
    let mut term = Term::builder().args(["--config"]).args([&file]).size(120, 40).start();
    let screen = term.wait_for("live");
    assert!(screen.contains("here"), "{screen}");
    term.press("1");
    term.wait_for("NAME↓");
    term.wait_grid(|grid| grid.headings() == ["NAME", "WGHT"]);
    term.wait_grid(|grid| grid.paths()[..2] == ["be1/s3", "be1/s2"]);
    term.move_to_path("be1/s3");
    term.press("?");
    term.wait_for("F12");
    term.press("<esc>");
    // The key that was given is the one that counts; the one it had does nothing.
    term.press("M");
    term.press("<f12>");
    term.wait_for("Maintenance: be1 / s3");
    term.press("<esc>");
    // What is said names it too.
    term.press("P<f12>");
    term.wait_for("no commands can be sent; P returns to live");
    term.press("q");
    assert_eq!(term.exit_code(), 0);
    // By its name, and by another flag than the file says.
    let builder = Term::builder().args(["--config"]).args([&file]).args(["-i", "7", "here"]);
    let mut term = builder.size(120, 40).start();
    let screen = term.wait_for("live");
    assert!(screen.contains("7s") && !screen.contains("0.2s"), "{screen}");
    term.press("q");
    assert_eq!(term.exit_code(), 0);
}

#[test]
fn custom_colors_are_reduced_to_terminal_support() {
    let lab = Lab::builder().start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    fs::write(&file, "[colours]\nkey = \"bold #ff5f00\"\n").unwrap();
    let written = |variables: [(&str, &str); 3], sequence: &str| {
        let mut builder = Term::builder().args(["--config"]).args([&file]).args([lab.admin()]).size(80, 24);
        for (name, value) in variables {
            builder = builder.env(name, value);
        }
        let mut term = builder.start();
        term.wait_for("live");
        term.press("q");
        assert_eq!(term.exit_code(), 0);
        let raw = String::from_utf8_lossy(&term.raw()).into_owned();
        assert!(raw.contains(sequence), "no {sequence:?} under {variables:?}");
    };
    let (none, some) = (("NO_COLOR", ""), ("NO_COLOR", "1"));
    written([("TERM", "xterm"), ("COLORTERM", "truecolor"), none], "38;2;255;95;0m");
    written([("TERM", "xterm-256color"), ("COLORTERM", ""), none], "38;5;202m");
    written([("TERM", "xterm"), ("COLORTERM", ""), none], "[1;91m");
    written([("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), some], "[1m");
}

#[test]
fn configuration_page_lists_every_setting_and_variable() {
    for key in SETTINGS {
        let row = PAGE.lines().find(|line| line.starts_with(&format!("| `{}` ", key.name)));
        let row = row.unwrap_or_else(|| panic!("docs/configuration.md does not tell of {}", key.name));
        assert!(row.contains(key.help), "{row}\ndoes not say: {}", key.help);
        if let Some(variable) = key.variable() {
            assert!(row.contains(&format!("`{variable}`")), "{row}");
        }
    }
    // And no other: keys of no row are gone.
    let rows =
        PAGE.lines().filter(|line| line.starts_with("| `") && !line.contains("| `XDG") && !line.contains("_CONFIG`"));
    for row in rows {
        let name = row.trim_start_matches("| `").split('`').next().unwrap();
        assert!(SETTINGS.iter().any(|key| key.name == name), "{row}");
    }
    let example = PAGE.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let (code, _, err) = Home::with(example).run(&["config"], &[]);
    assert_eq!((code, err.as_str()), (0, ""), "{example}");
}

#[test]
fn schema_lists_every_setting_and_actions_every_command() {
    let home = Home(tempfile::tempdir().unwrap());
    let (code, out, _) = home.run(&["config", "--schema"], &[]);
    assert_eq!(code, 0);
    let schema: serde_json::Value = serde_json::from_str(&out).unwrap();
    for key in SETTINGS {
        let (section, name) = key.name.split_once('.').map_or(("", key.name), |(section, name)| (section, name));
        let properties =
            if section.is_empty() { &schema["properties"] } else { &schema["properties"][section]["properties"] };
        assert_eq!(properties[name]["description"], key.help, "{}", key.name);
    }
    let (code, out, _) = home.run(&["config", "--actions"], &[]);
    assert_eq!(code, 0);
    assert!(COMMANDS.iter().all(|action| out.lines().any(|line| line.starts_with(action.id))), "{out}");
}

#[test]
fn closed_pipe_ends_program_silently() {
    let home = Home(tempfile::tempdir().unwrap());
    for args in [&["config"][..], &["config", "--schema"][..], &["config", "--actions"][..]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let out = home.command(args).stdout(writer).output().unwrap();
        assert_eq!((out.status.code(), out.stderr.as_slice()), (Some(0), &b""[..]), "{args:?}");
    }
}

/// As a monitoring agent runs it that was started by root: another user, with root's home still in `HOME`.
#[test]
fn inaccessible_home_is_ignored_and_unreadable_file_is_error() {
    let home = Home::with("interval = 7\n");
    let config = home.file();
    let folder = config.parent().unwrap();
    let binary = home.0.path().join("hapulse");
    fs::copy(env!("CARGO_BIN_EXE_hapulse"), &binary).unwrap();
    fs::set_permissions(home.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let run = |mode: u32, file: &Path| {
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
        let mut command = Command::new(&binary);
        command.arg("config").env_clear().env("HOME", home.0.path()).stdin(Stdio::null());
        // Root may enter everything.
        if rustix::process::geteuid().is_root() {
            command.uid(65_534).gid(65_534);
        }
        let out = command.output().unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
        (out.status.code(), String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap())
    };
    let (code, out, err) = run(0o755, folder);
    assert!(code == Some(0) && out.contains("interval = 7"), "{out}{err}");
    let (code, out, err) = run(0o000, folder);
    assert!(code == Some(0) && err.is_empty() && !out.contains("interval = 7"), "{out}{err}");
    let (code, _, err) = run(0o000, &config);
    assert!(code == Some(2) && err.contains("config.toml: cannot be read: Permission denied"), "{err}");
}
