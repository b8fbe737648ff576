//! The configuration with the real binary: values and their sources, errors with their line, and its effect on the
//! dashboard.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hapulse::app::command_table::COMMANDS;
use hapulse::config::former_names::{FORMER_NAMES, FormerName, NameKind};
use hapulse::config::setting_table::{SETTINGS, SettingKind};
use support::{Lab, Term};
use tempfile::TempDir;

const PAGE: &str = include_str!("../docs/configuration.md");

/// A temporary home directory with a configuration file. Commands run in it with an otherwise empty environment.
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

    /// Runs hapulse and returns exit code, standard output and standard error.
    fn run(&self, args: &[&str], variables: &[(&str, &str)]) -> (i32, String, String) {
        let out = self.command(args).envs(variables.iter().copied()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (out.status.code().unwrap(), text(out.stdout), text(out.stderr))
    }

    fn config_output(&self, variables: &[(&str, &str)]) -> String {
        let (code, out, err) = self.run(&["config"], variables);
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        out
    }
}

/// A file with every setting.
const ALL_SETTINGS: &str = r#"
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
lb02 = { address = "10.0.0.2:9999", log = "/var/log/lb02/haproxy.log" }
[thresholds]
queue = { warn = 5, crit = 50, for = "10s" }
slim = "off"
[colors]
bad = "bold bright-red on #300000"
[views]
status = { columns = ["+rtime", "-qtime"], sort = "-scur", flat = true }
[keys]
"server.drain" = ["D", "<f12>"]
"server.maint" = []
"#;

fn all_settings_file() -> String {
    // The rule ids come from docs/problems.md, so that the file stays valid when rules are renamed.
    let rules = include_str!("../docs/problems.md");
    let mut ids = rules.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let (first, second) = (ids.next().unwrap(), ids.next().unwrap());
    ALL_SETTINGS.replace("queue = {", &format!("{first} = {{")).replace("slim = ", &format!("{second} = "))
}

