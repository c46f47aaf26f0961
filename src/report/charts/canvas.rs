//! A sheet to draw on in units of a typographic pixel, with our paints and our type.

use std::sync::LazyLock;

use plotters::coord::Shift;
use plotters::element::{Drawable, PointCollection};
use plotters::prelude::{
    Circle, Color, DrawingArea, FontStyle, IntoDrawingArea, IntoFont, PathElement, Polygon,
    RGBColor, Rectangle, SVGBackend, ShapeStyle, Text, TextStyle,
};
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::Chart;
use crate::report::fonts::{FAMILY, REGULAR, SEMI_BOLD};
use crate::report::words::Words;
use crate::sla::commitment::Ppm;
use crate::sla::ledger::Class;

/// The width of every chart, in units.
pub(super) const WIDTH: f64 = 760.0;

/// plotters counts whole pixels: we draw this many times larger and scale down.
const SCALE: f64 = 10.0;
/// The SVG back end writes sizes of type divided by this.
const TYPE_FACTOR: f64 = 1.24;

/// Type sizes, in units.
pub(super) const SMALL: f64 = 11.0;
pub(super) const NORMAL: f64 = 12.0;

/// What things are drawn with.
///
/// plotters knows neither patterns nor dashes. Paints that have one use a colour of their own,
/// which `finish` replaces by the pattern or the dashes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    /// Text and main lines.
    Ink,
    /// Secondary text.
    Muted,
    /// Lines that guide the eye.
    Grid,
    /// White.
    Paper,
    /// A commitment: dashes.
    Target,
    /// A pace or an inner step: dots.
    Pace,
    /// The second of several lines.
    Middle,
    /// The third of several lines.
    Light,
    /// A month that missed its target.
    Missed,
    /// Time of a class.
    Class(Class),
    /// Time to come.
    Future,
}

impl Paint {
    /// Every paint that is replaced in the end.
    const REPLACED: [Self; 9] = [
        Self::Target,
        Self::Pace,
        Self::Future,
        Self::Class(Class::Degraded),
        Self::Class(Class::Down),
        Self::Class(Class::Unknown),
        Self::Class(Class::Credited),
        Self::Class(Class::Excluded),
        Self::Class(Class::OutOfScope),
    ];

    const fn rgb(self) -> (u8, u8, u8) {
        match self {
            Self::Ink => (0x1B, 0x27, 0x33),
            Self::Muted => (0x54, 0x60, 0x6B),
            Self::Grid => (0xDD, 0xE1, 0xE5),
            Self::Paper => (0xFF, 0xFF, 0xFF),
            Self::Target => (0x1B, 0x27, 0x34),
            Self::Pace => (0x54, 0x60, 0x6C),
            Self::Middle => (0x1F, 0x6F, 0x78),
            Self::Light => (0xB3, 0x6B, 0x1E),
            Self::Missed => (0x7A, 0x1B, 0x2C),
            Self::Class(Class::Up) => (0xCF, 0xE3, 0xD8),
            Self::Class(Class::Degraded) => (0xE6, 0xB6, 0x5C),
            Self::Class(Class::Down) => (0x7A, 0x1B, 0x2B),
            Self::Class(Class::Unknown) => (0x6A, 0x74, 0x7F),
            Self::Class(Class::Credited) => (0x8F, 0xB4, 0xC9),
            Self::Class(Class::Excluded) => (0xA9, 0xB4, 0xC4),
            Self::Class(Class::OutOfScope) => (0xC2, 0xC8, 0xCE),
            Self::Future => (0xE9, 0xEC, 0xEF),
        }
    }

    fn color(self) -> RGBColor {
        let (red, green, blue) = self.rgb();
        RGBColor(red, green, blue)
    }

    fn hex(self) -> String {
        let (red, green, blue) = self.rgb();
        format!("#{red:02X}{green:02X}{blue:02X}")
    }

