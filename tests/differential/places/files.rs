//! server-filesystem behind a real Envoy, under the policy that is shipped for it. What
//! was written is looked up on the disk.

use std::fs;
use std::path::{Path, PathBuf};

use mcp_rig::client::{Request, http1};
use mcp_rig::gateway::Gateway;
use serde_json::json;
use tokio::process::Command;

use super::bridge::Bridge;
use crate::server::program;

/// The folder in the shipped policy.
const SHIPPED: &str = "/srv/files";

/// A folder of this test alone; removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/differential");
        let folder = root.join(format!("files-{}", std::process::id()));
        fs::create_dir_all(folder.join("drafts")).expect("a folder");
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// Everything that is not in drafts, with its text.
    fn outside(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.0).expect("the folder") {
            let entry = entry.expect("an entry").path();
            if entry.is_file() {
                let text = fs::read_to_string(&entry).expect("a text");
                found.push((entry.display().to_string(), text));
            } else if !entry.ends_with("drafts") {
                found.push((entry.display().to_string(), "a folder".into()));
            }
        }
        found
    }

    /// The folder as it was.
    fn restore(&self) {
        for (path, _) in self.outside() {
            fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path)).expect("removed");
        }
        fs::write(self.0.join("plan.txt"), "the plan").expect("a file");
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Paths beside drafts, in the disguise of paths within it or of none.
fn hostile(folder: &str) -> Vec<String> {
    let drafts = format!("{folder}/drafts");
    let mut paths = vec!["plan.txt".to_owned(), "~/plan.txt".into(), "~/drafts/../plan.txt".into()];
    paths.extend([
        format!("{folder}/plan.txt"),
        format!("{folder}//plan.txt"),
        format!("{folder}/draftsman.txt"),
        format!("/{folder}/drafts/../plan.txt"),
        format!("{folder}/Drafts/../plan.txt"),
        format!(" {drafts}/../plan.txt"),
        format!("\"{drafts}/../plan.txt\""),
    ]);
    let ways = [
        "/../plan.txt",
        "//../plan.txt",
        "/./../plan.txt",
        "/.././plan.txt",
        "/a/../../plan.txt",
        "/..//plan.txt",
        "/../drafts/../plan.txt",
        "/../plan.txt/.",
        "/../plan.txt ",
        "/../plan.txt\n",
        "/../plan.txt'",
        "/..\\plan.txt",
        "/%2e%2e/plan.txt",
        "/..%2fplan.txt",
        "/..\0/../plan.txt",
        "/.. /plan.txt",
        "/.../plan.txt",
        "/..",
        "/../new.txt",
        "\\..\\plan.txt",
        "-of/../plan.txt",
    ];
    paths.extend(ways.map(|way| drafts.clone() + way));
    paths
}

#[tokio::test]
async fn server_filesystem_is_given_no_path_that_leads_out() {
    if !crate::is_wanted("filesystem") {
        return;
    }
    let scratch = Scratch::new();
    let folder = scratch.path("");
    let folder = folder.trim_end_matches('/');
    let mut command = Command::new(program("filesystem"));
    command.arg(folder).env("HOME", folder);
    let server = Bridge::start(command).await;
    let policy = include_str!("../../../envoy/policies/minimal/server-filesystem.json");
    let policy = policy.replace(SHIPPED, folder);
    let gateway = Gateway::builder().policy(policy).upstream(server.addr()).start().await;
    let calls = |path: &str| {
        let edits = json!([{ "oldText": "the", "newText": "no" }]);
        [
            ("write_file", json!({ "path": path, "content": "a draft" })),
            ("edit_file", json!({ "path": path, "edits": edits })),
            ("create_directory", json!({ "path": path })),
        ]
        .map(|(tool, arguments)| Request::tool_call(1, tool, &arguments.to_string()))
    };

    // Without the filter, some of them do lead out, or the test would prove nothing.
    let mut led_out = Vec::new();
    for path in hostile(folder) {
        for call in calls(&path) {
            scratch.restore();
            let before = scratch.outside();
            http1::send(server.addr(), &call).await;
            if scratch.outside() != before {
                led_out.push(path.clone());
            }
        }
    }
    assert!(led_out.len() >= 12, "{led_out:?}");

    scratch.restore();
    let (before, handed_on) = (scratch.outside(), server.handed_on().len());
    for path in hostile(folder) {
        for call in calls(&path) {
            let answer = http1::send(gateway.addr(), &call).await;
            let reason = answer.json()["error"]["data"]["reason"].clone();
            assert!(reason == "require" || reason == "undecidable", "{path:?}: {answer:?}");
        }
    }
    assert_eq!(server.handed_on()[handed_on..], [""; 0]);
    assert_eq!(scratch.outside(), before);

    let draft = scratch.path("drafts/one.txt");
    for call in calls(&draft).into_iter().take(2) {
        let answer = http1::send(gateway.addr(), &call).await;
        assert!(answer.json()["error"].is_null(), "{answer:?}");
    }
    assert_eq!(fs::read_to_string(&draft).expect("the draft"), "a draft");
    assert_eq!(server.handed_on().len(), handed_on + 2);
}
