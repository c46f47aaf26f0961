//! 7. What is done to improve; 9. whom to ask, and the reader's rights.

use super::block::Block;
use crate::report::Report;
use crate::report::words::Words;
use crate::sla::catalog::{Improvement, Progress};

pub(super) fn actions(report: &Report<'_>, words: &Words) -> Vec<Block> {
    let mut blocks = Vec::new();
    if !report.commitment.trajectory.is_empty() {
        let steps: Vec<String> = report
            .commitment
            .trajectory
            .iter()
            .map(|(from, step)| (words.trajectory_step)(&words.target(*step), *from))
            .collect();
        blocks.push(Block::Text((words.trajectory)(&words.list(&steps))));
    }
    // What was finished before stood in the report of its month.
    let first_day = report.month.first_day();
    let told = |improvement: &&Improvement| {
        improvement.progress != Progress::Done
            || improvement.date.is_none_or(|date| date >= first_day)
    };
    let improvements: Vec<String> = report
        .service
        .improvements
        .iter()
        .filter(told)
        .map(|one| (words.improvement)(one.progress, one.date, &one.what))
        .collect();
    if improvements.is_empty() {
        blocks.push(Block::Text(words.no_action.to_owned()));
    } else {
        blocks.push(Block::Items(improvements));
    }
    blocks
}

pub(super) fn contact(
    report: &Report<'_>,
    closing: &[String],
    words: &'static Words,
) -> Vec<Block> {
    let provider = report.provider;
    let mut blocks = vec![
        Block::Heading(words.contact_title),
        Block::Contact {
            who: (words.contact)(&provider.name),
            mailbox: provider.contact.clone(),
        },
    ];
    blocks.extend(closing.iter().cloned().map(Block::Text));
    blocks.extend([
        Block::Heading(words.data_title),
        Block::Text((words.data)(
            &provider.name,
            &provider.contact,
            provider.data_protection_contact.as_deref(),
        )),
        Block::Heading(words.accessibility_title),
        Block::Text(words.accessibility.to_owned()),
    ]);
    blocks
}
