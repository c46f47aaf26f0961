//! From the blocks of the page to slabs and tags.

use std::num::NonZeroU16;
use std::rc::Rc;

use krilla::color::rgb;
use krilla::tagging::{ListNumbering, Tag, TagKind};

use super::setter::{Set, Setter, Style};
use super::sheet::{Anchor, BODY, LEFT, Link, MEASURE, Mark, Piece, RIGHT, Slab, Target};
use super::table::Cell;
use super::tags::{Branch, Tags};
use crate::report::charts::Chart;
use crate::report::look::Colour;
use crate::report::page::{Block, Fact, Figure, Page, Section, Sign, VerdictSaid};
use crate::report::workshop::{Drawings, Workshop};

/// The colours of the document, those of the HTML edition.
#[derive(Clone, Copy)]
pub(super) struct Palette {
    pub(super) ink: rgb::Color,
    pub(super) muted: rgb::Color,
    pub(super) line: rgb::Color,
    pub(super) panel: rgb::Color,
    accent: rgb::Color,
    met: rgb::Color,
    missed: rgb::Color,
    open: rgb::Color,
    warning: rgb::Color,
}

impl Palette {
    pub(super) fn new(accent: Colour) -> Self {
        let (red, green, blue) = accent.parts();
        Self {
            ink: rgb::Color::new(0x1b, 0x27, 0x33),
            muted: rgb::Color::new(0x54, 0x60, 0x6b),
            line: rgb::Color::new(0xd5, 0xda, 0xde),
            panel: rgb::Color::new(0xf5, 0xf6, 0xf4),
            accent: rgb::Color::new(red, green, blue),
            met: rgb::Color::new(0x1d, 0x5c, 0x43),
            missed: rgb::Color::new(0x7a, 0x1b, 0x2b),
            open: rgb::Color::new(0x6b, 0x4a, 0x0c),
            warning: rgb::Color::new(0xfb, 0xf3, 0xe2),
        }
    }

    fn of(&self, sign: Sign) -> rgb::Color {
        match sign {
            Sign::Met => self.met,
            Sign::Missed => self.missed,
            Sign::Open => self.open,
        }
    }
}

/// How each kind of text is set.
#[derive(Clone, Copy)]
pub(super) struct Styles {
    pub(super) caption: Style,
    pub(super) head: Style,
    pub(super) cell: Style,
    pub(super) cell_strong: Style,
    publisher: Style,
    kicker: Style,
    title: Style,
    section: Style,
    heading: Style,
    body: Style,
    body_strong: Style,
    label: Style,
    small: Style,
    contents: Style,
    figure: Style,
    code: Style,
}

impl Styles {
    fn new(palette: &Palette) -> Self {
        let plain = |size: f32, leading: f32| Style {
            size,
            leading,
            bold: false,
            colour: palette.ink,
            tabular: false,
        };
        let bold = |size, leading| Style {
            bold: true,
            ..plain(size, leading)
        };
        let muted = |style: Style| Style {
            colour: palette.muted,
            ..style
        };
        let tabular = |style: Style| Style {
            tabular: true,
            ..style
        };
        Self {
            caption: bold(9.5, 13.0),
            head: muted(bold(7.4, 9.4)),
            cell: tabular(plain(8.0, 11.0)),
            cell_strong: tabular(bold(8.0, 11.0)),
            publisher: muted(bold(9.5, 13.0)),
            kicker: plain(11.0, 15.0),
            title: bold(22.0, 27.0),
            section: bold(14.5, 19.0),
            heading: bold(10.5, 14.0),
            body: plain(9.5, 14.0),
            body_strong: bold(9.5, 14.0),
            label: muted(bold(9.0, 13.0)),
            small: muted(plain(8.0, 11.0)),
            contents: tabular(plain(9.0, 14.0)),
            figure: bold(12.5, 16.0),
            code: tabular(plain(8.5, 13.0)),
        }
    }
}

