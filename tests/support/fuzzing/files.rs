//! Files that people and other programs write: the audit, read back line by line, and the configuration.

use std::io::Cursor;

use hapulse::actions::audit::audit_index::Ledger;
use hapulse::actions::audit::audit_reader::Lines;
use hapulse::actions::audit::joined_records::Acts;
use hapulse::actions::audit::record::Record;
use hapulse::config::config_file;
use hapulse::config::partial_settings::Layer;
use hapulse::config::settings::Settings;
use hapulse::haproxy::safe_text::is_visible;

pub fn check(data: &[u8]) {
    audit(data);
    configuration(data);
}

fn audit(data: &[u8]) {
    let visible = |text: &str| assert!(text.chars().all(is_visible), "{text:?}");
    let mut records = Vec::new();
    let mut number = 0;
    for line in Lines::new(Cursor::new(data)) {
        match line {
            Ok(line) => {
                let json = line.json();
                visible(&json);
                assert_eq!(Record::parse(&json).as_ref(), Ok(&line.record), "the same when made visible");
                records.push(line.record);
            }
            Err(bad) => {
                visible(&bad.to_string());
                assert!(!bad.is_last, "memory can be read to its end");
                let place = bad.number.unwrap();
                assert!(place > number, "lines are counted upwards");
                number = place;
            }
        }
    }
    for record in &records {
        assert!(record.at().is_some());
        let line = record.line().unwrap();
        visible(&line);
        assert_eq!(Record::parse(&line).as_ref(), Ok(record), "what is written is read as it was");
    }
    let mut acts = Acts::new(Some(3));
    for record in &records {
        acts.take(record.clone());
    }
    assert!(acts.iter().count() <= 3);
    let ledger = Ledger::from_records(records.clone());
    for record in &records {
        let states = ledger.states(&record.address);
        assert!(states.keys().all(|target| ledger.last_state(&record.address, target).is_some()));
        let _ = ledger.unfinished(&record.address);
    }
}

fn configuration(data: &[u8]) {
    match config_file::parse(data, &"/etc/hapulse.toml".into()) {
        Ok(layer) => {
            let _ = Settings::defaults(&|_| None).lay(layer).lay(Layer::default());
        }
        Err(bad) => {
            let said = bad.to_string();
            assert!(said.starts_with("/etc/hapulse.toml:"), "{said:?}");
            assert!(said.chars().all(is_visible), "{said:?}");
        }
    }
}
