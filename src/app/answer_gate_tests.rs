//! Tests of [`crate::app::answer_gate`].

use std::time::Duration;

use crate::app::answer_gate::{AnswerGate, GateEvent, MAX_NAME_CHARS, ShownRows};
use crate::app::key::{Key, KeyPress};
use crate::instance::guard::ConfirmationAnswer;

const ONE_ROW: ShownRows = ShownRows { first: 0, count: 1, total: 1 };

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn press(name: &str, at: u64, pause: u64) -> KeyPress {
    KeyPress { key: Key::parse(name).unwrap(), read_at: millis(at), pause: millis(pause) }
}

/// Opens a question whose frame was written at 1000 ms.
fn shown_gate(name: Option<&str>) -> AnswerGate {
    let mut gate = AnswerGate::new(name.map(str::to_owned));
    gate.record_drawn(1, Some(ONE_ROW));
    gate.record_written(1, millis(1000));
    gate
}

fn answer(gate: &mut AnswerGate, name: &str, at: u64, pause: u64) -> Option<ConfirmationAnswer> {
    gate.handle_key(press(name, at, pause));
    gate.take_answer(true)
}

#[test]
fn yes_needs_half_a_second_after_frame_and_after_last_input() {
    for (at, pause, is_yes) in
        [(1499, 5000, false), (1500, 5000, true), (1500, 499, false), (9000, 499, false), (9000, 500, true)]
    {
        let mut gate = shown_gate(None);
        let expected = is_yes.then_some(ConfirmationAnswer::Yes);
        assert_eq!(answer(&mut gate, "y", at, pause), expected, "{at} {pause}");
        let remark = (!is_yes).then_some("too early: wait half a second, then press y");
        assert_eq!(gate.remark(millis(at)), remark, "{at} {pause}");
    }
}

#[test]
fn yes_needs_written_frame() {
    let mut gate = AnswerGate::new(None);
    assert_eq!(answer(&mut gate, "y", 9000, 9000), None, "not drawn");
    gate.record_drawn(7, Some(ONE_ROW));
    assert_eq!(answer(&mut gate, "y", 18_000, 9000), None, "not written");
    gate.record_written(6, millis(18_000));
    assert_eq!(answer(&mut gate, "y", 27_000, 9000), None, "an earlier frame was written");
    assert_eq!(gate.remark(Duration::ZERO), Some("the question was not on the screen yet; press y again"));
    gate.record_written(7, millis(27_000));
    assert_eq!(answer(&mut gate, "y", 27_499, 499), None);
    assert_eq!(answer(&mut gate, "y", 28_000, 501), Some(ConfirmationAnswer::Yes));
}

#[test]
fn frame_without_question_resets_gate() {
    let mut gate = shown_gate(None);
    gate.record_drawn(2, None);
    assert_eq!(answer(&mut gate, "y", 5000, 5000), None);
    gate.record_drawn(3, Some(ONE_ROW));
    gate.record_written(3, millis(6000));
    assert_eq!(gate.opens_at(), Some(millis(6500)));
    assert_eq!(answer(&mut gate, "y", 6499, 5000), None);
}

#[test]
fn yes_needs_all_rows_without_gap() {
    let mut gate = AnswerGate::new(None);
    let mut frame = 0;
    let mut show = |gate: &mut AnswerGate, at: u64| {
        frame += 1;
        gate.record_drawn(frame, Some(ShownRows { first: gate.top(), count: 4, total: 10 }));
        gate.record_written(frame, millis(at));
    };
    show(&mut gate, 1000);
    assert_eq!(answer(&mut gate, "y", 9000, 5000), None);
    assert_eq!(gate.remark(Duration::ZERO), Some("scroll to the end of the question, then press y"));
    gate.handle_key(press("<end>", 10_000, 1000));
    show(&mut gate, 10_000);
    assert_eq!((gate.top(), gate.is_seen()), (6, false), "rows 5 and 6 were skipped");
    for (at, key) in [(11_000, "<home>"), (12_000, "<pgdn>"), (13_000, "<pgdn>")] {
        assert!(!gate.is_seen(), "{key}");
        gate.handle_key(press(key, at, 1000));
        show(&mut gate, at);
    }
    assert!(gate.is_seen());
    assert_eq!(answer(&mut gate, "y", 13_499, 499), None);
    assert_eq!(answer(&mut gate, "y", 14_000, 501), Some(ConfirmationAnswer::Yes));
}

#[test]
fn further_rows_close_the_gate() {
    let mut gate = shown_gate(None);
    gate.record_drawn(2, Some(ShownRows { first: 0, count: 1, total: 2 }));
    gate.record_written(2, millis(2000));
    assert_eq!(gate.opens_at(), None);
    assert_eq!(answer(&mut gate, "y", 9000, 9000), None);
}

