//! The core: laws that hold for any evidence, a second engine that knows nothing of the first,
//! and the tables that both rest on.

mod commitment;
mod condensed;
mod corpus;
mod figures;
mod laws;
mod naive;
mod random;
mod statement;
mod timeline;
mod window;
