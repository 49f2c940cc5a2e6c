//! Ctrl-C while a file is written. By itself it ends the process at once, and the file
//! that is written beside its place would stay there.

use crate::failure::Failure;
use core::pin::Pin;
use std::io;
use std::sync::{Mutex, PoisonError};
use tokio::runtime::{Builder, Runtime};

/// The listener, from the first file on. Nothing gives the signal its own effect back, so
/// one listener has to hear it between two files too.
static LISTENER: Mutex<Option<Listener>> = Mutex::new(None);

struct Listener {
    runtime: Runtime,
    /// Ends with the first Ctrl-C, and is not asked again after that.
    pressed: Pin<Box<dyn Future<Output = io::Result<()>> + Send>>,
    was_pressed: bool,
}

/// Fails if Ctrl-C was pressed since the first time that this was called, from which on it
/// has no other effect.
///
/// # Errors
/// It was pressed, or nobody can listen for it.
pub(crate) fn check() -> Result<(), Failure> {
    let mut listener = LISTENER.lock().unwrap_or_else(PoisonError::into_inner);
    let listener = match &mut *listener {
        Some(listener) => listener,
        none => none.insert(
            Listener::new()
                .map_err(|error| Failure::new(format!("cannot listen for Ctrl-C: {error}")))?,
        ),
    };
    if listener.has_heard() { Err(Failure::Interrupted) } else { Ok(()) }
}

impl Listener {
    fn new() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        Ok(Self { runtime, pressed: Box::pin(tokio::signal::ctrl_c()), was_pressed: false })
    }

    fn has_heard(&mut self) -> bool {
        let Self { runtime, pressed, was_pressed } = self;
        if !*was_pressed {
            *was_pressed = runtime.block_on(async {
                tokio::select! {
                    biased;
                    _ = pressed => true,
                    // The runtime looks for signals in between.
                    () = tokio::task::yield_now() => false,
                }
            });
        }
        *was_pressed
    }
}
