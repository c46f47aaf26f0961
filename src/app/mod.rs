//! The order of things: the only code that knows what comes before what.

mod archive;
pub mod basis;
pub mod close;
pub mod evidence;
pub mod export;
mod hold;
pub mod import;
pub mod letters;
pub mod load;
pub mod press;
pub mod record;
pub mod retain;
pub mod saved;
mod settle;
mod shelf;
pub mod usable;
pub mod usage;
pub mod watch;