#[test]
fn printed_configuration_reads_back_with_same_values() {
    let home = Home::with(&all_settings_file());
    let first = home.config_output(&[]);
    let path = home.file().display().to_string();
    assert!(first.contains(&format!("interval = 0.5  # {path}")), "{first}");
    assert!(first.contains(&format!("# from: {path}")), "{first}");
    // The comments differ: they name another file.
    let second_home = Home::with(&first);
    let values = |text: &str| text.parse::<toml::Table>().unwrap();
    assert_eq!(values(&first), values(&second_home.config_output(&[])));
    // Every value of the file is printed.
    let (configured, printed) = (values(&all_settings_file()), values(&first));
    for (key, value) in &configured {
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
    let printed = home.config_output(&[]);
    let values: toml::Table = printed.parse().unwrap();
    assert_eq!(values["interval"].as_integer(), Some(2));
    assert_eq!(values["drain"]["deadline"].as_str(), Some("5m"));
    for setting in SETTINGS {
        let name = setting.name.rsplit('.').next().unwrap();
        let is_printed = match setting.kind {
            SettingKind::Section => printed.contains(&format!("[{name}]\n# {}\n# {}", setting.help, setting.example)),
            _ => printed.contains(&format!("# {}\n", setting.help)) && printed.contains(&format!("{name} = ")),
        };
        assert!(is_printed, "{name}:\n{printed}");
    }
    // The settings in comments are valid too.
    let lines: Vec<&str> =
        printed.lines().map(|line| line.strip_prefix("# ").filter(|rest| is_setting(rest)).unwrap_or(line)).collect();
    let uncommented = lines.join("\n");
    let (code, out, err) = Home::with(&uncommented).run(&["config"], &[]);
    assert_eq!((code, err.as_str()), (0, ""), "{uncommented}{out}");
}

/// Returns whether a comment is a setting and not a sentence.
fn is_setting(line: &str) -> bool {
    SETTINGS.iter().any(|setting| line == setting.example || line == format!("{} = {}", setting.name, setting.example))
}

#[test]
fn environment_variables_override_file_and_are_named() {
    let home = Home::with("interval = 5\ntheme = \"dark\"\n");
    let printed = home.config_output(&[("HAPULSE_INTERVAL", "0.2"), ("HAPULSE_DRAIN_DEADLINE", "1h")]);
    assert!(printed.contains("interval = 0.2  # HAPULSE_INTERVAL"), "{printed}");
    assert!(printed.contains("deadline = \"1h\"  # HAPULSE_DRAIN_DEADLINE"), "{printed}");
    assert!(printed.contains("theme = \"dark\"  # /"), "{printed}");
    let (code, _, err) = home.run(&["config"], &[("HAPULSE_THEME", "pink")]);
    assert_eq!(code, 2);
    assert!(err.contains("HAPULSE_THEME=\"pink\"") && err.contains("auto, dark, light"), "{err}");
}

#[test]
fn unknown_names_are_reported_with_line() {
    let drain = COMMANDS.iter().find(|command| command.id == "server.drain").unwrap();
    for (config, line, reason) in [
        ("[keys]\n\"server.nope\" = [\"x\"]", 2, "unknown command \"server.nope\""),
        ("[keys]\n\n\"server.drain\" = [\"<nope>\"]", 3, "server.drain: unknown key \"<nope>\""),
        ("[keys]\n\"server.drain\" = [\"<c-m>\"]", 2, "a terminal cannot send <c-m>: terminals send <ret> instead"),
        ("[keys]\n\"server.drain\" = [\"M\"]", 2, "key M is bound to both server.drain and server.maint"),
        ("[thresholds]\nnope = \"off\"", 2, "nope"),
        ("[targets]\n\"a b\" = \"/run/a\"", 1, "\"a b\" is not a valid target name"),
        ("[colors]\nworse = \"red\"", 2, "unknown role \"worse\""),
        ("[colors]\nbad = \"redd\"", 2, "\"redd\" is not part of a style"),
        ("[views]\nevents = { flat = true }", 2, "unknown view \"events\""),
        ("[views]\nhttp = { sort = \"-nope\" }", 2, "unknown column \"nope\""),
        ("[drain]\ndeadline = \"soon\"", 2, "soon"),
    ] {
        let home = Home::with(config);
        let (code, _, err) = home.run(&["config"], &[]);
        assert_eq!(code, 2, "{config}: {err}");
        let start = format!("hapulse: {}:{line}:", home.file().display());
        assert!(err.starts_with(&start) && err.contains(reason), "{config}: {err}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
    assert_eq!(drain.keys, ["D"], "the conflict above relies on this key");
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
    assert!(home.config_output(&[]).contains("5000"));
    let home = Home::with("[thresholds]\nresponse-time = { warn = 5000 }\n");
    let (code, _, err) = home.run(&["config"], &[]);
    assert_eq!(code, 2);
    assert!(err.contains("config.toml:2:") && err.contains(too_high), "{err}");
    // A flag completes the file.
    let (code, out, err) = home.run(&["check", "--over", "1s", socket, crit], &[]);
    assert!(code == 0 && err.is_empty(), "{code} {out} {err}");
}

/// Returns a configuration file that contains this name, which is accepted in its place.
fn file_with_name(kind: NameKind, name: &str) -> String {
    match kind {
        NameKind::Section => format!("ascii = true\n[{name}]\nbad = \"red\"\n"),
        NameKind::ThresholdKey => format!("[thresholds]\nqueue = {{ {name} = \"10s\" }}\n"),
        NameKind::Rule => format!("[thresholds]\n{name} = \"off\"\n"),
        NameKind::Role => format!("[colors]\n{name} = \"red\"\n"),
        NameKind::View => format!("[views]\n{name} = {{ flat = true }}\n"),
        NameKind::Command => format!("[keys]\n\"{name}\" = [\"<f20>\"]\n"),
    }
}

#[test]
fn former_names_in_files_are_accepted_with_one_warning() {
    for name in FORMER_NAMES {
        let current = file_with_name(name.kind, name.current);
        // Fails on any warning.
        let expected = Home::with(&current).config_output(&[]);
        let home = Home::with(&file_with_name(name.kind, name.former));
        let (code, out, err) = home.run(&["config"], &[]);
        let column = match name.kind {
            NameKind::Section => 2,
            NameKind::ThresholdKey => 11,
            NameKind::Rule | NameKind::Role | NameKind::View | NameKind::Command => 1,
        };
        let FormerName { former, current, .. } = name;
        let file = home.file();
        let start = format!("hapulse: warning: {}:2:{column}: the ", file.display());
        let end = format!(" {former} is now called {current}; the former name will be removed in the next version\n");
        assert!(err.starts_with(&start) && err.ends_with(&end) && err.lines().count() == 1, "{err}");
        // The current name is printed.
        let values = |text: &str| text.parse::<toml::Table>().unwrap();
        assert_eq!((code, values(&out)["keys"].clone()), (0, values(&expected)["keys"].clone()), "{former}");
        let lines = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(lines(&out), lines(&expected), "{former}");
        for section in ["thresholds", "colors", "views"] {
            assert_eq!(values(&out)[section], values(&expected)[section], "{former}");
        }
    }
}

#[test]
fn former_name_next_to_current_name_is_error() {
    let home = Home::with("[colors]\nbad = \"red\"\n[colours]\ngood = \"red\"\n");
    let (code, _, err) = home.run(&["config"], &[]);
    assert_eq!(code, 2);
    assert!(err.contains("config.toml:3:2: colours is the former name of colors, which is also set"), "{err}");
}

#[test]
fn former_name_in_system_or_user_file_is_replaced_before_merging() {
    let home = Home::with("[thresholds]\nnobody-alive = \"off\"\n");
    let file = home.0.path().join("other.toml");
    fs::write(&file, "[colours]\naway = \"blue\"\n").unwrap();
    let (code, out, err) = home.run(&["config", "--config", file.to_str().unwrap()], &[]);
    assert!(code == 0 && out.contains("[colors]") && out.contains("\"out-of-service\" = \"blue\""), "{out}");
    assert_eq!(err.lines().count(), 2, "{err}");
    assert!(
        err.contains("other.toml:1:2: the section colours") && err.contains("other.toml:2:1: the role away"),
        "{err}"
    );
}

#[test]
fn former_names_in_flags_are_accepted_with_warning() {
    let lab = Lab::builder().servers(3).start();
    let socket = lab.admin().to_str().unwrap();
    let home = Home::with("");
    for (flag, warnings) in [
        ("nobody-alive=off", &["the rule nobody-alive is now called no-backend-available;"][..]),
        ("queue.hold=3", &["the threshold key hold is now called for;"]),
        (
            "nobody-alive.hold=3",
            &["the rule nobody-alive is now called no-backend-available;", "the threshold key hold is now called for;"],
        ),
        ("no-backend-available.for=3", &[]),
    ] {
        let (code, _, err) = home.run(&["check", "--over", "1s", socket, "--threshold", flag], &[]);
        assert_eq!((code, err.lines().count()), (0, warnings.len()), "{flag}: {err}");
        for (line, warning) in err.lines().zip(warnings) {
            assert!(line.starts_with(&format!("hapulse: warning: --threshold: {warning}")), "{flag}: {err}");
        }
    }
    lab.send_command("set server be1/s2 state maint");
    for command in [&["show", "--over", "0"][..], &["watch", "--count", "1", "--view"]] {
        let printed = |view: &str| {
            let (code, out, err) = home.run(&[command, &[view, "--target", socket]].concat(), &[]);
            assert!(code == 0 && out.contains("s2"), "{code} {out} {err}");
            err
        };
        let warning = "hapulse: warning: the view away is now called out-of-service; \
                       the former name will be removed in the next version\n";
        assert_eq!((printed("out-of-service").as_str(), printed("away").as_str()), ("", warning));
    }
}

#[test]
fn former_names_in_palette_are_accepted_with_notice() {
    let lab = Lab::builder().start();
    let mut term = Term::builder().args([lab.admin()]).size(120, 40).start();
    term.wait_for("live");
    for line in [":show.cost<ret>", ":cost<ret>"] {
        term.press(line);
        term.wait_for("per poll");
        term.wait_for("the command show.cost is now called show.overhead");
        term.press("<esc>");
    }
    term.press("q");
    assert_eq!(term.exit_code(), 0);
}

#[test]
fn changelog_lists_every_former_name() {
    let changelog = include_str!("../CHANGELOG.md");
    for FormerName { former, current, .. } in FORMER_NAMES {
        assert!(changelog.contains(&format!("`{former}` → `{current}`")), "{former} → {current}");
    }
}

#[test]
fn dashboard_applies_configuration_file() {
    let lab = Lab::builder().servers(3).start();
    let config = format!(
        "interval = 0.2\n[targets]\nhere = \"{}\"\n[keys]\n\"server.maint\" = [\"<f12>\"]\n\"past.pause\" = [\"P\"]\n\
         [views]\nstatus = {{ columns = [\"weight\"], sort = \"-name\", flat = true }}\n",
        lab.admin().display()
    );
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.toml");
    fs::write(&file, config).unwrap();
    // Without a target on the command line, all targets of the file are shown.
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
    // The configured key replaces the default one.
    term.press("M");
    term.press("<f12>");
    term.wait_for("Maintenance: be1 / s3");
    term.press("<esc>");
    // The notice names the configured key.
    term.press("P<f12>");
    term.wait_for("no commands can be sent; P shows the present");
    term.press("q");
    assert_eq!(term.exit_code(), 0);
    // A target by its name, and a flag that overrides the file.
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
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.toml");
    fs::write(&file, "[colors]\nkey = \"bold #ff5f00\"\n").unwrap();
    let assert_written = |variables: [(&str, &str); 3], sequence: &str| {
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
    let (unset, set) = (("NO_COLOR", ""), ("NO_COLOR", "1"));
    assert_written([("TERM", "xterm"), ("COLORTERM", "truecolor"), unset], "38;2;255;95;0m");
    assert_written([("TERM", "xterm-256color"), ("COLORTERM", ""), unset], "38;5;202m");
    assert_written([("TERM", "xterm"), ("COLORTERM", ""), unset], "[1;91m");
    assert_written([("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), set], "[1m");
}

#[test]
fn configuration_page_lists_every_setting_and_variable() {
    for setting in SETTINGS {
        let row = PAGE.lines().find(|line| line.starts_with(&format!("| `{}` ", setting.name)));
        let row = row.unwrap_or_else(|| panic!("docs/configuration.md does not list {}", setting.name));
        assert!(row.contains(setting.help), "{row}\ndoes not contain: {}", setting.help);
        if let Some(variable) = setting.variable() {
            assert!(row.contains(&format!("`{variable}`")), "{row}");
        }
    }
    // The page lists no setting that does not exist.
    let is_other = |line: &&str| ["| `XDG", "_CONFIG`", "_DEBUG`"].iter().any(|part| line.contains(part));
    let rows = PAGE.lines().filter(|line| line.starts_with("| `") && !is_other(line));
    for row in rows {
        let name = row.trim_start_matches("| `").split('`').next().unwrap();
        assert!(SETTINGS.iter().any(|setting| setting.name == name), "{row}");
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
    for setting in SETTINGS {
        let (section, name) =
            setting.name.split_once('.').map_or(("", setting.name), |(section, name)| (section, name));
        let properties =
            if section.is_empty() { &schema["properties"] } else { &schema["properties"][section]["properties"] };
        assert_eq!(properties[name]["description"], setting.help, "{}", setting.name);
    }
    let (code, out, _) = home.run(&["config", "--actions"], &[]);
    assert_eq!(code, 0);
    assert!(COMMANDS.iter().all(|command| out.lines().any(|line| line.starts_with(command.id))), "{out}");
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

/// A monitoring agent started by root may run hapulse as another user with root's home still in `HOME`.
#[test]
fn inaccessible_home_is_ignored_and_unreadable_file_is_error() {
    let home = Home::with("interval = 7\n");
    let config = home.file();
    let directory = config.parent().unwrap();
    let binary = home.0.path().join("hapulse");
    fs::copy(env!("CARGO_BIN_EXE_hapulse"), &binary).unwrap();
    fs::set_permissions(home.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let run = |mode: u32, file: &Path| {
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
        let mut command = Command::new(&binary);
        command.arg("config").env_clear().env("HOME", home.0.path()).stdin(Stdio::null());
        // Root can read every directory.
        if rustix::process::geteuid().is_root() {
            command.uid(65_534).gid(65_534);
        }
        let out = command.output().unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
        (out.status.code(), String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap())
    };
    let (code, out, err) = run(0o755, directory);
    assert!(code == Some(0) && out.contains("interval = 7"), "{out}{err}");
    let (code, out, err) = run(0o000, directory);
    assert!(code == Some(0) && err.is_empty() && !out.contains("interval = 7"), "{out}{err}");
    let (code, _, err) = run(0o000, &config);
    assert!(code == Some(2) && err.contains("config.toml: cannot be read: Permission denied"), "{err}");
}