    /// The dashes of a line, in units of the drawing before it is scaled down.
    fn dashes(self) -> Option<&'static str> {
        match self {
            Self::Target => Some("70 45"),
            Self::Pace => Some("12 42"),
            Self::Ink
            | Self::Muted
            | Self::Grid
            | Self::Paper
            | Self::Middle
            | Self::Light
            | Self::Missed
            | Self::Class(_)
            | Self::Future => None,
        }
    }

    /// The name and drawing of a pattern, in units of the drawing before it is scaled down.
    fn pattern(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Class(Class::Degraded) => Some((
                "degraded",
                "width=\"50\" height=\"50\" patternUnits=\"userSpaceOnUse\"><rect width=\"50\" height=\"50\" fill=\"#EFC778\"/><circle cx=\"15\" cy=\"15\" r=\"9\" fill=\"#7A5410\"/><circle cx=\"40\" cy=\"40\" r=\"9\" fill=\"#7A5410\"/>",
            )),
            Self::Class(Class::Down) => Some((
                "down",
                "width=\"60\" height=\"60\" patternUnits=\"userSpaceOnUse\"><rect width=\"60\" height=\"60\" fill=\"#7A1B2B\"/><path d=\"M0 60L60 0\" stroke=\"#A65360\" stroke-width=\"7\"/>",
            )),
            Self::Class(Class::Unknown) => Some((
                "unknown",
                "width=\"50\" height=\"50\" patternUnits=\"userSpaceOnUse\"><rect width=\"50\" height=\"50\" fill=\"#FFFFFF\"/><path d=\"M-10 40L10 60M0 0L50 50M40 -10L60 10\" stroke=\"#6A747F\" stroke-width=\"14\"/>",
            )),
            Self::Class(Class::Credited) => Some((
                "credited",
                "width=\"40\" height=\"40\" patternUnits=\"userSpaceOnUse\"><rect width=\"40\" height=\"40\" fill=\"#E4EEF4\"/><path d=\"M20 0V40\" stroke=\"#5B8AA6\" stroke-width=\"10\"/>",
            )),
            Self::Class(Class::Excluded) => Some((
                "excluded",
                "width=\"40\" height=\"40\" patternUnits=\"userSpaceOnUse\"><rect width=\"40\" height=\"40\" fill=\"#EEF0F4\"/><path d=\"M0 20H40\" stroke=\"#7E8CA3\" stroke-width=\"10\"/>",
            )),
            Self::Class(Class::OutOfScope) => Some((
                "outside",
                "width=\"60\" height=\"60\" patternUnits=\"userSpaceOnUse\"><rect width=\"60\" height=\"60\" fill=\"#F7F8F9\"/><circle cx=\"30\" cy=\"30\" r=\"7\" fill=\"#A2ABB4\"/>",
            )),
            Self::Ink
            | Self::Muted
            | Self::Grid
            | Self::Paper
            | Self::Target
            | Self::Pace
            | Self::Middle
            | Self::Light
            | Self::Missed
            | Self::Class(Class::Up)
            | Self::Future => None,
        }
    }
}

/// Where a text stands from its point.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A sheet in units, origin top left.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
    height: f64,
}

