//! `vigie declare`: requests that a window be treated apart, each on record.

use anyhow::{Context as _, anyhow};
use clap::builder::NonEmptyStringValueParser;
use clap::{Subcommand, ValueEnum};

use super::{ConfigPlace, Failure, exit, instant, open_beside, open_reader, print, whoami};
use crate::app::load::{find_partner, find_service};
use crate::clock::Clock;
use crate::config::Config;
use crate::sla::ledger::{Acceptance, ExclusionKind};
use crate::sla::window::Window;
use crate::store::{Declaration, DeclarationFilter, DeclarationId, NewDeclaration};

/// Declare planned work, an exclusion or a correction, and decide on requests
///
/// A declaration never changes a fact. It acts once it is accepted; until then it gives a second,
/// conditional figure. One that touches a closed month leads to a new revision with `vigie close
/// --revise --reason`.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Planned work; the commitment says what becomes of it
    Maintenance(Asked),
    /// A window that should not count
    Exclusion {
        /// On what ground
        #[arg(long, value_enum)]
        ground: Ground,
        #[command(flatten)]
        window: Asked,
    },
    /// Our own measurement was wrong: what was seen in the window becomes unknown
    Correction(Asked),
    /// List what was declared, and what was decided
    List {
        /// One service only
        #[arg(long, value_name = "ID")]
        service: Option<String>,
    },
    /// Accept a request: it acts from now on
    Accept {
        /// Its number, from `vigie declare list`
        id: u32,
    },
    /// Refuse a request: it does not act
    Refuse {
        /// Its number, from `vigie declare list`
        id: u32,
    },
}

#[derive(clap::Args)]
struct Asked {
    /// The service concerned
    #[arg(long, value_name = "ID")]
    service: String,
    /// One partner only; without it, all partners of the service
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
    /// When it begins: `2025-10-26T01:30` on the service's wall clock, or with an offset
    #[arg(long, value_name = "TIME")]
    from: String,
    /// When it ends
    #[arg(long, value_name = "TIME")]
    to: String,
    /// When partners were told, if that was before now
    #[arg(long, value_name = "TIME")]
    announced: Option<String>,
    /// Why, as partners will read it
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    reason: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Ground {
    ForceMajeure,
    PartnerNetwork,
    PartnerRequest,
    Other,
}

impl From<Ground> for ExclusionKind {
    fn from(ground: Ground) -> Self {
        match ground {
            Ground::ForceMajeure => Self::ForceMajeure,
            Ground::PartnerNetwork => Self::PartnerNetwork,
            Ground::PartnerRequest => Self::PartnerRequest,
            Ground::Other => Self::Other,
        }
    }
}

pub(super) fn run(args: &Args, place: &ConfigPlace) -> Result<u8, Failure> {
    let config = place.load()?;
    match &args.command {
        Command::Maintenance(window) => declare(&config, ExclusionKind::Maintenance, window),
        Command::Exclusion { ground, window } => declare(&config, (*ground).into(), window),
        Command::Correction(window) => declare(&config, ExclusionKind::Correction, window),
        Command::List { service } => list(&config, service.as_deref()),
        Command::Accept { id } => {
            let mut store = open_beside(&config)?;
            store
                .accept(DeclarationId(*id), &whoami(), Clock::System.now())
                .map_err(Failure::sort)?;
            print(format!("declaration {id} is accepted\n"))?;
            Ok(exit::OK)
        }
        Command::Refuse { id } => {
            let mut store = open_beside(&config)?;
            store
                .refuse(DeclarationId(*id), &whoami(), Clock::System.now())
                .map_err(Failure::sort)?;
            print(format!("declaration {id} is refused\n"))?;
            Ok(exit::OK)
        }
    }
}

fn declare(config: &Config, kind: ExclusionKind, asked: &Asked) -> Result<u8, Failure> {
    let service = find_service(config, &asked.service).map_err(Failure::input)?;
    let partner = match &asked.partner {
        Some(id) => Some(find_partner(config, id).map_err(Failure::input)?),
        None => None,
    };
    let instant = |option: &str, text: &str| {
        instant(text, service.zone())
            .with_context(|| format!("read `{option}`"))
            .map_err(Failure::input)
    };
    let from = instant("--from", &asked.from)?;
    let to = instant("--to", &asked.to)?;
    let window = Window::new(from, to)
        .context("declare a window")
        .map_err(Failure::input)?;
    if asked.reason.trim().is_empty() {
        return Err(Failure::input(anyhow!(
            "declare: partners must be told why: give a reason"
        )));
    }
    let now = Clock::System.now();
    let declared = match &asked.announced {
        Some(text) => instant("--announced", text)?,
        None => now,
    };
    if declared > now {
        return Err(Failure::input(anyhow!(
            "declare: `--announced` lies in the future ({declared})"
        )));
    }
    let author = whoami();
    let declaration = NewDeclaration {
        service: service.id.clone(),
        partner: partner.map(|partner| partner.id.clone()),
        kind,
        window,
        declared: Some(declared),
        reason: asked.reason.clone(),
        author,
    };
    let mut store = open_beside(config)?;
    let DeclarationId(id) = store.declare(&declaration, now).map_err(Failure::system)?;
    print(format!(
        "declaration {id}: {} of {} from {from} to {to}; it acts once accepted: vigie declare accept {id}\n",
        kind.code(),
        service.id
    ))?;
    Ok(exit::OK)
}

fn list(config: &Config, service: Option<&str>) -> Result<u8, Failure> {
    let service = match service {
        Some(id) => Some(find_service(config, id).map_err(Failure::input)?.id.clone()),
        None => None,
    };
    let store = open_reader(config)?;
    let filter = DeclarationFilter {
        service,
        ..DeclarationFilter::default()
    };
    let declarations = store.declarations(&filter).map_err(Failure::system)?;
    if declarations.is_empty() {
        print("nothing was declared\n")?;
    }
    for declaration in &declarations {
        print(describe(declaration))?;
    }
    Ok(exit::OK)
}

fn describe(declaration: &Declaration) -> String {
    let DeclarationId(id) = declaration.id;
    let exclusion = &declaration.exclusion;
    let state = match exclusion.acceptance {
        Acceptance::Accepted => "accepted",
        Acceptance::Pending => "pending",
        Acceptance::Refused => "refused",
    };
    let decided = declaration
        .decisions
        .last()
        .map_or(String::new(), |decision| {
            format!(" by {} on {}", decision.by, decision.at)
        });
    let whom = declaration
        .partner
        .as_ref()
        .map_or("all partners".to_owned(), ToString::to_string);
    let announced = match exclusion.declared {
        Some(announced) if announced != declaration.recorded => {
            format!(", announced on {announced} by its author's word")
        }
        _ => String::new(),
    };
    format!(
        "{id:>4}  {:<16} {} {whom}\n      {} to {}\n      {state}{decided}; declared by {} on {}{announced}\n      {}\n",
        exclusion.kind.code(),
        declaration.service,
        exclusion.window.start(),
        exclusion.window.end(),
        declaration.author,
        declaration.recorded,
        exclusion.reason
    )
}
