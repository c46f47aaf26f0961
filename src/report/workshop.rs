//! What writing reports needs beside the reports: fonts, and what is dear and can be shared.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, fontdb};

use super::charts::Chart;
use super::fonts::{FAMILY, REGULAR, SEMI_BOLD};
use super::pdf::Setter;

/// Fonts, drawings and pictures, kept from one report to the next.
///
/// A picture costs a hundred times its drawing, and the partners of a service mostly see the same
/// charts.
#[derive(Default)]
pub struct Workshop {
    pub(super) setter: Setter,
    pub(super) drawings: Drawings,
    pictures: HashMap<String, Vec<u8>>,
}

/// Pictures have this many pixels per unit of the drawing.
const PIXELS_PER_UNIT: f32 = 2.0;
/// How many drawings and how many pictures are kept.
const KEPT_MAX: usize = 48;

impl Workshop {
    /// The picture of a chart, as PNG.
    pub(super) fn png(&mut self, chart: &Chart) -> Vec<u8> {
        let svg = chart.standalone();
        if let Some(png) = self.pictures.get(&svg) {
            return png.clone();
        }
        let png = picture(&self.drawings.parse(&svg));
        keep(&mut self.pictures, svg, png.clone());
        png
    }
}

fn picture(drawing: &usvg::Tree) -> Vec<u8> {
    let size = drawing
        .size()
        .to_int_size()
        .scale_by(PIXELS_PER_UNIT)
        .expect("our own drawing has a size");
    let mut pixmap = Pixmap::new(size.width(), size.height()).expect("the size is not empty");
    resvg::render(
        drawing,
        Transform::from_scale(PIXELS_PER_UNIT, PIXELS_PER_UNIT),
        &mut pixmap.as_mut(),
    );
    pixmap.encode_png().expect("a picture in memory is written")
}

/// Drawings, read.
pub(super) struct Drawings {
    fonts: Arc<fontdb::Database>,
    read: HashMap<String, Arc<usvg::Tree>>,
}

impl Drawings {
    /// A drawing that can be read, read.
    pub(super) fn of_svg(&mut self, svg: &str) -> Arc<usvg::Tree> {
        if let Some(drawing) = self.read.get(svg) {
            return Arc::clone(drawing);
        }
        let drawing = Arc::new(self.parse(svg));
        keep(&mut self.read, svg.to_owned(), Arc::clone(&drawing));
        drawing
    }

    fn parse(&self, svg: &str) -> usvg::Tree {
        self.read(svg).expect("our own drawing is valid SVG")
    }

    /// Anybody's drawing, read.
    pub(super) fn read(&self, svg: &str) -> Result<usvg::Tree, usvg::Error> {
        let options = usvg::Options {
            fontdb: Arc::clone(&self.fonts),
            font_family: FAMILY.to_owned(),
            ..usvg::Options::default()
        };
        usvg::Tree::from_str(svg, &options)
    }
}

impl Default for Drawings {
    fn default() -> Self {
        let mut fonts = fontdb::Database::new();
        fonts.load_font_data(REGULAR.to_vec());
        fonts.load_font_data(SEMI_BOLD.to_vec());
        Self {
            fonts: Arc::new(fonts),
            read: HashMap::new(),
        }
    }
}

fn keep<T>(kept: &mut HashMap<String, T>, key: String, value: T) {
    if kept.len() >= KEPT_MAX {
        kept.clear();
    }
    kept.insert(key, value);
}

impl fmt::Debug for Workshop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workshop")
            .field("pictures", &self.pictures.len())
            .finish_non_exhaustive()
    }
}
