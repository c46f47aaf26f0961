//! Draws the sheets, with their tags, bookmarks and links.

use chrono::{Datelike, Timelike};
use krilla::action::{Action, LinkAction};
use krilla::annotation::{Annotation, LinkAnnotation, Target as Goal};
use krilla::configure::{Accessibility, Archival, ConfigurationBuilder};
use krilla::destination::XyzDestination;
use krilla::geom::{PathBuilder, Point, Rect, Size, Transform};
use krilla::metadata::{DateTime, Metadata, PageLayout};
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::tagging::{Artifact, ArtifactType, ContentTag};
use krilla::{Document, SerializeSettings};
use krilla_svg::{SurfaceExt as _, SvgSettings};

use super::compose::Palette;
use super::setter::{Setter, Side, Style};
use super::sheet::{HEIGHT, LEFT, Link, MEASURE, Mark, RIGHT, Sheet, Target, WIDTH};
use super::tags::Tags;
use crate::report::page::Page;
use crate::sla::window::Timestamp;

/// Where the running head and the foot of a sheet begin.
const HEAD_Y: f32 = 30.0;
const FOOT_Y: f32 = HEIGHT - 40.0;

/// The file.
pub(super) fn paint(
    page: &Page,
    established: Timestamp,
    sheets: Vec<Sheet>,
    tags: Tags,
    setter: &mut Setter,
) -> Vec<u8> {
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_A)
        .with_accessibility_validator(Accessibility::UA1)
        .finish()
        .expect("both standards are of one version of the format");
    let mut document = Document::new_with(SerializeSettings {
        configuration,
        ..SerializeSettings::default()
    });
    let places = places(&sheets);
    let mut drawn = tags.undrawn();
    let n_sheets = sheets.len();
    for (idx, sheet) in sheets.iter().enumerate() {
        let settings = PageSettings::from_wh(WIDTH, HEIGHT).expect("A4 has a size");
        let mut leaf = document.start_page_with(settings);
        let mut surface = leaf.surface();
        running_lines(page, idx, n_sheets, setter, &mut surface);
        for (top, slab) in sheet {
            for piece in &slab.pieces {
                let tag = match piece.leaf {
                    Some(_) => ContentTag::Other,
                    None => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)),
                };
                let identifier = surface.start_tagged(tag);
                for mark in &piece.marks {
                    draw(mark, *top, &places, setter, &mut surface);
                }
                surface.end_tagged();
                if let Some(leaf) = piece.leaf {
                    drawn.fill(leaf, identifier);
                }
            }
        }
        surface.finish();
        for (top, slab) in sheet {
            for link in &slab.links {
                if let Some(annotation) = annotation(link, *top, slab.height, &places) {
                    let identifier = leaf.add_tagged_annotation(annotation);
                    drawn.fill(link.leaf, identifier);
                }
            }
        }
        leaf.finish();
    }
    document.set_outline(outline(&places));
    document.set_metadata(metadata(page, established));
    document.set_tag_tree(tags.into_tree(&drawn, page.words.lang));
    document
        .finish()
        .expect("every figure has its words, every sign its glyph, every part its place")
}

/// Where an anchor has come to stand.
struct Place<'a> {
    section: Option<usize>,
    title: &'a str,
    sheet_idx: usize,
    y: f32,
}

impl Place<'_> {
    fn destination(&self) -> XyzDestination {
        XyzDestination::new(
            self.sheet_idx,
            Point::from_xy(LEFT, (self.y - 8.0).max(0.0)),
        )
    }
}

fn places(sheets: &[Sheet]) -> Vec<Place<'_>> {
    sheets
        .iter()
        .enumerate()
        .flat_map(|(sheet_idx, sheet)| {
            sheet.iter().filter_map(move |(top, slab)| {
                let anchor = slab.anchor.as_ref()?;
                Some(Place {
                    section: anchor.section,
                    title: &anchor.title,
                    sheet_idx,
                    y: *top,
                })
            })
        })
        .collect()
}

fn of_section<'a, 'b>(places: &'b [Place<'a>], section: usize) -> Option<&'b Place<'a>> {
    places.iter().find(|place| place.section == Some(section))
}

