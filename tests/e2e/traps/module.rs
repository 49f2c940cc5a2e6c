//! The built module with one change: a function that Envoy calls traps.
//!
//! Everything else is what is shipped, byte for byte, and nothing that could
//! trap on purpose is in what is shipped.

use std::ops::Range;
use std::path::PathBuf;
use std::{env, fs};

use wasmparser::{ExternalKind, Parser, Payload, TypeRef};

const UNREACHABLE: u8 = 0x00;
const NOP: u8 = 0x01;
const END: u8 = 0x0b;

/// Writes a module that traps where Envoy calls `export`, and says where.
pub fn trapping_in(export: &str) -> PathBuf {
    let shipped = env::var_os("MODULE").expect("MODULE is set: run the tests with `make test`");
    let mut module = fs::read(shipped).expect("the built module");
    let body = body(&module, export);
    // A body begins with its local variables: none. Its length stays, so that
    // nothing else in the file has to change.
    let body = &mut module[body];
    body.fill(NOP);
    body[..2].copy_from_slice(&[0, UNREACHABLE]);
    *body.last_mut().expect("a body") = END;

    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{export}.wasm"));
    // Several tests may write it at once, and an Envoy read it.
    let writer = (std::process::id(), std::thread::current().id());
    let draft = path.with_extension(format!("{writer:?}"));
    fs::write(&draft, &module).expect("writing under target/");
    fs::rename(&draft, &path).expect("renaming under target/");
    path
}

/// The range of the exported function's body.
fn body(module: &[u8], export: &str) -> Range<usize> {
    let (mut imported, mut exports, mut bodies) = (0, Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(module) {
        match payload.expect("a sound module") {
            Payload::ImportSection(section) => {
                let imports = section.into_imports().map(|import| import.expect("an import").ty);
                imported += imports.filter(|kind| matches!(kind, TypeRef::Func(_))).count();
            }
            Payload::ExportSection(section) => {
                let all = section.into_iter().map(|export| export.expect("an export"));
                exports.extend(all.filter(|export| export.kind == ExternalKind::Func));
            }
            Payload::CodeSectionEntry(body) => {
                let place = |at: u64| usize::try_from(at).expect("a place in memory");
                bodies.push(place(body.range().start)..place(body.range().end));
            }
            _ => {}
        }
    }
    let index = exports.iter().find(|other| other.name == export).expect(export).index;
    let sharing = exports.iter().filter(|other| other.index == index).count();
    assert_eq!(sharing, 1, "{export} is one function with another export");
    bodies.swap_remove(index as usize - imported)
}
