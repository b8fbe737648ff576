//! View 8: stick tables, and the entries of the open table.

use crate::app::layout::Area;
use crate::app::query_lines;
use crate::app::query_refresh;
use crate::app::query_state::OpenTable;
use crate::app::session_groups::EntryGroup;
use crate::app::ui_commands::UiCommand;
use crate::ask::query_limits;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stick_tables::{TableEntries, TableEntry};
use crate::table::cell::Role;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, styled_text};
use crate::ui::query_panes::{
    CellSlot, draw_cells, draw_query_offer, draw_status_line, filter_text, left_slot, right_slot,
};
use crate::ui::row_renderer;
use crate::ui::text_width;
use crate::units;

/// Returns the role for the used share of a stick table, from 0 to 1. The limits are fixed here, because no rule covers
/// stick tables.
fn fill_role(fill: f64) -> Role {
    match fill {
        0.95.. => Role::Bad,
        0.8.. => Role::Warn,
        _ => Role::Normal,
    }
}

/// Width of the columns after the names of tables.
const OTHER_WIDTH: u16 = 8 + 6 + 7 + 6 + 1;

/// Returns the width of the names of the tables, with the blanks after them.
fn name_width(context: &DrawContext<'_>) -> u16 {
    let names = query_lines::shown_stick_tables(context.model).map(|table| text_width::width(table.name.as_str()));
    names.max().unwrap_or(0).clamp(10, 60) as u16 + 2
}

/// Returns the width that the list of tables needs.
pub(crate) fn list_width(context: &DrawContext<'_>) -> u16 {
    1 + name_width(context) + OTHER_WIDTH
}

/// Draws the list of stick tables, or the entries of the open table.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    let DrawContext { model, instance, now, .. } = *context;
    if let Some(open) = &instance.queries.open_table {
        return draw_entries(context, canvas, area, open);
    }
    let fetched = &instance.queries.tables;
    let Some((latest, _)) = &fetched.latest else {
        return draw_query_offer(instance.data.source(), canvas, area, fetched, "lists the stick tables", "");
    };
    let shown = query_lines::shown_stick_tables(model).count();
    let message = format!("{shown} of {} tables, {}", latest.list.len(), query_refresh::describe(model, now));
    let poll = model.keymap.key_or_command(UiCommand::PollNow);
    let hints = [format!("{poll} reads again"), "Enter: entries (locks the table)".to_owned()];
    let texts = filter_text(model, false).into_iter().chain([styled_text(message, Role::Normal)]).collect();
    draw_status_line(canvas, area, fetched, texts, &hints);
    let columns = [
        left_slot(area.width.saturating_sub(1 + OTHER_WIDTH).min(name_width(context))),
        left_slot(8),
        right_slot(5),
        right_slot(6),
        right_slot(5),
    ];
    draw_cells(canvas, area.rows(1, 1), &["TABLE", "TYPE", "USED", "SIZE", "FULL"], &columns, Role::Dim);
    let list = &instance.view_cursors[model.view()];
    let body = area.rows(2, area.height);
    if shown == 0 {
        let message = if latest.list.is_empty() {
            "HAProxy has no stick tables; its configuration creates them (stick-table)"
        } else {
            "no tables match the filter; Esc clears it"
        };
        canvas.draw_text(body, 1, 0, message, Role::Dim);
    }
    let visible = query_lines::shown_stick_tables(model).enumerate().skip(list.top()).take(usize::from(body.height));
    for (row, (index, table)) in visible.enumerate() {
        let number = |value: Option<u64>| value.map_or(units::UNKNOWN.to_owned(), |value| units::count(value as i64));
        let fill = table.fill_ratio();
        let share = fill.map_or(units::UNKNOWN.to_owned(), units::percent);
        let (used, size) = (number(table.used), number(table.size));
        let cells = [table.name.as_str(), table.key_type.as_str(), &used, &size, &share];
        let role = fill.map_or(Role::Normal, fill_role);
        draw_cells(canvas, body.rows(row as u16, 1), &cells, &columns, role);
        if index == list.index() {
            canvas.highlight_row(body, row as u16, Role::Selected);
        }
    }
}

