//! Somebody at the keyboard, an HAProxy that tells anything, answers that come late or never, a window that is pulled
//! about: key → update → draw.
//!
//! The input is a list of decisions: what happens next, and how. Two things are looked at all the time: nothing is
//! ordered of HAProxy that was not asked about and answered with the right key, and what is drawn stays within its
//! cells.

use std::collections::VecDeque;
use std::time::Duration;

use hapulse::actions::audit::audit_index::Ledger;
use hapulse::actions::audit::record::Record;
use hapulse::actions::intent::Intent;
use hapulse::actions::outcome::{Done, Outcome, Progress, Report, Stage};
use hapulse::actions::readback::Seen;
use hapulse::app::commands::COMMANDS;
use hapulse::app::key::{Code, Key};
use hapulse::app::keymap::Keymap;
use hapulse::app::layers::Layer;
use hapulse::app::model::{InstanceView, Model};
use hapulse::app::msg::{Effect, Msg};
use hapulse::app::update::{next_wake, update};
use hapulse::ask::query::{Answer, Query, QueryError, Told};
use hapulse::haproxy::command_list;
use hapulse::haproxy::connection::AskError;
use hapulse::haproxy::fields::InfoField;
use hapulse::haproxy::level::Level;
use hapulse::haproxy::reply_lines::Lines;
use hapulse::haproxy::safe_text::is_visible;
use hapulse::haproxy::sessions::{SessionDetail, Sessions};
use hapulse::haproxy::stick_tables::{Entries, StickTables};
use hapulse::haproxy::version::Version;
use hapulse::instance::guard::Guard;
use hapulse::observe::sample::Cost;
use hapulse::observe::sampler::News;
use hapulse::term::frame_writer::Frames;
use hapulse::ui::root::{Looks, draw};
use hapulse::ui::theme::{Palette, Theme};
use ratatui::buffer::Buffer;
use ratatui::style::Color;
use unicode_width::UnicodeWidthStr as _;

use super::dice::Dice;
use super::feed::{Feed, at, failure};
use super::recorded::{RECORDED, Recorded};

/// Things that happen in one run.
const STEPS: usize = 160;
/// Pictures looked at in one run.
const PICTURES: usize = 12;

/// Milliseconds before a key. The first is somebody who types ahead.
const PACES: [u64; 5] = [400, 400, 0, 150, 301];
/// Milliseconds in which nothing happens.
const WAITS: [u64; 8] = [2_000, 1, 300, 5_000, 11_000, 61_000, 3_600_000, 40 * 86_400_000];