fn outline(places: &[Place<'_>]) -> Outline {
    let mut nodes: Vec<OutlineNode> = Vec::new();
    for place in places {
        let node = OutlineNode::new(place.title.to_owned(), place.destination());
        match (place.section, nodes.last_mut()) {
            (None, Some(section)) => section.push_child(node),
            (Some(_), _) | (None, None) => nodes.push(node),
        }
    }
    let mut outline = Outline::new();
    for node in nodes {
        outline.push_child(node);
    }
    outline
}

fn metadata(page: &Page, established: Timestamp) -> Metadata {
    let date = established.to_local(chrono_tz::UTC);
    let narrow = |number: u32| u8::try_from(number).unwrap_or_default();
    let date = DateTime::new(u16::try_from(date.year()).unwrap_or_default())
        .month(narrow(date.month()))
        .day(narrow(date.day()))
        .hour(narrow(date.hour()))
        .minute(narrow(date.minute()))
        .second(narrow(date.second()))
        .utc_offset_hour(0)
        .utc_offset_minute(0);
    Metadata::new()
        .title(page.title.clone())
        .authors(vec![page.publisher.clone()])
        .creator(page.engine.clone())
        .language(page.words.lang.to_owned())
        .document_id(page.number.clone())
        .creation_date(date)
        .page_layout(PageLayout::SinglePage)
}

/// The title above all sheets but the first, and the number of the sheet below.
fn running_lines(
    page: &Page,
    idx: usize,
    n_sheets: usize,
    setter: &mut Setter,
    surface: &mut Surface<'_>,
) {
    let palette = Palette::new(page.accent);
    let style = Style {
        size: 7.8,
        leading: 10.0,
        bold: false,
        colour: palette.muted,
        tabular: true,
    };
    let mut line = |kind, text: &str, side, y| {
        surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(kind)));
        let set = setter.unbroken(text, style).broken(MEASURE, side);
        setter.draw(surface, &set, 0, Point::from_xy(LEFT, y));
        surface.end_tagged();
    };
    if idx > 0 {
        line(ArtifactType::Header, &page.title, Side::Left, HEAD_Y);
    }
    let number = (page.words.sheet)(idx + 1, n_sheets);
    line(ArtifactType::Footer, &page.running, Side::Left, FOOT_Y);
    line(ArtifactType::Footer, &number, Side::Right, FOOT_Y);
}

fn annotation(link: &Link, top: f32, height: f32, places: &[Place<'_>]) -> Option<Annotation> {
    let rect = Rect::from_xywh(link.x, top, link.width, height)?;
    let goal = match &link.target {
        Target::Section(number) => {
            Goal::Destination(of_section(places, *number)?.destination().into())
        }
        Target::Address(address) => Goal::Action(Action::Link(LinkAction::new(address.clone()))),
    };
    Some(Annotation::new_link(
        LinkAnnotation::new(rect, goal),
        Some(link.says.clone()),
    ))
}

fn draw(
    mark: &Mark,
    top: f32,
    places: &[Place<'_>],
    setter: &mut Setter,
    surface: &mut Surface<'_>,
) {
    match mark {
        Mark::Line {
            set,
            line_idx,
            x,
            y,
        } => setter.draw(surface, set, *line_idx, Point::from_xy(*x, top + y)),
        Mark::Fill {
            x,
            y,
            width,
            height,
            colour,
        } => {
            let Some(rect) = Rect::from_xywh(*x, top + y, *width, *height) else {
                return;
            };
            let mut path = PathBuilder::new();
            path.push_rect(rect);
            surface.set_fill(Some(Fill {
                paint: (*colour).into(),
                ..Fill::default()
            }));
            if let Some(path) = path.finish() {
                surface.draw_path(&path);
            }
        }
        Mark::Drawing {
            drawing,
            x,
            y,
            width,
            height,
        } => {
            if let Some(size) = Size::from_wh(*width, *height) {
                surface.push_transform(&Transform::from_translate(*x, top + y));
                surface.draw_svg(drawing, size, SvgSettings::default());
                surface.pop();
            }
        }
        Mark::SheetOf {
            section,
            right,
            y,
            style,
        } => {
            if let Some(place) = of_section(places, *section) {
                // The space parts it from the title before it for those who listen.
                let set = setter.set(&format!(" {}", place.sheet_idx + 1), *style, RIGHT);
                let at = Point::from_xy(right - set.width(), top + y);
                setter.draw(surface, &set, 0, at);
            }
        }
    }
}
