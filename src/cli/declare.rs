//! `vigie declare`: requests that a window be treated apart, each on record.

use anyhow::{Context as _, anyhow};
use clap::builder::NonEmptyStringValueParser;
use clap::{Subcommand, ValueEnum};

use super::{ConfigPlace, Failure, exit, instant, open_beside, open_reader, print, whoami};
use crate::app::load::{find_partner, find_service};
use crate::clock::Clock;
use crate::config::Config;
use crate::report::shows;
use crate::sla::catalog::Service;
use crate::sla::cause::{Attribution, StatedCause};
use crate::sla::ledger::{Acceptance, ExclusionKind};
use crate::sla::window::{Timestamp, Window};
use crate::store::{Declaration, DeclarationFilter, DeclarationId, NewDeclaration};

/// Declare planned work, an exclusion, a correction or a cause, and decide on requests
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
    /// Say why a service was down: reports tell it beside what was observed; it changes no figure
    Cause(Cause),
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

/// Of the outages that touch the window; a later cause of an outage takes the place of an earlier
/// one, and both stay in the journal.
#[derive(clap::Args)]
struct Cause {
    /// The service concerned
    #[arg(long, value_name = "ID")]
    service: String,
    /// When it begins: `2025-10-26T01:30` on the service's wall clock, or with an offset
    #[arg(long, value_name = "TIME")]
    from: String,
    /// When it ends
    #[arg(long, value_name = "TIME")]
    to: String,
    /// Where it came from
    #[arg(long, value_enum)]
    attributed_to: Origin,
    /// Why, in French, as partners will read it
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    french: String,
    /// The same for partners who read English; without it, they read the French text
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    english: Option<String>,
    /// Who says so, as partners will read it; by default the provider
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    by: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Origin {
    Service,
    DataProvider,
    Host,
    Unknown,
}

impl From<Origin> for Attribution {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Service => Self::Service,
            Origin::DataProvider => Self::DataProvider,
            Origin::Host => Self::Host,
            Origin::Unknown => Self::Unknown,
        }
    }
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
        Command::Cause(cause) => state_cause(&config, cause),
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
    let window = window(service, &asked.from, &asked.to)?;
    let (from, to) = (window.start(), window.end());
    let reason = phrase("--reason", &asked.reason)?;
    let now = Clock::System.now();
    let declared = match &asked.announced {
        Some(text) => told_instant(service, "--announced", text)?,
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
        reason,
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

fn state_cause(config: &Config, asked: &Cause) -> Result<u8, Failure> {
    let service = find_service(config, &asked.service).map_err(Failure::input)?;
    let window = window(service, &asked.from, &asked.to)?;
    let now = Clock::System.now();
    if window.start() > now {
        return Err(Failure::input(anyhow!(
            "state a cause: `--from` lies in the future ({})",
            window.start()
        )));
    }
    let by = asked.by.as_ref().unwrap_or(&config.catalog.provider.name);
    let cause = StatedCause {
        window,
        french: phrase("--french", &asked.french)?,
        english: match &asked.english {
            Some(english) => Some(phrase("--english", english)?),
            None => None,
        },
        attribution: asked.attributed_to.into(),
        by: phrase("--by", by)?,
        said: now,
    };
    let mut store = open_beside(config)?;
    store
        .state_cause(&service.id, &cause, &whoami())
        .map_err(Failure::system)?;
    print(format!(
        "reports that are written from now on tell it of the outages of {} from {} to {}; a month that is closed keeps its report until `vigie close MONTH --revise --reason …`\n",
        service.id,
        window.start(),
        window.end()
    ))?;
    Ok(exit::OK)
}

fn told_instant(service: &Service, option: &str, text: &str) -> Result<Timestamp, Failure> {
    instant(text, service.zone())
        .with_context(|| format!("read `{option}`"))
        .map_err(Failure::input)
}

fn window(service: &Service, from: &str, to: &str) -> Result<Window, Failure> {
    let from = told_instant(service, "--from", from)?;
    let to = told_instant(service, "--to", to)?;
    Window::new(from, to)
        .context("declare a window")
        .map_err(Failure::input)
}

/// A phrase that reports can show, without its full stop.
fn phrase(option: &str, text: &str) -> Result<String, Failure> {
    let text = text.trim().trim_end_matches('.');
    if text.is_empty() {
        return Err(Failure::input(anyhow!(
            "read `{option}`: it is empty, and partners are to read it"
        )));
    }
    match text.chars().find(|sign| !shows(*sign)) {
        Some(sign) => Err(Failure::input(anyhow!(
            "read `{option}`: reports cannot show its character U+{:04X}: write another one",
            u32::from(sign)
        ))),
        None => Ok(text.to_owned()),
    }
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
    for declaration in &declarations {
        print(describe(declaration))?;
    }
    let ever = Window::new(Timestamp::MIN, Timestamp::MAX).map_err(Failure::input)?;
    let mut n_causes = 0;
    for service in &config.catalog.services {
        if filter
            .service
            .as_ref()
            .is_some_and(|one| *one != service.id)
        {
            continue;
        }
        let causes = store.stated_causes(&service.id, ever);
        for cause in causes.map_err(Failure::system)? {
            n_causes += 1;
            print(describe_cause(service, &cause))?;
        }
    }
    if declarations.is_empty() && n_causes == 0 {
        print("nothing was declared\n")?;
    }
    Ok(exit::OK)
}

fn describe_cause(service: &Service, cause: &StatedCause) -> String {
    format!(
        "      cause            {}\n      {} to {}\n      {}; said for {} on {}\n      {}\n",
        service.id,
        cause.window.start(),
        cause.window.end(),
        cause.attribution.code(),
        cause.by,
        cause.said,
        cause.french
    )
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