/// Keys in a row that get somewhere.
const WAYS: [&str; 32] = [
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

/// What a cell of `show stat` may hold.
const VALUES: [&[u8]; 40] = [
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

/// A line of an audit, to be remembered.
const PAST: &str = concat!(
    r#"{"time":"2023-11-14T22:13:20.000Z","phase":"sending","id":"1-1-1","tool":"dashboard","user":"ann","uid":0,"#,
    r#""host":"lb01","instance":"eu","address":"/run/0.sock","pid":812,"target":"be_app/app1","#,
    r#""command":"set server be_app/app1 state maint","reason":"update"}"#
);

/// How often each of it came about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reached {
    pub acts: usize,
    pub lines: usize,
    pub questions: usize,
    pub pictures: usize,
}

pub fn check(data: &[u8]) {
    play(data);
}

/// Plays it all, and tells how far it got.
pub fn play(data: &[u8]) -> Reached {
    let mut dice = Dice::new(data);
    let mut play = Play::new(&mut dice);
    for _ in 0..STEPS {
        if dice.is_over() {
            break;
        }
        play.step(&mut dice);
    }
    play.draw(&mut dice);
    play.reached
}

/// One HAProxy.
struct Side {
    recorded: &'static Recorded,
    feed: Feed,
    /// Its `show stat`, cell by cell.
    cells: Vec<Vec<Vec<u8>>>,
    /// What its `show info` says other than the recorded one.
    info: Vec<u8>,
    uptime: u64,
    pid: u64,
}

struct Play {
    model: Model,
    sides: Vec<Side>,
    millis: u64,
    /// What was asked of HAProxy and not answered yet.
    open: VecDeque<Effect>,
    frames: Frames,
    reached: Reached,
    keys: Vec<Key>,
}

impl Play {
    fn new(dice: &mut Dice<'_>) -> Self {
        let flags = dice.byte();
        let guard = Guard { read_only: flags & 0x0f == 1 };
        let level = match flags >> 4 & 3 {
            0 | 1 => Some(Level::Admin),
            2 => Some(Level::Operator),
            _ => None,
        };
        let count = if flags & 0x40 == 0 { 1 } else { 2 };
        let first = dice.below(RECORDED.len());
        let size = (120, 40);
        let instance = |place: usize| {
            let address = format!("/run/{place}.sock");
            InstanceView::new(format!("eu{place}"), address, place == 1, 64 << 10)
        };
        let mut model = Model::new((0..count).map(instance).collect(), guard, Keymap::standard().unwrap(), size);
        model.asks_reason = flags & 0x80 != 0;
        let watched = |place: usize| {
            let recorded = &RECORDED[(first + place) % RECORDED.len()];
            let mut feed = Feed::new();
            feed.level = level;
            feed.states(recorded.states);
            let lines = recorded.stat.trim_ascii_end().split(|byte| *byte == b'\n');
            let cells = lines.map(|line| line.split(|byte| *byte == b',').map(<[u8]>::to_vec).collect()).collect();
            Side { recorded, feed, cells, info: Vec::new(), uptime: 1000, pid: 77 }
        };
        let sides = (0..count).map(watched).collect();
        let keys = COMMANDS.iter().flat_map(|action| action.keys).map(|name| Key::parse(name).unwrap()).collect();
        let frames = Frames::new(size.0, size.1);
        let mut play =
            Self { model, sides, millis: 10_000, open: VecDeque::new(), frames, reached: Reached::default(), keys };
        for place in 0..count {
            play.sample(place);
        }
        play
    }

    fn step(&mut self, dice: &mut Dice<'_>) {
        match dice.below(22) {
            0..=4 => {
                let key = self.keys[dice.below(self.keys.len())];
                self.key(key, *dice.pick(&PACES));
            }
            5 => {
                let way = *dice.pick(&WAYS);
                let pace = *dice.pick(&PACES);
                for key in Key::parse_all(way).unwrap() {
                    self.key(key, pace);
                }
            }
            6 => {
                let key = Key::char(char::from(b' ' + dice.byte() % 95));
                self.key(key, *dice.pick(&PACES));
            }
            7 => {
                let key = any_key(dice);
                self.key(key, *dice.pick(&PACES));
            }
            8 => {
                let (width, height) = (dice.below(221) as u16, dice.below(71) as u16);
                self.tell(Msg::Resize(width, height), None);
            }
            9 => {
                self.millis += *dice.pick(&WAITS);
                self.tell(Msg::Wake, None);
            }
            10 | 11 => {
                let place = dice.below(self.sides.len());
                for _ in 0..=dice.below(4) {
                    self.sides[place].spoil(dice);
                }
                self.millis += 2_000;
                self.sample(place);
            }
            12 => {
                let place = dice.below(self.sides.len());
                self.sides[place].change_rows(dice);
                self.millis += 2_000;
                self.sample(place);
            }
            13 => {
                let place = dice.below(self.sides.len());
                self.millis += 2_000;
                self.sample(place);
            }
            14 => {
                let place = dice.below(self.sides.len());
                let now = at(self.millis);
                let failed = News::Failed(failure(now.mono + Duration::from_secs(8)), now);
                self.tell(Msg::News(place, failed, 0), None);
            }
            15 => {
                let past = Ledger::from_records([Record::parse(PAST).unwrap()]);
                self.tell(Msg::Past(Box::new(past)), None);
            }
            16 | 17 => self.answer(dice),
            18 | 19 => {
                let pace = *dice.pick(&PACES);
                self.consent(pace);
            }
            _ => self.draw(dice),
        }
    }

    /// Answers the question that is open in the way that lets it pass.
    fn consent(&mut self, pace: u64) {
        let typed = match self.model.layers.last() {
            Some(Layer::Confirm(question)) => question.name_to_type().map_or("y".to_owned(), |name| name + "\n"),
            Some(Layer::Sure(_)) => "y".to_owned(),
            Some(Layer::Number(_) | Layer::Reason(_)) => "50\n".to_owned(),
            _ => "<".to_owned(),
        };
        for ch in typed.chars() {
            self.key(if ch == '\n' { Key::plain(Code::Enter) } else { Key::char(ch) }, pace);
        }
    }

    fn sample(&mut self, place: usize) {
        let side = &mut self.sides[place];
        side.uptime += 2;
        let info = format!("Pid: {}\nUptime_sec: {}\n", side.pid, side.uptime);
        // Of a key that is told twice, the last counts.
        side.feed.info(&[side.recorded.info, &side.info, info.as_bytes()].concat());
        let Some(sample) = side.feed.stat(self.millis, &side.text()) else { return };
        self.tell(Msg::News(place, News::Sample(sample), 0), None);
    }

    fn key(&mut self, key: Key, after: u64) {
        self.millis += after;
        self.tell(Msg::Key(key), Some(key));
    }

    fn tell(&mut self, msg: Msg, key: Option<Key>) {
        let question = self.model.layers.last().filter(|layer| matches!(layer, Layer::Confirm(_) | Layer::Sure(_)));
        let question = question.cloned();
        let now = at(self.millis);
        let effects = update(&mut self.model, msg, now);
        assert!(next_wake(&self.model, now.mono).is_none_or(|wake| wake > now.mono));
        for effect in effects {
            self.effect(effect, question.as_ref(), key);
        }
    }

    fn effect(&mut self, effect: Effect, question: Option<&Layer>, key: Option<Key>) {
        match &effect {
            Effect::Act(authorised) => {
                assert!(!self.model.guard.read_only, "{effect:?} in read-only mode");
                let Some(Layer::Confirm(question)) = question else { panic!("{effect:?} without a question") };
                let intent = authorised.get();
                assert_eq!(*intent, question.intent);
                assert!(!intent.steps.is_empty() && intent.commands().len() == intent.steps.len());
                match question.name_to_type() {
                    None => assert_eq!(key, Some(Key::char('y'))),
                    Some(name) => {
                        assert_eq!(key.map(|key| key.code), Some(Code::Enter));
                        assert_eq!(question.typed, name);
                    }
                }
            }
            Effect::Send(_, line) => {
                assert!(!self.model.guard.read_only, "{effect:?} in read-only mode");
                let Some(Layer::Sure(sure)) = question else { panic!("{effect:?} without a question") };
                assert_eq!((line.get(), key), (&sure.line, Some(Key::char('y'))));
            }
            Effect::Redraw => {
                let (width, height) = self.model.size;
                self.frames.forget(width, height);
            }
            Effect::Copy(text) => assert!(text.chars().all(is_visible), "{text:?} into the clipboard"),
            Effect::Remember(line) => assert!(!line.contains('\n'), "{line:?}"),
            Effect::Quit
            | Effect::Suspend
            | Effect::PollNow(_)
            | Effect::Ask(..)
            | Effect::Bell
            | Effect::MeasureMemory => {}
        }
        let count = match effect {
            Effect::Act(_) => &mut self.reached.acts,
            Effect::Ask(..) => &mut self.reached.questions,
            Effect::Send(..) => &mut self.reached.lines,
            _ => return,
        };
        *count += 1;
        self.open.push_back(effect);
    }

    /// What was asked first is answered now, in some way.
    fn answer(&mut self, dice: &mut Dice<'_>) {
        let Some(effect) = self.open.pop_front() else { return };
        let way = dice.byte();
        let msg = match effect {
            Effect::Act(authorised) => {
                let intent = authorised.get();
                for step in &intent.steps {
                    let stage = *dice.pick(&[Stage::Sent, Stage::Accepted, Stage::Good, Stage::Bad]);
                    let progress = Progress { instance: intent.instance, row: step.target.id, stage };
                    self.tell(Msg::Progress(progress), None);
                }
                Msg::Acted(report(intent.clone(), dice))
            }
            Effect::Ask(instance, version, query) => {
                let told = if way & 7 == 7 { Err(failed(way)) } else { self.told(instance, version, &query, dice) };
                Msg::Told(instance, Box::new(query), told)
            }
            Effect::Send(instance, _) => {
                let lines = Lines::parse(&spoiled(b"Done.\n\x1b[2J\n", dice));
                Msg::Sent(instance, if way & 7 == 7 { Err(failed(way)) } else { Ok(answer(Told::Lines(lines))) })
            }
            _ => return,
        };
        self.tell(msg, None);
    }

    fn told(
        &self,
        instance: usize,
        version: Option<Version>,
        query: &Query,
        dice: &mut Dice<'_>,
    ) -> Result<Box<Answer>, QueryError> {
        query.command(version)?;
        let recorded = self.sides[instance].recorded;
        let nothing = || QueryError::Nothing;
        let told = match query {
            Query::Sessions(filter) => {
                let bytes = spoiled(if filter.in_full { recorded.sessions_in_full } else { recorded.sessions }, dice);
                Told::Sessions(Sessions::parse(&bytes, version, filter))
            }
            Query::Session(_) => {
                let detail = SessionDetail::parse(&spoiled(recorded.sessions_in_full, dice), version);
                Told::Session(Box::new(detail.ok_or_else(nothing)?))
            }
            Query::Tables => Told::Tables(StickTables::parse(&spoiled(recorded.tables, dice))),
            Query::TableEntries { filter, .. } => {
                Told::Entries(Entries::parse(&spoiled(recorded.entries, dice), filter.as_ref()))
            }
            Query::Help => Told::Help(command_list::parse(&spoiled(recorded.help, dice))),
            Query::Line(_) => Told::Lines(Lines::parse(&spoiled(recorded.info, dice))),
        };
        Ok(answer(told))
    }

    fn draw(&mut self, dice: &mut Dice<'_>) {
        if self.reached.pictures == PICTURES {
            return;
        }
        self.reached.pictures += 1;
        let look = dice.byte();
        let palette = [Palette::Dark, Palette::Light, Palette::Mono, Palette::HighContrast][usize::from(look >> 1) % 4];
        let theme = Theme::new(palette, look & 1 == 1);
        let (model, now) = (&self.model, at(self.millis).mono);
        let mut last = None;
        let looks = Looks { theme, show_time: |_| "12:34:56".to_owned() };
        let render = |buffer: &mut Buffer| {
            assert_eq!((buffer.area.width, buffer.area.height), model.size);
            last = draw(model, looks, now, buffer);
            check_picture(buffer, theme);
        };
        self.frames.render(render).unwrap();
        self.model.stay_within(last);
    }
}

/// Every cell shows what a terminal draws in the place it has, and obeys nothing.
fn check_picture(buffer: &Buffer, theme: Theme) {
    let area = buffer.area;
    for y in 0..area.height {
        for x in 0..area.width {
            let cell = &buffer[(x, y)];
            let symbol = cell.symbol();
            assert!(symbol.chars().all(is_visible), "{symbol:?} at {x},{y}");
            let width = symbol.width() as u16;
            assert!(width <= 2 && x + width <= area.width, "{symbol:?} at {x},{y} of {}", area.width);
            assert!(!theme.ascii || symbol.is_ascii(), "{symbol:?} at {x},{y}");
            if theme.palette == Palette::Mono {
                assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{symbol:?} at {x},{y}");
            }
        }
    }
}

impl Side {
    fn text(&self) -> Vec<u8> {
        self.cells.iter().flat_map(|line| [line.join(&b','), b"\n".to_vec()].concat()).collect()
    }

    /// Puts something into one cell, under the header or of it.
    fn spoil(&mut self, dice: &mut Dice<'_>) {
        let row = dice.below(self.cells.len());
        let Some(column) = dice.below(self.cells.get(row).map_or(0, Vec::len)).into() else { return };
        let value = match dice.byte() {
            250.. => vec![b'x'; 60_000],
            240.. => {
                let length = dice.below(16);
                dice.take(length).to_vec()
            }
            way => VALUES[usize::from(way) % VALUES.len()].to_vec(),
        };
        // A header that is none makes no sample at all.
        if (row, column) != (0, 0)
            && let Some(cell) = self.cells.get_mut(row).and_then(|line| line.get_mut(column))
        {
            *cell = value;
        }
    }

    /// Rows come, go and change places; or another process answers.
    fn change_rows(&mut self, dice: &mut Dice<'_>) {
        // The rows below the header.
        let (row, other) = (1 + dice.below(self.cells.len() - 1), 1 + dice.below(self.cells.len() - 1));
        match dice.below(8) {
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
                self.info = [key.as_bytes(), b": ", *dice.pick(&VALUES), b"\n"].concat();
            }
            _ => {
                self.cells[row].pop();
            }
        }
    }
}

