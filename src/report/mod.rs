//! Pure: from a statement to what its readers get.

mod letter;

pub use letter::Letter;

/// A file to hand out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its file name.
    pub name: String,
    /// Its media type, with its charset where it has one.
    pub media_type: &'static str,
    /// Its content.
    pub bytes: Vec<u8>,
}
