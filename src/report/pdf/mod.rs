//! The PDF edition: the blocks of the page on A4 sheets, tagged for screen readers (PDF/UA-1) and
//! fit for archives (PDF/A-2a).
//!
//! Three steps: [`compose`] turns blocks into [slabs](sheet::Slab), pieces that are never cut;
//! [`sheet`] deals slabs out over sheets; [`paint`] draws the sheets and their tags. The numbers
//! behind charts, which the HTML edition folds away, are left to it.

mod compose;
mod paint;
mod setter;
mod sheet;
mod table;
mod tags;

pub(super) use setter::Setter;

use super::page::Page;
use super::workshop::Workshop;
use crate::sla::window::Timestamp;

/// The report as a PDF file; `established` is its date.
pub(super) fn write(page: &Page, established: Timestamp, workshop: &mut Workshop) -> Vec<u8> {
    let composed = compose::compose(page, workshop);
    let sheets = sheet::deal(composed.slabs);
    paint::paint(
        page,
        established,
        sheets,
        composed.tags,
        &mut workshop.setter,
    )
}
