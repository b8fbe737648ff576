//! The answer to a question about the requests of the last minutes.

use std::collections::HashMap;
use std::time::Duration;

use crate::haproxy::safe_text::SafeText;
use crate::logs::group_key::GroupKey;
use crate::logs::groups::Figures;
use crate::logs::request::{ErrorOrigin, Phase, Request};
use crate::logs::termination;
use crate::logs::window::request_window::RequestWindow;
use crate::logs::window::stored_request::{LoggedRequest, StoredRequest};
use crate::logs::window::window_question::{GroupRank, ReportSubject, WindowQuestion};

/// Maximum number of groups in a report. The others are one.
pub(crate) const MAX_REPORTED_GROUPS: usize = 500;
/// Maximum number of requests in a report.
pub(crate) const MAX_REPORTED_REQUESTS: usize = 200;
/// Maximum number of different flags that are counted for a group.
const MAX_ENDINGS: usize = 32;
/// Stands for a text whose group is not known yet.
const NO_GROUP: u32 = u32::MAX;

/// Figures of several requests.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct GroupSummary {
    /// Number of requests.
    pub(crate) requests: u64,
    /// Numbers of requests by the first digit of their status; without a status, 0.
    pub(crate) statuses: [u64; 6],
    /// Number of 5xx responses that HAProxy made itself.
    pub(crate) own_errors: u64,
    /// Number of 5xx responses of which the log does not say who made them.
    pub(crate) unclear_errors: u64,
    /// Bytes sent to clients.
    pub(crate) bytes: u64,
    /// Times that 50, 90, 99 and 99.9 % of the requests do not exceed, and the longest, in milliseconds.
    pub(crate) times: [Option<u32>; 5],
    /// Flags of requests that did not end regularly, with their numbers; most first.
    pub(crate) endings: Vec<(SafeText, u64)>,
}

impl GroupSummary {
    /// Shares of requests whose times are reported, before the longest one.
    pub(crate) const SHARES: [u64; 4] = [500, 900, 990, 999];
}

/// A group of requests.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReportedGroup {
    /// The property that its requests have in common.
    pub(crate) name: SafeText,
    /// Figures of its requests.
    pub(crate) summary: GroupSummary,
}

/// The answer to a [`WindowQuestion`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WindowReport {
    /// Number of the question.
    pub(crate) number: u64,
    /// The rows of the question.
    pub(crate) subject: ReportSubject,
    /// Span of time that all requests are known of, which ends now.
    pub(crate) covered: Duration,
    /// Figures of all requests that match the filter.
    pub(crate) all: GroupSummary,
    /// Groups, those with most requests first.
    pub(crate) groups: Vec<ReportedGroup>,
    /// Number of other groups, and their figures.
    pub(crate) others: (usize, GroupSummary),
    /// The largest groups by these properties, whatever the rows are.
    pub(crate) tops: Vec<(GroupKey, Vec<ReportedGroup>)>,
    /// Single requests.
    pub(crate) requests: Vec<LoggedRequest>,
}

/// Properties of which every report has the largest groups.
const TOP_KEYS: [GroupKey; 2] = [GroupKey::Client, GroupKey::Url];
/// Number of these groups.
const TOP_COUNT: usize = 5;

/// Figures that grow with each request.
#[derive(Default)]
struct Tally {
    figures: Figures,
    endings: Vec<([u8; 2], u64)>,
}

impl Tally {
    fn add(&mut self, request: &Request<'_>, phase: Phase) {
        self.figures.add(request, phase);
        if !termination::is_bad(request.flags) {
            return;
        }
        let flag = |place: usize| request.flags.get(place).copied().unwrap_or(b'-');
        let flags = [flag(0), flag(1)];
        if let Some((_, count)) = self.endings.iter_mut().find(|(known, _)| *known == flags) {
            *count += 1;
        } else if self.endings.len() < MAX_ENDINGS {
            self.endings.push((flags, 1));
        }
    }

    fn summary(mut self) -> GroupSummary {
        self.endings.sort_unstable_by(|(one, count), (other, other_count)| other_count.cmp(count).then(one.cmp(other)));
        let Figures { requests, statuses, own_errors, unclear_errors, bytes, times } = self.figures;
        let [p50, p90, p99, p999] = GroupSummary::SHARES.map(|share| times.percentile(share));
        GroupSummary {
            requests,
            statuses,
            own_errors,
            unclear_errors,
            bytes,
            times: [p50, p90, p99, p999, times.max()],
            endings: self.endings.iter().map(|(flags, count)| (SafeText::new(flags), *count)).collect(),
        }
    }
}

/// Returns whether a request failed: its status is 5xx, or it did not end regularly.
fn has_failed(request: &Request<'_>) -> bool {
    request.status.is_some_and(|status| status >= 500) || termination::is_bad(request.flags)
}

