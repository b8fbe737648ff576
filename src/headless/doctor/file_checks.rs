//! Files: the configuration that holds, and whether acts can be written down.

use std::fs;
use std::path::Path;

use rustix::fs::{Access, access};

use crate::config::partial_settings::Layer;
use crate::config::search_paths::Origin;
use crate::config::settings::{AuditSettings, Settings};
use crate::haproxy::safe_text::SafeText;
use crate::headless::doctor::finding::Finding;

/// What the configuration is made of.
pub fn configuration(layers: &[(Origin, Layer)], settings: &Settings) -> Vec<Finding> {
    let mut findings: Vec<Finding> = layers
        .iter()
        .filter(|(origin, layer)| *layer != Layer::default() && *origin != Origin::Flags)
        .map(|(origin, _)| Finding::fine(format!("configured by {origin}")))
        .collect();
    if findings.is_empty() {
        findings.push(Finding::fine("nothing is configured: the defaults hold (hapulse config shows them)"));
    }
    if settings.read_only {
        findings.push(Finding::note("read_only is set: nothing is ever changed"));
    }
    findings
}

/// Whether acts can be written down.
pub fn audit(audit: &AuditSettings) -> Finding {
    let outcome = match &audit.path {
        None => Err(("there is no home folder to keep the audit in".to_owned(), "set audit.path".to_owned())),
        Some(path) => match unwritable(path) {
            None => Ok(path),
            Some(place) => Err((
                format!("the audit {} cannot be written: no permission at {}", shown(path), shown(place)),
                "set audit.path to a place that can be written".to_owned(),
            )),
        },
    };
    match outcome {
        Ok(path) => Finding::fine(format!("acts are written down in {}", shown(path))),
        Err((what, mend)) if audit.required => Finding::wrong(format!("{what}: every act will be refused")).mend(mend),
        Err((what, mend)) => Finding::note(format!("{what}: acts are done all the same")).mend(mend),
    }
}

/// The first thing that is there, from the file upwards, when it cannot be written.
fn unwritable(path: &Path) -> Option<&Path> {
    let there = path.ancestors().find(|place| fs::symlink_metadata(place).is_ok())?;
    let kind_is_right = there == path || there.is_dir();
    (!kind_is_right || access(there, Access::WRITE_OK).is_err()).then_some(there)
}

fn shown(path: &Path) -> SafeText {
    SafeText::from(path.to_string_lossy().as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headless::doctor::finding::Grade;

    fn of(path: Option<&str>, required: bool) -> Finding {
        audit(&AuditSettings { path: path.map(Into::into), required, ask_reason: false })
    }

    #[test]
    fn an_audit_that_cannot_be_written_is_told_before_the_first_act() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("not/there/yet/audit.jsonl");
        assert_eq!(of(deep.to_str(), true).grade, Grade::Fine);
        assert!(!deep.exists() && !folder.path().join("not").exists(), "nothing is made");
        // A file in the place of a folder is one that not even root can write into.
        fs::write(folder.path().join("not"), "").unwrap();
        let wrong = of(deep.to_str(), true);
        assert_eq!(wrong.grade, Grade::Wrong);
        assert!(wrong.what.contains("every act will be refused") && wrong.what.ends_with("refused"), "{wrong:?}");
        assert_eq!(of(deep.to_str(), false).grade, Grade::Note);
        assert_eq!((of(None, true).grade, of(None, false).grade), (Grade::Wrong, Grade::Note));
    }

    #[test]
    fn what_is_configured_is_named() {
        let settings = Settings::defaults(&|_| None);
        let file = |layer| (Origin::File("/etc/hapulse/config.toml".into()), layer);
        let nothing = configuration(&[file(Layer::default()), (Origin::Flags, Layer::default())], &settings);
        assert!(nothing[0].what.starts_with("nothing is configured"));
        let layer = Layer { read_only: Some(true), ..Layer::default() };
        let told = configuration(&[file(layer.clone())], &settings.lay(layer));
        assert_eq!(told[0].what, "configured by /etc/hapulse/config.toml");
        assert_eq!(told[1].grade, Grade::Note);
    }
}
