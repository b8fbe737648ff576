//! Checks of the configuration sources and of the location of the audit log.

use std::fs;
use std::path::Path;

use rustix::fs::{Access, access};

use crate::config::partial_settings::PartialSettings;
use crate::config::search_paths::SettingOrigin;
use crate::config::settings::{AuditSettings, Settings};
use crate::haproxy::safe_text::SafeText;
use crate::headless::doctor::finding::Finding;

/// Reports the configuration sources that set a value, and whether `read_only` is set.
pub(crate) fn check_configuration(layers: &[(SettingOrigin, PartialSettings)], settings: &Settings) -> Vec<Finding> {
    let mut findings: Vec<Finding> = layers
        .iter()
        .filter(|(origin, layer)| *layer != PartialSettings::default() && *origin != SettingOrigin::Flags)
        .map(|(origin, _)| Finding::ok(format!("configured by {origin}")))
        .collect();
    if findings.is_empty() {
        findings.push(Finding::ok("no configuration found: using the defaults (shown by hapulse config)"));
    }
    if settings.read_only {
        findings.push(Finding::note("read_only is set: all actions are disabled"));
    }
    findings
}

/// Checks whether actions can be recorded in the audit log.
pub(crate) fn check_audit(audit: &AuditSettings) -> Finding {
    let outcome = match &audit.path {
        None => Err((
            "no location for the audit log: audit.path is not set and there is no home directory".to_owned(),
            "set audit.path".to_owned(),
        )),
        Some(path) => match find_unwritable(path) {
            None => Ok(path),
            Some(place) => Err((
                format!(
                    "the audit log {} is not writable: no write permission for {}",
                    SafeText::from(path.as_path()),
                    SafeText::from(place)
                ),
                "set audit.path to a writable location".to_owned(),
            )),
        },
    };
    match outcome {
        Ok(path) => Finding::ok(format!("actions are recorded in {}", SafeText::from(path.as_path()))),
        Err((text, fix)) if audit.required => {
            Finding::error(format!("{text}; every action will be refused")).with_fix(fix)
        }
        Err((text, fix)) => Finding::note(format!("{text}; actions run without being recorded")).with_fix(fix),
    }
}

/// Returns what makes `path` unwritable: `path` itself or, if it does not exist, the nearest existing parent. Returns
/// `None` if the file can be written or created.
fn find_unwritable(path: &Path) -> Option<&Path> {
    let there = path.ancestors().find(|place| fs::symlink_metadata(place).is_ok())?;
    let kind_is_right = there == path || there.is_dir();
    (!kind_is_right || access(there, Access::WRITE_OK).is_err()).then_some(there)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headless::doctor::finding::FindingStatus;

    fn of(path: Option<&str>, required: bool) -> Finding {
        check_audit(&AuditSettings { path: path.map(Into::into), required, ask_reason: false })
    }

    #[test]
    fn check_audit_reports_unwritable_path() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("not/there/yet/audit.jsonl");
        assert_eq!(of(deep.to_str(), true).status, FindingStatus::Ok);
        assert!(!deep.exists() && !folder.path().join("not").exists(), "no directory is created");
        // Even root cannot create a file below a regular file.
        fs::write(folder.path().join("not"), "").unwrap();
        let wrong = of(deep.to_str(), true);
        assert_eq!(wrong.status, FindingStatus::Error);
        assert!(wrong.text.contains("every action will be refused") && wrong.text.ends_with("refused"), "{wrong:?}");
        assert_eq!(of(deep.to_str(), false).status, FindingStatus::Note);
        assert_eq!((of(None, true).status, of(None, false).status), (FindingStatus::Error, FindingStatus::Note));
    }

    #[test]
    fn check_configuration_names_sources() {
        let settings = Settings::defaults(&|_| None);
        let file = |layer| (SettingOrigin::File("/etc/hapulse/config.toml".into()), layer);
        let nothing = check_configuration(
            &[file(PartialSettings::default()), (SettingOrigin::Flags, PartialSettings::default())],
            &settings,
        );
        assert!(nothing[0].text.starts_with("no configuration found"));
        let layer = PartialSettings { read_only: Some(true), ..PartialSettings::default() };
        let findings = check_configuration(&[file(layer.clone())], &settings.apply(layer));
        assert_eq!(findings[0].text, "configured by /etc/hapulse/config.toml");
        assert_eq!(findings[1].status, FindingStatus::Note);
    }
}
