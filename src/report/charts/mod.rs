//! The charts: drawn with plotters as SVG, in a sober palette that survives black-and-white print.
//!
//! A state is never told by colour alone: each has its own shade and its own pattern. Every chart
//! carries a title and a description, and stands beside a table with its data.

mod budget;
mod calendar;
mod canvas;
mod daily;
mod latency;
mod outages;
mod trend;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, fontdb};

pub(super) use budget::budget;
pub(super) use calendar::calendar;
pub(super) use daily::daily;
pub(super) use latency::latency;
pub(super) use outages::outages;
pub(super) use trend::trend;

/// The typeface of charts (SIL Open Font License, see `fonts/`).
const REGULAR: &[u8] = include_bytes!("../fonts/Inter-Regular.otf");
const SEMI_BOLD: &[u8] = include_bytes!("../fonts/Inter-SemiBold.otf");
const FAMILY: &str = "Inter";

/// Pictures have this many pixels per unit of the drawing.
const PIXELS_PER_UNIT: f32 = 2.0;
/// Above a chart that stands alone, room for its title, in units.
const TITLE_HEIGHT: i32 = 36;

/// A drawing with its title and its description in words.
pub(super) struct Chart {
    /// Its name in file names and identifiers.
    pub(super) name: &'static str,
    pub(super) title: String,
    pub(super) description: String,
    width: i32,
    height: i32,
    /// Patterns, then shapes.
    content: String,
}

impl Chart {
    /// As a part of a page: the page gives it its size and shows its title.
    pub(super) fn inline(&self) -> String {
        format!(
            "<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{name}-t {name}-d\"><title id=\"{name}-t\">{}</title><desc id=\"{name}-d\">{}</desc>{}</svg>",
            self.width,
            self.height,
            escape(&self.title),
            escape(&self.description),
            self.content,
            name = self.name,
        )
    }

    /// As a file of its own, with its title above it on white ground.
    pub(super) fn standalone(&self) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 {top} {width} {height}\" role=\"img\" aria-labelledby=\"{name}-t {name}-d\" font-family=\"{FAMILY}, sans-serif\"><title id=\"{name}-t\">{title}</title><desc id=\"{name}-d\">{}</desc><rect x=\"0\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"#FFFFFF\"/><text x=\"16\" y=\"-12\" font-size=\"15\" font-weight=\"600\" fill=\"#1B2733\">{title}</text>{}</svg>\n",
            escape(&self.description),
            self.content,
            name = self.name,
            title = escape(&self.title),
            width = self.width,
            height = self.height + TITLE_HEIGHT,
            top = -TITLE_HEIGHT,
        )
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Draws charts as pictures and keeps the last of them.
///
/// A picture costs a hundred times its drawing, and the partners of a service mostly see the same
/// charts.
pub struct Rasters {
    fonts: Arc<fontdb::Database>,
    drawn: HashMap<String, Vec<u8>>,
}

impl Rasters {
    /// How many pictures are kept.
    const KEPT_MAX: usize = 48;

    /// The picture of a chart, as PNG.
    pub(super) fn png(&mut self, chart: &Chart) -> Vec<u8> {
        let svg = chart.standalone();
        if let Some(png) = self.drawn.get(&svg) {
            return png.clone();
        }
        let png = self.draw(&svg);
        if self.drawn.len() >= Self::KEPT_MAX {
            self.drawn.clear();
        }
        self.drawn.insert(svg, png.clone());
        png
    }

    fn draw(&self, svg: &str) -> Vec<u8> {
        let options = usvg::Options {
            fontdb: Arc::clone(&self.fonts),
            font_family: FAMILY.to_owned(),
            ..usvg::Options::default()
        };
        let tree = usvg::Tree::from_str(svg, &options).expect("our own drawing is valid SVG");
        let size = tree
            .size()
            .to_int_size()
            .scale_by(PIXELS_PER_UNIT)
            .expect("our own drawing has a size");
        let mut pixmap = Pixmap::new(size.width(), size.height()).expect("the size is not empty");
        resvg::render(
            &tree,
            Transform::from_scale(PIXELS_PER_UNIT, PIXELS_PER_UNIT),
            &mut pixmap.as_mut(),
        );
        pixmap.encode_png().expect("a picture in memory is written")
    }
}

impl Default for Rasters {
    fn default() -> Self {
        let mut fonts = fontdb::Database::new();
        fonts.load_font_data(REGULAR.to_vec());
        fonts.load_font_data(SEMI_BOLD.to_vec());
        Self {
            fonts: Arc::new(fonts),
            drawn: HashMap::new(),
        }
    }
}

impl fmt::Debug for Rasters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rasters")
            .field("drawn", &self.drawn.len())
            .finish_non_exhaustive()
    }
}
