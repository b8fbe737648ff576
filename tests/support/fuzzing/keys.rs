//! Fuzz target for the dashboard: keys, arbitrary samples, late or missing replies and resizes, updated and drawn.
//!
//! The input is a list of decisions: what happens next, and how. Two invariants are checked: no command changes HAProxy
//! without a confirmation, and every drawn text fits its cells.

use std::collections::VecDeque;
use std::time::Duration;

use hapulse::actions::audit::audit_index::AuditIndex;
use hapulse::actions::audit::record::AuditRecord;
use hapulse::actions::intent::Intent;
use hapulse::actions::outcome::{ActionReport, Outcome, StepProgress, StepResult, StepStage};
use hapulse::actions::readback::Readback;
use hapulse::app::answer_gate::ShownRows;
use hapulse::app::command_table::COMMANDS;
use hapulse::app::instance_view::InstanceView;
use hapulse::app::key::{Key, KeyCode, KeyPress};
use hapulse::app::keymap::Keymap;
use hapulse::app::layers::Layer;
use hapulse::app::message::{Effect, Message};
use hapulse::app::model::Model;
use hapulse::app::update::{next_wake, update};
use hapulse::ask::query::{Query, QueryData, QueryError, QueryReply};
use hapulse::haproxy::command_list;
use hapulse::haproxy::connection::RequestError;
use hapulse::haproxy::fields::InfoField;
use hapulse::haproxy::level::Level;
use hapulse::haproxy::reply_lines::ReplyLines;
use hapulse::haproxy::safe_text::is_visible;
use hapulse::haproxy::sessions::{SessionDetail, Sessions};
use hapulse::haproxy::stick_tables::{StickTables, TableEntries};
use hapulse::haproxy::version::Version;
use hapulse::instance::source::StatsSocket;
use hapulse::instance::state::Instance;
use hapulse::observe::instance_id::{InstanceId, RowRef};
use hapulse::observe::sample::ReplyCost;
use hapulse::observe::sampler::PollResult;
use hapulse::term::frame_writer::FrameBuffer;
use hapulse::ui::root::{Appearance, DrawnFrame, draw};
use hapulse::ui::theme::{Palette, Theme};
use ratatui::buffer::Buffer;
use ratatui::style::Color;
use unicode_width::UnicodeWidthStr as _;

use super::dice::DecisionReader;
use super::feed::{FakeSampler, poll_failure, timestamp_at};
use super::recorded::{RECORDED, Recorded};

/// Maximum number of decisions per run.
const MAX_STEPS: usize = 160;
/// Maximum number of frames checked per run.
const MAX_FRAMES: usize = 12;

/// Milliseconds before a key; 0 simulates a person who types ahead.
const KEY_DELAYS_MS: [u64; 5] = [600, 600, 0, 150, 501];
/// Milliseconds without any event.
const IDLE_TIMES_MS: [u64; 8] = [2_000, 1, 300, 5_000, 11_000, 61_000, 3_600_000, 40 * 86_400_000];

/// Key sequences that reach views, actions and queries.
const KEY_SEQUENCES: [&str; 32] = [
    "<ret>jM",
    "y",
    "<ret>jD",
    "<ret>Mapp1<ret>",
    "yyy",
    "0<ret><ret>",
    "1",
    "2<right>",
    "3",
    "4t",
    "5show info<ret>",
    "5set server be_app/app1 state maint<ret>",
    "5<tab><tab>",
    "6",
    "7r",
    "7r<ret>",
    "8r<ret>",
    "9",
    "A",
    "!",
    "/status:down | qcur>0<ret>",
    ":cols +rtime -scur<ret>",
    ":sort scur<ret>",
    ":server.maint<ret>",
    ":frontend.disable<ret>",
    "<ret>j:server.weight<ret>50<ret>",
    "<ret>++--",
    "<space>j<space>jM",
    "u",
    "?<pgdn>",
    "s<down><ret>",
    "Io<tab><backtab>zf",
];