/// Draws the entries of the open table, or groups of them.
fn draw_entries(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, open: &OpenTable) {
    let DrawContext { model, instance, now, .. } = *context;
    let fetched = &open.entries;
    let Some((latest, _)) = &fetched.latest else {
        if fetched.is_scheduled {
            let cost = query_limits::find(&["show", "table", "*"]);
            let wait = instance.queries.pauses.remaining(&cost.into_iter().collect::<Vec<_>>(), now);
            let seconds = wait.as_millis().div_ceil(1000);
            let text = format!("the entries are read in {seconds} s: a table is read at most once every 10 s");
            canvas.draw_text(area, 2, 1, &text, Role::Warn);
            return;
        }
        let warning = query_limits::find(&["show", "table", "*"]).map_or("", |cost| cost.warning);
        return draw_query_offer(
            instance.data.source(),
            canvas,
            area,
            fetched,
            "lists the entries of this table",
            warning,
        );
    };
    let counter = latest.counters.get(open.sort).map_or(String::new(), |counter| {
        let window = counter.period.map_or(String::new(), |period| format!(" per {}", units::duration(period)));
        format!(", most {}{window} first", counter.name)
    });
    let shown = query_lines::shown_entries(model).count();
    let group = open.open_group.as_ref().map_or(String::new(), |group| format!(" {group}"));
    let what = if query_lines::are_entries_grouped(model) { "entries by network" } else { "entries" };
    let age = query_refresh::describe(model, now);
    let mut texts: Vec<_> = filter_text(model, true).into_iter().collect();
    texts.push(styled_text(format!("{}{group}: {shown} {what}, {age}{counter}", open.name), Role::Normal));
    if latest.dropped > 0 {
        texts.push(styled_text(format!("   {} omitted", latest.dropped), Role::Warn));
    }
    let names: Vec<&str> = if query_lines::are_entries_grouped(model) {
        open.groups.iter().map(|group| group.name.as_str()).collect()
    } else {
        latest.list.iter().map(|entry| entry.key.as_str()).collect()
    };
    let key_width = names.into_iter().map(text_width::width).max().unwrap_or(0);
    let arrow = row_renderer::sort_sign(canvas.theme, true);
    let counters = CounterColumns::fit(arrow, latest, open.sort, area.width, key_width.min(999) as u16);
    if counters.hidden > 0 {
        texts.push(styled_text(format!("   {} hidden", units::pluralize(counters.hidden as i64, "col")), Role::Warn));
    }
    let [sort, filter, poll, networks] =
        [UiCommand::SortNext(1), UiCommand::EditFilter, UiCommand::PollNow, UiCommand::GroupNext]
            .map(|run| model.keymap.key_or_command(run));
    let hints = [
        format!("{sort} sorts by the next counter"),
        format!("{filter} COUNTER>N then {poll}"),
        format!("{networks} groups by network"),
        "Esc back".to_owned(),
    ];
    draw_status_line(canvas, area, fetched, texts, &hints);
    if shown == 0 {
        let message = if latest.list.is_empty() {
            "this table has no entries: no client was tracked, or all have expired"
        } else {
            "no entries match the filter; Esc goes back"
        };
        canvas.draw_text(area.rows(2, area.height), 1, 0, message, Role::Dim);
    }
    draw_entry_lines(context, canvas, area, (open, latest), &counters);
}

/// Draws the headings and the entries or groups of entries.
fn draw_entry_lines(
    context: &DrawContext<'_>,
    canvas: &mut Canvas<'_>,
    area: Area,
    (open, latest): (&OpenTable, &TableEntries),
    counters: &CounterColumns,
) {
    let DrawContext { model, instance, .. } = *context;
    let is_grouped = query_lines::are_entries_grouped(model);
    let names = if is_grouped { ["NETWORK", "ENTRIES"] } else { ["KEY", "EXPIRES"] };
    let headings: Vec<&str> = names.into_iter().chain(counters.headings.iter().map(String::as_str)).collect();
    draw_cells(canvas, area.rows(1, 1), &headings, &counters.slots, Role::Dim);
    let list = &instance.view_cursors[model.view()];
    let body = area.rows(2, area.height);
    let (top, height) = (list.top(), usize::from(body.height));
    let lines: Vec<Vec<String>> = if is_grouped {
        let groups = open.groups.iter().skip(top).take(height);
        let cells = |group: &EntryGroup| {
            let sums = counters.cells(latest, |index| group.sums.get(index).copied().flatten(), &[]);
            [group.name.clone(), group.entries.to_string()].into_iter().chain(sums).collect()
        };
        groups.map(cells).collect()
    } else {
        let cells = |entry: &TableEntry| {
            let expiry = entry.expires_in.map_or(units::UNKNOWN.to_owned(), units::duration);
            let values = counters.cells(latest, |index| entry.value(index), &entry.texts);
            [entry.key.to_string(), expiry].into_iter().chain(values).collect()
        };
        query_lines::shown_entries(model).skip(top).take(height).map(cells).collect()
    };
    for (row, cells) in lines.iter().enumerate() {
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        draw_cells(canvas, body.rows(row as u16, 1), &cells, &counters.slots, Role::Normal);
        if top + row == list.index() {
            canvas.highlight_row(body, row as u16, Role::Selected);
        }
    }
}

