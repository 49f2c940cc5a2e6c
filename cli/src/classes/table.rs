//! The table of the classes: verbs, things, and the tools that are named exceptions.
//! Words are parted by spaces.

use super::Class::{self, Destructive, Execute, Financial, Read, Write};

/// Verbs of names and descriptions. Those that are nouns too come in [`NOUNS`].
pub(super) const VERBS: [(Class, &str); 5] = [
    (
        Financial,
        "buy charge debit deposit donate pay payout purchase refund reimburse remit \
         sell trade transfer withdraw",
    ),
    (
        Destructive,
        "clear delete deprovision destroy discard drop erase expunge flush kill \
         overwrite prune purge remove reset revoke rm rmdir shred terminate truncate \
         uninstall unlink unpublish wipe",
    ),
    (
        Execute,
        "abort apply approve bash broadcast build call cancel click connect cron deploy \
         dispatch drag email eval evaluate exec execute hover inject install interrupt \
         invoke launch migrate navigate notify pause play powershell press prompt \
         provision reboot restart resume rollback run scale script send shell simulate \
         spawn sql start steer stop submit trigger type",
    ),
    (
        Write,
        "add append archive assign attach book change checkout comment commit complete \
         configure copy create detach disable draft edit enable enqueue fork generate \
         grant import insert invite label link lock make mark merge mkdir modify move \
         new patch pin post publish push put react rebase record register rename reopen \
         replace reply reserve restore save schedule set share stage stash store \
         subscribe sync tag toggle touch unassign unlock unsubscribe update upload \
         upsert write",
    ),
    (
        Read,
        "analyze browse calculate check compare compute count describe diff download \
         echo exists explain explore export fetch find get help history info inspect \
         list log look lookup monitor parse ping preview provides query read recall \
         retrieve returns search show stat stats status summarize tree validate verify \
         view watch",
    ),
];

/// Verbs that are nouns too. Behind a verb of reading they are its object, as in
/// `get_charge` and `list_builds`; in a description they count where a verb has its place.
pub(super) const NOUNS: &str = "book build call change charge checkout clear click comment commit copy cron \
     debit deposit draft drop email export flush fork grant import install invite \
     label link lock log make mark merge move new patch pause payout pin play post \
     press prompt purchase push put query record refund reply reset run scale \
     schedule script set share shell sql stage start stash stop store sync tag \
     touch trade transfer trigger type update upload";

/// Things that are made by moving money: `create_payment` is Financial, and `get_payment`
/// is not.
pub(super) const MONEY: &str = "charge charges deposit donation payment payments payout payouts purchase \
     refund refunds reimbursement transfer transfers withdrawal";

/// Words behind which a verb of reading has no object any more: `read_and_delete`.
pub(super) const CONJUNCTIONS: &str = "and or then";

/// Words of a description behind which a verb has its place.
pub(super) const BEFORE_VERBS: &str = "and can may or then to will";

/// A tool whose class is not that of its verbs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exception {
    /// The tool's name.
    pub(super) tool: &'static str,
    /// Its class.
    pub(super) class: Class,
    /// The reason, for the author of a policy.
    pub(super) why: &'static str,
}

/// The tools that are named exceptions.
pub(super) const EXCEPTIONS: &[Exception] = &[Exception {
    tool: "send_command",
    class: Write,
    why: "the name of a known tool, which gives input to one interactive session",
}];

/// Whether a word is one of these.
pub(super) fn has(words: &str, word: &str) -> bool {
    words.split_ascii_whitespace().any(|one| one == word)
}