/// A document before it is dealt out over sheets.
pub(super) struct Composed {
    pub(super) slabs: Vec<Slab>,
    pub(super) tags: Tags,
}

/// Everything that grows while blocks are set.
pub(super) struct Composer<'a> {
    pub(super) setter: &'a mut Setter,
    drawings: &'a mut Drawings,
    pub(super) palette: Palette,
    pub(super) styles: Styles,
    pub(super) tags: Tags,
    pub(super) slabs: Vec<Slab>,
}

/// Sets the whole page.
pub(super) fn compose(page: &Page, workshop: &mut Workshop) -> Composed {
    let palette = Palette::new(page.accent);
    let mut composer = Composer {
        setter: &mut workshop.setter,
        drawings: &mut workshop.drawings,
        palette,
        styles: Styles::new(&palette),
        tags: Tags::default(),
        slabs: Vec::new(),
    };
    composer.front(page);
    for section in &page.sections {
        composer.section(section);
    }
    composer.foot(page);
    Composed {
        slabs: composer.slabs,
        tags: composer.tags,
    }
}

fn heading(level: u16, title: &str) -> TagKind {
    let level = NonZeroU16::new(level).unwrap_or(NonZeroU16::MIN);
    Tag::Hn(level, Some(title.to_owned())).into()
}

/// The sign of a verdict: white on a disc.
fn sign_svg(sign: Sign, colour: rgb::Color) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 24 24\"><circle cx=\"12\" cy=\"12\" r=\"11.2\" fill=\"#{:02x}{:02x}{:02x}\"/><path d=\"{}\" fill=\"none\" stroke=\"#fff\" stroke-width=\"2.6\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/></svg>",
        colour.red(),
        colour.green(),
        colour.blue(),
        sign.path()
    )
}

/// The ground of a paragraph, with a bar on its left.
#[derive(Clone, Copy)]
struct Panel {
    ground: rgb::Color,
    bar: rgb::Color,
}

/// The white inside a panel.
const PANEL_PAD: f32 = 11.0;
/// The width of its bar.
const PANEL_BAR: f32 = 4.5;
/// How far the text of a panel stands in.
const PANEL_INDENT: f32 = 15.0;
/// Where the values of facts begin.
const FACT_INDENT: f32 = 112.0;
/// How far the text of a list stands in.
const ITEM_INDENT: f32 = 12.0;