#[test]
fn key_in_a_burst_is_no_answer() {
    let mut gate = shown_gate(None);
    gate.handle_key(press("y", 5000, 4000));
    gate.handle_key(press("y", 5001, 1));
    assert_eq!(gate.take_answer(true), None);
    let mut gate = shown_gate(Some("s1"));
    for (key, at, pause) in [("s", 5000, 4000), ("1", 5001, 1), ("<ret>", 5600, 599), ("y", 5601, 1)] {
        assert_eq!(gate.handle_key(press(key, at, pause)), GateEvent::Pending);
    }
    assert_eq!((gate.take_answer(true), gate.typed_name()), (None, "s1y"));
    let mut gate = shown_gate(None);
    gate.handle_key(press("y", 5000, 4000));
    assert_eq!(gate.take_answer(false), None, "dropped input followed");
    assert_eq!(gate.take_answer(true), None);
}

#[test]
fn no_counts_at_any_time() {
    for key in ["<esc>", "n", "N", "q", "Y", "<ret>", "<c-c>", "<a-y>", "<a-x>", "<tab>", "<f5>", "<left>", "<bs>"] {
        let mut gate = AnswerGate::new(None);
        assert_eq!(gate.handle_key(press(key, 1, 0)), GateEvent::No, "{key}");
    }
    for key in ["<esc>", "<ret>", "<c-c>", "<a-y>", "<tab>", "<f5>", "<c-y>"] {
        let mut gate = AnswerGate::new(Some("s1".to_owned()));
        assert_eq!(gate.handle_key(press(key, 1, 0)), GateEvent::No, "{key}");
    }
}

#[test]
fn remark_about_early_key_changes_when_gate_opens() {
    for (name, key, label) in [(None, "y", "y"), (Some("s1"), "<ret>", "Enter")] {
        let mut gate = shown_gate(name);
        for (key, at) in name.map_or([].as_slice(), |_| &[("s", 1010), ("1", 1020)]) {
            gate.handle_key(press(key, *at, 10));
        }
        assert_eq!(answer(&mut gate, key, 1200, 180), None);
        assert_eq!(gate.remark(millis(1699)).unwrap(), format!("too early: wait half a second, then press {label}"));
        assert_eq!(gate.remark(millis(1700)).unwrap(), format!("press {label} again"));
    }
}

#[test]
fn enter_directly_after_early_yes_is_ignored_once() {
    let mut gate = shown_gate(None);
    assert_eq!(gate.handle_key(press("y", 1100, 100)), GateEvent::Pending);
    assert_eq!(gate.handle_key(press("<ret>", 1300, 200)), GateEvent::Pending);
    assert!(gate.remark(millis(1300)).unwrap().starts_with("too early"));
    assert_eq!(answer(&mut gate, "y", 1800, 500), Some(ConfirmationAnswer::Yes));
    for keys in [["y", "<ret>", "<ret>"], ["y", "j", "<ret>"]] {
        let mut gate = shown_gate(None);
        let events = keys.map(|key| gate.handle_key(press(key, 1100, 100)));
        assert_eq!(events, [GateEvent::Pending, GateEvent::Pending, GateEvent::No], "{keys:?}");
    }
    let mut gate = shown_gate(None);
    gate.handle_key(press("y", 5000, 4000));
    assert_eq!(gate.handle_key(press("<ret>", 5001, 1)), GateEvent::No, "pasted text");
}

#[test]
fn name_needs_half_a_second_before_enter() {
    let mut gate = shown_gate(Some("s1"));
    for (key, at) in [("s", 1100), ("1", 1200)] {
        assert_eq!(gate.handle_key(press(key, at, 100)), GateEvent::Pending);
    }
    assert_eq!(answer(&mut gate, "<ret>", 1699, 499), None);
    assert_eq!(gate.remark(Duration::ZERO), Some("too early: wait half a second, then press Enter"));
    assert_eq!(answer(&mut gate, "<ret>", 2200, 501), Some(ConfirmationAnswer::Typed("s1".to_owned())));
}

#[test]
fn name_typed_before_question_was_shown_is_dropped() {
    let mut gate = AnswerGate::new(Some("s1".to_owned()));
    gate.handle_key(press("s", 1, 1));
    assert_eq!(gate.typed_name(), "");
    assert_eq!(gate.remark(Duration::ZERO), Some("the question was not on the screen yet; please type again"));
}

#[test]
fn name_drops_invisible_characters_and_has_a_maximum_length() {
    let mut gate = shown_gate(Some("s1"));
    for ch in "a\u{202e}p\u{301}i\u{85}1".chars() {
        let key = Key::char(ch);
        gate.handle_key(KeyPress { key, read_at: millis(2000), pause: millis(100) });
    }
    assert_eq!(gate.typed_name(), "api1");
    for _ in 0..1000 {
        gate.handle_key(press("x", 3000, 0));
    }
    assert_eq!(gate.typed_name().len(), MAX_NAME_CHARS);
}

#[test]
fn paste_resets_gate() {
    let mut gate = shown_gate(Some("s1"));
    gate.handle_key(press("s", 1100, 100));
    gate.refuse_paste();
    assert_eq!((gate.typed_name(), gate.opens_at(), gate.required_name()), ("", None, Some("s1")));
    assert_eq!(gate.remark(Duration::ZERO), Some("pasted text does not count: type the answer"));
}