/// Answers a question.
pub(crate) fn answer(window: &RequestWindow, question: &WindowQuestion, now: Duration) -> WindowReport {
    let mut wanted: Vec<Grouping> =
        TOP_KEYS.map(|key| Grouping::new(key, GroupRank::Requests, TOP_COUNT, window)).into();
    if let ReportSubject::Groups(key) = question.subject {
        wanted.push(Grouping::new(key, question.rank, MAX_REPORTED_GROUPS, window));
    }
    let (mut all, mut grouped) = group(window, question, wanted, now);
    let (mut groups, mut others, mut requests) = (Vec::new(), (0, GroupSummary::default()), Vec::new());
    if let ReportSubject::Groups(_) = question.subject {
        if let Some(main) = grouped.pop() {
            (groups, others) = (main.groups, main.others);
        }
    } else {
        (all, requests) = list(window, question, now);
    }
    let tops = TOP_KEYS.into_iter().zip(grouped).map(|(key, top)| (key, top.groups)).collect();
    let covered = window.covered(question.span, now);
    WindowReport { number: question.number, subject: question.subject, covered, all, groups, others, tops, requests }
}

/// Returns the figures of all requests, and those that the question is about.
fn list(window: &RequestWindow, question: &WindowQuestion, now: Duration) -> (GroupSummary, Vec<LoggedRequest>) {
    let mut all = Tally::default();
    let mut chosen: Vec<(u32, &StoredRequest, u32)> = Vec::new();
    for (stored, age) in window.requests(question.span, now).rev() {
        let request = stored.request(window.texts());
        if !question.filter.matches(&request) {
            continue;
        }
        all.add(&request, question.phase);
        let order = match question.subject {
            ReportSubject::Slowest => request.time(question.phase),
            ReportSubject::Failed => has_failed(&request).then_some(0),
            ReportSubject::Newest | ReportSubject::Groups(_) => Some(0),
        };
        let is_full = question.subject != ReportSubject::Slowest && chosen.len() >= MAX_REPORTED_REQUESTS;
        if let Some(order) = order.filter(|_| !is_full) {
            chosen.push((order, stored, age));
        }
        if chosen.len() >= 2 * MAX_REPORTED_REQUESTS {
            keep_longest(&mut chosen);
        }
    }
    keep_longest(&mut chosen);
    let logged =
        |(_, stored, age): &(u32, &StoredRequest, u32)| LoggedRequest::new(&stored.request(window.texts()), *age);
    (all.summary(), chosen.iter().map(logged).collect())
}

/// Sorts requests, those with the longest time first, and drops those that are too many. Equal ones keep their order.
fn keep_longest(chosen: &mut Vec<(u32, &StoredRequest, u32)>) {
    chosen.sort_by_key(|(order, ..)| std::cmp::Reverse(*order));
    chosen.truncate(MAX_REPORTED_REQUESTS);
}

/// The numbers that decide which groups are reported.
#[derive(Clone, Copy, Default)]
struct GroupWeight {
    requests: u32,
    failed: u32,
    longest: u32,
}

/// Groups by a property.
struct GroupedRequests {
    groups: Vec<ReportedGroup>,
    others: (usize, GroupSummary),
}

/// A property by which requests are being grouped.
struct Grouping {
    index: GroupIndex,
    rank: GroupRank,
    /// Maximum number of groups to report.
    most: usize,
    weights: Vec<GroupWeight>,
    /// The group of each request.
    members: Vec<u32>,
}

impl Grouping {
    fn new(key: GroupKey, rank: GroupRank, most: usize, window: &RequestWindow) -> Self {
        let index = GroupIndex::new(key, window.texts().id_count());
        Self { index, rank, most, weights: Vec::new(), members: Vec::new() }
    }

    fn add(&mut self, stored: &StoredRequest, request: &Request<'_>, phase: Phase) {
        let group = self.index.find(stored, request);
        self.members.push(group);
        if self.weights.len() <= group as usize {
            self.weights.resize(group as usize + 1, GroupWeight::default());
        }
        self.weights[group as usize].add(request, phase);
    }

    /// Returns the groups, those with most requests first. The last tally is that of the others.
    fn finish(&self, order: &[u32], mut tallies: Vec<Tally>) -> GroupedRequests {
        let others = tallies.pop().unwrap_or_default().summary();
        let count = order.len() - tallies.len();
        let named = |(group, tally): (&u32, Tally)| ReportedGroup {
            name: SafeText::new(&self.index.names[*group as usize]),
            summary: tally.summary(),
        };
        let mut groups: Vec<ReportedGroup> = order.iter().zip(tallies).map(named).collect();
        groups.sort_by(|one, other| {
            other.summary.requests.cmp(&one.summary.requests).then_with(|| one.name.as_str().cmp(other.name.as_str()))
        });
        GroupedRequests { groups, others: (count, others) }
    }
}