fn any_key(dice: &mut Dice<'_>) -> Key {
    let held = dice.byte();
    let code = match dice.below(22) {
        0 => Code::Enter,
        1 => Code::Esc,
        2 => Code::Backspace,
        3 => Code::Tab,
        4 => Code::BackTab,
        5 => Code::Up,
        6 => Code::Down,
        7 => Code::Left,
        8 => Code::Right,
        9 => Code::Home,
        10 => Code::End,
        11 => Code::PageUp,
        12 => Code::PageDown,
        13 => Code::F(dice.byte()),
        14..=17 => Code::Char(char::from(dice.byte())),
        _ => {
            let number = (dice.wide() as u32) << 4 | u32::from(held >> 4);
            Code::Char(char::from_u32(number).unwrap_or('日'))
        }
    };
    Key { code, ctrl: held & 0x03 == 0x03, alt: held & 0x0c == 0x0c, shift: held & 0x30 == 0x30 }
}

fn report(intent: Intent, dice: &mut Dice<'_>) -> Report {
    let mut done = Vec::new();
    for step in &intent.steps {
        let outcome = match dice.below(8) {
            0..=2 => Outcome::Verified("MAINT, 12 sessions left".to_owned()),
            3 => Outcome::Accepted(String::new()),
            4 => Outcome::NotSeen { now: "UP".to_owned(), samples: 3 },
            5 => Outcome::Refused("No such server.".into()),
            6 => Outcome::NotSent("no audit".to_owned()),
            _ => Outcome::Unknown("the connection broke".to_owned()),
        };
        let command = step.command().unwrap();
        let (before, after) = (seen(dice), seen(dice));
        let is_good = outcome.is_good();
        let remark = (dice.byte() == 1).then(|| "its end is not in the audit: no room".to_owned());
        done.push(Done { step: step.clone(), command, before, after, outcome, remark });
        if !is_good {
            break;
        }
    }
    Report { intent, done }
}

