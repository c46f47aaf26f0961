//! How the operator has reports look, and what it adds to them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use resvg::usvg;

use super::workshop::Drawings;
use crate::sla::catalog::Language;

/// The look of reports: sober, and nobody's, unless the operator says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Stands above the title.
    pub logo: Option<Logo>,
    /// The colour of links and numbers of sections.
    pub accent: Colour,
    /// What is added to French reports.
    pub french: Additions,
    /// What is added to English reports.
    pub english: Additions,
}

/// Paragraphs of the operator's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Additions {
    /// Before the first section.
    pub introduction: Vec<String>,
    /// After whom to contact.
    pub closing: Vec<String>,
}

impl Look {
    /// What is added in a language.
    pub(super) fn additions(&self, language: Language) -> &Additions {
        match language {
            Language::French => &self.french,
            Language::English => &self.english,
        }
    }
}

/// A colour that texts in it can be read in: at least 4.5 times lighter or darker than the white
/// and the panels that it stands on (WCAG 1.4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    red: u8,
    green: u8,
    blue: u8,
}

impl Default for Colour {
    fn default() -> Self {
        Self {
            red: 0x15,
            green: 0x5e,
            blue: 0x66,
        }
    }
}

/// Why something cannot be a part of the look.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LookError {
    /// Not `#rrggbb`.
    #[error("is not a colour")]
    NotAColour,
    /// Texts in this colour could not be read by everybody.
    #[error("has too little contrast with the paper ({contrast:.1} to 1; 4.5 are needed)")]
    Contrast {
        /// How many times the one is lighter than the other.
        contrast: f64,
    },
    /// Neither PNG nor SVG, or broken.
    #[error("is not a PNG or SVG picture: {0}")]
    NotAPicture(String),
    /// It would weigh on every report.
    #[error("is larger than 256 KiB")]
    TooLarge,
    /// Another typeface than ours would be needed to show it.
    #[error("has text in it, which needs its typeface")]
    HasText,
}

/// What a colour stands on: white, and the ground of panels.
const GROUNDS: [Colour; 2] = [
    Colour {
        red: 0xff,
        green: 0xff,
        blue: 0xff,
    },
    Colour {
        red: 0xf5,
        green: 0xf6,
        blue: 0xf4,
    },
];
const CONTRAST_MIN: f64 = 4.5;

impl Colour {
    /// Reads `#155e66`.
    ///
    /// # Errors
    /// Another notation, or a colour that is too light.
    pub fn parse(text: &str) -> Result<Self, LookError> {
        let digits = text.strip_prefix('#').unwrap_or_default();
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(LookError::NotAColour);
        }
        let part = |from: usize| {
            u8::from_str_radix(&digits[from..from + 2], 16).map_err(|_| LookError::NotAColour)
        };
        let colour = Self {
            red: part(0)?,
            green: part(2)?,
            blue: part(4)?,
        };
        let contrast = GROUNDS
            .iter()
            .map(|ground| colour.contrast(*ground))
            .fold(f64::INFINITY, f64::min);
        if contrast < CONTRAST_MIN {
            return Err(LookError::Contrast { contrast });
        }
        Ok(colour)
    }

    /// `#155e66`
    pub fn css(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }

    pub(super) fn parts(self) -> (u8, u8, u8) {
        (self.red, self.green, self.blue)
    }

    /// How many times the lighter of two colours is lighter than the darker, after WCAG.
    fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }
}

/// The operator's mark, checked: it can be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logo {
    /// As the address of a picture that carries it.
    address: Arc<str>,
    /// As a drawing; a PNG is wrapped in one.
    svg: Arc<str>,
    /// Its width for a height of one.
    aspect_thousandths: u32,
}

/// What a logo may weigh.
const LOGO_BYTES_MAX: usize = 256 * 1_024;

impl Logo {
    /// Reads a PNG or an SVG.
    ///
    /// # Errors
    /// It is neither, too large, or needs a typeface.
    pub fn new(bytes: &[u8]) -> Result<Self, LookError> {
        if bytes.len() > LOGO_BYTES_MAX {
            return Err(LookError::TooLarge);
        }
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            // Width and height stand at the head of every PNG.
            let number = |from: usize| -> Option<u32> {
                Some(u32::from_be_bytes(
                    bytes.get(from..from + 4)?.try_into().ok()?,
                ))
            };
            let (Some(width @ 1..), Some(height @ 1..)) = (number(16), number(20)) else {
                return Err(LookError::NotAPicture("it has no size".to_owned()));
            };
            let address = address("image/png", bytes);
            let svg = format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\"><image width=\"{width}\" height=\"{height}\" href=\"{address}\"/></svg>"
            );
            let drawing = read(&svg)?;
            if drawing.root().children().is_empty() {
                return Err(LookError::NotAPicture("it is damaged".to_owned()));
            }
            return Ok(Self::drawn(address, svg, &drawing));
        }
        let svg = std::str::from_utf8(bytes)
            .map_err(|_| LookError::NotAPicture("it is not text either".to_owned()))?;
        let drawing = read(svg)?;
        if drawing.has_text_nodes() {
            return Err(LookError::HasText);
        }
        if drawing.root().children().is_empty() {
            return Err(LookError::NotAPicture("it shows nothing".to_owned()));
        }
        let address = address("image/svg+xml", bytes);
        Ok(Self::drawn(address, svg.to_owned(), &drawing))
    }

    fn drawn(address: String, svg: String, drawing: &usvg::Tree) -> Self {
        let aspect = drawing.size().width() / drawing.size().height();
        Self {
            address: address.into(),
            svg: svg.into(),
            aspect_thousandths: (aspect * 1_000.0).round() as u32,
        }
    }

    /// Reads what [`address`](Self::address) gave.
    ///
    /// # Errors
    /// Anything else.
    pub fn from_address(address: &str) -> Result<Self, LookError> {
        let not_one = || LookError::NotAPicture("it is no address that carries one".to_owned());
        let (_, text) = address.split_once(";base64,").ok_or_else(not_one)?;
        let bytes = STANDARD.decode(text).map_err(|_| not_one())?;
        Self::new(&bytes)
    }

    /// As the address of a picture that carries it: what a page shows.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What a sheet shows.
    pub(super) fn svg(&self) -> &str {
        &self.svg
    }

    /// The largest size with its proportions in a frame.
    pub(super) fn size_within(&self, width: f32, height: f32) -> (f32, f32) {
        let aspect = self.aspect_thousandths.max(1) as f32 / 1_000.0;
        if height * aspect <= width {
            (height * aspect, height)
        } else {
            (width, width / aspect)
        }
    }
}

fn read(svg: &str) -> Result<usvg::Tree, LookError> {
    Drawings::default()
        .read(svg)
        .map_err(|err| LookError::NotAPicture(err.to_string()))
}

fn address(media_type: &str, bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    format!("data:{media_type};base64,{text}")
}
