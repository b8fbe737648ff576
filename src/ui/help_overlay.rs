//! The help: the sort column, the keys that do something in the view shown, and its columns. Built from the tables of
//! commands and columns. The palette lists the keys of other views.

use crate::actions::action_table;
use crate::app::command_scope;
use crate::app::command_table::COMMANDS;
use crate::app::dashboard_lists;
use crate::app::layers::TextExtent;
use crate::app::layout::Area;
use crate::app::menus;
use crate::app::model::Model;
use crate::app::prompt::Prompt;
use crate::app::ui_commands::{CommandGroup, CommandSpec};
use crate::table::cell::Role;
use crate::table::columns::column::Column;
use crate::table::requests::request_columns::REQUEST_COLUMNS;
use crate::table::view_table::Content;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, StyledText, styled_text};
use crate::ui::text_width;

/// Width of the help, in screen cells.
const WIDTH: u16 = 100;
/// Column of the texts after the keys and names.
const TEXT_COLUMN: u16 = 20;

/// A section of the help: its heading, and its lines.
struct Section {
    heading: String,
    lines: Vec<HelpLine>,
}

/// A line of the help: a key or name, and a text.
struct HelpLine {
    name: String,
    text: String,
    role: Role,
}

/// A line on the screen: texts with the columns where they begin.
type ScreenLine = Vec<(u16, StyledText<'static>)>;

/// Draws the help over the screen, starting with line `top`. Returns the largest line number that the help can start
/// with.
pub(crate) fn draw(
    context: &DrawContext<'_>,
    canvas: &mut Canvas<'_>,
    screen: Area,
    top: usize,
    search: Option<&Prompt>,
) -> TextExtent {
    let width = screen.width.min(WIDTH);
    let sections = sections(context.model, canvas.theme.is_ascii);
    let lines = screen_lines(sections, usize::from(width.saturating_sub(TEXT_COLUMN + 3)), search);
    let height = screen.height.min(lines.len() as u16 + 2);
    let area = screen.columns((screen.width - width) / 2, width).rows((screen.height - height) / 2, height);
    canvas.clear(area);
    let visible = usize::from(area.height.saturating_sub(2));
    let extent = TextExtent::new(lines.len(), visible);
    let top = top.min(extent.last_top);
    let remark = if visible < lines.len() {
        format!(" {}-{} of {} ", top + 1, (top + visible).min(lines.len()), lines.len())
    } else {
        String::new()
    };
    let searched = search.map_or_else(|| "/ searches ".to_owned(), |search| format!("/{}_ ", search.text()));
    let title = [styled_text(" Keys ", Role::Focus), styled_text(searched, Role::Dim)];
    let inner = canvas.draw_frame(area, &title, &[styled_text(remark, Role::Dim)], Role::Focus);
    for (row, line) in lines.into_iter().skip(top).take(visible).enumerate() {
        let mut column = 1;
        for (offset, text) in line {
            column = canvas.draw_texts(inner, offset.max(column), row as u16, [text]);
        }
    }
    extent
}

/// Returns the lines of the sections that match the search; a long text is wrapped at `width` cells.
fn screen_lines(sections: Vec<Section>, width: usize, search: Option<&Prompt>) -> Vec<ScreenLine> {
    let mut lines: Vec<ScreenLine> = Vec::new();
    for section in sections {
        let is_found = |line: &HelpLine| menus::matches_search(search, &[&line.name, &line.text]);
        let found: Vec<HelpLine> = section.lines.into_iter().filter(is_found).collect();
        if found.is_empty() {
            continue;
        }
        if !lines.is_empty() {
            lines.push(Vec::new());
        }
        lines.push(vec![(1, styled_text(section.heading, Role::Title))]);
        for line in found {
            let (name_role, text_role) =
                if line.role == Role::Dim { (Role::Dim, Role::Dim) } else { (Role::Key, line.role) };
            let mut name = Some(styled_text(line.name, name_role));
            for part in text_width::wrap_at_blanks(&line.text, width.max(10)) {
                let name = name.take().map(|name| (3, name));
                lines.push(name.into_iter().chain([(TEXT_COLUMN, styled_text(part, text_role))]).collect());
            }
        }
    }
    if lines.is_empty() {
        lines.push(vec![(1, styled_text("no key or column matches; Esc shows all", Role::Dim))]);
    }
    lines
}

fn sections(model: &Model, ascii: bool) -> Vec<Section> {
    let mut all = Vec::new();
    let settings = &model.view_settings[model.view()];
    if let Some(sort) = settings.sort {
        all.push(Section { heading: "Sorted by".to_owned(), lines: vec![column_line(sort.column)] });
    }
    for group in CommandGroup::ALL {
        // Commands without a key are omitted; actions among them are in the menu of actions.
        let has_key = |command: &&CommandSpec| !model.keymap.keys_for(command).is_empty();
        let commands = COMMANDS.iter().filter(|command| command.group == group).filter(has_key);
        let here = commands.filter(|command| command_scope::works_here(model, command));
        let mut lines: Vec<HelpLine> = here.map(|command| command_line(model, command, ascii)).collect();
        if group == CommandGroup::Actions {
            lines.insert(0, actions_line(model));
        }
        all.push(Section { heading: group.title().to_owned(), lines });
    }
    let columns = match model.current_view().content {
        Content::Dashboard => dashboard_lists::columns(model.focus).to_vec(),
        Content::Table(_) => settings.columns.clone(),
        _ => Vec::new(),
    };
    let mut columns: Vec<HelpLine> =
        columns.into_iter().filter(|column| !column.title.is_empty()).map(column_line).collect();
    let balancers = model.balancers.table.columns.iter().filter(|_| model.shows_balancers());
    columns.extend(balancers.map(|column| HelpLine {
        name: column.title.to_owned(),
        text: column.help.to_owned(),
        role: Role::Normal,
    }));
    let requests = REQUEST_COLUMNS.iter().filter(|_| model.shows_requests());
    columns.extend(requests.map(|column| HelpLine {
        name: column.title.to_owned(),
        text: column.help.to_owned(),
        role: Role::Normal,
    }));
    all.push(Section { heading: "Columns".to_owned(), lines: columns });
    all
}

/// Returns the line that says why no action is possible, or how actions are confirmed.
fn actions_line(model: &Model) -> HelpLine {
    let (text, role) = match model.check_allowed(&action_table::READY) {
        Err(refusal) => (format!("not now: {}", model.explain_refusal(&refusal)), Role::Warn),
        Ok(()) => ("y confirms after half a second without keys, any other key cancels".to_owned(), Role::Dim),
    };
    HelpLine { name: String::new(), text, role }
}

fn command_line(model: &Model, command: &CommandSpec, ascii: bool) -> HelpLine {
    let keys = model.keymap.keys_for(command).iter().map(|key| key.label(ascii)).collect::<Vec<_>>().join(" ");
    HelpLine { name: keys, text: command.help.to_owned(), role: Role::Normal }
}

fn column_line(column: &'static Column) -> HelpLine {
    HelpLine { name: column.title.to_owned(), text: column.full_help(), role: Role::Normal }
}
