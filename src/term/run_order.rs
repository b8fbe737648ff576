//! The order in which runs of changed cells are written: one in which moving the cursor and changing the style take few bytes.
//!
//! One order goes from each run to the one that takes the fewest bytes to reach, another one is that of the screen. In both, a
//! few runs at a time are moved to a place that saves bytes, and the shorter one is taken. This is the travelling salesman problem with asymmetric distances; the result is near the optimum.

use ratatui::buffer::{Buffer, Cell};

use crate::term::cursor_move::{CursorPosition, Pen, columns_of};
use crate::term::sgr::CellStyle;

/// A changed cell: column, row, new content.
pub(super) type CellChange<'a> = (u16, u16, &'a Cell);

/// Adjacent changed cells of one line.
pub(super) type CellRun<'a, 'b> = &'a [CellChange<'b>];

/// Number of changed cells up to which the order is improved: more than a refresh changes.
const MAX_CHANGES: usize = 1000;
/// Number of bytes by which a run further up must be nearer, because going up leaves out runs that are far away later.
const UPWARD: i32 = 5;
/// Number of runs that are ordered together. The time grows with its square.
const GROUP: usize = 128;
/// Maximum number of runs that are moved together.
const MAX_MOVED: usize = 3;
/// Number of times that all runs are considered for a move.
const PASSES: usize = 2;

/// Orders runs, which are in the order of the screen.
pub(super) fn order_runs<'a, 'b>(runs: &[CellRun<'a, 'b>], next: &Buffer) -> Vec<CellRun<'a, 'b>> {
    if runs.iter().map(|run| run.len()).sum::<usize>() > MAX_CHANGES {
        return runs.to_vec();
    }
    let mut ordered: Vec<CellRun<'a, 'b>> = Vec::with_capacity(runs.len());
    for group in runs.chunks(GROUP) {
        let start = ordered.last().map_or(Pen::DEFAULT, |run| pen_after(run));
        let distances = Distances::new(start, group, next);
        let mut tours = [distances.nearest_neighbors(), (0..=group.len()).chain([0]).collect()];
        for tour in &mut tours {
            distances.improve(tour);
        }
        let tour = if distances.sum(&tours[1]) < distances.sum(&tours[0]) { &tours[1] } else { &tours[0] };
        ordered.extend(tour[1..=group.len()].iter().map(|place| group[place - 1]));
    }
    ordered
}

/// Returns the state of the terminal after a run.
fn pen_after(run: CellRun<'_, '_>) -> Pen {
    let Some((x, y, cell)) = run.last() else { return Pen::DEFAULT };
    let max_x = run.iter().fold(run[0].0, |max_x, (_, _, cell)| max_x.saturating_add(columns_of(cell)));
    Pen { style: CellStyle::from_cell(cell), cursor: Some(CursorPosition { x: x + 1, y: *y, max_x }) }
}

/// The number of bytes between the end of a place and the start of another one. Place 0 is before the first run, and after the
/// last one; the others are the runs.
struct Distances {
    bytes: Vec<u16>,
    /// The line of each place.
    lines: Vec<u16>,
}

impl Distances {
    fn new(start: Pen, runs: &[CellRun<'_, '_>], next: &Buffer) -> Self {
        let pens: Vec<Pen> = [start].into_iter().chain(runs.iter().map(|run| pen_after(run))).collect();
        let mut style_changes = StyleChanges::default();
        let mut bytes = Vec::with_capacity(pens.len() * pens.len());
        for pen in &pens {
            bytes.push(style_changes.len(pen.style, CellStyle::DEFAULT) as u16);
            for (x, y, cell) in runs.iter().filter_map(|run| run.first()) {
                let style = style_changes.len(pen.style, CellStyle::from_cell(cell));
                bytes.push((pen.shortest_move(*x, *y, next).len() + style) as u16);
            }
        }
        let lines = pens.iter().map(|pen| pen.cursor.map_or(0, |at| at.y)).collect();
        Self { bytes, lines }
    }

    fn between(&self, one: usize, other: usize) -> i32 {
        i32::from(self.bytes[one * self.lines.len() + other])
    }

    fn sum(&self, tour: &[usize]) -> i32 {
        tour.windows(2).map(|step| self.between(step[0], step[1])).sum()
    }

    /// Returns all places, each followed by the nearest one of the rest, and place 0 again at the end.
    fn nearest_neighbors(&self) -> Vec<usize> {
        let mut left: Vec<usize> = (1..self.lines.len()).collect();
        let mut tour = vec![0];
        let mut at = 0;
        let distance = |at: usize, other: usize| {
            self.between(at, other) + if self.lines[other] < self.lines[at] { UPWARD } else { 0 }
        };
        while let Some(index) = (0..left.len()).min_by_key(|index| distance(at, left[*index])) {
            at = left.remove(index);
            tour.push(at);
        }
        tour.push(0);
        tour
    }

    /// Exchanges neighboring parts of the tour, one of which is short, while this saves bytes.
    fn improve(&self, tour: &mut [usize]) {
        let end = tour.len() - 1;
        for _ in 0..PASSES {
            for (start, length) in (1..end).flat_map(|start| (1..=MAX_MOVED).map(move |length| (start, length))) {
                let middle = start + length;
                let later = (middle + 1..=end).map(|other| (start, middle, other));
                let earlier = (1..start).filter(|_| middle <= end).map(|other| (other, start, middle));
                let exchanges = later.chain(earlier).map(|parts| (self.gain(tour, parts), parts));
                if let Some((1.., (start, middle, end))) = exchanges.max_by_key(|(gain, _)| *gain) {
                    tour[start..end].rotate_left(middle - start);
                }
            }
        }
    }

    /// Returns the number of bytes saved by exchanging the parts of the tour from `start` to `middle` and from there to `end`.
    fn gain(&self, tour: &[usize], (start, middle, end): (usize, usize, usize)) -> i32 {
        let (before, first, first_end) = (tour[start - 1], tour[start], tour[middle - 1]);
        let (second, second_end, after) = (tour[middle], tour[end - 1], tour[end]);
        self.between(before, first) + self.between(first_end, second) + self.between(second_end, after)
            - self.between(before, second)
            - self.between(second_end, first)
            - self.between(first_end, after)
    }
}

/// The lengths of style changes. A screen has few styles.
#[derive(Default)]
struct StyleChanges {
    known: Vec<(CellStyle, CellStyle, usize)>,
}

impl StyleChanges {
    /// Returns the number of bytes that change a style.
    fn len(&mut self, from: CellStyle, to: CellStyle) -> usize {
        if from == to {
            return 0;
        }
        if let Some((.., length)) = self.known.iter().find(|(one, other, _)| (*one, *other) == (from, to)) {
            return *length;
        }
        let length = to.sgr_after(from).len();
        self.known.push((from, to, length));
        length
    }
}