/// Draws a chart of this height.
pub(super) fn chart(
    name: &'static str,
    title: String,
    description: String,
    height: f64,
    draw: impl FnOnce(&Canvas<'_>),
) -> Chart {
    static FONTS: LazyLock<()> = LazyLock::new(|| {
        for (style, font) in [(FontStyle::Normal, REGULAR), (FontStyle::Bold, SEMI_BOLD)] {
            register_font(FAMILY, style, font)
                .ok()
                .expect("the bundled font is readable");
        }
    });
    LazyLock::force(&FONTS);
    let mut svg = String::with_capacity(16_384);
    {
        let size = (pixels(WIDTH).unsigned_abs(), pixels(height).unsigned_abs());
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let canvas = Canvas { area, height };
        draw(&canvas);
        canvas
            .area
            .present()
            .expect("a drawing in memory is written");
    }
    Chart {
        name,
        title,
        description,
        width: WIDTH as i32,
        height: height.ceil() as i32,
        content: finish(name, &svg),
    }
}

/// The shapes that plotters drew, scaled down, with patterns and dashes in place of the colours
/// that stand for them.
fn finish(name: &str, svg: &str) -> String {
    let shapes = svg
        .split_once('\n')
        .and_then(|(_, rest)| rest.rsplit_once("</svg>"))
        .map_or("", |(shapes, _)| shapes);
    let mut shapes = shapes
        .replace(" opacity=\"1\"", "")
        .replace(" stroke=\"none\"", "")
        .replace(&format!(" font-family=\"{FAMILY}\""), "")
        .replace("font-weight=\"bold\"", "font-weight=\"600\"")
        .replace("\n</text>", "</text>")
        .replace(">\n", ">");
    let mut patterns = String::new();
    for paint in Paint::REPLACED {
        let hex = paint.hex();
        if let Some((pattern, drawing)) = paint.pattern() {
            let fill = format!("fill=\"{hex}\"");
            if shapes.contains(&fill) {
                shapes = shapes.replace(&fill, &format!("fill=\"url(#{name}-{pattern})\""));
                patterns.push_str(&format!(
                    "<pattern id=\"{name}-{pattern}\" {drawing}</pattern>"
                ));
            }
        }
        if let Some(dashes) = paint.dashes() {
            let stroke = format!("stroke=\"{hex}\"");
            shapes = shapes.replace(
                &stroke,
                &format!("{stroke} stroke-dasharray=\"{dashes}\" stroke-linecap=\"round\""),
            );
        }
    }
    format!(
        "<defs>{patterns}</defs><g transform=\"scale({})\" stroke-linejoin=\"round\">{shapes}</g>",
        1.0 / SCALE
    )
}

fn pixels(units: f64) -> i32 {
    (units * SCALE).round() as i32
}

impl<'a> Canvas<'a> {
    fn put<E>(&self, element: &E)
    where
        for<'b> &'b E: PointCollection<'b, (i32, i32)>,
        E: Drawable<SVGBackend<'a>>,
    {
        self.area
            .draw(element)
            .expect("a drawing in memory, in a font that is registered, is written");
    }

    /// Fills a rectangle.
    pub(super) fn rect(&self, x: (f64, f64), y: (f64, f64), paint: Paint) {
        let corners = [(pixels(x.0), pixels(y.0)), (pixels(x.1), pixels(y.1))];
        self.put(&Rectangle::new(corners, paint.color().filled()));
    }

    /// The outline of a rectangle.
    pub(super) fn frame(&self, x: (f64, f64), y: (f64, f64), paint: Paint, width: f64) {
        let points = [(x.0, y.0), (x.1, y.0), (x.1, y.1), (x.0, y.1), (x.0, y.0)];
        self.path(&points, paint, width);
    }

    /// A line through points.
    pub(super) fn path(&self, points: &[(f64, f64)], paint: Paint, width: f64) {
        let points: Vec<(i32, i32)> = points
            .iter()
            .map(|(x, y)| (pixels(*x), pixels(*y)))
            .collect();
        let style = ShapeStyle {
            color: paint.color().to_rgba(),
            filled: false,
            stroke_width: pixels(width).unsigned_abs(),
        };
        self.put(&PathElement::new(points, style));
    }

    /// A filled outline.
    pub(super) fn polygon(&self, points: &[(f64, f64)], paint: Paint) {
        let points: Vec<(i32, i32)> = points
            .iter()
            .map(|(x, y)| (pixels(*x), pixels(*y)))
            .collect();
        self.put(&Polygon::new(points, paint.color().filled()));
    }

    /// A filled disc.
    pub(super) fn disc(&self, center: (f64, f64), radius: f64, paint: Paint) {
        self.put(&Circle::new(
            (pixels(center.0), pixels(center.1)),
            pixels(radius),
            paint.color().filled(),
        ));
    }

    fn style(size: f64, bold: bool, paint: Paint) -> TextStyle<'static> {
        let weight = if bold {
            FontStyle::Bold
        } else {
            FontStyle::Normal
        };
        TextStyle {
            font: (FAMILY, size * SCALE * TYPE_FACTOR)
                .into_font()
                .style(weight),
            color: paint.color().to_backend_color(),
            pos: Pos::new(HPos::Left, VPos::Center),
        }
    }

    /// A text, centred on the height of its point.
    pub(super) fn text(&self, text: &str, at: (f64, f64), anchor: Anchor, paint: Paint, size: f64) {
        self.write(text, at, anchor, Self::style(size, false, paint));
    }

    /// A text in heavier type.
    pub(super) fn bold(&self, text: &str, at: (f64, f64), anchor: Anchor, paint: Paint, size: f64) {
        self.write(text, at, anchor, Self::style(size, true, paint));
    }

    fn write(&self, text: &str, at: (f64, f64), anchor: Anchor, style: TextStyle<'static>) {
        let h_pos = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let style = TextStyle {
            pos: Pos::new(h_pos, VPos::Center),
            ..style
        };
        self.put(&Text::new(
            text.to_owned(),
            (pixels(at.0), pixels(at.1)),
            style,
        ));
    }

    /// Paper under a text that may stand on lines, centred as the text.
    pub(super) fn halo(&self, text: &str, at: (f64, f64), size: f64) {
        let (half, up) = (self.width_of(text, size) / 2.0 + 2.0, size / 2.0 + 1.0);
        let (x, y) = ((at.0 - half, at.0 + half), (at.1 - up, at.1 + up));
        self.rect(x, y, Paint::Paper);
    }

    /// How wide a text is.
    fn width_of(&self, text: &str, size: f64) -> f64 {
        let style = Self::style(size, false, Paint::Ink);
        // plotters measures as if the size were the height of a line, which comes to about the
        // same as the division when it draws.
        self.area
            .estimate_text_size(text, &style)
            .map_or(0.0, |(width, _)| f64::from(width) / SCALE)
    }

    /// Keys and what they stand for, in one or more lines that end at the foot of the sheet.
    pub(super) fn legend(&self, left: f64, keys: &[(Key, String)]) {
        let mut lines: Vec<Vec<(f64, &Key, &str)>> = vec![Vec::new()];
        let mut x = left;
        for (key, label) in keys {
            let width = 26.0 + self.width_of(label, SMALL) + 18.0;
            if x + width - 18.0 > WIDTH && x > left {
                lines.push(Vec::new());
                x = left;
            }
            if let Some(line) = lines.last_mut() {
                line.push((x, key, label));
            }
            x += width;
        }
        let first = self.height - LEGEND_LINE * lines.len() as f64 + LEGEND_LINE / 2.0;
        for (idx, line) in lines.iter().enumerate() {
            let y = first + LEGEND_LINE * idx as f64;
            for (x, key, label) in line {
                key.draw(self, *x, y);
                self.text(label, (x + 26.0, y), Anchor::Start, Paint::Muted, SMALL);
            }
        }
    }
}

