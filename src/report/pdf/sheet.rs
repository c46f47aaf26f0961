//! Deals slabs out over sheets of A4.

use std::rc::Rc;
use std::sync::Arc;

use krilla::color::rgb;
use resvg::usvg;

use super::setter::{Set, Style};
use super::tags::Leaf;

/// A4, in points.
pub(super) const WIDTH: f32 = 595.28;
pub(super) const HEIGHT: f32 = 841.89;
pub(super) const LEFT: f32 = 50.0;
pub(super) const RIGHT: f32 = WIDTH - LEFT;
/// The width of everything.
pub(super) const MEASURE: f32 = RIGHT - LEFT;
const TOP: f32 = 58.0;
const BOTTOM: f32 = HEIGHT - 62.0;
/// What a sheet holds.
pub(super) const BODY: f32 = BOTTOM - TOP;

/// What is never cut: a line of text, a row of a table, a chart. Places in it are from its top.
#[derive(Default)]
pub(super) struct Slab {
    /// The white above it, unless it is the first of its sheet.
    pub(super) before: f32,
    pub(super) height: f32,
    /// Whether the next one stands on the same sheet.
    pub(super) keep: bool,
    /// What is repeated above it if it is the first of its sheet: the head of its table.
    pub(super) header: Option<Rc<Header>>,
    pub(super) pieces: Vec<Piece>,
    pub(super) links: Vec<Link>,
    /// What leads here.
    pub(super) anchor: Option<Anchor>,
}

impl Slab {
    /// One slab that is never cut in place of several, without the white between them.
    pub(super) fn joined(slabs: Vec<Slab>) -> Self {
        let mut joined = Self::default();
        for mut slab in slabs {
            slab.pad_top(joined.height);
            joined.height = slab.height;
            joined.keep = slab.keep;
            joined.pieces.append(&mut slab.pieces);
        }
        joined
    }

    /// More room above what it holds.
    pub(super) fn pad_top(&mut self, pad: f32) {
        self.height += pad;
        for mark in self.pieces.iter_mut().flat_map(|piece| &mut piece.marks) {
            let y = match mark {
                Mark::Line { y, .. }
                | Mark::Fill { y, .. }
                | Mark::Drawing { y, .. }
                | Mark::SheetOf { y, .. } => y,
            };
            *y += pad;
        }
    }
}

/// A head of a table, drawn again.
pub(super) struct Header {
    pub(super) height: f32,
    pub(super) pieces: Vec<Piece>,
}

/// Marks that belong together.
#[derive(Clone)]
pub(super) struct Piece {
    /// Where it stands in the structure; decoration stands nowhere.
    pub(super) leaf: Option<Leaf>,
    pub(super) marks: Vec<Mark>,
}

impl Piece {
    pub(super) fn decoration(marks: Vec<Mark>) -> Self {
        Self { leaf: None, marks }
    }

    /// The same, out of the structure.
    pub(super) fn repeated(&self) -> Self {
        Self::decoration(self.marks.clone())
    }
}

/// Something drawn; `x` and `y` are its top left.
#[derive(Clone)]
pub(super) enum Mark {
    Line {
        set: Rc<Set>,
        line_idx: usize,
        x: f32,
        y: f32,
    },
    Fill {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
        colour: rgb::Color,
    },
    Drawing {
        drawing: Arc<usvg::Tree>,
        x: f32,
        y: f32,
        width: f32,
        height: f32,
    },
    /// The number of the sheet that a section begins on, ending at `right`.
    SheetOf {
        section: usize,
        right: f32,
        y: f32,
        style: Style,
    },
}

/// A place that leads elsewhere.
pub(super) struct Link {
    pub(super) leaf: Leaf,
    pub(super) target: Target,
    /// Where it leads, in words.
    pub(super) says: String,
    pub(super) x: f32,
    pub(super) width: f32,
}

/// Where a link leads.
pub(super) enum Target {
    Section(usize),
    Address(String),
}

/// A place that bookmarks and links lead to.
pub(super) struct Anchor {
    /// The number of the section, or nothing for a part of it.
    pub(super) section: Option<usize>,
    pub(super) title: String,
}

/// A sheet: slabs and where their tops are.
pub(super) type Sheet = Vec<(f32, Slab)>;

/// Slabs that are kept together are dealt as one, if a sheet can hold them.
pub(super) fn deal(slabs: Vec<Slab>) -> Vec<Sheet> {
    let mut sheets = vec![Sheet::new()];
    let mut y = TOP;
    let mut together = Vec::new();
    for slab in slabs {
        let last = !slab.keep;
        together.push(slab);
        if last {
            place(&mut sheets, &mut y, std::mem::take(&mut together));
        }
    }
    place(&mut sheets, &mut y, together);
    sheets
}

fn place(sheets: &mut Vec<Sheet>, y: &mut f32, slabs: Vec<Slab>) {
    let height: f32 = slabs.iter().map(|slab| slab.before + slab.height).sum();
    if *y + height > BOTTOM && height <= BODY && *y > TOP {
        turn(sheets, y, slabs.first());
    }
    for mut slab in slabs {
        if *y + slab.before + slab.height > BOTTOM && *y > TOP {
            turn(sheets, y, Some(&slab));
        }
        if *y == TOP {
            slab.before = 0.0;
        }
        let top = *y + slab.before;
        *y = top + slab.height;
        if let Some(sheet) = sheets.last_mut() {
            sheet.push((top, slab));
        }
    }
}

/// A new sheet, with the head of the table that goes on.
fn turn(sheets: &mut Vec<Sheet>, y: &mut f32, next: Option<&Slab>) {
    *y = TOP;
    let mut sheet = Sheet::new();
    if let Some(header) = next.and_then(|slab| slab.header.as_ref()) {
        let slab = Slab {
            height: header.height,
            pieces: header.pieces.clone(),
            ..Slab::default()
        };
        sheet.push((TOP, slab));
        *y += header.height;
    }
    sheets.push(sheet);
}
