//! `taskward maintenance on|off|status`.

use serde_json::json;

use crate::support::Server;

#[test]
fn read_only_by_hand_and_back() {
    let server = Server::start();
    let status = server.cli(["maintenance", "status"]).exits(0).stdout;
    assert!(status.contains("mode") && status.contains("normal"), "{status}");
    let on = ["maintenance", "on", "--mode", "read-only", "--reason", "moving the database"];
    let dry = server.cli(on.into_iter().chain(["--dry-run"])).exits(0).stdout;
    assert!(dry.contains("would be read-only"), "{dry}");
    server.enqueue(&[]);

    let said = server.cli(on).exits(0).stdout;
    assert!(said.contains("read_only") && said.contains("moving the database"), "{said}");
    let refused = server.cli(["enqueue", "k", "-o", "json"]).exits(8).json();
    assert_eq!(refused["error"]["code"], "read_only");
    server.cli(["task", "list"]).exits(0);
    let now = server.json(["maintenance", "status"]);
    assert_eq!((&now["mode"], &now["survives_restart"]), (&json!("read_only"), &json!(true)));
    let dry = server.json(["maintenance", "off", "--dry-run"]);
    assert_eq!(
        (&dry["dry_run"], &dry["would_be"], &dry["now"]["mode"]),
        (&json!(true), &json!("normal"), &json!("read_only"))
    );

    assert_eq!(server.json(["maintenance", "off"])["mode"], "normal");
    server.enqueue(&[]);
}