/// The height of a line of a legend.
pub(super) const LEGEND_LINE: f64 = 19.0;

/// The sign that a legend explains.
pub(super) enum Key {
    /// A filled area.
    Area(Paint),
    /// A line.
    Line(Paint, f64),
    /// A line with a mark on it.
    Marked(Paint, Mark),
    /// A mark.
    Mark(Paint, Mark),
}

impl Key {
    fn draw(&self, canvas: &Canvas<'_>, x: f64, y: f64) {
        match self {
            Self::Area(paint) => {
                canvas.rect((x, x + 18.0), (y - 5.0, y + 5.0), *paint);
                canvas.frame((x, x + 18.0), (y - 5.0, y + 5.0), Paint::Muted, 0.6);
            }
            Self::Line(paint, width) => canvas.path(&[(x, y), (x + 18.0, y)], *paint, *width),
            Self::Marked(paint, mark) => {
                canvas.path(&[(x, y), (x + 18.0, y)], *paint, 1.6);
                mark.draw(canvas, (x + 9.0, y), *paint);
            }
            Self::Mark(paint, mark) => mark.draw(canvas, (x + 9.0, y), *paint),
        }
    }
}

/// Marks that differ in shape.
#[derive(Clone, Copy)]
pub(super) enum Mark {
    Disc,
    Ring,
    Square,
    Triangle,
    Cross,
}

