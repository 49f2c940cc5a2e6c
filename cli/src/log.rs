//! Logs as they are read: line by line, in bounded memory, whatever is in them.
//!
//! | module | holds |
//! | --- | --- |
//! | [`lines`] | the lines of files, of standard input, of compressed files |
//! | [`find`] | the record in a line, whatever the log's format puts around it |
//! | [`record`] | the fields of a record |
//! | [`moment`] | moments in logs and in arguments |

pub(crate) mod find;
pub(crate) mod lines;
pub(crate) mod moment;
pub(crate) mod record;
