//! Sets text in lines, and draws them.

use std::borrow::Cow;

use krilla::color::rgb;
use krilla::geom::Point;
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use parley::fontique::{Blob, Collection, CollectionOptions};
use parley::layout::{Alignment, AlignmentOptions, Layout};
use parley::style::{
    FontFamily, FontFamilyName, FontFeatures, FontWeight, LineHeight, OverflowWrap, StyleProperty,
};
use parley::{FontContext, LayoutContext};

use crate::report::fonts::{self, FAMILY, REGULAR, SEMI_BOLD};

/// How a text is set; sizes in points.
#[derive(Clone, Copy)]
pub(super) struct Style {
    pub(super) size: f32,
    /// From one line to the next.
    pub(super) leading: f32,
    pub(super) bold: bool,
    pub(super) colour: rgb::Color,
    /// Digits of one width, so that columns of numbers stand in line.
    pub(super) tabular: bool,
}

/// On which side of its measure a text stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// A text set in lines.
pub(super) struct Set {
    text: String,
    layout: Layout<rgb::Color>,
    leading: f32,
}

impl Set {
    pub(super) fn n_lines(&self) -> usize {
        self.layout.len()
    }

    pub(super) fn leading(&self) -> f32 {
        self.leading
    }

    /// From its first line to the foot of its last.
    pub(super) fn height(&self) -> f32 {
        self.leading * self.n_lines() as f32
    }

    /// The width of its longest line.
    pub(super) fn width(&self) -> f32 {
        self.layout.width()
    }

    /// How wide it is at least (its longest word) and at most (in one line).
    pub(super) fn widths(&self) -> (f32, f32) {
        let widths = self.layout.calculate_content_widths();
        (widths.min, widths.max)
    }

    /// In lines of at most `measure` points.
    pub(super) fn broken(mut self, measure: f32, side: Side) -> Self {
        self.layout.break_all_lines(Some(measure));
        match side {
            Side::Left => {}
            Side::Right => self
                .layout
                .align(Alignment::Right, AlignmentOptions::default()),
        }
        self
    }
}

/// The fonts, and what setting text needs from one text to the next.
pub(in crate::report) struct Setter {
    fonts: FontContext,
    scratch: LayoutContext<rgb::Color>,
    /// The same fonts for the file, by the identifier that layouts know them by.
    embedded: Vec<(u64, Font)>,
}

impl Default for Setter {
    fn default() -> Self {
        let mut fonts = FontContext {
            collection: Collection::new(CollectionOptions {
                shared: false,
                system_fonts: false,
            }),
            source_cache: Default::default(),
        };
        let embedded = [REGULAR, SEMI_BOLD]
            .map(|bytes| {
                let blob = Blob::from(bytes.to_vec());
                let id = blob.id();
                fonts.collection.register_fonts(blob, None);
                let font = Font::new(bytes.into(), 0).expect("the bundled font is readable");
                (id, font)
            })
            .to_vec();
        Self {
            fonts,
            scratch: LayoutContext::new(),
            embedded,
        }
    }
}

impl Setter {
    /// Sets `text` in lines of at most `measure` points.
    pub(super) fn set(&mut self, text: &str, style: Style, measure: f32) -> Set {
        self.unbroken(text, style).broken(measure, Side::Left)
    }

    /// Sets `text` in one line, however long.
    pub(super) fn unbroken(&mut self, text: &str, style: Style) -> Set {
        let text = fonts::printable(text).into_owned();
        let mut builder = self
            .scratch
            .ranged_builder(&mut self.fonts, &text, 1.0, false);
        let weight = if style.bold { 600.0 } else { 400.0 };
        builder.push_default(StyleProperty::FontFamily(FontFamily::Single(
            FontFamilyName::Named(Cow::Borrowed(FAMILY)),
        )));
        builder.push_default(StyleProperty::FontSize(style.size));
        builder.push_default(StyleProperty::FontWeight(FontWeight::new(weight)));
        builder.push_default(StyleProperty::LineHeight(LineHeight::Absolute(
            style.leading,
        )));
        builder.push_default(StyleProperty::Brush(style.colour));
        builder.push_default(StyleProperty::OverflowWrap(OverflowWrap::BreakWord));
        if style.tabular {
            builder.push_default(StyleProperty::FontFeatures(FontFeatures::Source(
                Cow::Borrowed("\"tnum\" 1"),
            )));
        }
        let layout = builder.build(&text);
        Set {
            text,
            layout,
            leading: style.leading,
        }
    }

    /// Draws one line of a text, its top left at `at`.
    pub(super) fn draw(&self, surface: &mut Surface<'_>, set: &Set, line_idx: usize, at: Point) {
        let Some(line) = set.layout.get(line_idx) else {
            return;
        };
        let metrics = line.metrics();
        let baseline = at.y + metrics.baseline - metrics.block_min_coord;
        let mut x = at.x + metrics.offset;
        for run in line.runs() {
            let id = run.font().data.id();
            let Some((_, font)) = self.embedded.iter().find(|(known, _)| *known == id) else {
                continue;
            };
            let size = run.font_size();
            let start = x;
            let mut colour = rgb::Color::black();
            let mut glyphs: Vec<KrillaGlyph> = Vec::new();
            for cluster in run.visual_clusters() {
                if cluster.is_ligature_continuation() {
                    if let Some(glyph) = glyphs.last_mut() {
                        glyph.text_range.end = cluster.text_range().end;
                    }
                    continue;
                }
                colour = cluster.style().brush;
                for glyph in cluster.glyphs() {
                    glyphs.push(KrillaGlyph::new(
                        GlyphId::new(glyph.id),
                        glyph.advance / size,
                        glyph.x / size,
                        glyph.y / size,
                        0.0,
                        cluster.text_range(),
                        None,
                    ));
                    x += glyph.advance;
                }
            }
            surface.set_fill(Some(Fill {
                paint: colour.into(),
                ..Fill::default()
            }));
            let start = Point::from_xy(start, baseline);
            surface.draw_glyphs(start, &glyphs, font.clone(), &set.text, size, false);
        }
    }
}