impl Mark {
    /// Draws it around a point.
    pub(super) fn draw(self, canvas: &Canvas<'_>, (x, y): (f64, f64), paint: Paint) {
        match self {
            Self::Disc => canvas.disc((x, y), 3.6, paint),
            Self::Ring => {
                canvas.disc((x, y), 4.2, paint);
                canvas.disc((x, y), 2.6, Paint::Paper);
            }
            Self::Square => canvas.rect((x - 3.0, x + 3.0), (y - 3.0, y + 3.0), paint),
            Self::Triangle => {
                canvas.polygon(
                    &[(x, y - 4.0), (x + 3.8, y + 2.8), (x - 3.8, y + 2.8)],
                    paint,
                );
            }
            Self::Cross => {
                canvas.path(&[(x - 3.8, y - 3.8), (x + 3.8, y + 3.8)], paint, 2.4);
                canvas.path(&[(x - 3.8, y + 3.8), (x + 3.8, y - 3.8)], paint, 2.4);
            }
        }
    }
}

/// From a quantity to a place on the sheet.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) start: f64,
    pub(super) end: f64,
}

impl Axis {
    /// Where `value` lies; values outside lie at the ends.
    pub(super) fn at(&self, value: i64) -> f64 {
        let value = value.clamp(self.from.min(self.to), self.from.max(self.to));
        let share = (value - self.from) as f64 / (self.to - self.from).max(1) as f64;
        self.start + share * (self.end - self.start)
    }
}

/// Where an axis of rates begins, in parts per million: below every rate shown and below the
/// target, as close as five even steps to the whole allow.
pub(super) fn rate_floor(lowest_ppm: i64, target_ppm: i64) -> i64 {
    const FLOORS: [i64; 9] = [
        999_000, 995_000, 990_000, 980_000, 950_000, 900_000, 800_000, 500_000, 0,
    ];
    FLOORS
        .into_iter()
        .find(|floor| *floor <= lowest_ppm && *floor < target_ppm)
        .unwrap_or(0)
}

/// What must be said of an axis of rates that does not begin at nothing.
pub(super) fn floor_note(floor_ppm: i64, words: &Words) -> Option<String> {
    let floor = u32::try_from(floor_ppm).ok().and_then(Ppm::new)?;
    (floor_ppm > 0).then(|| (words.axis_from)(&words.target(floor)))
}

/// The lines and labels of an axis of rates.
pub(super) fn rate_axis(canvas: &Canvas<'_>, axis: &Axis, x: (f64, f64), words: &Words) {
    const STEPS: i64 = 5;
    for step in 0..=STEPS {
        let ppm = axis.from + (axis.to - axis.from) * step / STEPS;
        let y = axis.at(ppm);
        canvas.path(&[(x.0, y), (x.1, y)], Paint::Grid, 0.8);
        if let Some(target) = u32::try_from(ppm).ok().and_then(Ppm::new) {
            let label = words.target(target);
            canvas.text(&label, (x.0 - 8.0, y), Anchor::End, Paint::Muted, SMALL);
        }
    }
}
