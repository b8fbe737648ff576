//! Fuzz target for files that people and other programs write: the audit log and the configuration.

use std::io::Cursor;

use hapulse::actions::audit::audit_index::AuditIndex;
use hapulse::actions::audit::audit_reader::RecordLines;
use hapulse::actions::audit::joined_records::RecordJoiner;
use hapulse::actions::audit::record::AuditRecord;
use hapulse::config::config_file;
use hapulse::config::partial_settings::PartialSettings;
use hapulse::config::settings::Settings;
use hapulse::haproxy::safe_text::is_visible;

pub fn check(data: &[u8]) {
    check_audit(data);
    check_configuration(data);
}

fn check_audit(data: &[u8]) {
    let assert_visible = |text: &str| assert!(text.chars().all(is_visible), "{text:?}");
    let mut records = Vec::new();
    let mut last_number = 0;
    for line in RecordLines::new(Cursor::new(data)) {
        match line {
            Ok(line) => {
                let json = line.printable_json();
                assert_visible(&json);
                assert_eq!(AuditRecord::parse(&json).as_ref(), Ok(&line.record), "the same when made visible");
                records.push(line.record);
            }
            Err(error) => {
                assert_visible(&error.to_string());
                assert!(!error.is_read_error, "memory can be read to its end");
                let line_number = error.number.unwrap();
                assert!(line_number > last_number, "lines are counted upwards");
                last_number = line_number;
            }
        }
    }
    for record in &records {
        assert!(record.parse_time().is_some());
        let line = record.to_json_line().unwrap();
        assert_visible(&line);
        assert_eq!(AuditRecord::parse(&line).as_ref(), Ok(record), "what is written is read as it was");
    }
    let mut joiner = RecordJoiner::default();
    let released = records.iter().filter_map(|record| joiner.push(record.clone(), 1)).count();
    assert!(released + std::iter::from_fn(|| joiner.pop()).count() <= records.len());
    let index = AuditIndex::from_records(records.clone());
    for record in &records {
        let states = index.changes_by_server(&record.address);
        assert!(states.keys().all(|target| index.last_change(&record.address, target).is_some()));
        let _ = index.unfinished(&record.address);
    }
}

fn check_configuration(data: &[u8]) {
    match config_file::parse(data, &"/etc/hapulse.toml".into()) {
        Ok(layer) => {
            let _ = Settings::defaults(&|_| None).apply(layer).apply(PartialSettings::default());
        }
        Err(error) => {
            let message = error.to_string();
            assert!(message.starts_with("/etc/hapulse.toml:"), "{message:?}");
            assert!(message.chars().all(is_visible), "{message:?}");
        }
    }
}
