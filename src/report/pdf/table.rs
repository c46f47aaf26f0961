//! Tables: how wide their columns are, and their rows as slabs.

use std::rc::Rc;

use krilla::tagging::{TableHeaderScope, Tag};

use super::compose::Composer;
use super::setter::{Set, Side};
use super::sheet::{BODY, Header, LEFT, MEASURE, Mark, Piece, Slab};
use super::tags::Branch;
use crate::report::page::Table;

/// Between columns.
const GAP: f32 = 9.0;
/// Above and below the text of a row.
const PAD: f32 = 3.6;
/// A table of at most so many rows is not cut.
const WHOLE_MAX: usize = 9;

/// A text in a row: where it stands, and under which tag.
pub(super) struct Cell {
    pub(super) set: Rc<Set>,
    pub(super) x: f32,
    pub(super) tag: Branch,
}

impl Composer<'_> {
    /// A table with its caption, its head and its rows.
    pub(super) fn table(&mut self, parent: Branch, table: &Table) {
        let styles = self.styles;
        let tag = self.tags.branch(parent, Tag::Table);
        let caption = self.tags.branch(tag, Tag::Caption);
        self.lines(caption, table.caption, styles.caption, 15.0, true);

        let side = |idx: usize| match table.head.get(idx) {
            Some(column) if column.numeric => Side::Right,
            Some(_) | None => Side::Left,
        };
        let head: Vec<Set> = table
            .head
            .iter()
            .map(|column| self.setter.unbroken(column.label, styles.head))
            .collect();
        let rows: Vec<Vec<Set>> = table
            .rows
            .iter()
            .map(|row| {
                row.cells
                    .iter()
                    .map(|text| {
                        let style = if row.strong {
                            styles.cell_strong
                        } else {
                            styles.cell
                        };
                        self.setter.unbroken(text, style)
                    })
                    .collect()
            })
            .collect();
        let after_number: Vec<bool> = (0..table.head.len())
            .map(|idx| {
                let numeric = |idx: usize| side(idx) == Side::Right;
                idx > 0 && numeric(idx - 1) && !numeric(idx)
            })
            .collect();
        let columns = columns(&head, &rows, &after_number);

        let thead = self.tags.branch(tag, Tag::THead);
        let tr = self.tags.branch(thead, Tag::TR);
        let cells: Vec<Cell> = head
            .into_iter()
            .zip(&columns)
            .enumerate()
            .map(|(idx, (set, column))| Cell {
                set: Rc::new(set.broken(column.width, side(idx))),
                x: column.x,
                tag: self.tags.branch(tr, Tag::TH(TableHeaderScope::Column)),
            })
            .collect();
        let mut header = self.row(cells, PAD, None).remove(0);
        header.pieces.push(Piece::decoration(vec![Mark::Fill {
            x: LEFT,
            y: header.height - 1.0,
            width: MEASURE,
            height: 1.0,
            colour: self.palette.ink,
        }]));
        header.keep = true;
        let repeated = Rc::new(Header {
            height: header.height,
            pieces: header.pieces.iter().map(Piece::repeated).collect(),
        });
        self.slabs.push(header);

        let tbody = self.tags.branch(tag, Tag::TBody);
        let n_rows = rows.len();
        for (row_idx, (sets, row)) in rows.into_iter().zip(&table.rows).enumerate() {
            let tr = self.tags.branch(tbody, Tag::TR);
            let cells = sets
                .into_iter()
                .zip(&columns)
                .enumerate()
                .map(|(idx, (set, column))| Cell {
                    set: Rc::new(set.broken(column.width, side(idx))),
                    x: column.x,
                    tag: match idx {
                        0 => self.tags.branch(tr, Tag::TH(TableHeaderScope::Row)),
                        _ => self.tags.branch(tr, Tag::TD),
                    },
                })
                .collect();
            let ground = row.strong.then_some(self.palette.panel);
            let last = row_idx + 1 == n_rows;
            // No row stands alone at the foot or at the head of a sheet.
            let keep = !last && (n_rows <= WHOLE_MAX || row_idx == 0 || row_idx + 2 == n_rows);
            let mut slabs = self.row(cells, PAD, ground);
            if last && let Some(slab) = slabs.last_mut() {
                let y = slab.height - 0.5;
                slab.pieces.push(self.rule(y));
            }
            for slab in &mut slabs {
                slab.header = Some(Rc::clone(&repeated));
                slab.keep = keep;
            }
            if row_idx > 0 {
                // The line between two rows; the head has its own.
                let rule = self.rule(0.0);
                if let Some(slab) = slabs.first_mut() {
                    slab.pieces.push(rule);
                }
            }
            self.slabs.append(&mut slabs);
        }
    }

    /// Texts side by side as one slab, or as several if no sheet can hold them.
    pub(super) fn row(
        &mut self,
        cells: Vec<Cell>,
        pad: f32,
        ground: Option<krilla::color::rgb::Color>,
    ) -> Vec<Slab> {
        let leading = cells
            .iter()
            .map(|cell| cell.set.leading())
            .fold(1.0, f32::max);
        let n_lines = cells.iter().map(|cell| cell.set.n_lines()).max();
        let n_lines = n_lines.unwrap_or_default().max(1);
        // Half a sheet leaves room for a head.
        let n_lines_max = ((BODY / 2.0) / leading) as usize;
        let mut slabs = Vec::new();
        let mut first = 0;
        while first < n_lines {
            let last = (first + n_lines_max).min(n_lines);
            let height = leading * (last - first) as f32 + 2.0 * pad;
            let mut pieces = Vec::with_capacity(cells.len() + 2);
            if let Some(colour) = ground {
                pieces.push(Piece::decoration(vec![Mark::Fill {
                    x: LEFT,
                    y: 0.0,
                    width: MEASURE,
                    height,
                    colour,
                }]));
            }
            for cell in &cells {
                let end = last.min(cell.set.n_lines());
                if end <= first {
                    continue;
                }
                let marks = (first..end)
                    .map(|line_idx| Mark::Line {
                        set: Rc::clone(&cell.set),
                        line_idx,
                        x: cell.x,
                        y: pad + cell.set.leading() * (line_idx - first) as f32,
                    })
                    .collect();
                pieces.push(Piece {
                    leaf: Some(self.tags.leaf(cell.tag)),
                    marks,
                });
            }
            slabs.push(Slab {
                height,
                pieces,
                ..Slab::default()
            });
            first = last;
        }
        slabs
    }

    /// A thin line over the whole measure.
    pub(super) fn rule(&self, y: f32) -> Piece {
        Piece::decoration(vec![Mark::Fill {
            x: LEFT,
            y,
            width: MEASURE,
            height: 0.5,
            colour: self.palette.line,
        }])
    }
}

