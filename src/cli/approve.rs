//! `vigie approve`: letters of a month that wait for somebody's look may go.

use anyhow::anyhow;

use super::{ConfigPlace, Failure, exit, open_beside, print, whoami};
use crate::app::load::find_partner;
use crate::clock::Clock;

/// Release the letters of a month that wait for approval (`review = true` in the section `mail`)
#[derive(clap::Args)]
pub(super) struct Args {
    /// The month, for example 2025-10
    month: String,
    /// One partner only
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
}

pub(super) fn run(args: &Args, place: &ConfigPlace) -> Result<u8, Failure> {
    let config = place.load()?;
    let partner = match &args.partner {
        None => None,
        Some(id) => Some(&find_partner(&config, id).map_err(Failure::input)?.id),
    };
    let n_letters = open_beside(&config)?
        .approve_letters(&args.month, partner, &whoami(), Clock::System.now())
        .map_err(Failure::system)?;
    if n_letters == 0 {
        return Err(Failure::input(anyhow!(
            "approve {}: no letter of it waits for approval: see `vigie letters list --month {}`",
            args.month,
            args.month
        )));
    }
    let letters = if n_letters == 1 { "letter" } else { "letters" };
    print(format!("{n_letters} {letters} may be sent\n"))?;
    Ok(exit::OK)
}