/// Values for cells of `show stat`.
const CELL_VALUES: [&[u8]; 40] = [
    b"",
    b"0",
    b"1",
    b"-1",
    b"7",
    b"99",
    b"100",
    b"257",
    b"65536",
    b"4294967295",
    b"4294967296",
    b"9007199254740993",
    b"9223372036854775807",
    b"-9223372036854775807",
    b"18446744073709551615",
    b"UP",
    b"UP 1/3",
    b"DOWN",
    b"DOWN 2/3",
    b"MAINT",
    b"MAINT (via be_app/app1)",
    b"MAINT (resolution)",
    b"DRAIN",
    b"DRAIN (agent)",
    b"NOLB",
    b"no check",
    b"OPEN",
    b"STOP",
    b"FULL",
    b"be_app/app1",
    b"be_api",
    b"app1",
    b"\x1b]0;title\x07\x1b[2J",
    b"\xe2\x80\xae\xc2\x9b\xff\xfe",
    b"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
    b"e\xcc\x81\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x9a\x80",
    b"\"a,b\r\nc \"\"d\"\"\"",
    b";set server a/b state maint<<\\",
    b"Layer7 wrong status, code: 503, info: Service Unavailable, and a long text that goes on and on and on and on",
    b"tcp",
];

/// A line of the audit log of an earlier run.
const AUDIT_LINE: &str = concat!(
    r#"{"time":"2023-11-14T22:13:20.000Z","phase":"sending","id":"1-1-1","tool":"dashboard","user":"ann","uid":0,"#,
    r#""host":"lb01","instance":"eu","address":"/run/0.sock","pid":812,"target":"be_app/app1","#,
    r#""command":"set server be_app/app1 state maint","reason":"update"}"#
);

/// Numbers of the events in a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlayCounts {
    pub actions: usize,
    pub typed_lines: usize,
    pub queries: usize,
    pub frames: usize,
}

pub fn check(data: &[u8]) {
    play(data);
}

/// Executes the decisions, and returns how many actions, queries and frames resulted.
pub fn play(data: &[u8]) -> PlayCounts {
    let mut decisions = DecisionReader::new(data);
    let mut player = Player::new(&mut decisions);
    for _ in 0..MAX_STEPS {
        if decisions.is_over() {
            break;
        }
        player.step(&mut decisions);
    }
    player.draw(&mut decisions);
    player.counts
}

/// A simulated HAProxy.
struct FakeInstance {
    recorded: &'static Recorded,
    feed: FakeSampler,
    /// Cells of the reply to `show stat`.
    cells: Vec<Vec<Vec<u8>>>,
    /// Lines of `show info` that override the recorded lines.
    info: Vec<u8>,
    uptime: u64,
    pid: u64,
}

struct Player {
    model: Model,
    instances: Vec<FakeInstance>,
    millis: u64,
    /// Requests to HAProxy that have no reply yet.
    pending: VecDeque<Effect>,
    frames: FrameBuffer,
    counts: PlayCounts,
    keys: Vec<Key>,
}

