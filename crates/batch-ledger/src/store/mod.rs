//! The ledger over one connection pool. These files are compiled once for each database: `super::backend` says what
//! differs (the types, how a transaction begins, what time it is, and what must be locked).

mod admin;
mod books;
mod claims;
mod commit;
mod gather;
mod ledger;
mod restore;
mod rows;
