//! What a partner gets by mail about one statement.

use super::Document;
use crate::sla::catalog::{Language, PartnerId};

/// A letter, ready to be put into an envelope. It has one mailbox: no partner learns another's
/// address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The number of the statement that it carries, with its revision. Number, partner and
    /// mailbox together say which letter it is: the same letter again has the same three.
    pub number: String,
    /// To whom.
    pub partner: PartnerId,
    /// The partner's name.
    pub to_name: String,
    /// The mailbox.
    pub to_address: String,
    /// In which language it is written.
    pub language: Language,
    /// One line.
    pub subject: String,
    /// The whole letter, for readers of plain text.
    pub text: String,
    /// The same letter as a page, without script or outside resource.
    pub html: String,
    /// What is attached.
    pub documents: Vec<Document>,
}
