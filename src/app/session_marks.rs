//! Sessions that are marked in view 7, for an action on several of them.
//!
//! A mark belongs to a session, not to its number: HAProxy gives the number of a session that has ended to another one.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::actions::target_identity::SessionIdentity;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::sessions::Session;

/// The marked sessions of one instance.
#[derive(Debug, Clone, Default)]
pub struct SessionMarks {
    sessions: BTreeMap<SafeText, SessionIdentity>,
    /// Number of the session at which the open range starts.
    range_start: Option<SafeText>,
}

impl SessionMarks {
    /// Returns whether a session is marked.
    pub(crate) fn contains(&self, id: &SafeText) -> bool {
        self.sessions.contains_key(id)
    }

    /// Returns the number of marked sessions.
    pub fn count(&self) -> usize {
        self.sessions.len()
    }

    /// Removes all marks. Returns whether there were any.
    pub(crate) fn clear(&mut self) -> bool {
        self.range_start = None;
        !std::mem::take(&mut self.sessions).is_empty()
    }

    /// Removes the marks of sessions that are not in a new list, received at the monotonic time `at`.
    pub(crate) fn retain_listed(&mut self, list: &[Session], at: Duration) {
        if self.sessions.is_empty() {
            return;
        }
        let listed: BTreeMap<&SafeText, &Session> = list.iter().map(|session| (&session.id, session)).collect();
        self.sessions.retain(|id, marked| {
            listed.get(id).is_some_and(|session| marked.is_same(&SessionIdentity::new(session, at)))
        });
    }

    /// Marks additional sessions.
    pub(crate) fn extend(&mut self, sessions: Vec<(SafeText, SessionIdentity)>) {
        self.sessions.extend(sessions);
    }

    /// Returns the number of the session at which the open range starts.
    pub(crate) fn range_start(&self) -> Option<&SafeText> {
        self.range_start.as_ref()
    }

    /// Starts a range at a session, or ends the open one.
    pub(crate) fn set_range_start(&mut self, id: Option<SafeText>) {
        self.range_start = id;
    }

    /// Marks sessions, or removes their marks if all of them are marked.
    pub(crate) fn toggle(&mut self, sessions: Vec<(SafeText, SessionIdentity)>) {
        if sessions.iter().all(|(id, _)| self.contains(id)) {
            self.sessions.retain(|id, _| !sessions.iter().any(|(other, _)| other == id));
        } else {
            self.sessions.extend(sessions);
        }
    }
}