/// Groups the requests of a question by several properties. Of more groups than the maximum, the rank decides which are
/// reported. The requests are visited twice, so that only groups that are reported need their times.
fn group(
    window: &RequestWindow,
    question: &WindowQuestion,
    mut wanted: Vec<Grouping>,
    now: Duration,
) -> (GroupSummary, Vec<GroupedRequests>) {
    let (texts, phase) = (window.texts(), question.phase);
    // The filter is applied once.
    let mut are_counted: Vec<bool> = Vec::new();
    for (stored, _) in window.requests(question.span, now) {
        let request = stored.request(texts);
        let is_counted = question.filter.matches(&request);
        are_counted.push(is_counted);
        if is_counted {
            for grouping in &mut wanted {
                grouping.add(stored, &request, phase);
            }
        }
    }
    let orders: Vec<Vec<u32>> = wanted.iter().map(|grouping| ranked(&grouping.weights, grouping.rank)).collect();
    let mut places: Vec<Vec<usize>> = Vec::new();
    let mut tallies: Vec<Vec<Tally>> = Vec::new();
    for (grouping, order) in wanted.iter().zip(&orders) {
        let reported = order.len().min(grouping.most);
        let mut place_of = vec![reported; order.len()];
        for (place, group) in order[..reported].iter().enumerate() {
            place_of[*group as usize] = place;
        }
        places.push(place_of);
        tallies.push((0..=reported).map(|_| Tally::default()).collect());
    }
    let (mut all, mut counted) = (Tally::default(), 0);
    for ((stored, _), _) in window.requests(question.span, now).zip(&are_counted).filter(|(_, is_counted)| **is_counted)
    {
        let request = stored.request(texts);
        all.add(&request, phase);
        for ((grouping, place_of), tallies) in wanted.iter().zip(&places).zip(&mut tallies) {
            tallies[place_of[grouping.members[counted] as usize]].add(&request, phase);
        }
        counted += 1;
    }
    let finished =
        wanted.iter().zip(orders).zip(tallies).map(|((grouping, order), tallies)| grouping.finish(&order, tallies));
    (all.summary(), finished.collect())
}

impl GroupWeight {
    fn add(&mut self, request: &Request<'_>, phase: Phase) {
        self.requests += 1;
        self.failed += u32::from(has_failed(request));
        self.longest = self.longest.max(request.time(phase).unwrap_or(0));
    }
}

/// Returns the groups, the most important first.
fn ranked(weights: &[GroupWeight], rank: GroupRank) -> Vec<u32> {
    let mut order: Vec<u32> = (0..weights.len() as u32).collect();
    order.sort_by_key(|group| {
        let GroupWeight { requests, failed, longest } = weights[*group as usize];
        std::cmp::Reverse(match rank {
            GroupRank::Requests => (requests, 0),
            GroupRank::Time => (longest, requests),
            GroupRank::Failures => (failed, requests),
        })
    });
    order
}

/// The groups of a property, found by the ids of texts.
struct GroupIndex {
    key: GroupKey,
    /// Groups by the id of the text that decides.
    by_text: Vec<u32>,
    /// Groups by status and flags, if these decide.
    by_ending: HashMap<(u16, [u8; 2]), u32>,
    by_name: HashMap<Box<[u8]>, u32>,
    names: Vec<Box<[u8]>>,
    buffer: Vec<u8>,
}

impl GroupIndex {
    fn new(key: GroupKey, text_count: usize) -> Self {
        let by_text = vec![NO_GROUP; text_count];
        let (by_ending, by_name) = (HashMap::new(), HashMap::new());
        Self { key, by_text, by_ending, by_name, names: Vec::new(), buffer: Vec::new() }
    }

    /// Returns the group of a request.
    fn find(&mut self, stored: &StoredRequest, request: &Request<'_>) -> u32 {
        let [route, client, target] = stored.text_ids();
        let text = match self.key {
            GroupKey::Frontend | GroupKey::Backend | GroupKey::Server => route,
            GroupKey::Client | GroupKey::Network => client,
            GroupKey::Url | GroupKey::Path | GroupKey::Method => target,
            GroupKey::Status | GroupKey::Flags => {
                if let Some(group) = self.by_ending.get(&stored.ending()) {
                    return *group;
                }
                let group = self.find_by_name(request);
                self.by_ending.insert(stored.ending(), group);
                return group;
            }
        };
        if self.by_text[text as usize] == NO_GROUP {
            self.by_text[text as usize] = self.find_by_name(request);
        }
        self.by_text[text as usize]
    }

    fn find_by_name(&mut self, request: &Request<'_>) -> u32 {
        self.buffer.clear();
        self.key.write(request, &mut self.buffer);
        if let Some(group) = self.by_name.get(self.buffer.as_slice()) {
            return *group;
        }
        let group = self.names.len() as u32;
        self.names.push(self.buffer.as_slice().into());
        self.by_name.insert(self.buffer.as_slice().into(), group);
        group
    }
}

/// Returns in words who made an error.
pub(crate) fn origin_words(origin: ErrorOrigin) -> &'static str {
    match origin {
        ErrorOrigin::Application => "made by the application",
        ErrorOrigin::Haproxy => "made by HAProxy itself",
        ErrorOrigin::Unknown => "the log does not say who made it",
    }
}
