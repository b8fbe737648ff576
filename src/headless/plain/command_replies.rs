//! The replies to the commands that change nothing.

use crate::config::suggest;
use crate::fleet::balancers::{Balancers, NamedBalancer};
use crate::haproxy::safe_text::SafeText;
use crate::headless::exit_code::CommandExit;
use crate::headless::plain::balancer_sentences::balancer_lines;
use crate::headless::plain::command_words::{self, PlainCommand, PlainLine};
use crate::headless::plain::event_sentences::listed_event;
use crate::headless::plain::row_lookup::{self, NamedInstance, NamedRows};
use crate::headless::plain::row_reports;
use crate::headless::plain::session::PlainSession;
use crate::headless::plain::summary_sentences::{gaps_line, lines_or_none, verdict_sentence};
use crate::instance::state::Instance;
use crate::observe::row_ids::RowId;
use crate::observe::timestamp::local_clock_time;

/// Number of events that `events` lists.
const LISTED_EVENTS: usize = 20;

impl PlainSession {
    /// Executes a typed command. Returns the exit if the session ends.
    pub(super) async fn execute(&mut self, line: PlainLine) -> Option<CommandExit> {
        let only = match line.instance.map(|name| self.find_instance(&name)).transpose() {
            Ok(only) => only,
            Err(why) => {
                self.output.print(&why);
                return None;
            }
        };
        match line.command {
            PlainCommand::Status => self.chosen(only).for_each(|index| self.print_status(index)),
            PlainCommand::Causes => self.print_causes(only),
            PlainCommand::Balancers => self.print_balancers(),
            PlainCommand::Backends => self.print_lists(only, "backend", row_reports::backend_lines),
            PlainCommand::Servers(None) => {
                self.print_lists(only, "server", |instance| row_reports::server_lines(instance, None));
            }
            PlainCommand::Servers(Some(name)) => {
                self.print_rows(only, &name, NamedRows::Backends, |instance, id| {
                    row_reports::server_lines(instance, Some(id))
                });
            }
            PlainCommand::Why(name) => {
                let now = self.clock.now().monotonic;
                self.print_rows(only, &name, NamedRows::All, |instance, id| {
                    row_reports::view_row(instance, id).map_or_else(Vec::new, |row| row_reports::why_lines(&row, now))
                });
            }
            PlainCommand::Events => self.print_events(only),
            PlainCommand::Watch(None) => self.print_watched(only),
            PlainCommand::Watch(Some(name)) => match self.find_row(only, &name, NamedRows::All) {
                Ok((index, id)) => self.toggle_watch(index, id),
                Err(why) => self.output.print(&why),
            },
            PlainCommand::Change(command, name, words) => self.start_change(only, command, &name, words).await,
            PlainCommand::Undo(words) => self.start_undo(only, words).await,
            PlainCommand::Help => self.output.print_all("", &command_words::help_lines()),
            PlainCommand::Quit => return Some(CommandExit::Done),
        }
        None
    }

    fn print_balancers(&mut self) {
        let now = self.clock.now().monotonic;
        let names: Vec<String> = (0..self.instances.len()).map(|index| self.name(index)).collect();
        let instances = self.instances.iter().map(|watched| &watched.instance);
        let named: Vec<NamedBalancer<'_>> =
            names.iter().zip(instances).map(|(name, instance)| NamedBalancer { name, instance }).collect();
        let mut balancers = Balancers::default();
        balancers.update(&named, &self.roles, now);
        let lines: Vec<String> =
            balancers.worst_first(now).into_iter().flat_map(|summary| balancer_lines(summary, now)).collect();
        self.output.print_all("", &lines);
    }

    /// Returns the indices of the chosen instance, or of all.
    fn chosen(&self, only: Option<usize>) -> std::ops::Range<usize> {
        only.map_or(0..self.instances.len(), |index| index..index + 1)
    }

    /// Finds an instance by its name, its address, or a unique beginning of one of them.
    fn find_instance(&self, name: &str) -> Result<usize, String> {
        let names: Vec<String> = (0..self.instances.len()).map(|index| self.name(index)).collect();
        let labels = self.instances.iter().map(|watched| watched.name.as_str());
        let all: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(labels).collect();
        let is_match: [fn(&str, &str) -> bool; 2] =
            [|known, name| known == name, |known, name| known.starts_with(name)];
        for is_match in is_match {
            let mut found =
                (0..all.len()).filter(|index| is_match(all[*index].0, name) || is_match(all[*index].1, name));
            match (found.next(), found.next()) {
                (Some(index), None) => return Ok(index),
                (Some(_), Some(_)) => {
                    return Err(format!(
                        "{} is ambiguous: the instances are {}",
                        SafeText::from(name),
                        names.join(", ")
                    ));
                }
                (None, _) => {}
            }
        }
        let similar = suggest::did_you_mean(name, names.iter().map(String::as_str));
        let hint = if similar.is_empty() { format!("; the instances are {}", names.join(", ")) } else { similar };
        Err(format!("no instance is called {}{hint}", SafeText::from(name)))
    }