impl Player {
    fn new(decisions: &mut DecisionReader<'_>) -> Self {
        let flags = decisions.byte();
        let read_only = flags & 0x0f == 1;
        let level = match flags >> 4 & 3 {
            0 | 1 => Some(Level::Admin),
            2 => Some(Level::Operator),
            _ => None,
        };
        let count = if flags & 0x40 == 0 { 1 } else { 2 };
        let first = decisions.below(RECORDED.len());
        let size = (120, 40);
        let instance = |(index, id): (usize, InstanceId)| {
            let data =
                Instance::new(id, StatsSocket { read_only, is_tcp: index == 1, is_remote: index == 1 }, 64 << 10);
            InstanceView::new(format!("eu{index}"), format!("/run/{index}.sock"), data)
        };
        let views = InstanceId::first(count).enumerate().map(instance).collect();
        let mut model = Model::new(views, Keymap::standard().unwrap(), size);
        model.requires_reason = flags & 0x80 != 0;
        let make_instance = |index: usize| {
            let recorded = &RECORDED[(first + index) % RECORDED.len()];
            let mut feed = FakeSampler::new();
            feed.level = level;
            feed.set_servers_state(recorded.states);
            let lines = recorded.stat.trim_ascii_end().split(|byte| *byte == b'\n');
            let cells = lines.map(|line| line.split(|byte| *byte == b',').map(<[u8]>::to_vec).collect()).collect();
            FakeInstance { recorded, feed, cells, info: Vec::new(), uptime: 1000, pid: 77 }
        };
        let instances = (0..count).map(make_instance).collect();
        let keys = COMMANDS.iter().flat_map(|action| action.keys).map(|name| Key::parse(name).unwrap()).collect();
        let frames = FrameBuffer::new(size.0, size.1);
        let mut player = Self {
            model,
            instances,
            millis: 10_000,
            pending: VecDeque::new(),
            frames,
            counts: PlayCounts::default(),
            keys,
        };
        for index in 0..count {
            player.sample(index);
        }
        player
    }

    fn id(&self, index: usize) -> InstanceId {
        self.model.instances[index].id()
    }

    fn step(&mut self, decisions: &mut DecisionReader<'_>) {
        match decisions.below(22) {
            0..=4 => {
                let key = self.keys[decisions.below(self.keys.len())];
                self.press(key, *decisions.pick(&KEY_DELAYS_MS));
            }
            5 => {
                let choice = *decisions.pick(&KEY_SEQUENCES);
                let delay = *decisions.pick(&KEY_DELAYS_MS);
                for key in Key::parse_sequence(choice).unwrap() {
                    self.press(key, delay);
                }
            }
            6 => {
                let key = Key::char(char::from(b' ' + decisions.byte() % 95));
                self.press(key, *decisions.pick(&KEY_DELAYS_MS));
            }
            7 => {
                let key = arbitrary_key(decisions);
                self.press(key, *decisions.pick(&KEY_DELAYS_MS));
            }
            8 => {
                let (width, height) = (decisions.below(221) as u16, decisions.below(71) as u16);
                self.dispatch(Message::Resize(width, height), None);
            }
            9 => {
                self.millis += *decisions.pick(&IDLE_TIMES_MS);
                self.dispatch(Message::Wake, None);
                self.dispatch(Message::ContinueDeferred, None);
            }
            10 | 11 => {
                let index = decisions.below(self.instances.len());
                for _ in 0..=decisions.below(4) {
                    self.instances[index].mutate_cell(decisions);
                }
                self.millis += 2_000;
                self.sample(index);
            }
            12 => {
                let index = decisions.below(self.instances.len());
                self.instances[index].change_rows(decisions);
                self.millis += 2_000;
                self.sample(index);
            }
            13 => {
                let index = decisions.below(self.instances.len());
                self.millis += 2_000;
                self.sample(index);
            }
            14 => {
                let index = decisions.below(self.instances.len());
                let now = timestamp_at(self.millis);
                let failed = PollResult::Failed(poll_failure(now.monotonic + Duration::from_secs(8)), now);
                self.dispatch(Message::Polled(self.id(index), failed, 0), None);
            }
            15 => {
                let past = AuditIndex::from_records([AuditRecord::parse(AUDIT_LINE).unwrap()]);
                self.dispatch(Message::AuditLoaded(Box::new(past)), None);
            }
            16 | 17 => self.reply(decisions),
            18 | 19 => {
                let delay = *decisions.pick(&KEY_DELAYS_MS);
                self.confirm(delay);
            }
            _ => self.draw(decisions),
        }
    }

