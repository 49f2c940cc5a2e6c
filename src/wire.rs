//! Bytes to messages, and answers to bytes: strict JSON, JSON-RPC, MCP, and protobuf.
//!
//! Nothing here knows of a policy. [`json`] reads a text in the one way on which
//! all readers agree, [`jsonrpc`] makes a message of it, [`mcp`] says what the
//! message asks for.

pub mod json;
pub mod jsonrpc;
pub mod mcp;
pub mod protobuf;