    /// Finds the row with a name, on the chosen instance or on all.
    pub(super) fn find_row(&self, only: Option<usize>, name: &str, kinds: NamedRows) -> Result<(usize, RowId), String> {
        let names: Vec<String> = self.chosen(only).map(|index| self.name(index)).collect();
        let rows = self.chosen(only).zip(&names).map(|(index, name)| {
            let instance = &self.instances[index].instance;
            NamedInstance { index, name, instance }
        });
        row_lookup::find_row(name, kinds, rows)
    }

    /// Prints lines about the row with a name. If rows of several instances have that name, prints those of each.
    fn print_rows(
        &mut self,
        only: Option<usize>,
        name: &str,
        kinds: NamedRows,
        lines: impl Fn(&Instance, RowId) -> Vec<String>,
    ) {
        let found = match self.find_row(only, name, kinds) {
            Ok(found) => vec![found],
            Err(why) => {
                let each = self.chosen(only).filter_map(|index| self.find_row(Some(index), name, kinds).ok());
                let found: Vec<(usize, RowId)> = each.collect();
                if found.is_empty() {
                    return self.output.print(&why);
                }
                found
            }
        };
        for (index, id) in found {
            let prefix = self.prefix(index);
            let lines = lines(&self.instances[index].instance, id);
            self.output.print_all(&prefix, &lines);
        }
    }

    fn print_causes(&mut self, only: Option<usize>) {
        let now = self.clock.now().monotonic;
        for index in self.chosen(only) {
            let prefix = self.prefix(index);
            let instance = &self.instances[index].instance;
            let none = format!("{}.", verdict_sentence(instance));
            let mut lines = lines_or_none(instance, row_reports::cause_lines(instance, now), &none);
            lines.extend(gaps_line(instance));
            self.output.print_all(&prefix, &lines);
        }
    }

    fn print_lists(&mut self, only: Option<usize>, noun: &str, lines: impl Fn(&Instance) -> Vec<String>) {
        for index in self.chosen(only) {
            let (prefix, instance) = (self.prefix(index), &self.instances[index].instance);
            let lines = lines_or_none(instance, lines(instance), &format!("no {noun}"));
            self.output.print_all(&prefix, &lines);
        }
    }

    fn print_events(&mut self, only: Option<usize>) {
        for index in self.chosen(only) {
            let prefix = self.prefix(index);
            let events = self.instances[index].instance.all_events().newest_first().take(LISTED_EVENTS);
            let mut lines: Vec<String> = events
                .map(|event| format!("{} {prefix}{}", local_clock_time(event.at.wall), listed_event(event)))
                .collect();
            lines.reverse();
            if lines.is_empty() {
                lines.push(format!("{prefix}no events yet"));
            }
            self.output.print_all("", &lines);
        }
    }

    fn print_watched(&mut self, only: Option<usize>) {
        let mut is_empty = true;
        for index in self.chosen(only) {
            let watched = &self.instances[index];
            let rows = watched.announcer.watched().filter_map(|id| row_reports::view_row(&watched.instance, id));
            let lines: Vec<String> = rows.map(|row| row_reports::row_line(&row)).collect();
            is_empty &= lines.is_empty();
            let prefix = self.prefix(index);
            self.output.print_all(&prefix, &lines);
        }
        if is_empty {
            self.output.print("no row is watched; to start: watch NAME");
        }
    }

    fn toggle_watch(&mut self, index: usize, id: RowId) {
        let prefix = self.prefix(index);
        let watched = &mut self.instances[index];
        let path =
            row_reports::view_row(&watched.instance, id).map_or_else(String::new, |row| row_reports::row_path(&row));
        let line = if watched.announcer.toggle_watch(id) {
            watched.has_changes = true;
            format!("{prefix}{path} is watched: its figures are announced when they change, at most every 5 s")
        } else {
            format!("{prefix}{path} is not watched any more")
        };
        self.output.print(&line);
    }
}