    /// Confirms the open dialog.
    fn confirm(&mut self, delay: u64) {
        let typed = match self.model.layers.last() {
            Some(Layer::Confirmation(question)) => {
                question.name_to_type().map_or("y".to_owned(), |name| format!("{name}\n"))
            }
            Some(Layer::TypedCommandConfirmation(question)) => {
                question.gate.required_name().map_or("y".to_owned(), |name| format!("{name}\n"))
            }
            Some(Layer::NumberPrompt(_) | Layer::ReasonPrompt(_)) => "50\n".to_owned(),
            _ => "<".to_owned(),
        };
        for ch in typed.chars() {
            self.press(if ch == '\n' { Key::unmodified(KeyCode::Enter) } else { Key::char(ch) }, delay);
        }
    }

    fn sample(&mut self, index: usize) {
        let instance = &mut self.instances[index];
        instance.uptime += 2;
        let info = format!("Pid: {}\nUptime_sec: {}\n", instance.pid, instance.uptime);
        // If a key occurs twice, the last one counts.
        instance.feed.set_info(&[instance.recorded.info, &instance.info, info.as_bytes()].concat());
        let Some(sample) = instance.feed.next_sample(self.millis, &instance.text()) else { return };
        self.dispatch(Message::Polled(self.id(index), PollResult::Sample(sample), 0), None);
    }

    fn press(&mut self, key: Key, after: u64) {
        self.millis += after;
        let (read_at, pause) = (timestamp_at(self.millis).monotonic, Duration::from_millis(after));
        self.show_question(read_at);
        self.dispatch(Message::Key(KeyPress { key, read_at, pause }), Some(key));
        self.dispatch(Message::InputPaused { is_after_key: true }, Some(key));
    }

    /// Reports a frame with the open question that was written 500 ms ago.
    fn show_question(&mut self, now: Duration) {
        self.model.record_drawn(1, Some(ShownRows { first: 0, count: 1, total: 1 }));
        self.model.record_written(1, now.saturating_sub(Duration::from_millis(500)));
    }

    fn dispatch(&mut self, message: Message, key: Option<Key>) {
        let question = self
            .model
            .layers
            .last()
            .filter(|layer| matches!(layer, Layer::Confirmation(_) | Layer::TypedCommandConfirmation(_)));
        let question = question.cloned();
        let now = timestamp_at(self.millis);
        let effects = update(&mut self.model, message, now);
        assert!(next_wake(&self.model, now.monotonic).is_none_or(|wake| wake > now.monotonic));
        for effect in effects {
            self.check_effect(effect, question.as_ref(), key);
        }
    }

    fn check_effect(&mut self, effect: Effect, question: Option<&Layer>, key: Option<Key>) {
        match &effect {
            Effect::RunAction(authorised) => {
                assert!(!self.model.instances[0].data.source().is_read_only(), "{effect:?} in read-only mode");
                let Some(Layer::Confirmation(question)) = question else { panic!("{effect:?} without a question") };
                let intent = authorised.get();
                assert_eq!(*intent, question.intent);
                assert!(!intent.steps.is_empty() && intent.commands().len() == intent.steps.len());
                match question.name_to_type() {
                    None => assert_eq!(key, Some(Key::char('y'))),
                    Some(name) => {
                        assert_eq!(key.map(|key| key.code), Some(KeyCode::Enter));
                        assert_eq!(question.gate.typed_name(), name);
                    }
                }
            }
            Effect::SendTypedCommand(_, line) => {
                assert!(!self.model.instances[0].data.source().is_read_only(), "{effect:?} in read-only mode");
                let Some(Layer::TypedCommandConfirmation(confirmation)) = question else {
                    panic!("{effect:?} without a question")
                };
                assert_eq!(line.get(), &confirmation.change);
                match confirmation.gate.required_name() {
                    None => assert_eq!(key, Some(Key::char('y'))),
                    Some(name) => {
                        assert_eq!(key.map(|key| key.code), Some(KeyCode::Enter));
                        assert_eq!(confirmation.gate.typed_name(), name);
                    }
                }
            }
            Effect::Redraw => {
                let (width, height) = self.model.terminal_size;
                self.frames.reset(width, height);
            }
            Effect::CopyToClipboard(text) => assert!(text.chars().all(is_visible), "{text:?} into the clipboard"),
            Effect::WriteSnapshot(request) => assert!(!request.path.contains('\n'), "{request:?}"),
            Effect::SaveCommandLine(line) => assert!(!line.contains('\n'), "{line:?}"),
            Effect::Quit
            | Effect::Suspend
            | Effect::PollNow(_)
            | Effect::SendQuery(..)
            | Effect::FindOldProcesses(..)
            | Effect::ReadHostFacts(..)
            | Effect::FindLog(..)
            | Effect::AskLog(..)
            | Effect::RingBell
            | Effect::MeasureMemory => {}
        }
        let count = match effect {
            Effect::RunAction(_) => &mut self.counts.actions,
            Effect::SendQuery(..) => &mut self.counts.queries,
            Effect::SendTypedCommand(..) => &mut self.counts.typed_lines,
            _ => return,
        };
        *count += 1;
        self.pending.push_back(effect);
    }