/// The columns of counters and texts that fit, after the key and the expiry.
struct CounterColumns {
    /// Columns, with those of the key and the expiry.
    slots: Vec<CellSlot>,
    headings: Vec<String>,
    /// Indexes of the counters, the one that the entries are sorted by first.
    counters: Vec<usize>,
    /// Names of values that are not numbers, such as `server_key`.
    texts: Vec<SafeText>,
    /// Number of counters and values that do not fit.
    hidden: usize,
}

impl CounterColumns {
    /// Divides `width` cells. Keys of `key_width` cells are shown whole if they need at most a third; `arrow` marks the
    /// counter that the entries are sorted by.
    fn fit(arrow: &str, latest: &TableEntries, sort: usize, width: u16, key_width: u16) -> Self {
        let key = key_width.clamp(16, (width / 3).clamp(16, 44));
        let slots = vec![left_slot(key), right_slot(7)];
        let values = latest.list.first().map(|entry| entry.texts.as_slice()).unwrap_or_default();
        let hidden = latest.counters.len() + values.len();
        let mut all = Self { slots, headings: Vec::new(), counters: Vec::new(), texts: Vec::new(), hidden };
        let mut used_width = 1 + key + 8;
        // The counter by which entries are sorted comes first, so that it is always visible.
        let mut order: Vec<usize> = (0..latest.counters.len()).collect();
        order.sort_by_key(|index| *index != sort);
        for index in order {
            let counter = &latest.counters[index];
            let arrow = if index == sort { arrow } else { "" };
            let window = counter.period.map_or(String::new(), |period| format!("/{}", units::duration(period)));
            let heading = format!("{}{window}{arrow}", counter.name);
            let needed = (text_width::width(&heading) as u16).max(6);
            if index != sort && used_width + needed + 2 > width {
                return all;
            }
            used_width += needed + 2;
            all.slots.push(right_slot(needed + 1));
            all.headings.push(heading);
            all.counters.push(index);
            all.hidden -= 1;
        }
        for (name, value) in values {
            let needed = (text_width::width(name.as_str()).max(text_width::width(value.as_str())) as u16).max(6);
            if used_width + needed + 2 > width {
                break;
            }
            used_width += needed + 2;
            all.slots.push(left_slot(needed + 2));
            all.headings.push(name.to_string());
            all.texts.push(name.clone());
            all.hidden -= 1;
        }
        all
    }

    /// Returns the cells of the counters and texts of a line.
    fn cells(
        &self,
        latest: &TableEntries,
        value: impl Fn(usize) -> Option<i64>,
        texts: &[(SafeText, SafeText)],
    ) -> Vec<String> {
        let number = |index: &usize| match value(*index) {
            None => units::UNKNOWN.to_owned(),
            Some(bytes) if latest.counters[*index].counts_bytes() => units::bytes(bytes as f64),
            Some(number) => units::count(number),
        };
        let text = |name: &SafeText| {
            let found = texts.iter().find(|(known, _)| known == name);
            found.map_or(units::UNKNOWN.to_owned(), |(_, value)| value.to_string())
        };
        self.counters.iter().map(number).chain(self.texts.iter().map(text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_get_the_cells_that_short_keys_leave_and_hidden_ones_are_counted() {
        let body = b"# table: t, type: ip, size:1000, used:1\n\
            0x1: key=10.0.0.1 use=0 exp=5000 shard=0 conn_cur=1 http_req_rate(10000)=3 http_err_rate(10000)=0 \
            bytes_out_rate(60000)=7\n";
        let entries = TableEntries::parse(body, None);
        assert_eq!(entries.counters.len(), 4);
        let fit = |width, key_width| CounterColumns::fit("v", &entries, 0, width, key_width);
        for (width, key_width) in [(80, 8), (80, 39), (60, 8), (40, 8), (200, 8)] {
            let columns = fit(width, key_width);
            assert_eq!(columns.counters.len() + columns.hidden, 4, "{width} {key_width}");
            assert_eq!(columns.slots.len(), 2 + columns.counters.len());
        }
        assert!(fit(80, 8).counters.len() > fit(80, 39).counters.len(), "short keys need fewer cells");
        assert_eq!(fit(200, 39).hidden, 0);
    }
}