fn seen(dice: &mut Dice<'_>) -> Option<Seen> {
    let status = *dice.pick(&["UP", "DOWN", "MAINT", "DRAIN", "", "no check", "OPEN", "STOP"]);
    let number = *dice.pick(&[Some(5), None, Some(0), Some(100), Some(256), Some(i64::MAX)]);
    (!status.is_empty()).then(|| Seen {
        status: status.into(),
        sessions: number,
        weight: number,
        limit: number,
        is_there: number.map(|number| number > 0),
        agent_is_up: number.map(|number| number > 5),
        ..Seen::default()
    })
}

fn answer(told: Told) -> Box<Answer> {
    let cost = Cost { bytes: 1000, answer: Duration::from_millis(3) };
    Box::new(Answer { told, is_whole: true, cost, remark: None })
}

fn failed(way: u8) -> QueryError {
    match way >> 3 {
        0 => QueryError::Nothing,
        1 => QueryError::Said("Permission denied\x1b[2J".into()),
        2 => QueryError::Denied { command: "show sess".into(), needs: Level::Operator },
        _ => QueryError::Ask { error: AskError::Silent(Duration::from_secs(5)), hint: Some("wait".to_owned()) },
    }
}

/// A recording with a few of its bytes replaced, and perhaps its end cut off.
fn spoiled(bytes: &[u8], dice: &mut Dice<'_>) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..dice.below(6) {
        let (place, byte) = (dice.wide() % bytes.len(), dice.byte());
        bytes[place] = byte;
    }
    if dice.byte() == 1 {
        bytes.truncate(dice.wide() % bytes.len());
    }
    bytes
}
