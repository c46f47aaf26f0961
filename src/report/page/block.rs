//! The blocks that a page is made of. They know no format: every edition is written from them.

use crate::report::charts::Chart;
use crate::report::look::{Colour, Logo};
use crate::report::words::{Sentence, Words};

/// A report, ready to be written in any format.
pub(in crate::report) struct Page {
    pub(in crate::report) words: &'static Words,
    /// The title of the document.
    pub(in crate::report) title: String,
    /// Who publishes it.
    pub(in crate::report) publisher: String,
    pub(in crate::report) heading: &'static str,
    pub(in crate::report) subheading: String,
    pub(in crate::report) addressee: String,
    pub(in crate::report) facts: Vec<Fact>,
    /// What must be known before anything else: that it replaces another report.
    pub(in crate::report) banner: Option<String>,
    /// The operator's own words before the first section.
    pub(in crate::report) introduction: Vec<String>,
    pub(in crate::report) logo: Option<Logo>,
    pub(in crate::report) accent: Colour,
    pub(in crate::report) sections: Vec<Section>,
    pub(in crate::report) footer: String,
    /// What stands at the foot of every sheet, where there are sheets.
    pub(in crate::report) running: String,
    /// The number of the report.
    pub(in crate::report) number: String,
    /// What wrote it.
    pub(in crate::report) engine: String,
}

impl Page {
    /// The charts, in order.
    pub(in crate::report) fn charts(&self) -> impl Iterator<Item = &Chart> {
        self.sections
            .iter()
            .flat_map(|section| &section.blocks)
            .filter_map(|block| match block {
                Block::Chart(chart) => Some(chart),
                Block::Verdict(_)
                | Block::Figures(_)
                | Block::Heading(_)
                | Block::Text(_)
                | Block::Items(_)
                | Block::Facts(_)
                | Block::Command(_)
                | Block::Contact { .. }
                | Block::Table(_)
                | Block::Data(_) => None,
            })
    }
}

/// A numbered part.
pub(in crate::report) struct Section {
    pub(in crate::report) number: usize,
    pub(in crate::report) title: &'static str,
    pub(in crate::report) blocks: Vec<Block>,
}

/// A piece of a part.
pub(in crate::report) enum Block {
    Verdict(VerdictSaid),
    Figures(Vec<Figure>),
    Heading(&'static str),
    Text(String),
    Items(Vec<String>),
    Facts(Vec<Fact>),
    Command(&'static str),
    /// Whom to write to.
    Contact {
        who: String,
        mailbox: String,
    },
    Table(Table),
    /// The numbers behind a chart: there for whoever asks.
    Data(Table),
    Chart(Chart),
}

/// The verdict, as words and as a sign.
pub(in crate::report) struct VerdictSaid {
    pub(in crate::report) sign: Sign,
    pub(in crate::report) sentence: Sentence,
    /// What must be read with it.
    pub(in crate::report) notes: Vec<String>,
}

/// The sign that goes with a verdict; never alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Sign {
    Met,
    Missed,
    Open,
}

impl Sign {
    /// Its name in styles.
    pub(in crate::report) fn class(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Open => "open",
        }
    }

    /// Its drawing: a path in a square of 24.
    pub(in crate::report) fn path(self) -> &'static str {
        match self {
            Self::Met => "M5 12.5l4.6 4.6L19 7.6",
            Self::Missed => "M6.5 6.5l11 11M17.5 6.5l-11 11",
            Self::Open => "M8.6 9a3.5 3.5 0 1 1 5.2 3.1c-1.2.7-1.8 1.3-1.8 2.6M12 18v.2",
        }
    }
}

/// A large number with its name.
pub(in crate::report) struct Figure {
    pub(in crate::report) label: &'static str,
    pub(in crate::report) value: String,
    pub(in crate::report) note: String,
}

/// A name and its value.
pub(in crate::report) struct Fact {
    pub(in crate::report) label: &'static str,
    pub(in crate::report) value: String,
    /// Whether it is a code that is copied rather than read.
    pub(in crate::report) code: bool,
}

impl Fact {
    pub(super) fn new(label: &'static str, value: String) -> Self {
        Self {
            label,
            value,
            code: false,
        }
    }
}

/// Rows and columns; the first cell names its row.
pub(in crate::report) struct Table {
    pub(in crate::report) caption: &'static str,
    pub(in crate::report) head: Vec<Column>,
    pub(in crate::report) rows: Vec<Row>,
}

/// The head of a column.
pub(in crate::report) struct Column {
    pub(in crate::report) label: &'static str,
    /// Whether it holds numbers, which stand right.
    pub(in crate::report) numeric: bool,
}

/// A row of a table.
pub(in crate::report) struct Row {
    pub(in crate::report) cells: Vec<String>,
    /// Whether it is the one that counts: a total, or the month of the report.
    pub(in crate::report) strong: bool,
}

impl Table {
    /// `numeric` names the columns of numbers by their index.
    pub(super) fn new(caption: &'static str, head: &[&'static str], numeric: &[usize]) -> Self {
        let head = head
            .iter()
            .enumerate()
            .map(|(idx, label)| Column {
                label,
                numeric: numeric.contains(&idx),
            })
            .collect();
        Self {
            caption,
            head,
            rows: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, cells: impl Into<Vec<String>>) {
        self.rows.push(Row {
            cells: cells.into(),
            strong: false,
        });
    }

    pub(super) fn push_strong(&mut self, cells: impl Into<Vec<String>>) {
        self.rows.push(Row {
            cells: cells.into(),
            strong: true,
        });
    }
}