impl Composer<'_> {
    /// What stands before the first section.
    fn front(&mut self, page: &Page) {
        let styles = self.styles;
        let part = self.tags.root(Tag::Section);
        if let Some(logo) = &page.logo {
            let (width, height) = logo.size_within(170.0, 38.0);
            // The name of the publisher, which follows, says the same.
            let mark = Mark::Drawing {
                drawing: self.drawings.of_svg(logo.svg()),
                x: LEFT,
                y: 0.0,
                width,
                height,
            };
            self.slabs.push(Slab {
                height: height + 9.0,
                keep: true,
                pieces: vec![Piece::decoration(vec![mark])],
                ..Slab::default()
            });
        }
        let tag = self.tags.branch(part, Tag::P);
        self.lines(tag, &page.publisher, styles.publisher, 0.0, true);
        let title = self.tags.branch(part, heading(1, &page.title));
        self.lines(title, page.heading, styles.kicker, 20.0, true);
        self.lines(title, &page.subheading, styles.title, 1.0, true);
        let tag = self.tags.branch(part, Tag::P);
        let addressee = format!("{} {}", page.words.addressed_to, page.addressee);
        self.lines(tag, &addressee, styles.body_strong, 7.0, true);
        if let Some(banner) = &page.banner {
            let tag = self.tags.branch(part, Tag::P);
            let panel = Panel {
                ground: self.palette.warning,
                bar: self.palette.open,
            };
            self.panel(&[(tag, banner, styles.body)], panel, 0.0, 12.0);
        }
        self.facts(part, &page.facts, 12.0);
        for paragraph in &page.introduction {
            let tag = self.tags.branch(part, Tag::P);
            self.lines(tag, paragraph, styles.body, 10.0, false);
        }
        self.contents(part, page);
    }

    /// The list of sections and their sheets, in two columns.
    fn contents(&mut self, part: Branch, page: &Page) {
        let style = self.styles.contents;
        let toc = self.tags.branch(part, Tag::TOC);
        let half = page.sections.len().div_ceil(2);
        let width = (MEASURE - 24.0) / 2.0;
        let mut rows: Vec<Slab> = (0..half)
            .map(|_| Slab {
                height: style.leading,
                keep: true,
                ..Slab::default()
            })
            .collect();
        for (idx, section) in page.sections.iter().enumerate() {
            let entry = self.tags.branch(toc, Tag::TOCI);
            let reference = self.tags.branch(entry, Tag::Reference);
            let link = self.tags.branch(reference, Tag::Link);
            let x = if idx < half {
                LEFT
            } else {
                LEFT + width + 24.0
            };
            let text = format!("{}. {}", section.number, section.title);
            let set = Rc::new(self.setter.set(&text, style, width - 20.0));
            let annotation = self.tags.leaf(link);
            let leaf = self.tags.leaf(link);
            let row = &mut rows[idx % half];
            row.pieces.push(Piece {
                leaf: Some(leaf),
                marks: vec![
                    Mark::Line {
                        set,
                        line_idx: 0,
                        x,
                        y: 0.0,
                    },
                    Mark::SheetOf {
                        section: section.number,
                        right: x + width,
                        y: 0.0,
                        style,
                    },
                ],
            });
            row.links.push(Link {
                leaf: annotation,
                target: Target::Section(section.number),
                says: text,
                x,
                width,
            });
        }
        if let Some(first) = rows.first_mut() {
            first.before = 12.0;
        }
        if let Some(last) = rows.last_mut() {
            last.keep = false;
        }
        self.slabs.append(&mut rows);
    }

    fn section(&mut self, section: &Section) {
        let styles = self.styles;
        let part = self.tags.root(Tag::Section);
        let title = format!("{}. {}", section.number, section.title);
        let tag = self.tags.branch(part, heading(2, &title));
        let from = self.slabs.len();
        self.lines(tag, &title, styles.section, 26.0, true);
        if let Some(first) = self.slabs.get_mut(from) {
            first.anchor = Some(Anchor {
                section: Some(section.number),
                title,
            });
        }
        for block in &section.blocks {
            self.block(part, block);
        }
    }

    fn block(&mut self, part: Branch, block: &Block) {
        let styles = self.styles;
        match block {
            Block::Verdict(verdict) => self.verdict(part, verdict),
            Block::Figures(figures) => self.figures(part, figures),
            Block::Heading(title) => {
                let tag = self.tags.branch(part, heading(3, title));
                let from = self.slabs.len();
                self.lines(tag, title, styles.heading, 13.0, true);
                if let Some(first) = self.slabs.get_mut(from) {
                    first.anchor = Some(Anchor {
                        section: None,
                        title: (*title).to_owned(),
                    });
                }
            }
            Block::Text(text) => {
                let tag = self.tags.branch(part, Tag::P);
                self.lines(tag, text, styles.body, 7.0, false);
            }
            Block::Items(items) => self.items(part, items, 6.0),
            Block::Facts(facts) => self.facts(part, facts, 8.0),
            Block::Command(command) => {
                let tag = self.tags.branch(part, Tag::P);
                let code = self.tags.branch(tag, Tag::Code);
                let panel = Panel {
                    ground: self.palette.panel,
                    bar: self.palette.line,
                };
                self.panel(&[(code, command, styles.code)], panel, 0.0, 8.0);
            }
            Block::Contact { who, mailbox } => self.contact(part, who, mailbox),
            Block::Table(table) => self.table(part, table),
            // The HTML edition folds them away; here they would bury the report.
            Block::Data(_) => {}
            Block::Chart(chart) => self.chart(part, chart),
        }
    }

    fn verdict(&mut self, part: Branch, verdict: &VerdictSaid) {
        const SIGN: f32 = 30.0;
        let colour = self.palette.of(verdict.sign);
        let headline = Style {
            size: 15.0,
            leading: 20.0,
            bold: true,
            colour,
            tabular: false,
        };
        let body = Style {
            size: 10.0,
            leading: 14.8,
            ..self.styles.body
        };
        let tag = self.tags.branch(part, Tag::P);
        let from = self.slabs.len();
        let panel = Panel {
            ground: self.palette.panel,
            bar: colour,
        };
        self.panel(
            &[
                (tag, &verdict.sentence.headline, headline),
                (tag, &verdict.sentence.body, body),
            ],
            panel,
            SIGN + 13.0,
            9.0,
        );
        let sign = Mark::Drawing {
            drawing: self.drawings.of_svg(&sign_svg(verdict.sign, colour)),
            x: LEFT + PANEL_INDENT,
            y: PANEL_PAD,
            width: SIGN,
            height: SIGN,
        };
        if let Some(first) = self.slabs.get_mut(from) {
            first.pieces.push(Piece::decoration(vec![sign]));
        }
        if !verdict.notes.is_empty() {
            self.items(part, &verdict.notes, 8.0);
        }
    }

    /// Paragraphs on a ground of their own; `indent` leaves room on their left.
    fn panel(
        &mut self,
        paragraphs: &[(Branch, &str, Style)],
        panel: Panel,
        indent: f32,
        before: f32,
    ) {
        let x = LEFT + PANEL_INDENT + indent;
        let measure = RIGHT - PANEL_INDENT - x;
        let from = self.slabs.len();
        for (tag, text, style) in paragraphs {
            self.lines_at(*tag, text, *style, x, measure, 0.0, true);
        }
        let lines = self.slabs.split_off(from);
        let mut slabs = match lines.iter().map(|slab| slab.height).sum::<f32>() {
            height if height <= BODY / 2.0 => vec![Slab::joined(lines)],
            _ => lines,
        };
        if let Some(first) = slabs.first_mut() {
            first.before = before;
            first.pad_top(PANEL_PAD);
        }
        if let Some(last) = slabs.last_mut() {
            last.height += PANEL_PAD;
            last.keep = false;
        }
        for slab in &mut slabs {
            let fill = |width, colour| Mark::Fill {
                x: LEFT,
                y: 0.0,
                width,
                height: slab.height,
                colour,
            };
            let ground = vec![fill(MEASURE, panel.ground), fill(PANEL_BAR, panel.bar)];
            slab.pieces.insert(0, Piece::decoration(ground));
        }
        self.slabs.append(&mut slabs);
    }

    /// Large numbers with their names, side by side.
    fn figures(&mut self, part: Branch, figures: &[Figure]) {
        const PAD: f32 = 8.0;
        let (styles, line) = (self.styles, self.palette.line);
        let width = MEASURE / figures.len().max(1) as f32;
        let list = self.tags.branch(part, Tag::L(ListNumbering::None));
        let sets: Vec<[Rc<Set>; 3]> = figures
            .iter()
            .map(|figure| {
                let measure = width - 2.0 * PAD;
                // A long duration stands on one line too, which nothing in it may break.
                let smaller = Style {
                    size: styles.figure.size * 0.8,
                    ..styles.figure
                };
                let value = [styles.figure, smaller]
                    .map(|style| self.setter.set(&figure.value, style, measure));
                let [large, small] = value;
                let value = if large.n_lines() > small.n_lines() {
                    small
                } else {
                    large
                };
                [
                    self.setter.set(figure.label, styles.small, measure),
                    value,
                    self.setter.set(&figure.note, styles.small, measure),
                ]
                .map(Rc::new)
            })
            .collect();
        let tallest = |of: usize| {
            sets.iter()
                .map(|sets| sets[of].height())
                .fold(0.0, f32::max)
        };
        // Values stand on one line, whatever their names take.
        let tops = [
            PAD,
            PAD + tallest(0) + 3.0,
            PAD + tallest(0) + tallest(1) + 5.0,
        ];
        let height = tops[2] + tallest(2) + PAD;
        let mut pieces = Vec::new();
        for (idx, (sets, figure)) in sets.iter().zip(figures).enumerate() {
            let x = LEFT + width * idx as f32;
            let item = self.tags.branch(list, Tag::LI);
            let label = self.tags.branch(item, Tag::Lbl);
            let body = self.tags.branch(item, Tag::LBody);
            for ((set, top), tag) in sets.iter().zip(tops).zip([label, body, body]) {
                if set.n_lines() == 0 || (figure.note.is_empty() && top == tops[2]) {
                    continue;
                }
                let marks = (0..set.n_lines())
                    .map(|line_idx| Mark::Line {
                        set: Rc::clone(set),
                        line_idx,
                        x: x + PAD,
                        y: top + set.leading() * line_idx as f32,
                    })
                    .collect();
                pieces.push(Piece {
                    leaf: Some(self.tags.leaf(tag)),
                    marks,
                });
            }
        }
        let edge = |x: f32, y: f32, width: f32, height: f32| Mark::Fill {
            x,
            y,
            width,
            height,
            colour: line,
        };
        let mut frame = vec![
            edge(LEFT, 0.0, MEASURE, 0.6),
            edge(LEFT, height - 0.6, MEASURE, 0.6),
        ];
        for idx in 0..=figures.len() {
            let x = (LEFT + width * idx as f32).min(RIGHT - 0.6);
            frame.push(edge(x, 0.0, 0.6, height));
        }
        pieces.push(Piece::decoration(frame));
        self.slabs.push(Slab {
            before: 12.0,
            height,
            pieces,
            ..Slab::default()
        });
    }

    fn items<T: AsRef<str>>(&mut self, part: Branch, items: &[T], before: f32) {
        let style = self.styles.body;
        let list = self.tags.branch(part, Tag::L(ListNumbering::Disc));
        for (idx, text) in items.iter().enumerate() {
            let item = self.tags.branch(list, Tag::LI);
            let label = self.tags.branch(item, Tag::Lbl);
            let leaf = self.tags.leaf(label);
            let body = self.tags.branch(item, Tag::LBody);
            let from = self.slabs.len();
            let before = if idx == 0 { before } else { 3.0 };
            let x = LEFT + ITEM_INDENT;
            self.lines_at(body, text.as_ref(), style, x, RIGHT - x, before, false);
            let bullet = Rc::new(self.setter.set("•", style, ITEM_INDENT));
            if let Some(first) = self.slabs.get_mut(from) {
                first.pieces.push(Piece {
                    leaf: Some(leaf),
                    marks: vec![Mark::Line {
                        set: bullet,
                        line_idx: 0,
                        x: LEFT + 2.0,
                        y: 0.0,
                    }],
                });
            }
        }
    }

    /// Names and values in two columns, a line above each.
    fn facts(&mut self, part: Branch, facts: &[Fact], before: f32) {
        const PAD: f32 = 4.2;
        let styles = self.styles;
        let list = self.tags.branch(part, Tag::L(ListNumbering::None));
        for (idx, fact) in facts.iter().enumerate() {
            let item = self.tags.branch(list, Tag::LI);
            let label = self.tags.branch(item, Tag::Lbl);
            let body = self.tags.branch(item, Tag::LBody);
            let style = if fact.code { styles.code } else { styles.body };
            let x = LEFT + FACT_INDENT;
            let cells = vec![
                Cell {
                    set: Rc::new(
                        self.setter
                            .set(fact.label, styles.label, FACT_INDENT - 14.0),
                    ),
                    x: LEFT,
                    tag: label,
                },
                Cell {
                    set: Rc::new(self.setter.set(&fact.value, style, RIGHT - x)),
                    x,
                    tag: body,
                },
            ];
            let mut slabs = self.row(cells, PAD, None);
            let rule = self.rule(0.0);
            if let Some(first) = slabs.first_mut() {
                first.pieces.push(rule);
                first.before = if idx == 0 { before } else { 0.0 };
            }
            self.slabs.append(&mut slabs);
        }
    }

    /// A name and a mailbox that can be written to.
    fn contact(&mut self, part: Branch, who: &str, mailbox: &str) {
        let style = Style {
            colour: self.palette.accent,
            ..self.styles.body
        };
        let tag = self.tags.branch(part, Tag::P);
        self.lines(tag, &format!("{who} "), self.styles.body, 7.0, true);
        let link = self.tags.branch(tag, Tag::Link);
        let annotation = self.tags.leaf(link);
        let from = self.slabs.len();
        self.lines(link, mailbox, style, 0.0, false);
        if let Some(slab) = self.slabs.get_mut(from) {
            slab.links.push(Link {
                leaf: annotation,
                target: Target::Address(format!("mailto:{mailbox}")),
                says: mailbox.to_owned(),
                x: LEFT,
                width: MEASURE / 2.0,
            });
        }
    }

    /// A chart with its title and its description above it.
    fn chart(&mut self, part: Branch, chart: &Chart) {
        let styles = self.styles;
        let tag = self.tags.branch(part, Tag::P);
        self.lines(tag, &chart.title, styles.caption, 15.0, true);
        let tag = self.tags.branch(part, Tag::P);
        self.lines(tag, &chart.description, styles.small, 1.0, true);
        let drawing = self.drawings.of_svg(&chart.bare());
        let size = drawing.size();
        let height = size.height() * MEASURE / size.width();
        let alt = format!("{}. {}", chart.title, chart.description);
        let figure = self.tags.branch(part, Tag::Figure(Some(alt)));
        let leaf = self.tags.leaf(figure);
        self.slabs.push(Slab {
            before: 5.0,
            height,
            pieces: vec![Piece {
                leaf: Some(leaf),
                marks: vec![Mark::Drawing {
                    drawing,
                    x: LEFT,
                    y: 0.0,
                    width: MEASURE,
                    height,
                }],
            }],
            ..Slab::default()
        });
    }

    /// What stands after the last section.
    fn foot(&mut self, page: &Page) {
        let part = self.tags.root(Tag::Section);
        let tag = self.tags.branch(part, Tag::P);
        let from = self.slabs.len();
        self.lines(tag, &page.footer, self.styles.small, 24.0, false);
        let rule = self.rule(-6.0);
        if let Some(first) = self.slabs.get_mut(from) {
            first.pieces.push(rule);
        }
    }

    /// A paragraph over the whole measure.
    pub(super) fn lines(&mut self, tag: Branch, text: &str, style: Style, before: f32, keep: bool) {
        self.lines_at(tag, text, style, LEFT, MEASURE, before, keep);
    }

    /// A paragraph, a slab a line; never one line alone on a sheet. `keep` keeps its last line
    /// with what follows.
    #[expect(
        clippy::too_many_arguments,
        reason = "a place and a manner, all different"
    )]
    fn lines_at(
        &mut self,
        tag: Branch,
        text: &str,
        style: Style,
        x: f32,
        measure: f32,
        before: f32,
        keep: bool,
    ) {
        let set = Rc::new(self.setter.set(text, style, measure));
        let n = set.n_lines();
        for line_idx in 0..n {
            let last = line_idx + 1 == n;
            let leaf = self.tags.leaf(tag);
            self.slabs.push(Slab {
                before: if line_idx == 0 { before } else { 0.0 },
                height: style.leading,
                keep: if last {
                    keep
                } else {
                    line_idx == 0 || line_idx + 2 == n
                },
                pieces: vec![Piece {
                    leaf: Some(leaf),
                    marks: vec![Mark::Line {
                        set: Rc::clone(&set),
                        line_idx,
                        x,
                        y: 0.0,
                    }],
                }],
                ..Slab::default()
            });
        }
    }
}