    /// Replies to the oldest pending request.
    fn reply(&mut self, decisions: &mut DecisionReader<'_>) {
        let Some(effect) = self.pending.pop_front() else { return };
        let choice = decisions.byte();
        let message = match effect {
            Effect::RunAction(authorised) => {
                let intent = authorised.get();
                for step in &intent.steps {
                    let stage = *decisions.pick(&[
                        StepStage::Sent,
                        StepStage::Accepted,
                        StepStage::Succeeded,
                        StepStage::Failed,
                    ]);
                    let row = RowRef { instance: intent.instance, row: step.target.id };
                    let progress = StepProgress { row, command: step.command, stage };
                    self.dispatch(Message::ActionProgress(progress), None);
                }
                Message::ActionFinished(arbitrary_report(intent.clone(), decisions))
            }
            Effect::SendQuery(instance, version, query) => {
                let reply = if choice & 7 == 7 {
                    Err(query_error(choice))
                } else {
                    self.make_query_reply(instance, version, &query, decisions)
                };
                Message::QueryFinished(instance, Box::new(query), reply)
            }
            Effect::SendTypedCommand(instance, _) => {
                let lines = ReplyLines::parse(&mutated(b"Done.\n\x1b[2J\n", decisions));
                Message::TypedCommandFinished(
                    instance,
                    if choice & 7 == 7 {
                        Err(query_error(choice))
                    } else {
                        Ok(query_reply(QueryData::ReplyLines(lines)))
                    },
                    "done".to_owned(),
                )
            }
            _ => return,
        };
        self.dispatch(message, None);
    }

    fn make_query_reply(
        &self,
        instance: InstanceId,
        version: Option<Version>,
        query: &Query,
        decisions: &mut DecisionReader<'_>,
    ) -> Result<Box<QueryReply>, QueryError> {
        query.command(version)?;
        let index = self.model.instances.iter().position(|one| one.id() == instance).unwrap();
        let recorded = self.instances[index].recorded;
        let nothing = || QueryError::EmptyReply;
        let data = match query {
            Query::Sessions(filter) => {
                let bytes =
                    mutated(if filter.all_details { recorded.sessions_in_full } else { recorded.sessions }, decisions);
                QueryData::Sessions(Sessions::parse(&bytes, version, filter))
            }
            Query::SessionDetail(_) => {
                let detail = SessionDetail::parse(&mutated(recorded.sessions_in_full, decisions), version);
                QueryData::SessionDetail(Box::new(detail.ok_or_else(nothing)?))
            }
            Query::StickTables => QueryData::StickTables(StickTables::parse(&mutated(recorded.tables, decisions))),
            Query::TableEntries { filter, .. } => {
                QueryData::TableEntries(TableEntries::parse(&mutated(recorded.entries, decisions), filter.as_ref()))
            }
            Query::Help => QueryData::Help(command_list::parse(&mutated(recorded.help, decisions))),
            Query::TypedLine(_) => QueryData::ReplyLines(ReplyLines::parse(&mutated(recorded.info, decisions))),
        };
        Ok(query_reply(data))
    }

