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

pub(super) use budget::budget;
pub(super) use calendar::calendar;
pub(super) use daily::daily;
pub(super) use latency::latency;
pub(super) use outages::outages;
pub(super) use trend::trend;

use super::fonts::FAMILY;

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

    /// The drawing alone: who shows it says its title and its description.
    pub(super) fn bare(&self) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"{FAMILY}\">{}</svg>",
            self.width, self.height, self.content
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
