//! `hapulse doctor --report`: one text for a bug report, without the names of the user's machines.
//!
//! [`NameMask`] replaces the names.

use std::io::{self, Write};

use crate::config::partial_settings::PartialSettings;
use crate::config::search_paths::SettingOrigin;
use crate::config::setting_table::{SETTINGS, SettingKind};
use crate::config::settings::Settings;
use crate::haproxy::safe_text;
use crate::headless::config::effective::setting_origin;
use crate::headless::doctor::finding::{Finding, print_findings};
use crate::headless::doctor::name_mask::NameMask;

/// Environment variables that affect the terminal and the program; their values contain no names of machines.
const SHOWN_VARIABLES: &[&str] = &[
    "TERM",
    "COLORTERM",
    "COLORFGBG",
    "NO_COLOR",
    "TERM_PROGRAM",
    "TERM_PROGRAM_VERSION",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
];
/// Environment variables of which only the presence is shown.
const NOTED_VARIABLES: &[&str] = &["TMUX", "STY", "SSH_CONNECTION", "SUDO_UID", "HAPULSE_CONFIG", "HAPULSE_DEBUG"];

/// Prints the report: program, system, terminal, settings with their origin, and all findings.
///
/// # Errors
/// Returns an error if writing fails.
pub(crate) fn print_report(
    layers: &[(SettingOrigin, PartialSettings)],
    settings: &Settings,
    sections: &[(String, Vec<Finding>)],
    mask: &mut NameMask,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "hapulse {} (report without names: check it before you share it)\n", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "System")?;
    let uname = rustix::system::uname();
    let part = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    writeln!(out, "  {} {} {}", part(uname.sysname()), part(uname.release()), part(uname.machine()))?;
    let os_release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = os_release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    writeln!(out, "  {}", safe_text::escape_lines(name.unwrap_or("unknown distribution")))?;
    let is_root = rustix::process::geteuid().is_root();
    writeln!(out, "  {}", if is_root { "runs as root" } else { "does not run as root" })?;
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    writeln!(out, "  open files: {}", files.map_or_else(|| "unlimited".to_owned(), |files| files.to_string()))?;
    writeln!(out, "\nEnvironment")?;
    for name in SHOWN_VARIABLES {
        if let Some(value) = std::env::var_os(name) {
            writeln!(out, "  {name}={}", safe_text::escape_lines(&mask.apply(&value.to_string_lossy())))?;
        }
    }
    for name in NOTED_VARIABLES.iter().filter(|name| std::env::var_os(name).is_some()) {
        writeln!(out, "  {name} is set")?;
    }
    writeln!(out, "\nSettings that are not the default")?;
    for setting in SETTINGS {
        let origin = setting_origin(setting, layers);
        let lines = mask.setting_lines(setting, settings);
        if lines.is_empty() || !layers.iter().any(|(_, layer)| (setting.is_set_in)(layer)) {
            continue;
        }
        for line in lines {
            let prefix = if setting.kind == SettingKind::Section { "." } else { " = " };
            writeln!(out, "  {}{prefix}{}  # {}", setting.name, line, mask.apply(&origin))?;
        }
    }
    writeln!(out)?;
    let masked: Vec<(String, Vec<Finding>)> = sections
        .iter()
        .map(|(heading, findings)| {
            let finding =
                |finding: &Finding| Finding { status: finding.status, text: mask.apply(&finding.text), fix: None };
            let findings = findings.iter().map(finding).collect();
            (heading.clone(), findings)
        })
        .collect();
    let masked: Vec<_> = masked.into_iter().map(|(heading, findings)| (mask.apply(&heading), findings)).collect();
    print_findings(&masked, out)
}
