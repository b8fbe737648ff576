//! What is known of one HAProxy as one JSON object: the shape that `hapulse show --format json` and `hapulse watch`
//! print, one line each. `docs/json.md` is its description, and a test holds the two together.
//!
//! Numbers are numbers, what is not known is `null` and never 0, and the names are HAProxy's own or those of the
//! columns. Texts were made safe when they were read.

use std::time::SystemTime;

use jiff::Timestamp;
use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};

use crate::haproxy::safe_text::SafeText;
use crate::headless::poller::Lookout;
use crate::headless::report::report::Picture;
use crate::instance::instance::Instance;
use crate::observe::link::Failure;
use crate::observe::sample::Sample;
use crate::observe::timestamp::Stamp;
use crate::problems::problem::Problem;
use crate::table::columns::column::Column;
use crate::table::columns::computed::kind_word;
use crate::table::columns::row_view::RowView;
use crate::table::columns::value::Datum;
use crate::table::rows::{Line, Settings};

/// Counts the changes of the shape that a reader must know of; new keys are none.
const SHAPE: u32 = 1;
/// What `show info` tells as a text, even where it looks like a number.
const TEXTS: [&str; 7] = ["Name", "Version", "Release_date", "Uptime", "node", "description", "Build info"];
/// Columns that say what `pxname`, `svname` and `kind` say, which every row begins with.
const SAID: [&str; 4] = ["name", "side", "kind", "proxy"];

/// The columns that are printed behind the names of a row.
pub fn beside_names(settings: &Settings) -> impl Iterator<Item = &'static Column> {
    settings.columns.iter().copied().filter(|column| !SAID.contains(&column.id))
}

/// A line for what was seen last.
///
/// # Errors
/// None that is known of: everything has a form.
pub fn seen(lookout: &Lookout, picture: &Picture) -> serde_json::Result<String> {
    serde_json::to_string(&Seen { lookout, picture })
}

/// A line for a look that failed.
///
/// # Errors
/// None that is known of: everything has a form.
pub fn lost(lookout: &Lookout, failure: &Failure) -> serde_json::Result<String> {
    serde_json::to_string(&Lost { lookout, failure })
}

/// A moment as text, to the millisecond.
fn moment(at: SystemTime) -> Option<String> {
    Timestamp::try_from(at).ok().map(|at| format!("{at:.3}"))
}

impl Serialize for Datum {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unknown => to.serialize_none(),
            Self::Whole(number) => to.serialize_i64(*number),
            Self::Real(number) => to.serialize_f64(*number),
            Self::Text(text) => to.serialize_str(text),
        }
    }
}

struct Seen<'a> {
    lookout: &'a Lookout,
    picture: &'a Picture,
}

impl Serialize for Seen<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let watch = &self.lookout.watch;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("shape", &SHAPE)?;
        map.serialize_entry("instance", &self.lookout.name)?;
        if let Some(sample) = watch.newest() {
            map.serialize_entry("at", &moment(sample.at.wall))?;
            let span = watch.window().span().map(|span| span.as_secs_f64());
            map.serialize_entry("over", &Datum::real(span))?;
            if self.picture.info {
                map.serialize_entry("info", &Info(sample))?;
            }
            if self.picture.problems {
                map.serialize_entry("problems", &Problems { watch, at: sample.at })?;
            }
            if let Some(settings) = &self.picture.rows {
                let lines = self.picture.lines(watch);
                map.serialize_entry("rows", &Rows { watch, sample, settings, lines })?;
            }
        }
        map.end()
    }
}

struct Lost<'a> {
    lookout: &'a Lookout,
    failure: &'a Failure,
}

impl Serialize for Lost<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Why<'a> {
            why: &'a str,
            hint: Option<&'a str>,
        }
        let mut map = to.serialize_map(Some(4))?;
        map.serialize_entry("shape", &SHAPE)?;
        map.serialize_entry("instance", &self.lookout.name)?;
        map.serialize_entry("at", &moment(self.lookout.now().wall))?;
        let (why, hint) = (SafeText::from(self.failure.why.as_str()), self.failure.hint.as_deref());
        map.serialize_entry("lost", &Why { why: why.as_str(), hint })?;
        map.end()
    }
}

/// What `show info` said, key by key.
struct Info<'a>(&'a Sample);

/// A value of `show info`.
pub fn info_value(key: &str, value: &SafeText) -> Datum {
    let is_text = TEXTS.contains(&key);
    match value.as_str().parse::<i64>() {
        _ if value.is_empty() => Datum::Unknown,
        Ok(number) if !is_text => Datum::Whole(number),
        _ => Datum::Text(value.to_string()),
    }
}

impl Serialize for Info<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let lines = self.0.info.lines();
        let mut map = to.serialize_map(None)?;
        for (place, (key, value)) in lines.iter().enumerate() {
            // A key that comes twice counts as it came first.
            if !lines[..place].iter().any(|(known, _)| known == key) {
                map.serialize_entry(key.as_str(), &info_value(key.as_str(), value))?;
            }
        }
        map.end()
    }
}

struct Problems<'a> {
    watch: &'a Instance,
    at: Stamp,
}

impl Serialize for Problems<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(None)?;
        for problem in self.watch.problems().list() {
            list.serialize_element(&OneProblem(problem_cells(problem, self.at)))?;
        }
        list.end()
    }
}

/// What is said of a problem, name by name: for JSON and CSV alike.
pub const PROBLEM: [&str; 8] = ["severity", "rule", "kind", "pxname", "svname", "seconds", "value", "text"];

/// The values of one problem, in that order.
pub fn problem_cells(problem: &Problem, now: Stamp) -> [Datum; 8] {
    let text = |text: &str| Datum::Text(text.to_owned());
    let (kind, proxy, name) = match &problem.subject.names {
        None => (text("process"), Datum::Unknown, Datum::Unknown),
        Some((kind, proxy, name)) => (text(kind_word(*kind)), text(proxy.as_str()), text(name.as_str())),
    };
    let since = i64::try_from(now.since(problem.since.mono).as_secs()).ok();
    [
        text(problem.severity.word()),
        text(problem.rule.id),
        kind,
        proxy,
        name,
        Datum::whole(since),
        Datum::real(Some(problem.value)),
        text(&problem.text),
    ]
}

struct OneProblem([Datum; 8]);

impl Serialize for OneProblem {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (name, value) in PROBLEM.iter().zip(&self.0) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

struct Rows<'a> {
    watch: &'a Instance,
    sample: &'a Sample,
    settings: &'a Settings,
    lines: Vec<Line>,
}

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let columns: Vec<&Column> = beside_names(self.settings).collect();
        let mut list = to.serialize_seq(Some(self.lines.len()))?;
        for line in &self.lines {
            let row = RowView::new(self.watch, self.sample, line.index);
            list.serialize_element(&OneRow { row, columns: &columns })?;
        }
        list.end()
    }
}

struct OneRow<'a> {
    row: RowView<'a>,
    columns: &'a [&'static Column],
}

impl Serialize for OneRow<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let names = self.row.row();
        let mut map = to.serialize_map(Some(self.columns.len() + 3))?;
        map.serialize_entry("pxname", names.proxy.as_str())?;
        map.serialize_entry("svname", names.name.as_str())?;
        map.serialize_entry("kind", kind_word(names.kind))?;
        for column in self.columns {
            map.serialize_entry(column.id, &Datum::of(column, &self.row))?;
        }
        map.end()
    }
}