    fn draw(&mut self, decisions: &mut DecisionReader<'_>) {
        if self.counts.frames == MAX_FRAMES {
            return;
        }
        self.counts.frames += 1;
        let theme_choice = decisions.byte();
        let palette =
            [Palette::Dark, Palette::Light, Palette::Mono, Palette::HighContrast][usize::from(theme_choice >> 1) % 4];
        let theme = Theme::new(palette, theme_choice & 1 == 1);
        let (model, now) = (&self.model, timestamp_at(self.millis).monotonic);
        let mut drawn = DrawnFrame::default();
        let appearance = Appearance { theme, format_time: |_| "12:34:56".to_owned() };
        let render = |buffer: &mut Buffer| {
            assert_eq!((buffer.area.width, buffer.area.height), model.terminal_size);
            drawn = draw(model, appearance, now, buffer);
            check_frame(buffer, theme);
        };
        self.frames.render(render).unwrap();
        self.model.record_text(drawn.text);
        self.model.record_drawn(1, drawn.question);
    }
}

/// Checks that every cell fits its columns and contains no control characters.
fn check_frame(buffer: &Buffer, theme: Theme) {
    let area = buffer.area;
    for y in 0..area.height {
        for x in 0..area.width {
            let cell = &buffer[(x, y)];
            let symbol = cell.symbol();
            assert!(symbol.chars().all(is_visible), "{symbol:?} at {x},{y}");
            let width = symbol.width() as u16;
            assert!(width <= 2 && x + width <= area.width, "{symbol:?} at {x},{y} of {}", area.width);
            assert!(!theme.is_ascii || symbol.is_ascii(), "{symbol:?} at {x},{y}");
            if theme.palette == Palette::Mono {
                assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{symbol:?} at {x},{y}");
            }
        }
    }
}

impl FakeInstance {
    fn text(&self) -> Vec<u8> {
        self.cells.iter().flat_map(|line| [line.join(&b','), b"\n".to_vec()].concat()).collect()
    }

    /// Replaces the value of one cell, in the header or below.
    fn mutate_cell(&mut self, decisions: &mut DecisionReader<'_>) {
        let row = decisions.below(self.cells.len());
        let Some(column) = decisions.below(self.cells.get(row).map_or(0, Vec::len)).into() else { return };
        let value = match decisions.byte() {
            250.. => vec![b'x'; 60_000],
            240.. => {
                let length = decisions.below(16);
                decisions.take(length).to_vec()
            }
            choice => CELL_VALUES[usize::from(choice) % CELL_VALUES.len()].to_vec(),
        };
        // Without a valid start of the header, there would be no sample at all.
        if (row, column) != (0, 0)
            && let Some(cell) = self.cells.get_mut(row).and_then(|line| line.get_mut(column))
        {
            *cell = value;
        }
    }

    /// Removes, duplicates or swaps rows, or changes the process.
    fn change_rows(&mut self, decisions: &mut DecisionReader<'_>) {
        // Indexes of rows below the header.
        let (row, other) = (1 + decisions.below(self.cells.len() - 1), 1 + decisions.below(self.cells.len() - 1));
        match decisions.below(8) {
            0 if self.cells.len() > 2 => _ = self.cells.remove(row),
            1 => {
                let line = self.cells[row].clone();
                self.cells.insert(other, line);
            }
            2 => self.cells.swap(row, other),
            3 => {
                self.pid += 1;
                self.uptime = 0;
            }
            4 => self.cells.truncate(row.max(2)),
            5 | 6 => {
                let key = InfoField::ALL[row % InfoField::ALL.len()].info().name;
                self.info = [key.as_bytes(), b": ", *decisions.pick(&CELL_VALUES), b"\n"].concat();
            }
            _ => {
                self.cells[row].pop();
            }
        }
    }
}