/// Where a column begins and how wide it is.
struct Column {
    x: f32,
    width: f32,
}

/// Columns that fill the measure: each at least as wide as its longest word, and the rest by how
/// much text there is. Those that begin where numbers end stand further off.
fn columns(head: &[Set], rows: &[Vec<Set>], after_number: &[bool]) -> Vec<Column> {
    let n = head.len();
    let gap = |idx: usize| match after_number.get(idx) {
        Some(true) => 2.0 * GAP,
        Some(false) | None => GAP,
    };
    let room = MEASURE - (1..n).map(gap).sum::<f32>();
    let mut least = vec![0.0_f32; n];
    let mut most = vec![0.0_f32; n];
    for (idx, set) in head.iter().enumerate() {
        let (min, max) = set.widths();
        // A head may take three lines; its words are not cut.
        least[idx] = min;
        most[idx] = (max / 2.0).max(min);
    }
    for row in rows {
        for (idx, set) in row.iter().enumerate().take(n) {
            let (min, max) = set.widths();
            least[idx] = least[idx].max(min);
            most[idx] = most[idx].max(max);
        }
    }
    let (sum_least, sum_most): (f32, f32) = (least.iter().sum(), most.iter().sum());
    let widths: Vec<f32> = if sum_most <= room {
        let share = (room - sum_most) / n.max(1) as f32;
        most.iter().map(|most| most + share).collect()
    } else if sum_least <= room {
        let share = (room - sum_least) / (sum_most - sum_least).max(1.0);
        least
            .iter()
            .zip(&most)
            .map(|(least, most)| least + (most - least) * share)
            .collect()
    } else {
        least.iter().map(|least| least * room / sum_least).collect()
    };
    let mut x = LEFT;
    widths
        .into_iter()
        .enumerate()
        .map(|(idx, width)| {
            let column = Column { x, width };
            x += width + gap(idx + 1);
            column
        })
        .collect()
}