fn arbitrary_key(decisions: &mut DecisionReader<'_>) -> Key {
    let modifiers = decisions.byte();
    let code = match decisions.below(22) {
        0 => KeyCode::Enter,
        1 => KeyCode::Esc,
        2 => KeyCode::Backspace,
        3 => KeyCode::Tab,
        4 => KeyCode::BackTab,
        5 => KeyCode::Up,
        6 => KeyCode::Down,
        7 => KeyCode::Left,
        8 => KeyCode::Right,
        9 => KeyCode::Home,
        10 => KeyCode::End,
        11 => KeyCode::PageUp,
        12 => KeyCode::PageDown,
        13 => KeyCode::F(decisions.byte()),
        14..=17 => KeyCode::Char(char::from(decisions.byte())),
        _ => {
            let number = (decisions.wide() as u32) << 4 | u32::from(modifiers >> 4);
            KeyCode::Char(char::from_u32(number).unwrap_or('日'))
        }
    };
    Key { code, ctrl: modifiers & 0x03 == 0x03, alt: modifiers & 0x0c == 0x0c, shift: modifiers & 0x30 == 0x30 }
}

fn arbitrary_report(intent: Intent, decisions: &mut DecisionReader<'_>) -> ActionReport {
    let mut done = Vec::new();
    for step in &intent.steps {
        let outcome = match decisions.below(9) {
            0..=2 => Outcome::Verified("MAINT, 12 sessions left".to_owned()),
            3 => Outcome::Accepted(String::new()),
            4 => Outcome::NotVerified { now: "UP".to_owned(), samples: 3 },
            5 => Outcome::Refused("No such server.".into()),
            6 => Outcome::NotSent("no audit".to_owned()),
            7 => Outcome::Changed("www/w1 changed: it was UP, now it is MAINT".to_owned()),
            _ => Outcome::Unknown { reason: "the connection broke".to_owned(), now: String::new() },
        };
        let command = step.command_text().unwrap();
        let (before, after) = (arbitrary_readback(decisions), arbitrary_readback(decisions));
        let is_good = outcome.is_success();
        let audit_warning = (decisions.byte() == 1).then(|| "the outcome is not in the audit log: no room".to_owned());
        done.push(StepResult { before, after, audit_warning, ..StepResult::new(step.clone(), command, outcome) });
        if !is_good {
            break;
        }
    }
    ActionReport { intent, results: done }
}

fn arbitrary_readback(decisions: &mut DecisionReader<'_>) -> Option<Readback> {
    let status = *decisions.pick(&["UP", "DOWN", "MAINT", "DRAIN", "", "no check", "OPEN", "STOP"]);
    let number = *decisions.pick(&[Some(5), None, Some(0), Some(100), Some(256), Some(i64::MAX)]);
    (!status.is_empty()).then(|| Readback {
        status: status.into(),
        sessions: number,
        weight: number,
        session_limit: number,
        exists: number.map(|number| number > 0),
        agent_is_up: number.map(|number| number > 5),
        ..Readback::default()
    })
}

fn query_reply(data: QueryData) -> Box<QueryReply> {
    let cost = ReplyCost { bytes: 1000, reply_time: Duration::from_millis(3) };
    Box::new(QueryReply { data, is_complete: true, cost, warning: None })
}

fn query_error(choice: u8) -> QueryError {
    match choice >> 3 {
        0 => QueryError::EmptyReply,
        1 => QueryError::Unexpected("Permission denied\x1b[2J".into()),
        2 => QueryError::Denied { command: "show sess".into(), required_level: Level::Operator },
        _ => QueryError::Connection {
            error: RequestError::Silent(Duration::from_secs(5)),
            hint: Some("wait".to_owned()),
        },
    }
}

/// Returns a recording in which a few bytes are replaced and sometimes the end is cut off.
fn mutated(bytes: &[u8], decisions: &mut DecisionReader<'_>) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..decisions.below(6) {
        let (index, byte) = (decisions.wide() % bytes.len(), decisions.byte());
        bytes[index] = byte;
    }
    if decisions.byte() == 1 {
        bytes.truncate(decisions.wide() % bytes.len());
    }
    bytes
}
